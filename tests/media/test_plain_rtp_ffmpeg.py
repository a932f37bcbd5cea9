"""ffmpeg → UDP → a source → a sink → UDP → ffmpeg, with nothing decoded in between."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from media.port_range import PortRange
from media.router import TICK_SECONDS, Codec, Router
from media.rtp import PlainRtp, Remote
from tests.support.ffmpeg import FRAMES, decoding, send_media

ANY = PortRange(0, 0)

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


async def tick(router: Router) -> None:
    while True:
        await trio.sleep(TICK_SECONDS)
        router.tick(time.monotonic())


def free_port() -> int:
    """Return an even port that was free, like the one above it."""
    reserved = ANY.bind_pair("127.0.0.1")
    port = int(reserved[0].getsockname()[1])
    for one in reserved:
        one.close()
    return port


@pytest.mark.slow
@pytest.mark.parametrize("codec", CASES)
async def test_media_of_a_real_sender_decodes_whole_at_a_real_receiver(
    codec: str, tmp_path: Path
) -> None:
    comes, goes, rtpmap = CASES[codec]
    kind = "audio" if codec == "opus" else "video"
    router = Router()
    taken, given = (PlainRtp(router, ANY, "127.0.0.1") for _ in range(2))
    port = free_port()
    with closing(taken), closing(given):
        source = taken.receive("in", kind, comes)
        sink = given.send("out", kind, goes, Remote(("127.0.0.1", port)))
        router.attach("in", "out")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(taken.run)
            nursery.start_soon(given.run)
            nursery.start_soon(tick, router)
            async with decoding(tmp_path, rtpmap, port) as decoded:
                await send_media(codec, comes.payload_type, taken.address)
                await trio.testing.wait_all_tasks_blocked(0.01)  # what was sent is all read
                given.close()
            nursery.cancel_scope.cancel()
    assert source.stats().lost == 0
    assert sink.counts.packets == source.counts.packets
    assert decoded.errors == ""
    # A packet of sound is a frame; one more may end it.
    assert len(decoded.frames) == (FRAMES if kind == "video" else source.counts.packets)
    assert len(decoded.frames) >= FRAMES
