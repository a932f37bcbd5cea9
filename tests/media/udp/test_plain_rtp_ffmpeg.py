"""ffmpeg → UDP → the router, with or without WebRTC → UDP → ffmpeg; nothing is decoded between."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from media.contract.codec import Codec
from media.contract.plans import PortReceives, PortSends, PortWanted, Remote
from media.contract.session import Direction, SessionWanted, TrackWanted
from media.local_engine import LocalEngine
from tests.support.ffmpeg import FRAMES, Decoding, all_read, decoding, send_media
from tests.support.paths import lead
from tests.support.ports import free_udp_ports
from tests.support.sessions import open_pair

VIDEO_MODE = "packetization-mode=1"
CASES = {
    "vp8": (Codec("vp8", 90_000, 96), Codec("vp8", 90_000, 120), "120 VP8/90000"),
    "h264": (
        Codec("h264", 90_000, 97, fmtp=VIDEO_MODE),
        Codec("h264", 90_000, 121, fmtp=VIDEO_MODE),
        "121 H264/90000",
    ),
    "opus": (
        Codec("opus", 48_000, 98, channels=2),
        Codec("opus", 48_000, 122, channels=2),
        "122 opus/48000/2",
    ),
}


class Gateway:
    """Two plain ports of an engine, a source and a sink, and ffmpeg on both sides."""

    def __init__(self, engine: LocalEngine, codec: str) -> None:
        self.codec = codec
        self.kind = "audio" if codec == "opus" else "video"
        self._engine = engine
        self._port = free_udp_ports()
        self._comes, self._goes, self._rtpmap = CASES[codec]

    async def open(self) -> None:
        comes = PortReceives(self.kind, self._comes)
        goes = PortSends(self.kind, self._goes, Remote(("127.0.0.1", self._port)))
        self._in = await self._engine.open_port("in", PortWanted("127.0.0.1", receives=comes))
        await self._engine.open_port("out", PortWanted("127.0.0.1", sends=goes))

    async def play(self, folder: Path) -> Decoding:
        """Send two seconds, and return what was decoded on the other side."""
        async with decoding(folder, self._rtpmap, self._port) as decoded:
            await send_media(self.codec, self._comes.payload_type, self._in.address)
            await trio.testing.wait_all_tasks_blocked(0.01)  # what was sent is all read
            stats = (await self._engine.stats()).router
            [self.source] = [source for source in stats.sources if source.id == "in/in"]
            [self.sink] = [sink for sink in stats.sinks if sink.id == "out/out"]
            await all_read(self._port)
            await self._engine.close_port("out")
        await self._engine.close_port("in")
        return decoded

    def check(self, decoded: Decoding) -> None:
        """Check that every packet went through, and every frame was decoded."""
        assert self.source.lost == 0
        assert self.sink.counts.packets == self.source.counts.packets
        assert decoded.errors == ""
        # A packet of sound is a frame; one more may end it.
        sent = FRAMES if self.kind == "video" else self.source.counts.packets
        assert len(decoded.frames) == sent
        assert sent >= FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("codec", CASES)
async def test_media_of_a_real_sender_decodes_whole_at_a_real_receiver(
    codec: str, engine: LocalEngine, tmp_path: Path
) -> None:
    gateway = Gateway(engine, codec)
    await gateway.open()
    await lead(engine, "in/in", "out/out")
    gateway.check(await gateway.play(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("codec", CASES)
async def test_so_it_does_with_a_webrtc_connection_between_the_two(
    codec: str, engine: LocalEngine, tmp_path: Path
) -> None:
    gateway = Gateway(engine, codec)
    await gateway.open()
    wanted = SessionWanted((TrackWanted(gateway.kind, Direction.SEND, (codec,)),))
    takes = SessionWanted((TrackWanted(gateway.kind, Direction.RECEIVE),))
    pair = await open_pair(engine, first=wanted, second=takes)
    await pair.connected()
    await lead(engine, "in/in", pair.first_told.sink(gateway.kind))
    await lead(engine, pair.second_told.source(gateway.kind), "out/out")
    gateway.check(await gateway.play(tmp_path))
