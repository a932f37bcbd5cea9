"""A port for datagrams of any kind, on real sockets."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.contract.datagrams import LONGEST_DATAGRAM, DatagramPortWanted
from media.contract.errors import IdTaken, NoFreePort, RouterFull, UnknownPort
from media.contract.plans import PortReceives, PortSends, PortWanted, Remote
from media.local_engine import LocalEngine, open_local_engine
from media.rtp import rtcp
from media.udp.datagram_port import DatagramPort
from media.udp.datagrams import READS
from media.udp.port_range import PortRange
from media.udp.sending_socket import SendingSocket
from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.media.conftest import LOOPBACK
from tests.support.outside import outside
from tests.support.paths import lead
from tests.support.rtp import VP8, rtp, vp8

HERE = "127.0.0.1"
ANY = PortRange(0, 0)
SIZES = (0, 1, 100, 1_200, 4_097, 9_000, 60_000, LONGEST_DATAGRAM)


@asynccontextmanager
async def running(wanted: DatagramPortWanted) -> AsyncIterator[DatagramPort]:
    port = DatagramPort(ANY, wanted)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(port.run)
        yield port
        port.close()


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.001)


@pytest.mark.parametrize("address", [HERE, "::1"])
async def test_datagrams_of_every_size_come_whole_to_all_takers(address: str):
    taken: list[list[bytes]] = [[], []]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    async with running(DatagramPortWanted(address)) as port:
        for each in taken:
            port.add(lambda data, _, each=each: each.append(data))
        sent = [random.Random(size).randbytes(size) for size in SIZES]
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for datagram in sent:
                sender.sendto(datagram, port.facts.address)
                await until(lambda: port.facts.bytes == sum(map(len, taken[0])))
        await until(lambda: len(taken[0]) == len(sent))
    assert taken == [sent, sent]


async def test_the_longest_datagram_of_ipv6_is_not_cut():
    taken: list[bytes] = []
    async with running(DatagramPortWanted("::1")) as port:
        port.add(lambda data, _: taken.append(data))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(bytes(65_527), port.facts.address)
        await until(lambda: taken)
    assert taken == [bytes(65_527)]


async def test_a_taker_gets_nothing_before_and_after():
    taken: list[bytes] = []

    def take(data: bytes, _: float) -> None:
        taken.append(data)

    async with running(DatagramPortWanted(HERE)) as port:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for number, step in enumerate((port.remove, port.add, port.remove)):
                step(take)
                sender.sendto(b"%d" % number, port.facts.address)
                await until(lambda number=number: port.facts.datagrams == number + 1)
    port.add(take)
    assert taken == [b"1"]
    assert port._takers == ()


async def test_a_flood_of_strangers_leaves_others_their_turn():
    allow = (ip_network("192.0.2.0/24"),)
    async with running(DatagramPortWanted(HERE, allow=allow)) as port:
        port.add(lambda *_: pytest.fail("a stranger's"))
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for _ in range(3 * READS):
                sender.sendto(b"x", port.facts.address)
        await trio.lowlevel.checkpoint()
        await until(lambda: port.facts.strangers == 3 * READS)
    assert (port.facts.datagrams, port.facts.bytes) == (0, 0)


async def test_a_port_is_of_its_range():
    with ANY.bind(HERE) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(NoFreePort):
            DatagramPort(PortRange(number, number), DatagramPortWanted(HERE))


async def test_both_kinds_of_ports_share_one_limit(media_loop: MediaLoop):
    async with open_local_engine(media_loop, LOOPBACK, streams=2) as engine:
        await engine.open_datagram_port("one", DatagramPortWanted(HERE))
        await engine.open_port("two", PortWanted(HERE))
        with pytest.raises(RouterFull):
            await engine.open_port("three", PortWanted(HERE))
        with pytest.raises(RouterFull):
            await engine.open_datagram_port("three", DatagramPortWanted(HERE))
        with pytest.raises(IdTaken):
            await engine.open_datagram_port("two", DatagramPortWanted(HERE))
        await engine.close_port("two")
        await engine.open_datagram_port("three", DatagramPortWanted(HERE))


async def test_a_bug_in_a_port_closes_that_one_alone():
    async with open_media_loop() as loop, open_local_engine(loop, LOOPBACK) as engine:
        for name in ("one", "two"):
            await engine.open_datagram_port(name, DatagramPortWanted(HERE))
        broken = engine._datagram_ports.port("one")

        def buggy(*_: object) -> None:
            raise RuntimeError

        broken.add(buggy)
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", broken.facts.address)
        await until(lambda: loop.stray_errors == 1)
        with pytest.raises(UnknownPort):
            await engine.datagram_port_facts("one")
        async with outside(engine) as program:
            await program.send("two", b"x")


class Camera:
    """Sends to the port "in", whose picture goes on to a screen from the port "out"."""

    def __init__(self, engine: LocalEngine, camera: trio.socket.SocketType) -> None:
        self._engine = engine
        self._socket = camera

    async def begin(self, screen: Remote) -> None:
        sends = PortSends("video", VP8, screen, ssrc=5)
        comes = PortWanted(HERE, mux=True, receives=PortReceives("video", VP8))
        self._port = await self._engine.open_port("in", comes)
        await self._engine.open_port("out", PortWanted(HERE, mux=True, sends=sends))
        await lead(self._engine, "in/in", "out/out")
        await self._socket.sendto(rtp(0, 0, vp8(0, keyframe=True), ssrc=9), self._port.address)

    async def asked(self) -> list[rtcp.Rtcp]:
        """Return what the next RTCP asks for."""
        with trio.fail_after(30):
            return rtcp.parse_rtcp((await self._socket.recvfrom(2_000))[0]) or []


async def test_rtcp_is_about_the_streams_it_was_routed_to(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
):
    camera, screen = (trio.socket.from_stdlib_socket(ANY.bind(HERE)) for _ in range(2))
    with camera, screen:
        sending = Camera(engine, camera)
        await sending.begin(Remote(screen.getsockname()))
        with trio.fail_after(30):
            await screen.recvfrom(2_000)
        await engine.open_datagram_port("rtcp", DatagramPortWanted(HERE))
        async with outside(engine) as program:
            await program.send("rtcp", rtcp.write_pli(1, 5))  # belongs to nobody yet
            await engine.route_rtcp("rtcp", ("gone/in", "in/in", "out/out", "gone/out"))
            await program.send("rtcp", b"", b"junk", b"\x80\xc8", rtp(1), rtcp.write_pli(1, 6))
            await program.send("rtcp", rtcp.write_pli(1, 5))
            while rtcp.KeyframeRequest(9) not in await sending.asked():
                pass
            report = rtcp.SenderReport(9, 1 << 40, 0, 1, 10)
            told: list[bytes] = []
            source = engine.router._sources["in/in"]
            monkeypatch.setattr(source, "feed_rtcp", lambda packet, _: told.append(packet))
            await program.send("rtcp", rtcp.write_sender_report(report, "them"))
            assert told == [rtcp.write_sender_report(report, "them")]
            await engine.close_port("out")
            await engine.close_port("in")
            await program.send("rtcp", rtcp.write_pli(1, 5))  # about what is not there any more
            await engine.route_rtcp("rtcp", ())
            assert engine._datagram_ports.port("rtcp")._takers == ()
        await engine.close_port("rtcp")


@given(st.lists(st.binary(max_size=120) | st.sampled_from([rtcp.write_pli(1, 5)]), max_size=20))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_datagram_hurts_a_port(datagrams: list[bytes]):
    async def main() -> None:
        async with open_media_loop() as loop, open_local_engine(loop, LOOPBACK) as engine:
            remote = Remote((HERE, 9))
            wanted = PortWanted(HERE, receives=PortReceives("video", VP8))
            await engine.open_port("in", wanted)
            await engine.open_port("out", PortWanted(HERE, sends=PortSends("video", VP8, remote)))
            await engine.open_datagram_port("one", DatagramPortWanted(HERE))
            await engine.route_rtcp("one", ("in/in", "out/out"))
            async with outside(engine) as program:
                await program.send("one", *datagrams)
            facts = await engine.datagram_port_facts("one")
            assert facts.datagrams == len(datagrams)
            assert facts.bytes == sum(map(len, datagrams))
            assert loop.stray_errors == 0

    trio.run(main)


@pytest.mark.parametrize("address", [HERE, "::1"])
def test_a_sending_socket_sends_to_both_families_until_it_is_closed(address: str):
    way = SendingSocket()
    with ANY.bind(address) as bound:
        to = bound.getsockname()[:2]
        bound.setblocking(True)
        bound.settimeout(5)
        way.send(b"x", to)
        assert bound.recv(10) == b"x"
        with pytest.raises(OSError):
            way.send(bytes(70_000), to)
        way.close()
        with pytest.raises(OSError, match="closed"):
            way.send(b"x", to)
        way.close()
