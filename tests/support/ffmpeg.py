"""ffmpeg as somebody who sends or receives plain RTP."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from media.contract.plans import Address
from tests.support.programs import need

SECONDS = 2
FRAMES = 30  # of video in that time
END_SECONDS = 20.0

QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin")
PICTURE = ("-re", "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=15:duration={SECONDS}")
SOUND = ("-re", "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={SECONDS}")

AT_ONCE = ("-preset", "ultrafast", "-tune", "zerolatency")
ENCODINGS = {
    "vp8": (*PICTURE, "-c:v", "libvpx", "-deadline", "realtime", "-g", "15"),
    "h264": (*PICTURE, "-c:v", "libx264", *AT_ONCE, "-pix_fmt", "yuv420p", "-g", "15"),
    "opus": (*SOUND, "-ac", "2", "-c:a", "libopus"),
}


async def send_media(codec: str, payload_type: int, to: Address) -> None:
    """Send two seconds of media in real time, in packets of ffmpeg's own size."""
    url = f"rtp://{to[0]}:{to[1]}?pkt_size=1472"
    output = ("-payload_type", str(payload_type), "-f", "rtp", url)
    with trio.fail_after(END_SECONDS):
        await trio.run_process(
            [need("ffmpeg"), *QUIET, *ENCODINGS[codec], *output], capture_stdout=True
        )


class Decoding:
    """An ffmpeg that waits for media; `frames` and `errors` are there after the block."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.errors = ""


@asynccontextmanager
async def decoding(folder: Path, rtpmap: str, port: int) -> AsyncIterator[Decoding]:
    """Decode what comes on a port until the sender says goodbye; the port is open at the start."""
    payload_type, encoding = rtpmap.split(" ", 1)
    kind = "audio" if "opus" in encoding else "video"
    description = folder / "stream.sdp"
    description.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m={kind} {port} RTP/AVP {payload_type}\na=rtpmap:{rtpmap}\n"
        f"a=fmtp:{payload_type} packetization-mode=1\n"
    )
    # Nothing is probed: what comes is known, and no frame may be lost to guessing.
    command = [need("ffmpeg"), *QUIET, "-protocol_whitelist", "file,udp,rtp"]
    command += ["-probesize", "32", "-analyzeduration", "0", "-reorder_queue_size", "0"]
    command += ["-i", str(description), "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    found = Decoding()
    process = await trio.lowlevel.open_process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with trio.open_nursery() as nursery:
            output: list[bytes] = []
            errors: list[bytes] = []
            nursery.start_soon(_collect, process.stdout, output)
            nursery.start_soon(_collect, process.stderr, errors)
            await _bound(port)
            yield found
            with trio.fail_after(END_SECONDS):
                await process.wait()
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + END_SECONDS):
            await process.wait()
    lines = b"".join(output).decode().splitlines()
    found.frames = [line for line in lines if line and not line.startswith("#")]
    found.errors = b"".join(errors).decode()


async def _collect(stream: trio.abc.ReceiveStream | None, chunks: list[bytes]) -> None:
    assert stream is not None
    async with stream:
        async for chunk in stream:
            chunks.append(bytes(chunk))


async def _bound(port: int) -> None:
    """Wait until somebody has the UDP port; the kernel sends no word of that."""
    with trio.fail_after(END_SECONDS):
        while f":{port:04X} " not in await trio.Path("/proc/net/udp").read_text():
            await trio.sleep(0.01)
