"""Datagrams through real data channels and back: of all sizes, too many, junk, and bugs."""

from __future__ import annotations

import errno
import gc
import random
from collections.abc import AsyncIterator
from weakref import ref

import pytest
import trio

from media.contract.datagrams import (
    LONGEST_DATAGRAM,
    ChannelRelay,
    DatagramPortWanted,
    MessageFormat,
)
from media.contract.plans import ChannelWanted
from media.contract.session import ChannelClosed, MessageReceived, SessionWanted, State
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc import udp_relay
from media.webrtc.bridge import open_media_loop
from media.webrtc.udp_relay import UNSENT_BYTES
from tests.media.conftest import LOOPBACK
from tests.support.outside import Outside, outside, relayed
from tests.support.sessions import Pair, Told, open_pair

HERE = "127.0.0.1"
RAW, JSON, BINARY, JSON_TEXT = MessageFormat
SIZES = (0, 1, 100, 1_200, 9_000, 16_384, 60_000, LONGEST_DATAGRAM)


@pytest.fixture
async def pair(engine: LocalEngine) -> AsyncIterator[Pair]:
    """Give two connected sessions with a channel, and a port that feeds the first."""
    pair = await open_pair(engine)
    await pair.connected()
    await pair.channel(ChannelWanted("one"))
    await engine.open_datagram_port("feed", DatagramPortWanted(HERE))
    yield pair
    await pair.first.close()
    await pair.second.close()


@pytest.fixture
async def program(engine: LocalEngine) -> AsyncIterator[Outside]:
    async with outside(engine) as program:
        yield program


@pytest.mark.parametrize("format", [RAW, BINARY])
async def test_datagrams_of_every_size_go_through(
    engine: LocalEngine, pair: Pair, program: Outside, format: MessageFormat
):
    await engine.open_datagram_port("other", DatagramPortWanted(HERE))
    for there, back, port in (
        (pair.first, pair.second, "feed"),
        (pair.second, pair.first, "other"),
    ):
        await there.relay(ChannelRelay(format, feed=port))
        await back.relay(ChannelRelay(format, redirect=program.address))
        for size in SIZES:
            datagram = random.Random(size).randbytes(size)
            await program.send(port, datagram)
            assert await program.receive() == datagram
    expected = (len(SIZES), sum(SIZES))
    for stats in (await relayed(pair.first), await relayed(pair.second)):
        assert (stats.messages_in, stats.bytes_in) == expected
        assert (stats.messages_out, stats.bytes_out) == expected


async def test_a_burst_that_does_not_leave_is_dropped_and_the_connection_lives(
    pair: Pair, program: Outside
):
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
    for _ in range(5):  # each time more than may wait
        await program.send("feed", *[bytes(50_000)] * 20)
        assert (await pair.first.stats()).buffered_bytes <= UNSENT_BYTES + 50_000
    stats = await relayed(pair.first, lambda it: it.messages_out + it.held_up == 100)
    assert stats.held_up > 0
    await relayed(pair.second, lambda it: it.messages_in + it.unsent == stats.messages_out)
    for _ in range(stats.messages_out):
        assert await program.receive() == bytes(50_000)
    await program.send("feed", b"lives")
    assert await program.receive() == b"lives"
    assert pair.first_told.states[-1] is State.CONNECTED


