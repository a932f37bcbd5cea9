"""Pictures of a source: on their way as they came, or decoded and encoded for a target."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import msgspec
from av import VideoFrame

from media.contract.jobs import PICTURE, VideoTarget
from media.job.picture_decoder import CLOCK_RATE, MOST_PIXELS
from media.job.picture_input import MOST_FRAMES, MOST_POINTS, TimedPicture
from media.job.picture_packets import h264_payloads, needed_units, payload_maker
from media.job.pulling.clock_report import ClockReport
from media.job.pulling.packet_queue import PulledPacket
from media.job.pulling.pulled_streams import OpenedStream
from media.job.pulling.pulled_time import PulledClock
from media.job.transcoded_picture import TranscodedPicture
from media.job.work import Outside, WorkFigures
from media.rtp.h264 import IDR, kind_of

USUAL_RATE = 30.0  # pictures a second, where nobody says how many are wanted
BURST_SECONDS = 5.0  # of the most that is decoded in a second, at once
_TICK = Fraction(1, CLOCK_RATE)


class PassedPictures:
    """H.264 and VP8 as they come, from a keyframe on; H.264 with its parameter sets before each.

    Where there was no room for a packet, nothing more goes before the next keyframe. `unfit` tells
    that pictures came which do not pass.
    """

    due = float("inf")

    def __init__(
        self, stream: OpenedStream, clock: PulledClock, outside: Outside, figures: WorkFigures
    ) -> None:
        self.codec = stream.codec
        self.unfit = False
        self._outside, self._figures = outside, figures
        self._report = ClockReport(PICTURE, clock, outside)
        self._latest = -1
        self._cut = payload_maker(stream.codec)
        self.change_stream(stream)

    def change_stream(self, stream: OpenedStream) -> None:
        """Go on with pictures of a source that was opened anew."""
        self.unfit = False
        self._waiting = True  # for a keyframe
        self._order = stream.order
        self._reader = stream.reader

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a picture and its position."""
        self._figures.frames_in += 1
        payloads = self._payloads(packet)
        if self.unfit or self._waiting or not payloads:
            return
        self._latest = timestamp = max(self._latest + 1, round(position * CLOCK_RATE))
        self._report.tell(timestamp, position, now)
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            if not self._outside.send(PICTURE, payload, timestamp, marker=index == last):
                self._waiting = True
                return
        self._figures.frames_out += 1

    def want_keyframe(self) -> None:
        """Do nothing: a source cannot be asked for one."""

    def tick(self, now: float) -> None:
        """Do nothing."""

    def _payloads(self, packet: PulledPacket) -> list[bytes]:
        if self._reader is None or self._order is None:
            self._waiting = self._waiting and not packet.keyframe
            return self._cut(packet.data)
        if packet.configuration is not None:
            self._reader.configure(bytes(packet.configuration))
        units = needed_units(self._reader.read(packet.data))
        self._order.see(units, keyframe=packet.keyframe, in_order=True)
        self.unfit = self._order.passes is False
        self._waiting = self._waiting and not any(kind_of(unit) == IDR for unit in units)
        return h264_payloads(self._reader.complete(units))


class DecodedPictures:
    """Any other codec, and what is shown in another order than it comes.

    What cannot be decoded is counted, and pictures go on with the next keyframe.
    """

    def __init__(
        self,
        stream: OpenedStream,
        target: VideoTarget,
        clock: PulledClock,
        outside: Outside,
        figures: WorkFigures,
    ) -> None:
        self._clock, self._figures = clock, figures
        self._frames, self._points = _Allowance(MOST_FRAMES), _Allowance(MOST_POINTS)
        self._shown = TranscodedPicture(_with_rate(target), outside, figures)
        self._version = clock.version
        self.change_stream(stream)

    @property
    def due(self) -> float:
        """When `tick` is to be called."""
        return self._shown.repeat_due

    def aim_at(self, target: VideoTarget) -> None:
        """Go on with this target."""
        self._shown.aim_at(_with_rate(target))

    def change_stream(self, stream: OpenedStream) -> None:
        """Go on with pictures of a source that was opened anew."""
        self._context: Any = stream.context
        if not self._context.is_open:
            self._context.thread_count = 1
            self._context.options = {"max_pixels": str(MOST_PIXELS)}
        self._shown.want_keyframe()
        self._waiting = True  # for a keyframe

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a picture and the position of its decoding time."""
        if self._waiting and not packet.keyframe:
            return
        coded = av.Packet(packet.data)
        coded.time_base = _TICK
        coded.dts = round(position * CLOCK_RATE)
        later = (packet.pts or 0.0) - (packet.dts or 0.0) if packet.dts is not None else 0.0
        coded.pts = coded.dts if packet.pts is None else coded.dts + round(later * CLOCK_RATE)
        if packet.configuration is not None:
            coded.set_sidedata(packet.configuration)
        try:
            if not (self._frames.left(now) and self._points.left(now)):
                raise av.error.InvalidDataError(0, "too much")
            frames: list[VideoFrame] = self._context.decode(coded)
        except (av.FFmpegError, ValueError):
            self._figures.decode_errors += 1
            self._context.flush_buffers()
            self._waiting = True
            return
        self._waiting = False
        self._figures.frames_in += len(frames)
        self._frames.take(1)
        self._points.take(sum(each.width * each.height for each in frames))
        if self._version != self._clock.version:
            self._version = self._clock.version
            self._shown.forget_clock()
        self._shown.show([self._timed(each, coded.dts, now) for each in frames], now)

    def want_keyframe(self) -> None:
        """Have the picture begin anew soon."""
        self._shown.want_keyframe()

    def tick(self, now: float) -> None:
        """Send the latest picture again, for a keyframe is wanted and none comes."""
        if self._shown.repeat_due <= now:
            self._shown.repeat(now)

    def _timed(self, frame: VideoFrame, otherwise: int, now: float) -> TimedPicture:
        timestamp = otherwise if frame.pts is None else frame.pts
        return TimedPicture(frame, timestamp, self._clock.moment(timestamp / CLOCK_RATE), now)


class _Allowance:
    """So much a second, in the long run: sources begin with what they have kept."""

    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._at = rate, rate * BURST_SECONDS, float("inf")

    def left(self, now: float) -> bool:
        """Tell whether anything is left by now."""
        gained = max(0.0, now - self._at) * self._rate
        self._left, self._at = min(self._left + gained, self._rate * BURST_SECONDS), now
        return self._left > 0

    def take(self, much: int) -> None:
        """Use up so much."""
        self._left -= much


def _with_rate(target: VideoTarget) -> VideoTarget:
    if target.framerate > 0:
        return target
    return msgspec.structs.replace(target, framerate=USUAL_RATE)
