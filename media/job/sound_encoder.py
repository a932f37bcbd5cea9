"""From sound to payloads of RTP: Opus, AAC-LC, PCMU, PCMA and G.722.

Frames of the same position are cut alike by all encoders of a target, so that a receiver may go
from the packets of one to those of another. Opus goes without forward error correction: with it,
libopus takes three times as long, for it gives up its quicker mode.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, cast

import av
import numpy as np
import numpy.typing as npt

from media.contract.jobs import AudioTarget
from media.job.pcm import RATE, Sound, silence
from media.job.resample import EvenResampler, frame_of
from media.rtp.aac import FRAME as AAC_FRAME
from media.rtp.aac import pack_unit

Payload = tuple[bytes, int]
"""What goes into a packet, and its RTP time."""

_OPUS_FRAME = 960
# Of libopus' complexity: 5 costs half as much again, 10 twice as much; of speech at this bitrate
# the spectrum comes out a tenth of a decibel closer.
_OPUS_OPTIONS = {"application": "audio", "frame_duration": "20", "compression_level": "1"}
_AAC_OPTIONS = {"aac_coder": "fast"}  # the usual one takes four times as long
_BITRATES = {"opus": (40_000, 64_000), "aac": (64_000, 128_000)}  # of one channel, and of two
_ENCODERS = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw", "g722": "g722"}
_SAMPLING = {"pcmu": 8000, "pcma": 8000, "g722": 16_000}
_TELEPHONE_FRAME = 960  # 20 ms, as receivers expect
_TELEPHONE_CLOCK = 8000  # also of G.722 (RFC 3551, 4.5.2)


class CannotEncode(ValueError):
    """A target that no encoder here reaches."""


def check_target(target: AudioTarget) -> None:
    """Raise CannotEncode for a target that no encoder here reaches."""
    if not target.possible:
        raise CannotEncode(f"{target.codec}, {target.sample_rate} Hz, {target.channels} channels")


class SoundEncoder:
    """Encodes one output. Raises CannotEncode for a target that it cannot reach."""

    def __init__(self, target: AudioTarget) -> None:
        self.clock_rate = clock_rate(target)
        self._codec = _codec_of(target)
        self._rest = silence(0)
        self._next: int | None = None  # the position of what is left over

    def encode(self, sound: Sound, position: int) -> list[Payload]:
        """Return what is ready by now, of sound whose first sample has this position.

        Positions count samples of 48 kHz; where they do not go on from the last ones, sound is
        missing, and times tell it. AAC holds back a frame.
        """
        frame = self._codec.frame
        if self._next is None or position != self._next + len(self._rest):
            # Frames begin at multiples of their length, whoever encodes them.
            self._rest, self._next = silence(0), -(-position // frame) * frame
            sound = sound[self._next - position :]
            if not len(sound):
                self._next = None
                return []
        self._rest = np.concatenate((self._rest, sound)) if len(self._rest) else sound
        payloads: list[Payload] = []
        while len(self._rest) >= frame:
            payloads += [
                (payload, time * self.clock_rate // RATE)
                for payload, time in self._codec.encode(self._rest[:frame], self._next)
            ]
            self._rest = self._rest[frame:]
            self._next += frame
        return payloads


def clock_rate(target: AudioTarget) -> int:
    """Return the Hz in which the times of an output count."""
    return _TELEPHONE_CLOCK if target.codec in _ENCODERS else RATE


class _Packed:
    """Opus and AAC, of sound as it is."""

    def __init__(self, codec: str, channels: int) -> None:
        self.frame = _OPUS_FRAME if codec == "opus" else AAC_FRAME
        self._aac = codec == "aac"
        self._layout: Literal["mono", "stereo"] = "mono" if channels == 1 else "stereo"
        encoder = _created("aac" if self._aac else "libopus")
        encoder.sample_rate = RATE
        encoder.format = "fltp" if self._aac else "flt"
        encoder.layout = self._layout
        encoder.bit_rate = _BITRATES[codec][channels - 1]
        encoder.time_base = Fraction(1, RATE)
        encoder.options = _AAC_OPTIONS if self._aac else _OPUS_OPTIONS
        self._encoder = encoder

    def encode(self, sound: Sound, position: int) -> list[Payload]:
        """Return packets, and the positions they begin at."""
        sides = _mono(sound)[:, None] if self._layout == "mono" else sound
        if self._aac:
            frame = frame_of(sides.T, RATE, "fltp", self._layout)
        else:
            frame = frame_of(sides.reshape(1, -1), RATE, "flt", self._layout)
        frame.pts, frame.time_base = position, Fraction(1, RATE)
        packets = self._encoder.encode(frame)
        if not self._aac:
            return [(bytes(each), position) for each in packets]
        return [(pack_unit(bytes(each)), each.pts) for each in packets if each.pts is not None]


class _Telephone:
    """PCMU, PCMA and G.722: mono, at a lower rate."""

    frame = _TELEPHONE_FRAME

    def __init__(self, codec: str) -> None:
        self._rate = _SAMPLING[codec]
        self._resampler = EvenResampler(RATE, self._rate)
        encoder = _created(_ENCODERS[codec])
        encoder.sample_rate = self._rate
        encoder.format = "s16"
        encoder.layout = "mono"
        self._encoder = encoder

    def encode(self, sound: Sound, position: int) -> list[Payload]:
        """Return packets, and the positions they begin at."""
        whole = np.rint(_mono(sound) * 32767).clip(-32768, 32767).astype(np.int16)
        samples = self._resampler.convert(whole)[None, :]
        packets = self._encoder.encode(frame_of(samples, self._rate, "s16", "mono"))
        return [(bytes(each), position) for each in packets]


def _codec_of(target: AudioTarget) -> _Packed | _Telephone:
    check_target(target)
    if target.codec in _ENCODERS:
        return _Telephone(target.codec)
    return _Packed(target.codec, target.channels)


def _created(name: str) -> av.AudioCodecContext:
    encoder = cast("av.AudioCodecContext", av.CodecContext.create(name, "w"))
    encoder.thread_count = 1
    return encoder


def _mono(sound: Sound) -> npt.NDArray[np.float32]:
    mixed: npt.NDArray[np.float32] = sound[:, 0] + sound[:, 1]  # numpy's mean takes far longer
    mixed *= np.float32(0.5)
    return mixed
