"""Sessions of the real engine: where they listen, and how they end."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import aioice.ice
import pytest
import trio
import trio.testing
from aiortc.rtcsctptransport import SCTP_DATA_LAST_FRAG
from structlog.testing import capture_logs

from media.contract.candidates import Candidate
from media.contract.codec import Codec
from media.contract.errors import (
    BadCandidate,
    BadDescription,
    NoFreePort,
    RouterFull,
    UnknownChannel,
    WrongState,
)
from media.contract.plans import ChannelWanted
from media.contract.session import (
    Direction,
    Event,
    Failure,
    IceServer,
    MessageReceived,
    SessionWanted,
    State,
    StateChanged,
    TrackWanted,
)
from media.local_engine import LocalEngine, open_local_engine
from media.rtp import rtcp
from media.rtp.router import RtcpUpstream, RtpSource
from media.webrtc import aioice_checks, aiortc_seam, peer_connection, session_tracks
from media.webrtc.aiortc_dtls import LONGEST_PACKET
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.peer_facts import IceConfig
from media.webrtc.udp_socket import DatagramReceiver
from tests.conftest import open_sockets
from tests.media.conftest import LOOPBACK
from tests.support.paths import lead
from tests.support.ports import free_udp_ports
from tests.support.sessions import SENDS, TAKES, Told, negotiate, open_pair

UPSTREAM = RtcpUpstream(lambda _: None, 1, "x")
HURRIED = SessionWanted(TAKES, connect_seconds=0.5)


def ports_of(sdp: str) -> set[int]:
    return {int(line.split()[5]) for line in sdp.splitlines() if line.startswith("a=candidate:")}


def with_ports(sdp: str, ports: Iterable[int]) -> str:
    """Add candidates to the first section, that of the transport."""
    lines = [f"a=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n" for port in ports]
    return sdp.replace("a=candidate:", "".join(lines) + "a=candidate:", 1)


def hosts_of(sdp: str) -> list[str]:
    lines = [line for line in sdp.splitlines() if line.startswith("a=candidate:")]
    return list(dict.fromkeys(line.split()[4] for line in lines))


# Where sessions listen.


async def test_sockets_take_ports_of_the_range_only_and_give_them_back(media_loop: MediaLoop):
    first = free_udp_ports()
    last = first + 1
    ice = IceConfig(("127.0.0.1",), udp_port_range=(first, last))
    async with open_local_engine(media_loop, ice) as engine:
        one = await engine.open_session("one", SessionWanted(SENDS), Told())
        two = await engine.open_session("two", SessionWanted(SENDS), Told())
        used = ports_of((await one.create_offer()).sdp) | ports_of((await two.create_offer()).sdp)
        assert used == {first, last}
        three = await engine.open_session("three", SessionWanted(SENDS), Told())
        with pytest.raises(NoFreePort):
            await three.create_offer()
        await one.close()
        four = await engine.open_session("four", SessionWanted(SENDS), Told())
        assert ports_of((await four.create_offer()).sdp) <= used


async def test_an_address_that_is_not_ours_cannot_be_listened_on(media_loop: MediaLoop):
    async with open_local_engine(media_loop, IceConfig(("192.0.2.1",))) as engine:
        session = await engine.open_session("one", SessionWanted(SENDS), Told())
        with pytest.raises(NoFreePort):
            await session.create_offer()


async def test_announced_addresses_replace_those_that_are_bound(media_loop: MediaLoop):
    ice = IceConfig(("127.0.0.1", "127.0.0.2"), ("198.51.100.1", "198.51.100.2"))
    async with open_local_engine(media_loop, ice) as engine:
        session = await engine.open_session("one", SessionWanted(SENDS), Told())
        offer = await session.create_offer()
        assert hosts_of(offer.sdp) == ["198.51.100.1", "198.51.100.2"]
        assert "127.0.0" not in offer.sdp


async def test_all_interfaces_can_be_listened_on_behind_an_announced_address(media_loop: MediaLoop):
    async with open_local_engine(media_loop, IceConfig(("0.0.0.0",), ("127.0.0.1",))) as engine:
        pair = await open_pair(engine)
        assert hosts_of((await pair.first.create_offer()).sdp) == ["127.0.0.1"]
        await pair.connected()


async def test_without_settings_loopback_is_among_the_candidates(media_loop: MediaLoop):
    async with open_local_engine(media_loop) as engine:
        session = await engine.open_session("one", SessionWanted(SENDS), Told())
        assert "127.0.0.1" in hosts_of((await session.create_offer()).sdp)


async def test_sessions_connect_over_ipv6(media_loop: MediaLoop):
    async with open_local_engine(media_loop, IceConfig(("::1",))) as engine:
        pair = await open_pair(engine)
        await pair.connected()


async def test_candidates_may_come_before_and_apart_from_the_description(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), told := Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    offer = await first.create_offer()
    bare = "\r\n".join(x for x in offer.sdp.split("\r\n") if not x.startswith("a=candidate"))
    for candidate in offer.candidates:
        await second.add_candidate(Candidate("a=" + candidate.text, candidate.mid))
    answer = await second.accept_offer(bare)
    await first.accept_answer(
        "\r\n".join(x for x in answer.sdp.split("\r\n") if not x.startswith("a=candidate"))
    )
    await told.state(State.CONNECTED)


async def test_a_malformed_candidate_in_a_description_refuses_it(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    offer = await first.create_offer()
    with pytest.raises(BadDescription):
        await second.accept_offer(offer.sdp.replace("a=candidate:", "a=candidate:x y z "))


async def test_candidates_told_again_and_again_count_once(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    for _ in range(70):
        await negotiate(first, second)
    await second.add_candidate(Candidate("candidate:1 1 udp 1 127.0.0.1 20000 typ host"))
    assert len(second._peer._connection.remote_candidates) <= 3


async def test_there_is_an_end_to_candidates_over_all_descriptions(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), told := Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    for turn in range(3):
        ports = range(20_000 + 50 * turn, 20_050 + 50 * turn)
        offer = with_ports((await first.create_offer()).sdp, ports)
        await first.accept_answer((await second.accept_offer(offer)).sdp)
    known = len(second._peer._connection.remote_candidates)
    assert 64 <= known <= 64 + 1  # and the one that checks come from
    with pytest.raises(BadCandidate):
        await second.add_candidate(Candidate("candidate:1 1 udp 1 127.0.0.1 30000 typ host"))
    await told.state(State.CONNECTED)


@pytest.mark.parametrize("kept", [(1, 0, 2), (0, 2), (0, 1)], ids=["swapped", "lost", "cut"])
async def test_a_later_offer_keeps_the_sections_of_the_one_before(
    engine: LocalEngine, kept: tuple[int, ...]
):
    pair = await open_pair(engine)
    head, *sections = (await pair.first.create_offer()).sdp.split("m=")
    mids = " ".join(map(str, sorted(kept)))
    changed = "m=".join(
        [head.replace("BUNDLE 0 1 2", f"BUNDLE {mids}"), *(sections[n] for n in kept)]
    )
    with pytest.raises(BadDescription):
        await pair.second.accept_offer(changed)
    await pair.connected()
    answer = await pair.second.accept_offer("m=".join([head, *sections]))
    await pair.first.accept_answer(answer.sdp)


async def test_a_later_offer_keeps_the_names_of_sections(engine: LocalEngine):
    pair = await open_pair(engine)
    offer = (await pair.first.create_offer()).sdp
    renamed = offer.replace("a=mid:0", "a=mid:x").replace("a=mid:1", "a=mid:0")
    with pytest.raises(BadDescription):
        await pair.second.accept_offer(renamed.replace("a=mid:x", "a=mid:1"))
    await pair.connected()


# Data channels on the wire.


@pytest.mark.parametrize(
    "wanted",
    [
        ChannelWanted("reliable"),
        ChannelWanted("unordered", ordered=False),
        ChannelWanted("once", ordered=False, max_retransmits=0),
        ChannelWanted("thrice", max_retransmits=3),
        ChannelWanted("hurried", max_lifetime=500),
    ],
    ids=lambda wanted: wanted.label,
)
async def test_channels_of_each_reliability_carry_messages_both_ways(
    engine: LocalEngine, wanted: ChannelWanted
):
    pair = await open_pair(engine)
    mine, theirs = await pair.channel(wanted)
    for number in range(20):
        await pair.first.send(mine, f"{number}" * 100)
        await pair.second.send(theirs, bytes([number]) * 2_000)
    await pair.second_told.until(MessageReceived, lambda event: event.data == "19" * 100)
    await pair.first_told.until(MessageReceived, lambda event: event.data == bytes([19]) * 2_000)
    assert len(pair.second_told.of(MessageReceived)) == 20


async def test_a_sender_waits_while_too_much_is_unsent(engine: LocalEngine):
    pair = await open_pair(engine)
    mine, _ = await pair.channel(ChannelWanted("bulk"))
    chunk = bytes(60_000)
    most = 0
    for _ in range(40):
        await pair.first.send(mine, chunk)
        most = max(most, (await pair.first.stats()).buffered_bytes)
    assert 60_000 < most <= 262_144 + 60_000
    with trio.fail_after(20):
        while len(pair.second_told.of(MessageReceived)) < 40:
            await trio.sleep(0.01)


async def test_all_waiting_senders_go_on_when_there_is_room(engine: LocalEngine):
    pair = await open_pair(engine)
    mine, _ = await pair.channel(ChannelWanted("bulk"))
    protocols = pair.second._peer._connection._protocols
    taking = [protocol._take for protocol in protocols]
    for protocol in protocols:
        protocol._take = lambda data, arrival: None  # nothing is acknowledged for a while
    while (await pair.first.stats()).buffered_bytes <= 262_144:
        await pair.first.send(mine, bytes(60_000))
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(pair.first.send, mine, bytes(60_000))
            await trio.testing.wait_all_tasks_blocked()
            for protocol, take in zip(protocols, taking, strict=True):
                protocol._take = take


async def test_a_waiting_sender_is_told_when_the_session_closes(engine: LocalEngine):
    pair = await open_pair(engine)
    mine, _ = await pair.channel(ChannelWanted("bulk"))
    for protocol in pair.second._peer._connection._protocols:
        protocol._take = lambda data, arrival: None  # nothing is acknowledged any more
    refused: list[bool] = []

    async def flood() -> None:
        try:
            while True:
                await pair.first.send(mine, bytes(60_000))
        except UnknownChannel:
            refused.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        with trio.fail_after(30):
            while (await pair.first.stats()).buffered_bytes <= 262_144:
                await trio.sleep(0.01)
        await pair.first.close()
    assert refused


async def test_a_session_tells_of_its_own_streams_only(engine: LocalEngine):
    outer = await open_pair(engine, "call")
    inner = await open_pair(engine, "call/first")  # ids that begin with another session's
    for pair in (outer, inner):
        sending, taking = await pair.first.stats(), await pair.second.stats()
        assert [sink.id for sink in sending.sinks] == [f"{pair.first.id}/out/{n}" for n in (0, 1)]
        assert [it.id for it in taking.sources] == [f"{pair.second.id}/in/{n}" for n in (0, 1)]
        assert (sending.sources, taking.sinks) == ((), ())
        await pair.first.close()
        assert (await pair.first.stats()).sinks == ()


async def test_a_message_without_end_ends_its_session(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(peer_connection, "MAX_UNFINISHED_BYTES", 200_000)
    pair = await open_pair(engine)
    mine, _ = await pair.channel(ChannelWanted("endless"))
    await pair.first.send(mine, bytes(60_000))
    await pair.second_told.until(MessageReceived)
    assert pair.second._peer.unfinished_bytes == 0
    sctp = pair.first._peer.sctp
    whole = sctp._transmit

    async def transmit() -> None:
        for chunk in sctp._outbound_queue:
            chunk.flags &= ~SCTP_DATA_LAST_FRAG
            chunk.stream_seq = 9
        await whole()

    sctp._transmit = transmit
    with trio.fail_after(30):
        for _ in range(5):
            await pair.first.send(mine, bytes(60_000))
        failed = await pair.second_told.state(State.FAILED)
    assert failed.reason == "too much of unfinished messages"


# How sessions end.


class Deaf:
    """Hears nothing, but has to know the end."""

    def __init__(self, receiver) -> None:
        self.connection_lost = receiver.connection_lost

    def datagram_arrived(self, data: bytes, addr: object, arrival: float) -> None:
        pass


class DeafTo(Deaf):
    """Hears everybody but these."""

    def __init__(self, receiver: DatagramReceiver, addresses: list[tuple[str, int]]) -> None:
        super().__init__(receiver)
        self._heard, self._addresses = receiver, addresses

    def datagram_arrived(self, data: bytes, addr: tuple[str, int], arrival: float) -> None:
        if addr not in self._addresses:
            self._heard.datagram_arrived(data, addr, arrival)


async def test_a_session_nobody_answers_fails_in_time(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), Told())
    second = await engine.open_session("second", HURRIED, told := Told())
    await second.accept_offer((await first.create_offer()).sdp)
    failed = await told.state(State.FAILED)
    assert failed.reason == "no path to the other side (ICE) in time"
    assert failed.failure is Failure.ICE
    await told.state(State.CLOSED)


async def test_a_session_whose_offer_nobody_answers_fails_in_time(engine: LocalEngine):
    told = Told()
    session = await engine.open_session("one", SessionWanted(SENDS, connect_seconds=0.5), told)
    await trio.sleep(1.2)
    assert told.events == []  # without an offer it is its owner's to end
    await session.create_offer()
    assert (await told.state(State.FAILED)).reason == "no answer in time"
    await told.state(State.CLOSED)


@pytest.mark.slow
async def test_connecting_has_its_time_however_long_the_answer_took(engine: LocalEngine):
    wanted = SessionWanted(SENDS, connect_seconds=2.5)
    first = await engine.open_session("first", wanted, told := Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    offer = await first.create_offer()
    await trio.sleep(1.5)
    answer = await second.accept_offer(offer.sdp)
    second._peer._received_dtls = lambda data: None
    await first.accept_answer(answer.sdp)
    began = trio.current_time()
    failed = await told.state(State.FAILED)
    assert trio.current_time() - began > 2.0
    assert told.states[:2] == [State.CONNECTING, State.FAILED]
    assert failed.reason == "no agreement on keys (DTLS) in time"
    assert failed.failure is Failure.DTLS


async def test_dtls_that_never_completes_fails_only_its_session(engine: LocalEngine):
    other = await open_pair(engine, "other")
    first = await engine.open_session(
        "first", SessionWanted(SENDS, connect_seconds=1), told := Told()
    )
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    second._peer._received_dtls = lambda data: None
    await negotiate(first, second)
    await told.state(State.FAILED)
    await told.state(State.CLOSED)
    await other.connected()
    assert other.first_told.states[-1] is State.CONNECTED


async def test_keys_of_somebody_else_are_not_accepted(engine: LocalEngine):
    first = await engine.open_session("first", SessionWanted(SENDS), told := Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    answer = await second.accept_offer((await first.create_offer()).sdp)
    lines = [
        "a=fingerprint:sha-256 " + ":".join(["00"] * 32)
        if line.startswith("a=fingerprint")
        else line
        for line in answer.sdp.split("\r\n")
    ]
    await first.accept_answer("\r\n".join(lines))
    await told.state(State.FAILED)


async def test_an_other_side_that_vanishes_is_noticed(engine: LocalEngine):
    wanted = SessionWanted(SENDS, silence_seconds=1.0)
    pair = await open_pair(engine, first=wanted)
    await pair.connected()
    for udp in pair.first._peer.sockets:
        udp._receiver = Deaf(udp._receiver)  # not a word from now on
    failed = await pair.first_told.state(State.FAILED)
    assert failed.reason == "the other side fell silent"
    await pair.first_told.state(State.CLOSED)


async def test_strangers_do_not_keep_a_session_alive(engine: LocalEngine):
    pair = await open_pair(engine, first=SessionWanted(SENDS, silence_seconds=1.0))
    await pair.connected()
    sockets = pair.first._peer.sockets
    address = sockets[0].get_extra_info("sockname")
    mine = [each.get_extra_info("sockname") for each in pair.second._peer.sockets]
    for udp in sockets:
        udp._receiver = DeafTo(udp._receiver, mine)
    noise = [
        struct.pack("!HHI12s", 0x0001, 0, 0x2112A442, b"x" * 12),  # STUN, a request and an answer
        struct.pack("!HHI12s", 0x0101, 0, 0x2112A442, b"x" * 12),
        b"\x17\xfe\xfd" + bytes(60),  # DTLS
        b"\x80\x60" + bytes(60),  # SRTP and SRTCP
        b"\x80\xc8" + bytes(60),
        b"\xff",
    ]
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, trio.fail_after(30):
        while State.FAILED not in pair.first_told.states:
            for datagram in noise:
                await stranger.sendto(datagram, address)
            await trio.sleep(0.05)
    (failed,) = [e for e in pair.first_told.of(StateChanged) if e.state is State.FAILED]
    assert failed.reason == "the other side fell silent"


@pytest.mark.slow
@pytest.mark.parametrize("asks", ["first", "second"])
async def test_consent_alone_keeps_a_session_alive(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, asks: str
):
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.3)
    wanted = [SessionWanted(tracks, silence_seconds=3.5) for tracks in (SENDS, TAKES)]
    pair = await open_pair(engine, first=wanted[0], second=wanted[1])
    await pair.connected()
    answers = pair.first if asks == "second" else pair.second
    answers._peer._connection._query_consent_task.cancel()
    for session in (pair.first, pair.second):
        session._tracks.clear()  # no reports of streams either
    await trio.sleep(7.0)
    assert pair.first_told.states[-1] is pair.second_told.states[-1] is State.CONNECTED


async def test_there_is_an_end_to_the_addresses_of_one_peer(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(aioice_checks, "MAX_REFLEXIVE", 8)
    pair = await open_pair(engine)
    await pair.connected()
    ours, theirs = pair.second._peer._connection, pair.first._peer._connection
    (to,) = [each.get_extra_info("sockname") for each in pair.second._peer.sockets]
    told, pairs = len(ours._remote_candidates), len(ours._check_list)
    for _ in range(20):
        check = theirs.build_request(theirs._check_list[0], nominate=False)
        check.attributes["PRIORITY"] = 1
        check.add_message_integrity(theirs.remote_password.encode())
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            await elsewhere.sendto(bytes(check), to)
            with trio.fail_after(30):
                await elsewhere.recvfrom(2048)  # answered: it is authentic
    assert len(ours._remote_candidates) == told + 8
    assert len(ours._check_list) <= pairs + 8
    mine, _ = await pair.channel(ChannelWanted("alive"))
    await pair.first.send(mine, "well")
    await pair.second_told.until(MessageReceived)


async def test_a_cancelled_negotiation_leaves_nothing_but_a_session_to_close(engine: LocalEngine):
    other = await open_pair(engine, "other")
    first = await engine.open_session("first", SessionWanted(SENDS), Told())
    second = await engine.open_session("second", SessionWanted(TAKES), Told())
    offer = await first.create_offer()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second.accept_offer, offer.sdp)
            await trio.lowlevel.checkpoint()
            scope.cancel()
    await first.close()
    await second.close()
    await other.connected()


@pytest.mark.parametrize("step", ["offer", "answer", "accept"])
async def test_a_session_closed_while_it_negotiates_says_so_and_leaves_nothing(
    engine: LocalEngine, step: str
):
    for moment in range(20):
        told = Told()
        first = await engine.open_session("first", SessionWanted(SENDS, data=True), told)
        second = await engine.open_session("second", SessionWanted(TAKES), told)
        closed, work = first, first.create_offer
        if step != "offer":
            offer = await first.create_offer()
            closed, work = second, partial(second.accept_offer, offer.sdp)
        if step == "accept":
            closed, work = first, partial(first.accept_answer, (await work()).sdp)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_closed, work)
            for _ in range(moment):
                await trio.lowlevel.checkpoint()
            await closed.close()
        await first.close()
        await second.close()


async def test_a_session_closed_while_it_gathers_leaves_nothing(engine: LocalEngine):
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        await mute.bind(("127.0.0.1", 0))
        server = IceServer((f"stun:127.0.0.1:{mute.getsockname()[1]}",))
        session = await engine.open_session(
            "one", SessionWanted(SENDS, ice_servers=(server,)), Told()
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_closed, session.create_offer)
            with trio.fail_after(30):
                await mute.recvfrom(2048)  # it asks, and would wait for seconds
            with trio.fail_after(4):  # a look at a server takes five
                await session.close()


async def until_closed(work: Callable[[], Awaitable[object]]) -> None:
    with suppress(WrongState):
        await work()


async def test_a_session_that_finds_the_router_full_leaves_nothing_in_it(media_loop: MediaLoop):
    both_ways = SessionWanted((TrackWanted("audio", Direction.BOTH),))
    async with open_local_engine(media_loop, LOOPBACK, streams=1) as engine:
        sends = SessionWanted((TrackWanted("audio", Direction.SEND),))
        holder = await engine.open_session("holder", sends, Told())
        takes = await engine.open_session("takes", both_ways, Told())
        await negotiate(holder, takes)  # the one place for a sink is taken from now on
        await takes.close()
        first = await engine.open_session("first", both_ways, Told())
        second = await engine.open_session("second", both_ways, Told())
        with pytest.raises(RouterFull):  # for its sink; its source was there already
            await second.accept_offer((await first.create_offer()).sdp)
        await second.close()
        assert engine.router.stats().sources == ()


async def test_an_event_sink_that_raises_ends_its_session_only(
    media_loop: MediaLoop, engine: LocalEngine
):
    told = Told()

    def fragile(event: Event) -> None:
        told(event)
        if isinstance(event, StateChanged) and event.state is State.CONNECTED:
            raise LookupError("secret")

    first = await engine.open_session("first", SessionWanted(SENDS), fragile)
    second = await engine.open_session("second", SessionWanted(TAKES), others := Told())
    other = await open_pair(engine, "other")
    with capture_logs() as entries:
        await negotiate(first, second)
        await others.state(State.CLOSED)
    assert first.state is State.CLOSED
    assert [entry["error"] for entry in entries] == ["LookupError"]
    assert "secret" not in repr(entries)
    assert media_loop.stray_errors == 1
    media_loop.stray_errors = 0
    await other.connected()
    assert other.first_told.states[-1] is State.CONNECTED


async def test_garbage_on_the_port_is_dropped_and_counted(engine: LocalEngine):
    pair = await open_pair(engine)
    await pair.connected()
    address = pair.second._peer.sockets[0].get_extra_info("sockname")
    before = (await pair.second.stats()).packets_dropped
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for size in (0, 1, 11, 12, 60, 1400):
            for first in (0, 1, 20, 64, 128, 144, 191, 255):
                body = bytes([first]) + os.urandom(size)
                await stranger.sendto(body[:size], address)
        stun = struct.pack("!HHI12s", 1, 0, 0x2112A442, b"x" * 12)
        await stranger.sendto(stun, address)
        with trio.fail_after(30):
            while (await pair.second.stats()).packets_dropped < before + 30:
                await trio.sleep(0.01)
    mine, _ = await pair.channel(ChannelWanted("alive"))
    await pair.first.send(mine, "well")
    await pair.second_told.until(MessageReceived)


async def test_packets_longer_than_any_path_carries_are_dropped_and_counted(engine: LocalEngine):
    pair = await open_pair(engine)
    await pair.connected()
    for send, kind in ((pair.first._peer.send_rtp, 0x60), (pair.first._peer.send_rtcp, 0xC8)):
        with pytest.raises(OSError):
            send(bytes([0x80, kind]) + bytes(5_000))
    assert (await pair.first.stats()).packets_dropped == 2
    before = (await pair.second.stats()).packets_dropped
    address = pair.second._peer.sockets[0].get_extra_info("sockname")
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for second in (0x60, 0xC8):
            await stranger.sendto(bytes([0x80, second]) + bytes(2_000), address)
    with trio.fail_after(30):
        while (await pair.second.stats()).packets_dropped < before + 2:
            await trio.sleep(0.01)


async def test_rtcp_is_read_once_however_many_sections_there_are(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    wanted = (TrackWanted("audio", Direction.RECEIVE),) * 8
    sends = tuple(replace(track, direction=Direction.SEND) for track in wanted)
    pair = await open_pair(engine, first=SessionWanted(sends), second=SessionWanted(wanted))
    await pair.connected()
    read: list[bytes] = []
    parse = session_tracks.parse_rtcp
    monkeypatch.setattr(
        session_tracks, "parse_rtcp", lambda packet: (read.append(packet), parse(packet))[1]
    )
    report, garbage = rtcp.write_receiver_report(1, (), "x"), b"\x80\xc9\xff\xff" + bytes(8)
    before = (await pair.second.stats()).packets_dropped
    for packet in (report, garbage):
        pair.first._peer.send_rtcp(packet)
    with trio.fail_after(30):
        while (await pair.second.stats()).packets_dropped == before:
            await trio.sleep(0.01)
    assert [packet for packet in read if packet in (report, garbage)] == [report, garbage]


async def test_a_packet_that_cannot_leave_is_counted_by_its_leg_and_logged_once(
    engine: LocalEngine,
):
    wanted = SessionWanted((TrackWanted("audio", Direction.SEND, ("opus",)),))
    takes = SessionWanted((TrackWanted("audio", Direction.RECEIVE),))
    pair = await open_pair(engine, first=wanted, second=takes)
    await pair.connected()
    codec = Codec("opus", 48_000, 96, channels=2)
    source = RtpSource("long", "audio", codec, 7, UPSTREAM)
    engine.router.add_source(source)
    await lead(engine, "long", pair.first_told.sink("audio"))
    with capture_logs() as logs:
        for number, size in enumerate((1_460, LONGEST_PACKET, LONGEST_PACKET - 12, 4_000), 1):
            header = struct.pack("!BBHII", 0x80, 96, number, 960 * number, 7)
            source.feed(header + bytes(size), time.monotonic())
        [sink] = (await pair.first.stats()).sinks
        for now in (1, 2):
            pair.first.check(time.monotonic() + now)
    assert sink.counts.packets == 2
    assert sink.counts.dropped == 2
    assert (await pair.first.stats()).packets_dropped >= 2
    told = [line for line in logs if line["event"] == "packets.too_long"]
    assert [line["session"] for line in told] == ["pair/first"]
    engine.router.remove_source("long")


async def test_there_is_an_end_to_the_streams_of_one_peer(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(aiortc_seam, "MAX_SSRCS", 8)
    pair = await open_pair(engine)
    await pair.connected()
    before = (await pair.second.stats()).packets_dropped
    for ssrc in range(30):
        pair.first._peer.send_rtp(struct.pack("!BBHII", 0x80, 96, 1, 0, ssrc) + b"media")
    with trio.fail_after(30):
        while (await pair.second.stats()).packets_dropped < before + 22:
            await trio.sleep(0.01)
    assert len(pair.second._peer._ssrcs) == 8


async def test_garbage_inside_of_encryption_harms_nobody(engine: LocalEngine):
    pair = await open_pair(engine)
    await pair.connected()
    peer = pair.first._peer
    for size in (12, 13, 20, 100):
        for _ in range(20):
            for send, start in (
                (peer.send_rtp, b"\x80\x60"),
                (peer.send_rtp, b"\x9f\xe0"),
                (peer.send_rtcp, b"\x80" + bytes([200 + size % 7])),
            ):
                with suppress(OSError):  # libsrtp takes not all of it
                    send(start + os.urandom(size - 2))
    mine, _ = await pair.channel(ChannelWanted("alive"))
    await pair.first.send(mine, "well")
    await pair.second_told.until(MessageReceived)


async def test_a_cancelled_engine_closes_what_is_open():
    told: list[Told] = []
    with trio.CancelScope() as scope:
        async with open_media_loop() as loop, open_local_engine(loop) as engine:
            pair = await open_pair(engine)
            told += [pair.first_told, pair.second_told]
            await pair.connected()
            await engine.open_session("new", SessionWanted(SENDS), Told())
            scope.cancel()
            await trio.sleep_forever()
    assert [one.states[-1] for one in told] == [State.CLOSED, State.CLOSED]


@pytest.mark.slow
async def test_two_hundred_connections_leave_nothing_behind(
    media_loop: MediaLoop, engine: LocalEngine
):
    async def tasks() -> int:
        return len(asyncio.all_tasks())

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    sockets, threads = open_sockets(), threading.active_count()
    running = await media_loop.call(tasks, within=5)
    memory = []
    for cycle in range(201):
        pair = await open_pair(engine)
        await pair.channel(ChannelWanted("data"))
        await pair.first.close()
        await pair.second_told.state(State.CLOSED)
        await pair.second.close()
        if cycle and cycle % 50 == 0:
            memory.append(resident())
    # What each leaves grows all the time; what the allocator takes for its threads, now and then.
    grown = [later - earlier for earlier, later in pairwise(memory)]
    assert 3 * min(grown) <= 5 << 20, grown
    assert await media_loop.call(tasks, within=5) == running
    assert threading.active_count() <= threads
    assert open_sockets() == sockets


def test_connecting_is_quick():
    async def main() -> float:
        async with open_media_loop() as loop:
            async with open_local_engine(loop, IceConfig(("127.0.0.1",))) as engine:
                start = time.monotonic()
                pair = await open_pair(engine)
                await pair.connected()
                return time.monotonic() - start

    assert min(trio.run(main) for _ in range(3)) < 2
