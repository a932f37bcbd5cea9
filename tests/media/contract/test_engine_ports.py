"""Plain UDP ports as every media engine offers them, the real one and the fake."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
import trio

from media.contract.codec import Codec
from media.contract.engine import MediaEngine
from media.contract.errors import (
    BadAddress,
    IdTaken,
    NoFreePort,
    UnknownPort,
    UnknownSource,
    WrongState,
)
from media.contract.paths import PathTrouble
from media.contract.plans import Address, PortFacts, PortReceives, PortSends, PortWanted, Remote
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.udp.port_range import PortRange
from tests.fakes.media import FakeEngine
from tests.support.paths import lead, trouble_with
from tests.support.ports import free_udp_ports
from tests.support.rtp import VP8, read, rtp, vp8
from tests.support.sessions import open_pair

HERE = "127.0.0.1"
REMOTE = Remote((HERE, 40_000))
OPUS = Codec("opus", 48_000, 111, channels=2)
CAMERA = PortReceives("video", VP8)
SCREEN = PortSends("video", VP8, REMOTE)


@pytest.mark.parametrize("address", [HERE, "::1"])
@pytest.mark.parametrize("mux", [False, True])
async def test_a_port_says_where_it_is(any_engine: MediaEngine, address: str, mux: bool):
    facts = await any_engine.open_port("one", PortWanted(address, mux=mux))
    (host, number), (rtcp_host, rtcp_number) = facts.address, facts.rtcp_address
    assert (host, rtcp_host) == (address, address)
    assert rtcp_number == number if mux else (rtcp_number == number + 1 and number % 2 == 0)
    assert (facts.source, facts.sink) == (None, None)
    assert await any_engine.port_facts("one") == facts
    assert (await any_engine.stats()).ports == 1


async def test_ports_are_attached_like_everything_else(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    comes = await any_engine.open_port("in", PortWanted(HERE, receives=CAMERA))
    goes = await any_engine.open_port("out", PortWanted(HERE, sends=SCREEN))
    assert (comes.source, comes.sink, goes.source, goes.sink) == ("in/in", None, None, "out/out")
    await lead(any_engine, "in/in", "out/out")
    await lead(any_engine, "in/in", pair.first_told.sink("video"))
    await lead(any_engine, pair.second_told.source("video"), "out/out")
    await lead(any_engine, pair.second_told.source("video"), "out/out", flows=False)
    await lead(any_engine, pair.second_told.source("video"), "out/out")
    await any_engine.request_keyframe("in/in")
    await lead(any_engine, None, "out/out")
    assert (
        await trouble_with(any_engine, "in/in", pair.first_told.sink("audio"))
        is PathTrouble.CODEC_MISMATCH
    )


async def test_what_a_port_carries_can_change(any_engine: MediaEngine):
    opened = await any_engine.open_port("one", PortWanted(HERE))
    changed = await any_engine.change_port("one", CAMERA, SCREEN)
    assert changed == PortFacts(opened.address, opened.rtcp_address, "one/in", "one/out")
    assert changed.received is not None
    assert changed.sent is not None
    assert (changed.received.id, changed.received.counts.packets) == ("one/in", 0)
    assert (changed.sent.id, changed.sent.counts.packets) == ("one/out", 0)
    other = Codec("vp8", 90_000, 120)
    await lead(any_engine, "one/in", "one/out")
    moved = PortSends("video", VP8, Remote((HERE, 40_002)))
    assert await any_engine.change_port("one", PortReceives("video", other), moved) == changed
    await lead(any_engine, "one/in", "one/out")
    changed = await any_engine.change_port("one", PortReceives("audio", OPUS), None)
    assert (changed.source, changed.sink, changed.sent) == ("one/in", None, None)
    assert await trouble_with(any_engine, "one/in", "one/out") is PathTrouble.SINK_GONE
    assert await any_engine.change_port("one", None, None) == opened
    with pytest.raises(UnknownSource):
        await any_engine.request_keyframe("one/in")


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
async def test_a_port_opens_on_every_address_there_is(any_engine: MediaEngine, address: str):
    there = Remote(("127.0.0.1" if address == "0.0.0.0" else "::1", 40_000))
    wanted = PortWanted(address, mux=True, sends=PortSends("video", VP8, there, reports=False))
    facts = await any_engine.open_port("one", wanted)
    assert facts.address == facts.rtcp_address
    assert (facts.address[0], facts.source, facts.sink) == (address, None, "one/out")


async def led_to(engine: MediaEngine, port: str) -> tuple[str | None, str | None]:
    """Return which port's source its own sink and that of the port `out` take."""
    if isinstance(engine, FakeEngine):
        taken = [engine.attached.get(f"{it}/out") for it in (port, "out")]
    else:
        sinks = {it.id: it.source for it in (await engine.stats()).router.sinks}
        taken = [sinks.get(f"{it}/out") for it in (port, "out")]
    return taken[0], taken[1]


