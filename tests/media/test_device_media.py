"""Media of devices: plain RTP at ports, browsers at sessions, and the engine between them.

A device knows one payload type per medium, browsers theirs; nothing is decoded on the way.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from struct import pack

import pytest
import trio
import trio.testing

from media.contract.codec import Codec
from media.contract.plans import Address, PortReceives, PortSends, PortWanted, Remote
from media.contract.session import Direction, SessionWanted, TrackWanted
from media.contract.stats import SinkStats, SourceStats
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.udp.port_range import PortRange
from media.webrtc.bridge import MediaLoop
from tests.media.clients import Client, subscriber
from tests.support.ffmpeg import FRAMES, SECONDS, copying, send_media
from tests.support.media_file import errors_in, look_into
from tests.support.paths import lead
from tests.support.ports import free_udp_ports
from tests.support.rtp import read, rtp, vp8
from tests.support.sessions import Pair, open_pair

HERE = "127.0.0.1"
ANY = PortRange(0, 0)
NUMBER = 100  # the payload type of the device, whatever it sends and gets

CODECS = {  # as who knows nothing of a device but its type says them
    "vp8": Codec("vp8", 90_000, NUMBER),
    "h264": Codec("h264", 90_000, NUMBER),
    "opus": Codec("opus", 48_000, NUMBER, channels=2),
    "pcmu": Codec("pcmu", 8_000, 0),
    "pcma": Codec("pcma", 8_000, 8),
}
RTPMAPS = {
    "vp8": f"{NUMBER} VP8/90000",
    "h264": f"{NUMBER} H264/90000",
    "opus": f"{NUMBER} opus/48000/2",
    "pcmu": "0 PCMU/8000",
    "pcma": "8 PCMA/8000",
}
ENCODED = {"vp8": "vp8", "h264": "h264", "opus": "opus", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}


def kind_of(codec: str) -> str:
    return "video" if CODECS[codec].clock_rate == 90_000 else "audio"


@contextmanager
def sockets(count: int) -> Iterator[list[trio.socket.SocketType]]:
    made = [trio.socket.from_stdlib_socket(ANY.bind(HERE)) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()


async def camera(
    engine: LocalEngine, codec: str, feedback: tuple[Address, ...] = (), port: str = "camera"
) -> Address:
    """Open a port that is told only later what comes, as it is for devices."""
    opened = await engine.open_port(port, PortWanted(HERE, mux=True))
    receives = PortReceives(kind_of(codec), CODECS[codec], feedback=feedback)
    await engine.change_port(port, receives, None)
    return opened.address


async def screen(engine: LocalEngine, codec: str, to: Address) -> None:
    sends = PortSends(kind_of(codec), CODECS[codec], Remote(to), reports=False)
    await engine.open_port("screen", PortWanted("0.0.0.0", mux=True, sends=sends))


async def pair_of(engine: LocalEngine, codec: str, name: str = "pair") -> Pair:
    """Connect two sessions that agree on a codec, and on a payload type of their own."""
    sends = SessionWanted((TrackWanted(kind_of(codec), Direction.SEND, (codec,)),))
    takes = SessionWanted((TrackWanted(kind_of(codec), Direction.RECEIVE, (codec,)),))
    pair = await open_pair(engine, name, first=sends, second=takes)
    await pair.connected()
    return pair


@asynccontextmanager
async def through(engine: LocalEngine, codec: str, to: Address) -> AsyncIterator[Address]:
    """Lead a camera through a WebRTC connection to a screen; give where the camera sends to."""
    address = await camera(engine, codec)
    pair = await pair_of(engine, codec)
    await screen(engine, codec, to)
    await lead(engine, "camera/in", pair.first_told.sink(kind_of(codec)))
    await lead(engine, pair.second_told.source(kind_of(codec)), "screen/out")
    agreed = engine.router._sinks[pair.first_told.sink(kind_of(codec))].codec.payload_type
    assert agreed != NUMBER
    yield address
    await engine.close_port("camera")
    await engine.close_port("screen")


async def ends(engine: LocalEngine) -> tuple[SourceStats, SinkStats]:
    """Return what the camera's source and the screen's sink have counted."""
    stats = (await engine.stats()).router
    [source] = [it for it in stats.sources if it.id == "camera/in"]
    [sink] = [it for it in stats.sinks if it.id == "screen/out"]
    return source, sink


SPS, PPS, SEI, IDR, SLICE = (
    bytes([0x67, 0x42, 0xC0, 0x1F, 0xDA]),
    bytes([0x68, 0xCE, 0x3C, 0x80]),
    bytes([0x06, 0x05]) + bytes(range(200)),
    bytes([0x65]) + bytes(2000),
    bytes([0x41]) + bytes(300),
)


def aggregated(*units: bytes) -> bytes:
    return b"\x78" + b"".join(pack("!H", len(unit)) + unit for unit in units)


def fragments(unit: bytes, size: int) -> list[bytes]:
    parts = [unit[at : at + size] for at in range(1, len(unit), size)]
    head = unit[0] & 0x60 | 28
    return [
        bytes([head, (n == 0) << 7 | (n == len(parts) - 1) << 6 | unit[0] & 0x1F]) + part
        for n, part in enumerate(parts)
    ]


H264_PICTURES = [  # as x264 and cameras make them
    [aggregated(SPS, PPS, SEI), *fragments(IDR, 1458)],  # datagrams of up to 1,472 bytes
    [SEI, SLICE],
    [aggregated(SEI, SLICE)],
    [SPS, PPS, SEI, *fragments(IDR, 700)],
    [SLICE],
]
VP8_PICTURES = [[vp8(n, bytes(1460 - 7), keyframe=n == 1)] for n in range(1, 6)]


@pytest.mark.parametrize(("codec", "pictures"), [("h264", H264_PICTURES), ("vp8", VP8_PICTURES)])
async def test_packets_go_through_whole_under_each_sides_payload_type(
    codec: str, pictures: list[list[bytes]], engine: LocalEngine
) -> None:
    with sockets(2) as (sender, ear):
        async with through(engine, codec, ear.getsockname()) as to:
            number, sent = 0, list[bytes]()
            for at, picture in enumerate(pictures):
                for part, payload in enumerate(picture):
                    marker = part == len(picture) - 1
                    packet = rtp(number, at * 3000, payload, payload_type=NUMBER, marker=marker)
                    assert len(packet) <= 1472
                    await sender.sendto(packet, to)
                    number, sent = number + 1, [*sent, payload]
            assert max(map(len, sent)) == 1460
            with trio.fail_after(30):
                got = [read((await ear.recvfrom(3000))[0]) for _ in sent]
    # VP8's picture ids are each leg's own.
    strip = 6 if codec == "vp8" else 0
    assert [it.payload[strip:] for it in got] == [payload[strip:] for payload in sent]
    assert {it.payload_type for it in got} == {NUMBER}


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "opus"])
async def test_sound_goes_through_both_ways(codec: str, engine: LocalEngine) -> None:
    known = CODECS[codec]
    with sockets(2) as (sender, ear):
        async with through(engine, codec, ear.getsockname()) as to:
            for number in range(3):
                packet = rtp(number, 160 * number, b"hum", payload_type=known.payload_type)
                await sender.sendto(packet, to)
            with trio.fail_after(30):
                got = [read((await ear.recvfrom(3000))[0]) for _ in range(3)]
    assert {(it.payload, it.payload_type) for it in got} == {(b"hum", known.payload_type)}


def write_fir(ssrc: int, number: int) -> bytes:
    """Make a full intra request (RFC 5104, section 4.3.1)."""
    return pack("!BBHIIIB3x", 0x84, 206, 4, 1, 0, ssrc, number)


async def test_a_browser_that_asks_for_a_keyframe_is_heard_by_all_who_are_named(
    engine: LocalEngine,
) -> None:
    with sockets(3) as (sender, *ears):
        to = await camera(engine, "vp8", tuple(ear.getsockname() for ear in ears))
        pair = await pair_of(engine, "vp8")
        await lead(engine, "camera/in", pair.first_told.sink("video"))
        sink = engine.router._sinks[pair.first_told.sink("video")]
        source = pair.second_told.source("video")
        await sender.sendto(rtp(0, 0, vp8(0), payload_type=NUMBER, ssrc=9), to)
        ask_by_fir = rtcp.write_receiver_report(1, (), "x") + write_fir(sink.ssrc, 5)
        for ask in (None, source, ask_by_fir):  # first for whoever is led to it
            if isinstance(ask, str):
                await engine.request_keyframe(ask)
            elif ask is not None:
                pair.second._peer.send_rtcp(ask)  # type: ignore[attr-defined]
            for ear in ears:
                with trio.fail_after(30):
                    told, _ = await ear.recvfrom(3000)
                assert rtcp.KeyframeRequest(9) in (rtcp.parse_rtcp(told) or [])
            if ask is None:
                keyframe = vp8(1, keyframe=True)
                await sender.sendto(rtp(1, 0, keyframe, payload_type=NUMBER, ssrc=9), to)
                with trio.fail_after(30):
                    while engine.router._sources[source].ssrc is None:
                        await trio.sleep(0.01)
        await engine.close_port("camera")


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
async def test_what_ffmpeg_sends_and_copies_goes_through_without_a_flaw(
    codec: str, engine: LocalEngine, tmp_path: Path
) -> None:
    port = free_udp_ports()
    async with through(engine, codec, (HERE, port)) as to:
        async with copying(tmp_path, RTPMAPS[codec], port) as file:
            # Its RTCP goes where nobody listens, so that its goodbye ends nothing.
            await send_media(codec, CODECS[codec].payload_type, to, rtcp_port=free_udp_ports())
            await trio.testing.wait_all_tasks_blocked(0.01)
            source, sink = await ends(engine)
    assert (source.lost, source.counts.foreign, source.counts.malformed) == (0, 0, 0)
    assert sink.counts.packets == source.counts.packets
    assert sink.counts.dropped == 0
    assert errors_in(file) == ""
    copied = look_into(file)
    assert list(copied.packets) == [ENCODED[codec]]
    if kind_of(codec) == "video":
        assert len(copied.packets[ENCODED[codec]]) == FRAMES
        assert copied.sizes == {ENCODED[codec]: (320, 240)}
    else:
        assert copied.duration == pytest.approx(SECONDS, abs=0.1)


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clients use loopback too, which is there on any machine."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [HERE])


class Lossy:
    """Loses three packets of a hundred, each once: who asks gets it."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._seen: set[bytes] = set()
        self.lost = 0

    def __call__(self, packet: bytes) -> bool:
        first = packet[:12] not in self._seen and self._dice.random() < 0.03
        self._seen.update([packet[:12]] if first else [])
        self.lost += first
        return first


@pytest.mark.slow
@pytest.mark.usefixtures("only_loopback")
@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_a_camera_is_seen_by_two_who_lose_packets_on_the_way(
    codec: str, media_loop: MediaLoop, engine: LocalEngine
) -> None:
    to = await camera(engine, codec)
    clients: list[Client] = []
    try:
        for number in range(2):
            client = await subscriber(media_loop, engine, f"browser {number}", ("opus", codec))
            clients.append(client)
            client.loses = Lossy(number)
            await lead(engine, "camera/in", client.told.sink("video"))
        await send_media(codec, NUMBER, to, seconds=6.0, rtcp_port=free_udp_ports())
        for client in clients:
            seen = await client.frames("video", 75)  # of ninety
            assert client.loses.lost > 0  # type: ignore[attr-defined]
            assert seen.frames >= 75
        stats = (await engine.stats()).router
        again = {it.id: it.counts.retransmitted for it in stats.sinks}
        assert all(again[client.told.sink("video")] for client in clients)
        (source,) = (it for it in stats.sources if it.id == "camera/in")
        assert (source.lost, source.legs) == (0, 2)
    finally:
        with trio.CancelScope(shield=True):
            for client in clients:
                await client.close()
            await engine.close_port("camera")
