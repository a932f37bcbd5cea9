"""What one second of each codec costs on this machine, in CPU seconds.

Pictures are 640×360 at 24 a second, of a moving pattern with some noise, which is about what a
camera costs; sound is stereo at 48 kHz. A codec that this FFmpeg does not have is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT, RATE = 640, 360, 24
SCALED = (320, 180)
SOUND_RATE = 48_000
SOUND_FRAMES = 50  # of 20 ms
BITRATE = 800_000

VIDEO_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "vp8": (
        "libvpx",
        {"deadline": "realtime", "cpu-used": "12", "lag-in-frames": "0", "error-resilient": "1"},
    ),
    "h264": (
        "libx264",
        {"preset": "superfast", "tune": "zerolatency", "profile": "baseline"},
    ),
}
SOUND_ENCODERS = {
    "opus": "libopus", "aac": "aac", "g722": "g722", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"
}  # fmt: skip


def measure_costs() -> dict[str, float]:
    """Return the costs by name: "encode.vp8", "decode.opus", "scale", …; takes a few seconds."""
    pictures = _pictures()
    costs = {"scale": _cost(lambda: _scale(pictures))[0]}
    for codec, (encoder, options) in VIDEO_ENCODERS.items():
        _try(costs, codec, _video_encoder(encoder, options), pictures)
    for codec, encoder in SOUND_ENCODERS.items():
        _try(costs, codec, _sound_encoder(encoder), None)
    return costs


def _try(
    costs: dict[str, float],
    codec: str,
    make: Callable[[], Any],
    pictures: Sequence[av.VideoFrame] | None,
) -> None:
    try:
        encoder = make()
        frames: Sequence[Any] = _sounds(encoder) if pictures is None else pictures
        spent, packets = _cost(lambda: _encode(encoder, frames))
        decoder: Any = av.CodecContext.create(_decoder(encoder), "r")
        decoder.thread_count = 1
        if encoder.extradata:
            decoder.extradata = encoder.extradata
        if pictures is None:
            decoder.sample_rate = encoder.sample_rate
            decoder.layout = encoder.layout
        costs[f"encode.{codec}"] = spent
        costs[f"decode.{codec}"] = _cost(lambda: _decode(decoder, packets))[0]
    except (av.FFmpegError, ValueError):
        return


def _video_encoder(name: str, options: dict[str, str]) -> Callable[[], Any]:
    def make() -> Any:
        encoder: Any = av.CodecContext.create(name, "w")
        encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        encoder.framerate, encoder.time_base = Fraction(RATE), Fraction(1, RATE)
        encoder.bit_rate, encoder.thread_count, encoder.options = BITRATE, 1, options
        encoder.open()
        return encoder

    return make


def _sound_encoder(name: str) -> Callable[[], Any]:
    def make() -> Any:
        encoder: Any = av.CodecContext.create(name, "w")
        phone = name in ("g722", "pcm_mulaw")
        encoder.sample_rate = {"g722": 16_000, "pcm_mulaw": 8000}.get(name, SOUND_RATE)
        encoder.layout = "mono" if phone else "stereo"
        encoder.format = encoder.codec.audio_formats[0].name
        encoder.time_base = Fraction(1, encoder.sample_rate)
        encoder.open()
        return encoder

    return make


def _pictures() -> list[av.VideoFrame]:
    """Make one second of pictures: a pattern that moves, under the noise of a camera."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[0 : HEIGHT * 3 // 2, 0:WIDTH]
    made = []
    for number in range(RATE):
        pattern = 128 + 60 * np.sin((columns + 3 * number) / 23) * np.cos((rows - number) / 31)
        noise = random.normal(0, 2, pattern.shape)
        planes = np.clip(pattern + noise, 16, 235).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        made.append(frame)
    return made


def _sounds(encoder: Any) -> list[av.AudioFrame]:
    """Make one second of noise in the form that an encoder takes."""
    random = np.random.default_rng(1)
    size = encoder.frame_size or encoder.sample_rate // SOUND_FRAMES
    channels = encoder.layout.nb_channels
    planar, kind = (
        encoder.format.is_planar,
        np.float32 if "flt" in encoder.format.name else np.int16,
    )
    made = []
    for number in range(encoder.sample_rate // size):
        noise = random.normal(0, 0.1, (channels, size)).clip(-1, 1)
        samples = (noise if kind is np.float32 else noise * 32_767).astype(kind)
        if not planar:
            samples = samples.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format=encoder.format.name, layout=encoder.layout.name
        )
        frame.sample_rate, frame.pts = encoder.sample_rate, number * size
        frame.time_base = Fraction(1, encoder.sample_rate)
        made.append(frame)
    return made


def _cost(step: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = step()
    return time.process_time() - started, result


def _scale(pictures: Iterable[av.VideoFrame]) -> None:
    for picture in pictures:
        picture.reformat(*SCALED, interpolation="BILINEAR")


def _encode(encoder: Any, frames: Iterable[Any]) -> list[Any]:
    packets = [packet for frame in frames for packet in encoder.encode(frame)]
    return packets + list(encoder.encode(None))


def _decode(decoder: Any, packets: Iterable[Any]) -> int:
    return sum(len(decoder.decode(packet)) for packet in packets)


def _decoder(encoder: Any) -> str:
    decoders = {"libvpx": "vp8", "libx264": "h264", "libopus": "opus"}
    name: str = encoder.codec.name
    return decoders.get(name, name)
