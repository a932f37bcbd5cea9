"""What ffmpeg finds in a media file."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import need


@dataclass(frozen=True)
class MediaFile:
    """A file as ffprobe sees it; times in seconds, counts of packets, by codec."""

    duration: float
    packets: dict[str, list[float]]
    sizes: dict[str, tuple[int, int]]


def errors_in(path: Path) -> str:
    """Decode all of a file; return what ffmpeg complains about."""
    # Frames that come at odd times are not to be counted in whole frames, hence vfr.
    to_nowhere = ["-fps_mode", "vfr", "-f", "null", "-"]
    ffmpeg = [need("ffmpeg"), "-nostdin", "-v", "error", "-i", str(path), *to_nowhere]
    ran = subprocess.run(ffmpeg, capture_output=True, text=True, timeout=60, check=False)
    return ran.stderr if ran.returncode == 0 else f"{ran.stderr}\nexit {ran.returncode}"


def look_into(path: Path) -> MediaFile:
    """Read a file's packets, as they are in it."""
    ffprobe = [need("ffprobe"), "-v", "error", "-of", "json", "-show_format", "-show_streams"]
    ran = subprocess.run(
        [*ffprobe, "-show_packets", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    facts = json.loads(ran.stdout)
    names = {stream["index"]: stream["codec_name"] for stream in facts["streams"]}
    packets: dict[str, list[float]] = {name: [] for name in names.values()}
    for packet in facts["packets"]:
        packets[names[packet["stream_index"]]].append(float(packet["pts_time"]))
    sizes = {
        stream["codec_name"]: (stream["width"], stream["height"])
        for stream in facts["streams"]
        if "width" in stream
    }
    return MediaFile(float(facts["format"].get("duration", 0.0)), packets, sizes)


def copied(playlist: Path) -> Path:
    """Return what a playlist or manifest plays, in one file; PyAV reads no DASH."""
    file = playlist.with_name("copied.mkv")
    ffmpeg = [need("ffmpeg"), "-nostdin", "-v", "error", "-copyts", "-i", str(playlist)]
    subprocess.run([*ffmpeg, "-c", "copy", "-y", str(file)], timeout=60, check=True)
    return file
