"""Plain RTP over real UDP sockets on the loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import pytest
import trio

from media.contract.plans import Remote
from media.rtp import rtcp
from media.rtp.router import Codec, Router
from media.udp.plain_rtp import PlainRtp
from media.udp.port_range import PortRange
from tests.support.rtp import VP8, Receiver, a_sink, a_source, read, rtp, vp8

ANY = PortRange(0, 0)
BOTH_FAMILIES = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@asynccontextmanager
async def plain(
    address: str = "127.0.0.1", *, mux: bool = False
) -> AsyncIterator[tuple[Router, PlainRtp]]:
    """Run a port until the end of the block; it ends by itself when closed."""
    router = Router()
    port = PlainRtp(router, ANY, address, mux=mux)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.run)
            yield router, port
            port.close()
    finally:
        port.close()


class Peer:
    """Somebody else with a pair of sockets, or one for both."""

    def __init__(self, address: str = "127.0.0.1", *, mux: bool = False) -> None:
        pair = [ANY.bind(address)] * 2 if mux else ANY.bind_pair(address)
        self.rtp, self.rtcp = (trio.socket.from_stdlib_socket(one) for one in pair)

    @property
    def remote(self) -> Remote:
        return Remote(self.rtp.getsockname()[:2], self.rtcp.getsockname()[:2])

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.rtp.close()
        self.rtcp.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for what packets bring about; each of them lets the port's task run first."""
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.001)


@BOTH_FAMILIES
@pytest.mark.parametrize("mux", [False, True])
async def test_what_comes_in_is_a_source_and_its_sender_is_talked_back_to(
    address: str, mux: bool
) -> None:
    async with plain(address, mux=mux) as (router, port):
        source = port.receive("camera", "video", VP8)
        receiver = Receiver()
        router.add_sink(a_sink("screen", receiver=receiver))
        router.attach("camera", "screen")
        with Peer(address, mux=mux) as peer:
            await peer.rtp.sendto(rtp(0, 0, vp8(0), ssrc=9), port.address)
            with trio.fail_after(30):  # it follows at once what we had to wait for
                asked, _ = await peer.rtcp.recvfrom(2000)
            assert rtcp.KeyframeRequest(9) in (rtcp.parse_rtcp(asked) or [])
            report = rtcp.SenderReport(9, 1 << 40, 0, 1, 10)
            await peer.rtcp.sendto(rtcp.write_sender_report(report, "them"), port.rtcp_address)
            await peer.rtp.sendto(rtp(1, 0, vp8(1, keyframe=True), ssrc=9), port.address)
            await peer.rtp.sendto(rtp(3, 0, vp8(2), ssrc=9), port.address)
            with trio.fail_after(30):
                asked, _ = await peer.rtcp.recvfrom(2000)
            assert rtcp.Nack(9, (2,)) in (rtcp.parse_rtcp(asked) or [])
            await until(lambda: len(receiver.data) == 2)
            source.beat(0.0)
            with trio.fail_after(30):
                told, _ = await peer.rtcp.recvfrom(2000)
            (receiver_report,) = rtcp.parse_rtcp(told) or []
            assert isinstance(receiver_report, rtcp.ReceiverReport)
            assert receiver_report.blocks[0].ssrc == 9