async def test_of_many_small_messages_only_so_many_wait(
    pair: Pair, program: Outside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(udp_relay, "UNSENT_MESSAGES", 10)
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await program.send("feed", *[b""] * 60)
    stats = await relayed(pair.first, lambda it: it.messages_out + it.held_up == 60)
    assert 10 <= stats.messages_out < 60


async def test_more_than_the_other_side_takes_is_too_large(engine: LocalEngine, program: Outside):
    told = (Told(), Told())
    first = await engine.open_session("a", SessionWanted(data=True), told[0])
    second = await engine.open_session("b", SessionWanted(data=True), told[1])
    offer = await first.create_offer()
    answer = await second.accept_offer(offer.sdp)
    smaller = answer.sdp.replace("max-message-size:262144", "max-message-size:1000")
    assert smaller != answer.sdp
    await first.accept_answer(smaller)
    pair = Pair(first, second, told)
    await pair.connected()
    await pair.channel(ChannelWanted("one"))
    await engine.open_datagram_port("feed", DatagramPortWanted(HERE))
    await first.relay(ChannelRelay(RAW, feed="feed"))
    await program.send("feed", bytes(1_001), bytes(1_000))
    stats = await relayed(first, lambda it: it.messages_out)
    assert (stats.messages_out, stats.bytes_out, stats.too_large) == (1, 1_000, 1)
    assert (await told[1].until(MessageReceived)).data == bytes(1_000)


@pytest.mark.parametrize(
    ("number", "counted"),
    [(errno.EMSGSIZE, "too_large"), (errno.EAGAIN, "unsent"), (errno.ENETUNREACH, "unsent")],
)
async def test_what_the_network_does_not_take_is_counted(
    pair: Pair, program: Outside, monkeypatch: pytest.MonkeyPatch, number: int, counted: str
):
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
    monkeypatch.setattr("media.udp.sending_socket.SendingSocket.send", refuse)
    await program.send("feed", b"x")
    stats = await relayed(pair.second, lambda it: getattr(it, counted) == 1)
    assert stats.messages_in == 0


async def test_where_nobody_may_send_messages_are_unsent(pair: Pair, program: Outside):
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await pair.second.relay(ChannelRelay(RAW, redirect=("255.255.255.255", 9)))
    await program.send("feed", b"x")
    await relayed(pair.second, lambda it: it.unsent == 1)


@pytest.mark.parametrize("format", list(MessageFormat))
async def test_junk_from_both_sides_is_dropped_or_passed_on(
    pair: Pair, program: Outside, format: MessageFormat
):
    chance = random.Random(7)
    junk = [chance.randbytes(chance.randrange(300)) for _ in range(150)]
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await pair.second.relay(ChannelRelay(format, redirect=program.address))
    for number in range(0, len(junk), 30):
        await program.send("feed", *junk[number : number + 30])
    stats = await relayed(
        pair.second, lambda it: it.messages_in + it.malformed + it.unsent == len(junk)
    )
    assert (stats.malformed > 0) is (format is BINARY)
    await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
    for _ in range(stats.messages_in):
        await program.receive()
    await program.send("feed", b"lives")
    assert await program.receive() == b"lives"


async def test_a_session_that_closes_leaves_neither_taker_nor_socket(
    engine: LocalEngine, program: Outside
):
    pair = await open_pair(engine)
    await pair.connected()
    await pair.channel(ChannelWanted("one"))
    port = engine._datagram_ports
    await engine.open_datagram_port("feed", DatagramPortWanted(HERE))
    for session in (pair.first, pair.second):
        await session.relay(ChannelRelay(RAW, "feed", program.address))
    await program.send("feed", b"to both")
    for _ in range(2):
        assert await program.receive() == b"to both"
    assert len(port.port("feed")._takers) == 2
    await program.send("feed", *[b"more"] * 20)  # some of it on its way while they close
    await pair.first.close()
    await pair.second_told.state(State.CLOSED)
    assert port.port("feed")._takers == ()
    session = ref(pair.first)
    del pair
    with trio.fail_after(30):
        while session() is not None:
            await trio.sleep(0.05)
            gc.collect()


async def test_a_relay_may_change_while_messages_are_on_their_way(
    engine: LocalEngine, pair: Pair, program: Outside
):
    await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
    for number in range(30):
        format = (RAW, BINARY)[number % 2]
        await pair.first.relay(ChannelRelay(format, feed="feed"))
        await program.send("feed", b"x" * number)
        await pair.second.relay(ChannelRelay(format, redirect=program.address))
    stats = await relayed(pair.first, lambda it: it.messages_out + it.held_up == 30)
    assert stats.held_up == 0
    await relayed(pair.second, lambda it: it.messages_in + it.malformed == 30)


async def test_a_port_that_closes_while_it_feeds_is_no_harm(
    engine: LocalEngine, pair: Pair, program: Outside
):
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await program.send("feed", b"last")
    await engine.close_port("feed")
    assert (await pair.second_told.until(MessageReceived)).data == b"last"
    await pair.first.relay(ChannelRelay(RAW))


async def test_a_channel_that_closes_with_messages_unsent_is_no_harm(pair: Pair, program: Outside):
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    await pair.second.relay(ChannelRelay(RAW))
    (channel,) = pair.first.channels._channels  # type: ignore[attr-defined]
    await program.send("feed", *[bytes(20_000)] * 10)
    await pair.first.close_channel(channel)
    await program.send("feed", *[bytes(20_000)] * 10)
    await pair.first_told.until(ChannelClosed)
    stats = await relayed(pair.first)
    assert stats.messages_out + stats.nowhere == 20
    assert stats.nowhere >= 10


@pytest.mark.parametrize("part", ["_send", "_redirect"])
async def test_a_bug_in_relaying_is_a_stray_error(part: str, monkeypatch: pytest.MonkeyPatch):
    def buggy(*_: object) -> None:
        raise LookupError

    async with open_media_loop() as loop, open_local_engine(loop, LOOPBACK) as engine:
        pair = await open_pair(engine)
        await pair.connected()
        await pair.channel(ChannelWanted("one"))
        await engine.open_datagram_port("feed", DatagramPortWanted(HERE))
        async with outside(engine) as program:
            await pair.first.relay(ChannelRelay(RAW, feed="feed"))
            await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
            with monkeypatch.context() as patched:
                patched.setattr(udp_relay.UdpRelay, part, buggy)
                await program.send("feed", b"x")
                with trio.fail_after(30):
                    while loop.stray_errors != 1:
                        await trio.sleep(0.001)
            await program.send("feed", b"y")
            assert await program.receive() == b"y"
        assert loop.stray_errors == 1
