"""What devices ask of a plain port: who is listened to, who is told, and what goes along."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_network

import pytest
import trio
import trio.testing

from media.contract.plans import Address, Remote
from media.rtp import rtcp
from media.rtp.router import Codec, Router, SenderClock
from media.rtp.rtp_packet import parse_packet
from media.udp.plain_rtp import PlainRtp
from media.udp.port_range import PortRange
from tests.support.rtp import OPUS, VP8, Receiver, a_sink, a_source, read, rtp, vp8

ANY = PortRange(0, 0)
HERE, HERE_6 = "127.0.0.1", "::1"
FAMILIES = pytest.mark.parametrize(("wildcard", "here"), [("0.0.0.0", HERE), ("::", HERE_6)])
FAST = 0.2  # seconds in which nothing comes, where nothing may


@asynccontextmanager
async def port_of_device(address: str = HERE) -> AsyncIterator[tuple[Router, PlainRtp]]:
    """Run a port for RTP and RTCP until the end of the block."""
    router = Router()
    port = PlainRtp(router, ANY, address, mux=True)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.run)
            yield router, port
            port.close()
    finally:
        port.close()


@contextmanager
def ears(count: int, address: str = HERE) -> Iterator[list[trio.socket.SocketType]]:
    """Give sockets of somebody else."""
    sockets = [trio.socket.from_stdlib_socket(ANY.bind(address)) for _ in range(count)]
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


async def heard(ear: trio.socket.SocketType) -> tuple[bytes, Address]:
    with trio.fail_after(30):
        data, sender = await ear.recvfrom(3000)
    return data, sender[:2]


async def silent(*some: trio.socket.SocketType) -> None:
    """Check that nothing comes for a while, nor has come."""
    for one in some:
        with trio.move_on_after(FAST) as scope:
            await one.recvfrom(3000)
        assert scope.cancelled_caught


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.001)


def asked(packet: bytes) -> list[rtcp.Rtcp]:
    """Return what RTCP says, but for the report in front."""
    return (rtcp.parse_rtcp(packet) or [])[1:]


@pytest.mark.parametrize("address", [HERE, HERE_6])
async def test_what_is_said_to_the_sender_goes_to_all_who_are_named(address: str) -> None:
    async with port_of_device(address) as (_, port):
        with ears(3, address) as (sender, one, other):
            nobody = (address, 9)  # no way leads there, or nobody listens
            feedback = (one.getsockname()[:2], nobody, other.getsockname()[:2])
            source = port.receive("camera", "video", VP8, feedback=feedback)
            await sender.sendto(rtp(1, 0, vp8(1), ssrc=9), port.address)
            await until(lambda: source.ssrc == 9)
            source.request_keyframe()
            for ear in (one, other):
                assert asked((await heard(ear))[0]) == [rtcp.KeyframeRequest(9)]
            await silent(sender)


async def test_who_cannot_be_reached_costs_the_others_nothing() -> None:
    async with port_of_device() as (_, port):
        with ears(2) as (sender, ear):
            unreachable = ("255.255.255.255", 5000)  # needs a permission that nobody has asked for
            of_another_family = (HERE_6, 5000)
            source = port.receive(
                "camera",
                "video",
                VP8,
                feedback=(unreachable, of_another_family, ear.getsockname()),
            )
            await sender.sendto(rtp(1, 0, vp8(1), ssrc=9), port.address)
            await until(lambda: source.ssrc == 9)
            source.request_keyframe()
            assert asked((await heard(ear))[0]) == [rtcp.KeyframeRequest(9)]


async def test_where_nobody_is_named_nobody_is_told() -> None:
    async with port_of_device() as (_, port):
        with ears(1) as (sender,):
            source = port.receive("camera", "video", VP8, feedback=())
            await sender.sendto(rtp(1, 0, vp8(1), ssrc=9), port.address)
            await sender.sendto(rtcp.write_receiver_report(9, (), "x"), port.address)
            await sender.sendto(rtp(3, 0, vp8(2), ssrc=9), port.address)  # one is missing
            await until(lambda: source.counts.packets == 2)
            source.request_keyframe()
            source.beat(time.monotonic())
            assert source.counts.nacks == 1
            await silent(sender)


async def test_another_feedback_leaves_the_source_as_it_is() -> None:
    async with port_of_device() as (router, port):
        with ears(2) as (sender, ear):
            source = port.receive("camera", "video", VP8, feedback=())
            receiver = Receiver()
            router.add_sink(a_sink("screen", receiver=receiver))
            router.attach("camera", "screen")
            await sender.sendto(rtp(1, 0, vp8(1, keyframe=True), ssrc=9), port.address)
            await until(lambda: receiver.data)
            for feedback in ((ear.getsockname(),), None, (ear.getsockname(),)):
                port.redirect_feedback(feedback)
            assert port.source is source
            source.request_keyframe()
            assert rtcp.KeyframeRequest(9) in asked((await heard(ear))[0])
            await sender.sendto(rtp(2, 0, vp8(2), ssrc=9), port.address)
            await until(lambda: len(receiver.data) == 2)
            assert receiver.got[1].sequence == receiver.got[0].sequence + 1
            await silent(sender)


async def test_only_who_is_of_an_allowed_network_is_taken() -> None:
    async with port_of_device("0.0.0.0") as (_, port):
        to = (HERE, port.address[1])
        with ears(1, "127.0.0.1") as (stranger,), ears(1, "127.0.5.7") as (sender,):
            networks = (ip_network("::1/128"), ip_network("127.0.5.0/24"))
            source = port.receive("camera", "video", VP8, allow=networks)
            port.send("screen", "video", VP8, Remote(stranger.getsockname()), ssrc=5)
            await stranger.sendto(rtp(1), to)
            await stranger.sendto(rtcp.write_pli(1, 5), to)
            await until(lambda: port.strangers == 2)
            await sender.sendto(rtp(1, ssrc=9), to)
            await sender.sendto(rtp(2, ssrc=9), to)
            report = rtcp.SenderReport(9, 1 << 40, 0, 1, 10)
            await sender.sendto(rtcp.write_sender_report(report, "them"), to)
            await until(lambda: source.counts.packets == 2 and port._sender_rtcp is not None)
            assert port.strangers == 2
            port.stop_receiving()  # and with that, what was said of networks
            port.receive("camera", "video", VP8)
            await stranger.sendto(rtp(1), to)
            await until(lambda: port.source is not None and port.source.counts.packets == 1)


@FAMILIES
async def test_a_port_on_every_address_sends_and_is_answered(wildcard: str, here: str) -> None:
    async with port_of_device(wildcard) as (router, port):
        source = a_source("camera")
        router.add_source(source)
        with ears(2, here) as (screen, other):
            sink = port.send("screen", "video", VP8, Remote(screen.getsockname()[:2]), ssrc=5)
            router.attach("camera", "screen")
            source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
            first, back = await heard(screen)
            assert (back, read(first).ssrc) == ((here, port.address[1]), 5)
            await other.sendto(rtcp.write_pli(1, 5), back)  # of the same host: as good as from it
            await screen.sendto(rtcp.write_pli(1, 5), back)
            await until(lambda: sink.counts.keyframe_requests == 2)
            assert port.strangers == 0


async def test_rtcp_of_where_reports_go_is_taken() -> None:
    async with port_of_device("0.0.0.0") as (_, port):
        with ears(1, "127.0.0.3") as (screen,), ears(1, "127.0.0.4") as (reports,):
            remote = Remote(screen.getsockname(), reports.getsockname())
            sink = port.send("screen", "video", VP8, remote, ssrc=5)
            await reports.sendto(rtcp.write_pli(1, 5), (HERE, port.address[1]))
            await until(lambda: sink.counts.keyframe_requests == 1)
            with ears(1, "127.0.0.5") as (stranger,):
                await stranger.sendto(rtcp.write_pli(1, 5), (HERE, port.address[1]))
                await until(lambda: port.strangers == 1)


async def test_without_reports_nothing_but_media_leaves() -> None:
    async with port_of_device("0.0.0.0") as (router, port):
        source = a_source("camera")
        router.add_source(source)
        with ears(2) as (screen, reports):
            remote = Remote(screen.getsockname(), reports.getsockname())
            sink = port.send("screen", "video", VP8, remote, reports=False)
            router.attach("camera", "screen")
            source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
            sink.beat(2.0)
            assert read((await heard(screen))[0]).payload == vp8(1, keyframe=True)
            port.close()  # says no goodbye
            await silent(screen, reports)
            assert sink.counts.dropped == 0


@pytest.mark.parametrize("to", [("255.255.255.255", 5000), (HERE_6, 5000)])
async def test_what_cannot_leave_is_counted_and_hurts_nobody(to: Address) -> None:
    async with port_of_device("0.0.0.0") as (router, port):
        source = a_source("camera")
        router.add_source(source)
        sink = port.send("screen", "video", VP8, Remote(to))
        router.attach("camera", "screen")
        for number in range(1, 51):
            source.feed(rtp(number, 0, vp8(number, keyframe=number == 1)), 1.0)
        sink.beat(2.0)
        assert (sink.counts.packets, sink.counts.dropped) == (0, 50)
        port.close()


@FAMILIES
async def test_a_receiver_that_is_not_there_hurts_nobody(wildcard: str, here: str) -> None:
    async with port_of_device(wildcard) as (router, port):
        source = a_source("camera")
        router.add_source(source)
        with ears(1, here) as (gone,):
            remote = Remote(gone.getsockname()[:2])
        port.send("screen", "video", VP8, remote, ssrc=5)
        router.attach("camera", "screen")
        for number in range(1, 51):
            source.feed(rtp(number, 0, vp8(number, keyframe=number == 1)), 1.0)
            await trio.lowlevel.checkpoint()  # what comes back (ICMP) could be read
        work = list[float]()
        while not work or (min(work) >= FAST / 2 and len(work) < 5):  # garbage may be collected
            before = time.process_time()
            await trio.sleep(FAST)
            work.append(time.process_time() - before)
        assert min(work) < FAST / 2
        with ears(1, here) as (screen,):  # the port is of use still
            port.redirect(Remote(screen.getsockname()[:2]))
            source.feed(rtp(51, 0, vp8(51)), 1.0)
            assert read((await heard(screen))[0]).payload == vp8(51)


async def test_what_came_before_is_of_no_later_source() -> None:
    async with port_of_device() as (router, port):
        with ears(1) as (sender,):
            for codec in (VP8, Codec("h264", 90_000, 96), Codec("vp8", 90_000, 100), OPUS):
                kind = "audio" if codec is OPUS else "video"
                number = codec.payload_type
                for early in range(20):  # nobody has them read before the source is there
                    sender._sock.sendto(rtp(early, 0, b"early", payload_type=number), port.address)
                source = port.receive("camera", kind, codec)
                sender._sock.sendto(rtp(90, 0, b"late", payload_type=number), port.address)
                await until(lambda it=source: it.counts.packets)
                assert (source.counts.packets, source.counts.octets) == (1, len(b"late"))
                port.stop_receiving()
                assert router.stats().sources == ()
                await sender.sendto(rtp(91, 0, b"over", payload_type=number), port.address)
                await trio.testing.wait_all_tasks_blocked(0.01)


async def test_sound_and_picture_keep_step_by_reports_that_come_another_way() -> None:
    clock = SenderClock()
    async with port_of_device() as (router, port):
        with ears(1) as (sender,):
            picture = port.receive("camera", "video", VP8, feedback=(), clock=clock)
            sound = a_source("microphone", OPUS, ssrc=None, shared=clock)
            router.add_source(sound)
            now = time.monotonic()
            await sender.sendto(rtp(1, 90_000, vp8(1), ssrc=9), port.address)
            sound.feed(rtp(1, 48_000, payload_type=111, ssrc=8), now + 0.4)  # late on the way
            await until(lambda: picture.ssrc == 9)
            captured = 1 << 40
            for source, ssrc, at in ((picture, 9, 90_000), (sound, 8, 48_000)):
                report = rtcp.SenderReport(ssrc, captured, at, 1, 10)
                source.feed_rtcp(rtcp.write_sender_report(report, "them"), time.monotonic())
            both = [
                source.capture_time(_packet(number, at))
                for source, number, at in ((picture, 2, 93_000), (sound, 2, 49_600))
            ]
            assert both[0] == pytest.approx(both[1], abs=0.001)


def _packet(sequence: int, timestamp: int):
    packet = parse_packet(rtp(sequence, timestamp), time.monotonic())
    assert packet is not None
    return packet