@BOTH_FAMILIES
@pytest.mark.parametrize("mux", [False, True])
async def test_what_goes_out_is_a_sink_and_its_receiver_is_listened_to(
    address: str, mux: bool
) -> None:
    async with plain(address, mux=mux) as (router, port):
        source = a_source("camera")
        router.add_source(source)
        with Peer(address, mux=mux) as peer:
            sink = port.send("screen", "video", VP8, peer.remote, ssrc=5)
            router.attach("camera", "screen")
            source.feed(rtp(1, 0, vp8(1, keyframe=True), padding=9), 1.0)
            with trio.fail_after(30):
                first, sender = await peer.rtp.recvfrom(2000)
                report, _ = await peer.rtcp.recvfrom(2000)
            assert sender[:2] == port.address
            assert (read(first).payload, read(first).ssrc) == (vp8(1, keyframe=True), 5)
            assert isinstance((rtcp.parse_rtcp(report) or [None])[0], rtcp.SenderReport)
            nack = rtcp.write_nack(1, 5, [read(first).sequence])
            await peer.rtcp.sendto(nack, port.rtcp_address)
            with trio.fail_after(30):
                again, _ = await peer.rtp.recvfrom(2000)
            assert again == first
            port.close()
            with trio.fail_after(30):
                bye, _ = await peer.rtcp.recvfrom(2000)
            assert rtcp.Bye((5,)) in (rtcp.parse_rtcp(bye) or [])
            assert sink.counts.dropped == 0


async def test_packets_without_media_never_leave() -> None:
    async with plain() as (router, port):
        source = a_source("camera")
        router.add_source(source)
        with Peer() as peer:
            port.send("screen", "video", VP8, peer.remote)
            router.attach("camera", "screen")
            source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
            source.feed(rtp(2, 0, b"", padding=200), 1.0)
            source.feed(rtp(4, 0, vp8(2)), 1.0)
            source.feed(rtp(3, 0, b"", padding=200), 1.0)  # late: it left a gap
            source.feed(rtp(5, 0, vp8(3)), 1.0)
            got = []
            with trio.fail_after(30):
                while len(got) < 3:
                    got.append(read((await peer.rtp.recvfrom(2000))[0]))
            assert [packet.payload for packet in got[1:]] == [vp8(2), vp8(3)]


async def test_the_payload_type_is_changed_both_ways() -> None:
    async with plain() as (router, port):
        with Peer() as peer:
            theirs = Codec("vp8", 90_000, 120)
            port.receive("in", "video", theirs)
            port.send("out", "video", theirs, peer.remote)
            inside, receiver = a_source("inside"), Receiver()
            router.add_source(inside)
            router.add_sink(a_sink("screen", receiver=receiver))
            router.attach("inside", "out")
            router.attach("in", "screen")
            inside.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
            with trio.fail_after(30):
                out, _ = await peer.rtp.recvfrom(2000)
            await peer.rtp.sendto(rtp(1, 0, vp8(1, keyframe=True), payload_type=120), port.address)
            await until(lambda: receiver.data)
            assert (read(out).payload_type, receiver.got[0].payload_type) == (120, 96)


async def test_a_port_listens_to_one_sender_at_a_time() -> None:
    async with plain() as (_, port):
        source = port.receive("camera", "video", VP8)
        with Peer() as peer, Peer() as stranger:
            await stranger.rtp.sendto(b"not RTP at all", port.address)
            await stranger.rtp.sendto(rtp(1, payload_type=13), port.address)
            await peer.rtp.sendto(rtp(1, 0, vp8(1)), port.address)
            await until(lambda: source.counts.packets == 1)
            await stranger.rtp.sendto(rtp(2, 0, vp8(1)), port.address)
            await peer.rtp.sendto(rtp(2, 0, vp8(1)), port.address)
            await until(lambda: source.counts.packets == 2)
            assert port.strangers == 3
            assert source.counts.foreign == 1  # whoever sends another payload type can see it


async def test_a_sender_that_fell_silent_can_be_followed_by_another() -> None:
    router = Router()
    port = PlainRtp(router, ANY, "127.0.0.1")
    with closing(port):
        source = port.receive("camera", "video", VP8)
        start = time.monotonic()
        for number, at in ((1, 0.0), (2, 1.0)):
            port._take_rtp(rtp(number), ("127.0.0.1", 1), start + at)
        port._take_rtp(rtp(9, ssrc=2), ("127.0.0.1", 2), start + 2.9)
        assert source.ssrc == 1
        port._take_rtp(rtp(9, ssrc=2), ("127.0.0.1", 2), start + 3.1)
        assert (source.ssrc, source.counts.packets, port.strangers) == (2, 3, 1)


