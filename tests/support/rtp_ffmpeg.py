"""ffmpeg processes that send RTP to a gateway, and record what a gateway sends."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.device_program import HERE, Socket
from tests.support.ports import free_udp_ports
from tests.support.programs import need

QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin")
PICTURE = ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15")
SOUND = ("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
H264 = (
    "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
    "-pix_fmt", "yuv420p", "-g", "30", "-bsf:v", "dump_extra",
)  # fmt: skip
ENCODINGS = {
    "VP8": (*PICTURE, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"),
    "H264": (*PICTURE, *H264),
    "OPUS": (*SOUND, "-ac", "2", "-c:a", "libopus"),
    "PCMU": (*SOUND, "-ac", "1", "-ar", "8000", "-c:a", "pcm_mulaw"),
    "PCMA": (*SOUND, "-ac", "1", "-ar", "8000", "-c:a", "pcm_alaw"),
}
RTPMAPS = {
    "VP8": "VP8/90000", "H264": "H264/90000", "OPUS": "opus/48000/2", "PCMU": "PCMU/8000",
    "PCMA": "PCMA/8000",
}  # fmt: skip
END_SECONDS = 60.0


@contextmanager
def sending(codec: str, payload_type: int, to: Socket, packet_bytes: int = 1200) -> Iterator[None]:
    """Send a moving picture, or a tone, for as long as the block lasts."""
    host, port = to.address
    output = ("-payload_type", str(payload_type), "-f", "rtp",
              f"rtp://{host}:{port}?pkt_size={packet_bytes}")  # fmt: skip
    process = subprocess.Popen(
        [need("ffmpeg"), *QUIET, *ENCODINGS[codec], *output], stdout=subprocess.DEVNULL
    )
    try:
        yield
        assert process.poll() is None, "ffmpeg ended by itself"
    finally:
        process.kill()
        process.wait(END_SECONDS)


@dataclass
class Recording:
    """What an ffmpeg has written; `port` is where it takes RTP, and the one above RTCP."""

    file: Path
    port: int

    @property
    def redirect(self) -> dict[str, object]:
        return {"ip_v4": HERE, "port": self.port}

    @property
    def rtcp_redirect(self) -> dict[str, object]:
        return {"ip_v4": HERE, "port": self.port + 1}

    def errors(self) -> str:
        """Decode all of it; return what ffmpeg complains of."""
        # Frames at the times they have: at a rate that is guessed, two may be at one.
        as_it_is = ("-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-")
        command = [need("ffmpeg"), *QUIET, "-i", str(self.file), *as_it_is]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr

    def frames(self) -> int:
        """Return how many packets it holds."""
        command = [need("ffprobe"), "-loglevel", "error", "-count_packets", "-show_entries",
                   "stream=nb_read_packets", "-of", "csv=p=0", str(self.file)]  # fmt: skip
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(found.stdout.strip().strip(","))


@contextmanager
def recording(folder: Path, codec: str, payload_type: int) -> Iterator[Recording]:
    """Record what comes, as it is; the file is whole after the block."""
    port = free_udp_ports()
    description = folder / f"{codec}.sdp"
    kind = "video" if codec in ("VP8", "H264") else "audio"
    description.write_text(
        f"v=0\no=- 0 0 IN IP4 {HERE}\ns=-\nc=IN IP4 {HERE}\nt=0 0\n"
        f"m={kind} {port} RTP/AVP {payload_type}\na=rtpmap:{payload_type} {RTPMAPS[codec]}\n"
        f"a=fmtp:{payload_type} packetization-mode=1\n"
    )
    file = folder / f"{codec}.mkv"
    command = [need("ffmpeg"), *QUIET, "-protocol_whitelist", "file,udp,rtp", "-i",
               str(description), "-c", "copy", "-y", str(file)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _until_bound(port)
        yield Recording(file, port)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=END_SECONDS)
        finally:
            process.kill()
            process.wait(END_SECONDS)


def _until_bound(port: int) -> None:
    """Wait until somebody has the UDP port; the kernel sends no word of that."""
    deadline = time.monotonic() + END_SECONDS
    while f":{port:04X} " not in Path("/proc/net/udp").read_text():
        assert time.monotonic() < deadline, "ffmpeg does not listen"
        time.sleep(0.01)
