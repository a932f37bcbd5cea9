"""Sound of a source: on its way as it came, or decoded and encoded for a target."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

from media.contract.jobs import COMMON, AudioTarget
from media.job.pcm import CHANNELS, RATE, Sound
from media.job.pulling.clock_report import ClockReport
from media.job.pulling.packet_queue import PulledPacket
from media.job.pulling.pulled_streams import TELEPHONE_RATE, OpenedStream
from media.job.pulling.pulled_time import OutputTime, PulledClock
from media.job.sound_encoder import SoundEncoder, clock_rate
from media.job.work import Outside, WorkFigures

TOLERANCE = 0.03  # seconds by which times of sources are rounded, or jitter
LONGEST_SOUND = RATE  # samples of one packet; the rest is cut off
_TELEPHONE_FRAME = TELEPHONE_RATE // 50  # 20 ms, as receivers expect
_LONGEST_PACKET = 1275  # bytes: of a frame of Opus (RFC 6716, 3.4); more fits no path
_TICK = Fraction(1, RATE)


class PassedOpus:
    """Opus as it comes."""

    def __init__(self, clock: PulledClock, outside: Outside, figures: WorkFigures) -> None:
        self._outside, self._figures = outside, figures
        self._report = ClockReport(COMMON, clock, outside)
        self._time = OutputTime(RATE, TOLERANCE)

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a packet and its position."""
        self._figures.frames_in += 1
        at = self._time.begin(position, opus_samples(packet.data))
        if at is None or not packet.data or len(packet.data) > _LONGEST_PACKET:
            return
        self._report.tell(at, at / RATE, now)
        self._figures.frames_out += self._outside.send(COMMON, packet.data, at, marker=False)


class PassedTelephone:
    """PCMU and PCMA as they come, in packets of 20 ms: those of sources have any length."""

    def __init__(self, clock: PulledClock, outside: Outside, figures: WorkFigures) -> None:
        self._outside, self._figures = outside, figures
        self._report = ClockReport(COMMON, clock, outside)
        self._time = OutputTime(TELEPHONE_RATE, TOLERANCE)
        self._rest = b""
        self._next = 0  # the time of what is left over

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a packet and its position."""
        self._figures.frames_in += 1
        at = self._time.begin(position, len(packet.data))
        if at is None:
            return
        if at != self._next + len(self._rest):
            self._rest, self._next = b"", at
        self._rest += packet.data
        while len(self._rest) >= _TELEPHONE_FRAME:
            frame, self._rest = self._rest[:_TELEPHONE_FRAME], self._rest[_TELEPHONE_FRAME:]
            self._report.tell(self._next, self._next / TELEPHONE_RATE, now)
            self._figures.frames_out += self._outside.send(COMMON, frame, self._next, marker=False)
            self._next += _TELEPHONE_FRAME


class DecodedSound:
    """Any other codec. What cannot be decoded is counted, and is a gap."""

    def __init__(
        self,
        stream: OpenedStream,
        target: AudioTarget,
        clock: PulledClock,
        outside: Outside,
        figures: WorkFigures,
    ) -> None:
        self._outside, self._figures = outside, figures
        self._report = ClockReport(COMMON, clock, outside)
        self._time = OutputTime(RATE, TOLERANCE)
        self.aim_at(target)
        self.change_stream(stream)

    def aim_at(self, target: AudioTarget) -> None:
        """Go on with this target. Raises CannotEncode."""
        self._target, self._encoder = target, SoundEncoder(target)

    def change_stream(self, stream: OpenedStream) -> None:
        """Go on with sound of a source that was opened anew."""
        self._context: Any = stream.context
        if not self._context.is_open:
            self._context.thread_count = 1
        self._converter: av.AudioResampler | None = None
        self._form: tuple[object, ...] = ()  # of what it converts

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a packet and its position."""
        coded = av.Packet(packet.data)
        coded.time_base = _TICK
        coded.pts = coded.dts = round(position * RATE)
        if packet.configuration is not None:
            coded.set_sidedata(packet.configuration)
        try:
            frames: list[av.AudioFrame] = self._context.decode(coded)
            sounds = [(each.pts, self._converted(each)) for each in frames]
        except (av.FFmpegError, ValueError):
            self._figures.decode_errors += 1
            self._context.flush_buffers()
            return
        self._figures.frames_in += len(frames)
        at = coded.dts
        for pts, sound in sounds:
            at = at if pts is None else pts  # a packet may hold several, timed as a whole
            self._encode(sound, at, now)
            at += len(sound)

    def _encode(self, sound: Sound, at: int, now: float) -> None:
        position = self._time.begin(at / RATE, len(sound))
        if position is None or not len(sound):
            return
        rate = clock_rate(self._target)
        whole = self._target.codec == "aac"  # see send_sound
        for payload, timestamp in self._encoder.encode(sound, position):
            self._report.tell(timestamp, timestamp / rate, now)
            self._figures.frames_out += self._outside.send(COMMON, payload, timestamp, marker=whole)

    def _converted(self, frame: av.AudioFrame) -> Sound:
        """Return sound of ours. Its times go by its own samples: the filter holds some back."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._converter is None or form != self._form:
            self._form = form
            self._converter = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
        frame.time_base, frame.pts = Fraction(1, frame.sample_rate), None
        parts = [
            np.frombuffer(memoryview(each.planes[0]), np.float32, each.samples * CHANNELS)
            for each in self._converter.resample(frame)
        ]
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        sound: Sound = samples[: LONGEST_SOUND * CHANNELS].reshape(-1, CHANNELS)
        return np.nan_to_num(sound).clip(-1.0, 1.0).astype(np.float32)


def opus_samples(packet: bytes) -> int:
    """Return how long a packet of Opus lasts, in samples of 48 kHz (RFC 6716, 3.1)."""
    if not packet:
        return 0
    mode = packet[0] >> 3
    if mode < 12:
        length = (480, 960, 1920, 2880)[mode & 3]
    elif mode < 16:
        length = (480, 960)[mode & 1]
    else:
        length = (120, 240, 480, 960)[mode & 3]
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    return length * count
