"""Coded units into a container of FFmpeg: nothing is decoded, nothing encoded.

PyAV makes a stream with its decoder's configuration only after another stream: a few bytes of FLV,
which hold nothing but the configurations, are read for that.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from media.job.sending.coded_unit import CodedUnit, Formats
from media.rtp.aac import FRAME, audio_specific_config
from media.rtp.depayload import CodedSound, CodedVideo

VIDEO_RATE = 90_000
CONTAINER_RATE = 1000  # of the times in the coarsest of them, which is FLV
REORDERED_SECONDS = 0.5  # that a picture may be shown before one that came before it
INTERLEAVE = {"max_interleave_delta": "500000"}  # µs that one kind waits for the other one


class CodedMuxer:
    """Puts units into `container`, which has no streams yet, with times from `origin` on.

    `reorders`: pictures may be decoded in another order than they are shown in; then all is shown
    REORDERED_SECONDS later, so that none is decoded too late. Raises av.FFmpegError and OSError.
    """

    def __init__(
        self, container: OutputContainer, formats: Formats, origin: float, *, reorders: bool = False
    ) -> None:
        self._container = container
        self._origin = origin
        self._delay = REORDERED_SECONDS if reorders else 0.0
        self._streams: dict[str, Stream] = {}
        self._rates: dict[str, int] = {}
        self._last: dict[str, int] = {}  # decoding times
        with configurations(formats) as source:
            for stream in source.streams:
                self._add(stream, formats[stream.type])

    def write(self, unit: CodedUnit) -> None:
        """Mux one unit; units of a kind come in the order of decoding.

        Where a sender's clock leaps back, sound is left out until its time has come again. Pictures
        need each other: they follow as closely as a container can tell apart.
        """
        rate = self._rates[unit.kind]
        time = max(0, round((unit.moment - self._origin) * rate))
        last = self._last.get(unit.kind)
        if last is not None and unit.kind == "audio" and time - last < FRAME // 2:
            return
        packet = av.Packet(len(unit.data))
        packet.update(unit.data)
        packet.stream = self._streams[unit.kind]
        packet.time_base = Fraction(1, rate)
        least = 0 if last is None else last + rate // CONTAINER_RATE
        packet.dts = self._last[unit.kind] = max(least, time)
        packet.pts = max(packet.dts, time + round(self._delay * rate))
        if unit.kind == "audio":
            packet.duration = FRAME
        packet.is_keyframe = unit.keyframe
        self._container.mux(packet)

    def _add(self, template: Stream, format: CodedVideo | CodedSound) -> None:
        stream = self._container.add_stream_from_template(template)
        stream.codec_context.bit_rate = 0  # nobody knows
        if isinstance(format, CodedVideo):
            stream = cast(VideoStream, stream)
            stream.codec_context.width = format.width
            stream.codec_context.height = format.height
            rate = VIDEO_RATE
        else:
            stream = cast(AudioStream, stream)
            rate = stream.codec_context.sample_rate = format.sample_rate
            stream.codec_context.layout = "stereo" if format.channels == 2 else "mono"
        stream.time_base = Fraction(1, rate)
        self._rates[template.type] = rate
        self._streams[template.type] = stream


def configurations(formats: Formats) -> InputContainer:
    """Return a container with a stream of each format, and without media; close it."""
    flags = 4 * ("audio" in formats) | ("video" in formats)
    parts = [b"FLV\x01", bytes((flags,)), (9).to_bytes(4), bytes(4)]
    for _, format in sorted(formats.items(), reverse=True):  # pictures first, as is usual
        if isinstance(format, CodedVideo):
            parts.append(_tag(9, b"\x17\0\0\0\0" + format.private))
        else:
            config = audio_specific_config(format.sample_rate, format.channels)
            parts.append(_tag(8, bytes((0xAD + format.channels, 0)) + config))
    return av.open(io.BytesIO(b"".join(parts)), "r", format="flv")


def _tag(kind: int, data: bytes) -> bytes:
    """Return a tag of FLV: its head, its data, and how long both are."""
    tag = bytes((kind,)) + len(data).to_bytes(3) + bytes(7) + data
    return tag + len(tag).to_bytes(4)