CAMERA_100 = PortReceives("video", Codec("vp8", 90_000, 100))
THERE: tuple[Address, ...] = ((HERE, 40_010), ("::1", 40_011))
NEAR = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    ("before", "after", "goes_on"),
    [
        (CAMERA, replace(CAMERA, feedback=()), True),
        (replace(CAMERA, feedback=()), replace(CAMERA, feedback=THERE), True),
        (replace(CAMERA, feedback=THERE), CAMERA, True),
        (replace(CAMERA, allow=NEAR), replace(CAMERA, allow=NEAR, feedback=THERE), True),
        (CAMERA, replace(CAMERA, allow=NEAR), False),
        (CAMERA, replace(CAMERA, allow=NEAR, feedback=()), False),
        (CAMERA, replace(CAMERA, publisher="ann"), False),
        (CAMERA, CAMERA_100, False),
        (CAMERA, None, False),
    ],
)
async def test_only_where_its_sender_is_told_may_change_under_a_source(
    before: PortReceives, after: PortReceives | None, goes_on: bool, any_engine: MediaEngine
):
    await any_engine.open_port("one", PortWanted(HERE, mux=True, receives=before, sends=SCREEN))
    await any_engine.open_port("out", PortWanted(HERE, mux=True, sends=SCREEN))
    for sink in ("one/out", "out/out"):
        await lead(any_engine, "one/in", sink)
    changed = await any_engine.change_port("one", after, SCREEN)
    assert changed.source == ("one/in" if after is not None else None)
    source = "one/in" if goes_on else None
    assert await led_to(any_engine, "one") == (source, source)


@pytest.mark.parametrize(
    ("after", "goes_on"),
    [
        (replace(SCREEN, reports=False), True),
        (replace(SCREEN, remote=Remote((HERE, 40_002)), reports=False), True),
        (replace(SCREEN, ssrc=7), False),
        (replace(SCREEN, codec=Codec("vp8", 90_000, 100)), False),
    ],
)
async def test_who_is_sent_to_may_change_under_a_sink(
    after: PortSends, goes_on: bool, any_engine: MediaEngine
):
    await any_engine.open_port("one", PortWanted(HERE, mux=True, receives=CAMERA, sends=SCREEN))
    await lead(any_engine, "one/in", "one/out")
    assert (await any_engine.change_port("one", CAMERA, after)).sink == "one/out"
    assert (await led_to(any_engine, "one"))[0] == ("one/in" if goes_on else None)


async def test_a_port_may_be_given_its_source_later_and_another_after_that(
    any_engine: MediaEngine,
):
    opened = await any_engine.open_port("one", PortWanted(HERE, mux=True))
    await any_engine.open_port("out", PortWanted(HERE, sends=SCREEN))
    for receives in (CAMERA, CAMERA_100, PortReceives("audio", OPUS), CAMERA):
        changed = await any_engine.change_port("one", receives, None)
        assert changed == replace(opened, source="one/in")
        if receives.kind == "video":
            await lead(any_engine, "one/in", "out/out")
        else:
            why = await trouble_with(any_engine, "one/in", "out/out")
            assert why is PathTrouble.CODEC_MISMATCH
        assert await any_engine.change_port("one", None, None) == opened
        assert await led_to(any_engine, "one") == (None, None)
        assert await trouble_with(any_engine, "one/in", "out/out") is PathTrouble.SOURCE_GONE


def test_hosts_that_are_told_things_are_kept_in_their_shortest_form():
    long = PortReceives("video", VP8, feedback=(("0:0:0:0:0:0:0:1", 5000),))
    assert long == PortReceives("video", VP8, feedback=(("::1", 5000),))


async def test_a_closed_port_is_free_and_has_no_source_and_sink(any_engine: MediaEngine):
    number = free_udp_ports()
    wanted = PortWanted(HERE, (number, number + 1), receives=CAMERA, sends=SCREEN)
    first = await any_engine.open_port("one", wanted)
    assert (first.address, first.rtcp_address) == ((HERE, number), (HERE, number + 1))
    with pytest.raises(NoFreePort):
        await any_engine.open_port("other", wanted)
    with pytest.raises(IdTaken):
        await any_engine.open_port("one", PortWanted(HERE))
    await any_engine.close_port("one")
    with pytest.raises(UnknownSource):
        await any_engine.request_keyframe("one/in")
    assert await trouble_with(any_engine, None, "one/out") is PathTrouble.SINK_GONE
    assert (await any_engine.open_port("other", wanted)).address == first.address


