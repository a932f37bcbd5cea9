"""ffmpeg as somebody who sends or receives plain RTP."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from media.contract.plans import Address
from media.rtp import rtcp
from tests.support.programs import need

SECONDS = 2
FRAMES = 30  # of video in that time
END_SECONDS = 60.0

QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin")
PICTURE = ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15")
SOUND = ("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
TELEPHONE = (*SOUND, "-ac", "1", "-ar", "8000")

AT_ONCE = ("-preset", "ultrafast", "-tune", "zerolatency")
ENCODINGS = {
    "vp8": (*PICTURE, "-c:v", "libvpx", "-deadline", "realtime", "-g", "15"),
    "h264": (*PICTURE, "-c:v", "libx264", *AT_ONCE, "-pix_fmt", "yuv420p", "-g", "15"),
    "opus": (*SOUND, "-ac", "2", "-c:a", "libopus"),
    "pcmu": (*TELEPHONE, "-c:a", "pcm_mulaw"),
    "pcma": (*TELEPHONE, "-c:a", "pcm_alaw"),
}


async def send_media(
    codec: str, payload_type: int, to: Address, *, seconds: float = SECONDS, rtcp_port: int = 0
) -> None:
    """Send media in real time, in packets of ffmpeg's own size.

    Its RTCP goes to the port above that of its RTP, if no other one is given.
    """
    url = f"rtp://{to[0]}:{to[1]}?pkt_size=1472" + (f"&rtcpport={rtcp_port}" if rtcp_port else "")
    output = ("-t", str(seconds), "-payload_type", str(payload_type), "-f", "rtp", url)
    with trio.fail_after(END_SECONDS + seconds):
        await trio.run_process(
            [need("ffmpeg"), *QUIET, *ENCODINGS[codec], *output], capture_stdout=True
        )


class Decoding:
    """An ffmpeg that waits for media; `frames` and `errors` are there after the block."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.errors = ""


def describe(folder: Path, rtpmap: str, port: int) -> Path:
    """Write down what comes to a port, as ffmpeg reads it."""
    payload_type, encoding = rtpmap.split(" ", 1)
    kind = "video" if encoding.endswith("/90000") else "audio"
    description = folder / "stream.sdp"
    description.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m={kind} {port} RTP/AVP {payload_type}\na=rtpmap:{rtpmap}\n"
        f"a=fmtp:{payload_type} packetization-mode=1\n"
    )
    return description


@asynccontextmanager
async def copying(folder: Path, rtpmap: str, port: int) -> AsyncIterator[Path]:
    """Put what comes on a port into a file as it is, until the end of the block.

    The goodbye that ends the file is said here, to the port above that one: a stream without
    reports ends without any.
    """
    file = folder / "copied.mkv"
    command = [need("ffmpeg"), *QUIET, "-y", "-protocol_whitelist", "file,udp,rtp"]
    command += ["-probesize", "50000", "-analyzeduration", "500000", "-reorder_queue_size", "0"]
    command += ["-i", str(describe(folder, rtpmap, port)), "-c", "copy", str(file)]
    process = await trio.lowlevel.open_process(command, stderr=subprocess.DEVNULL)
    try:
        await _bound(port)
        yield file
        with socket.socket(type=socket.SOCK_DGRAM) as ending:
            goodbye = rtcp.write_receiver_report(1, (), "test") + rtcp.write_bye(1)
            ending.sendto(goodbye, ("127.0.0.1", port + 1))
        with trio.fail_after(END_SECONDS):
            await process.wait()
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + END_SECONDS):
            await process.wait()


@asynccontextmanager
async def decoding(folder: Path, rtpmap: str, port: int) -> AsyncIterator[Decoding]:
    """Decode what comes on a port until the sender says goodbye; the port is open at the start."""
    description = describe(folder, rtpmap, port)
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


async def all_read(port: int) -> None:
    """Wait until who has the UDP port has read all that came: a goodbye would overtake it."""
    with trio.fail_after(END_SECONDS):
        while await _unread(port) != 0:
            await trio.sleep(0.01)


async def _bound(port: int) -> None:
    """Wait until somebody has the UDP port; the kernel sends no word of that."""
    with trio.fail_after(END_SECONDS):
        while await _unread(port) is None:
            await trio.sleep(0.01)


async def _unread(port: int) -> int | None:
    """Return how many bytes wait at a UDP port, None where nobody has it."""
    for line in (await trio.Path("/proc/net/udp").read_text()).splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if local.endswith(f":{port:04X}"):
            return int(queues.partition(":")[2], 16)
    return None
