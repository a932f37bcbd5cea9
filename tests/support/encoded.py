"""Audio and video for tests: encoded here, with pictures and sounds that can be told apart."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count
from pathlib import Path

import av
from av.video.frame import PictureType

FLASH_SECONDS = 0.2  # how long a picture is white, or a tone sounds
_ENCODERS = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0:keyint=infinite"},
    ),
}


@dataclass(frozen=True)
class EncodedFrame:
    """One frame: `time` in seconds from 0; H.264 is an Annex B byte stream."""

    time: float
    data: bytes
    keyframe: bool


@lru_cache(maxsize=32)
def video(
    codec: str,
    seconds: float,
    *,
    rate: int = 30,
    size: tuple[int, int] = (320, 240),
    keyframes: tuple[float, ...] = (),
    flashes: tuple[float, ...] = (),
    bitrate: int = 300_000,
) -> list[EncodedFrame]:
    """Encode a moving picture; a keyframe comes first and at `keyframes`, white at `flashes`."""
    name, options = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(rate)
    encoder.time_base = Fraction(1, rate)
    encoder.bit_rate = bitrate
    encoder.gop_size = 1_000_000
    encoder.options = options
    wanted = {round(time * rate) for time in keyframes}
    frames: list[EncodedFrame] = []
    for number in range(round(seconds * rate)):
        picture = _picture(number, size, white=_is_on(number / rate, flashes))
        picture.pts = number
        picture.pict_type = PictureType.I if number in wanted else PictureType.NONE
        frames += (
            EncodedFrame(number / rate, bytes(packet), packet.is_keyframe)
            for packet in encoder.encode(picture)
        )
    return frames


def with_backward_pictures(seconds: float) -> list[EncodedFrame]:
    """Encode H.264 some of whose pictures are decoded after ones that are shown later."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = 320, 240
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(30)
    encoder.time_base = Fraction(1, 30)
    encoder.options = {"preset": "ultrafast", "x264-params": "bframes=2:b-adapt=0"}
    pictures = [_picture(number, (320, 240), white=False) for number in range(round(seconds * 30))]
    for number, picture in enumerate(pictures):
        picture.pts = number
    packets = [packet for picture in [*pictures, None] for packet in encoder.encode(picture)]
    return [
        EncodedFrame((packet.pts or 0) / 30, bytes(packet), packet.is_keyframe)
        for packet in packets
    ]


@lru_cache(maxsize=32)
def opus(seconds: float, *, beeps: tuple[float, ...] = ()) -> list[EncodedFrame]:
    """Encode packets of 20 ms, silent but at `beeps`."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = 48_000
    encoder.layout = "stereo"
    encoder.format = "s16"
    numbers = count()
    frames: list[EncodedFrame] = []
    for samples in _sound(seconds, 48_000, 960, beeps):
        block = av.AudioFrame(format="s16", layout="stereo", samples=960)
        block.sample_rate = 48_000
        block.planes[0].update(array("h", (s for s in samples for _ in "LR")).tobytes())
        frames += (
            EncodedFrame(next(numbers) * 0.02, bytes(packet), True)
            for packet in encoder.encode(block)
        )
    return frames


@lru_cache(maxsize=32)
def aac(
    seconds: float, rate: int = 48_000, channels: int = 2, *, beeps: tuple[float, ...] = ()
) -> list[EncodedFrame]:
    """Encode access units of 1,024 samples, silent but at `beeps`; without the one before 0."""
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = rate
    encoder.layout = "stereo" if channels == 2 else "mono"
    encoder.format = "fltp"
    encoder.time_base = Fraction(1, rate)
    packets = []
    for number, samples in enumerate(_sound(seconds, rate, 1024, beeps)):
        block = av.AudioFrame(format="fltp", layout=encoder.layout.name, samples=1024)
        block.sample_rate, block.pts, block.time_base = rate, number * 1024, Fraction(1, rate)
        for plane in block.planes:
            plane.update(array("f", (sample / 32768 for sample in samples)).tobytes())
        packets += encoder.encode(block)
    return [
        EncodedFrame(each.pts / rate, bytes(each), True)
        for each in packets
        if each.pts is not None and each.pts >= 0
    ]


@lru_cache(maxsize=32)
def g711(law: str, seconds: float, *, beeps: tuple[float, ...] = ()) -> list[EncodedFrame]:
    """Encode packets of 20 ms at 8 kHz, silent but at `beeps`; `law` is "pcmu" or "pcma"."""
    name = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}[law]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = 8000
    encoder.layout = "mono"
    encoder.format = "s16"
    frames = []
    for number, samples in enumerate(_sound(seconds, 8000, 160, beeps)):
        block = av.AudioFrame(format="s16", layout="mono", samples=160)
        block.sample_rate = 8000
        block.planes[0].update(samples.tobytes())
        [packet] = encoder.encode(block)
        frames.append(EncodedFrame(number * 0.02, bytes(packet), True))
    return frames


def flashes_in(path: Path) -> list[float]:
    """Return when white pictures begin, in seconds of the file."""
    found = []
    before = False
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            white = bytes(frame.planes[0])[0] > 200
            if white and not before:
                found.append(float(frame.time or 0.0))
            before = white
    return found


def beeps_in(path: Path) -> list[float]:
    """Return when tones begin, in seconds of the file; exact to about 10 ms."""
    found = []
    quiet_since = -1.0
    with av.open(str(path)) as file:
        to_mono = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for frame in file.decode(audio=0):
            start = float(frame.time or 0.0)
            for block in to_mono.resample(frame):
                samples = array("h", bytes(block.planes[0])[: block.samples * 2])
                for at in range(0, len(samples), 40):
                    time = start + at / 8000
                    if max(map(abs, samples[at : at + 40])) > 3000:
                        if time - quiet_since > FLASH_SECONDS / 2:
                            found.append(time)
                        quiet_since = time
    return found


def _picture(number: int, size: tuple[int, int], *, white: bool) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    bright = 235 if white else 16 + number * 7 % 64
    line = frame.planes[0].line_size
    bar = bytes([bright]) * (line // 2) + bytes([(number * 3) % 128]) * (line - line // 2)
    rows = frame.planes[0].buffer_size // line
    frame.planes[0].update(bytes([bright]) * line * (rows // 2) + bar * (rows - rows // 2))
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    return frame


def _sound(seconds: float, rate: int, block: int, beeps: tuple[float, ...]) -> Iterator[array[int]]:
    for start in range(0, round(seconds * rate), block):
        yield array(
            "h",
            (
                round(12_000 * math.sin(math.tau * 880 * at / rate))
                if _is_on(at / rate, beeps)
                else 0
                for at in range(start, start + block)
            ),
        )


def _is_on(time: float, times: tuple[float, ...]) -> bool:
    return any(begin <= time + 1e-9 < begin + FLASH_SECONDS for begin in times)