async def test_a_port_nobody_opened_is_unknown(any_engine: MediaEngine):
    with pytest.raises(UnknownPort):
        await any_engine.close_port("one")
    with pytest.raises(UnknownPort):
        await any_engine.port_facts("one")
    with pytest.raises(UnknownPort):
        await any_engine.change_port("one", None, None)


@pytest.mark.parametrize("address", ["192.0.2.1", "localhost", ""])
async def test_a_port_opens_on_addresses_of_ours_only(any_engine: MediaEngine, address: str):
    with pytest.raises(BadAddress):
        await any_engine.open_port("one", PortWanted(address))
    await any_engine.open_port("one", PortWanted(HERE))  # the id is free still


async def test_a_range_that_is_none_is_refused(any_engine: MediaEngine):
    with pytest.raises(ValueError):
        await any_engine.open_port("one", PortWanted(HERE, (9, 8)))


async def test_a_closed_engine_has_no_ports(any_engine: MediaEngine):
    await any_engine.open_port("one", PortWanted(HERE, receives=CAMERA))
    await any_engine.close()
    assert (await any_engine.stats()).ports == 0
    with pytest.raises(WrongState):
        await any_engine.open_port("two", PortWanted(HERE))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PortReceives("picture", VP8),
        lambda: PortReceives("video", Codec("vp8", 90_000, 128)),
        lambda: PortReceives("video", Codec("vp8", 0, 96)),
        lambda: PortReceives("video", VP8, only_from="localhost"),
        lambda: PortReceives("video", VP8, feedback=((HERE, 0),)),
        lambda: PortReceives("video", VP8, feedback=((HERE, 5), ("localhost", 5))),
        lambda: PortSends("video", Codec("vp8", 90_000, -1), REMOTE),
    ],
)
def test_what_no_packet_can_say_cannot_be_wanted(wrong):
    with pytest.raises(ValueError):
        wrong()


async def test_packets_go_through_the_ports_and_their_sender_is_answered(engine: LocalEngine):
    sockets = [trio.socket.from_stdlib_socket(PortRange(0, 0).bind(HERE)) for _ in range(3)]
    sender, screen, ear = sockets
    with sender, screen, ear:
        receives = PortReceives("video", VP8, feedback=(ear.getsockname(),))
        sends = PortSends("video", VP8, Remote(screen.getsockname()), ssrc=5)
        comes = await engine.open_port("in", PortWanted(HERE, mux=True, receives=receives))
        await engine.open_port("out", PortWanted(HERE, mux=True, sends=sends))
        await lead(engine, "in/in", "out/out")
        await sender.sendto(rtp(0, 0, vp8(0), ssrc=9), comes.address)
        with trio.fail_after(30):
            asked, _ = await ear.recvfrom(2000)
        assert rtcp.KeyframeRequest(9) in (rtcp.parse_rtcp(asked) or [])
        await sender.sendto(rtp(1, 0, vp8(1, keyframe=True), ssrc=9), comes.address)
        with trio.fail_after(30):
            got, _ = await screen.recvfrom(2000)
        assert (read(got).payload, read(got).ssrc) == (vp8(1, keyframe=True), 5)
        await engine.close_port("in")
        await engine.close_port("out")


async def test_streams_of_one_publisher_share_a_clock(engine: LocalEngine):
    def of(name: str) -> PortWanted:
        return PortWanted(HERE, receives=PortReceives("video", VP8, publisher=name))

    for port, publisher in (("a", "ann"), ("b", "ann"), ("c", "bob"), ("d", ""), ("e", "")):
        await engine.open_port(port, of(publisher))
    timelines = [engine.router._sources[f"{port}/in"]._timeline for port in "abcde"]
    clocks = [timeline._sender for timeline in timelines]
    assert clocks[0] is clocks[1]
    assert len({id(clock) for clock in clocks}) == 4


TELEPHONE = PortReceives("audio", Codec("pcmu", 8000, 0), digits=101)
CALLED = PortSends("audio", Codec("pcmu", 8000, 0), REMOTE, symmetric=True)


async def test_a_telephone_keeps_its_streams_while_it_is_found_elsewhere(any_engine: MediaEngine):
    """Another `symmetric` or `digits` is another way to the same stream."""
    wanted = PortWanted(HERE, receives=TELEPHONE, sends=CALLED)
    facts = await any_engine.open_port("one", wanted, lambda _: None)
    assert (facts.source, facts.sink) == ("one/in", "one/out")
    await lead(any_engine, "one/in", "one/out")
    receives = replace(TELEPHONE, digits=96)
    for sends in (replace(CALLED, symmetric=False), replace(CALLED, remote=Remote((HERE, 40_002)))):
        assert await any_engine.change_port("one", receives, sends) == facts
        assert (await led_to(any_engine, "one"))[0] == "one/in"