async def test_only_the_host_that_is_expected_may_send() -> None:
    async with plain() as (_, port):
        source = port.receive("camera", "video", VP8, only_from="127.0.0.2")
        with Peer("127.0.0.1") as stranger, Peer("127.0.0.2") as peer:
            await stranger.rtp.sendto(rtp(1, 0, vp8(1)), port.address)
            await peer.rtp.sendto(rtp(1, 0, vp8(1)), port.address)
            await until(lambda: source.counts.packets == 1)
            assert port.strangers == 1


async def test_an_address_may_be_written_in_any_of_its_forms() -> None:
    written = "0:0:0:0:0:0:0:1"
    assert Remote((written, 5000), (written, 5001)) == Remote(("::1", 5000), ("::1", 5001))
    async with plain("::1") as (_, port):
        with Peer("::1") as peer:
            source = port.receive("in", "video", VP8, only_from=written)
            (_, rtp_port), (_, rtcp_port) = peer.remote.rtp, peer.remote.rtcp or ("", 0)
            remote = Remote((written, rtp_port), (written, rtcp_port))
            sink = port.send("out", "video", VP8, remote, ssrc=5)
            await peer.rtp.sendto(rtp(1), port.address)
            await peer.rtcp.sendto(rtcp.write_pli(1, 5), port.rtcp_address)
            await until(lambda: source.counts.packets and sink.counts.keyframe_requests)
            assert port.strangers == 0


async def test_garbage_ends_nothing() -> None:
    async with plain(mux=True) as (_, port):
        source = port.receive("camera", "video", VP8)
        with Peer() as peer:
            await peer.rtp.sendto(rtp(1, 0, vp8(1)), port.address)
            for garbage in (b"", b"\x80", b"\x80\xc8\0\1", bytes(5000), rtp(2)[:11], b"\xff" * 99):
                await peer.rtp.sendto(garbage, port.address)
            await peer.rtp.sendto(rtp(2, 0, vp8(2)), port.address)
            await until(lambda: source.counts.packets == 2)
            assert source.counts.malformed > 0


async def test_a_port_that_is_closed_is_free_again() -> None:
    router = Router()
    with trio.fail_after(30):
        async with plain() as (_, port):
            numbers = port.address[1], port.rtcp_address[1]
            port.receive("camera", "video", VP8)
            port.close()
    again = PlainRtp(router, PortRange(*numbers), "127.0.0.1")
    with closing(again):
        assert (again.address[1], again.rtcp_address[1]) == numbers


async def test_a_closed_port_has_left_the_router_and_takes_nothing_more() -> None:
    async with plain() as (router, port):
        with Peer() as peer:
            port.receive("camera", "video", VP8)
            port.send("screen", "video", VP8, peer.remote)
            port.close()
            stats = router.stats()
            assert (stats.sources, stats.sinks) == ((), ())


async def test_a_burst_is_taken_whole() -> None:
    async with plain() as (_, port):
        source = port.receive("camera", "video", VP8)
        with closing(socket.socket(type=socket.SOCK_DGRAM)) as sender:
            for number in range(500):
                sender.sendto(rtp(number, 0, vp8(number, bytes(1000))), port.address)
        await until(lambda: source.counts.packets == 500)
        assert source.stats().lost == 0


@pytest.mark.parametrize(
    "address", [("localhost", 5000), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("", 5000)]
)
def test_where_nothing_can_be_sent_without_waiting_is_refused(address: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"port|address"):
        Remote(address)


async def test_the_highest_port_has_none_above_it_for_reports() -> None:
    port = PlainRtp(Router(), ANY, "127.0.0.1")
    with closing(port):
        sink = port.send("screen", "video", VP8, Remote(("127.0.0.1", 65535)))
        source = a_source()
        sink.attach(source)
        source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
        sink.beat(2.0)
        assert sink.counts.packets == 1
