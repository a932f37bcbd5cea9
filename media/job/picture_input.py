"""The pictures of one input: from its packets, as they come, to frames at their time.

A loss, or a frame that cannot be read, freezes the picture until the keyframe that is asked for
then: to decode on would draw garbage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import av
from av import VideoFrame

from media.contract.codec import Codec
from media.contract.jobs import InputSlowed, JobInput, PictureSeen
from media.job.decoding_share import KEYFRAME_SECONDS, DecodingShare
from media.job.picture_decoder import CLOCK_RATE, OpenDecoder, open_decoder
from media.job.work import Outside, WorkFigures
from media.rtp.depayload import CodedVideo, Frame, RtpPayload, depayloader_for, open_packet
from media.rtp.reorder import Reorder
from media.rtp.sender_clock import signed

PATIENCE_SECONDS = 0.2  # for a lost packet, which the server asks the sender for
ASKED_AGAIN_SECONDS = 0.5  # for a keyframe, while none comes
TOLD_AGAIN_SECONDS = 1.0  # between two sizes that are told: every picture may have another one
MOST_FRAMES = 120  # in a second; nobody sends so many who means it
MOST_POINTS = 3840 * 2160 * 40  # in a second: half of a core, in a few bytes if nothing moves
PLAUSIBLE_SECONDS = 5.0  # between what reports say of a picture's time and its arrival


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """A decoded picture. `timestamp` is its packets', widened; `moment` when it was captured.

    That is time.monotonic by the sender's reports, by its arrival until there is one.
    """

    frame: VideoFrame
    timestamp: int
    moment: float
    arrival: float


class PictureInput:
    """Nothing that comes raises. What cannot be decoded is counted, and costs nobody else.

    `late` tells whether something waits for the process at a moment: then an input that takes more
    than its share is slowed. `clock` counts the CPU time that decoding takes.
    """

    def __init__(
        self,
        told: JobInput,
        outside: Outside,
        figures: WorkFigures,
        open_decoder: OpenDecoder = open_decoder,
        late: Callable[[float], bool] = lambda _: False,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.told = told
        self._outside = outside
        self._figures = figures
        self._open_decoder = open_decoder
        self._late = late
        self._clock = clock
        self._share = DecodingShare()
        self._decoder = open_decoder(told.codec)
        codec = Codec(told.codec, CLOCK_RATE, 96, fmtp=told.fmtp)
        self._depayloader = depayloader_for(codec)
        self._reorder: Reorder[RtpPayload] = Reorder(PATIENCE_SECONDS)
        self._configuration = b""  # of the frames it decodes
        self._needs_keyframe = True  # the decoder does
        self._asked_at = float("-inf")
        self._latest: int | None = None  # timestamp, widened
        self._report: tuple[int, float] | None = None
        self._size = (0, 0)  # that was told
        self._told_at = float("-inf")
        self._second = float("-inf")  # its begin
        self._frames = self._points = 0  # in it so far
        outside.request_keyframe(told.id)

    @property
    def due(self) -> float:
        """When `release` gives up on a packet that is missing; infinite for never."""
        return self._reorder.due

    def take(self, packet: bytes, arrival: float) -> list[TimedPicture]:
        """Take one packet, whatever it is; return the pictures that can be shown now."""
        opened = open_packet(packet, arrival)
        if opened is None:
            return []
        if self._reorder.passes(opened.sequence):
            return self._forward([(opened, True)], arrival)
        return self._forward(self._reorder.push(opened.sequence, opened, arrival), arrival)

    def release(self, now: float) -> list[TimedPicture]:
        """Give up on packets that are too late; return the pictures behind them."""
        return self._forward(self._reorder.release(now), now)

    def take_report(self, timestamp: int, moment: float) -> None:
        """Take when a timestamp was captured."""
        self._report = (timestamp, moment)

    def _forward(
        self, packets: Iterable[tuple[RtpPayload, bool]], now: float
    ) -> list[TimedPicture]:
        pictures: list[TimedPicture] = []
        for packet, whole in packets:
            for frame in self._depayloader.push(packet, whole=whole):
                pictures += self._decode(frame, packet.arrival)
            if self._depayloader.waiting or self._needs_keyframe:
                self._ask_for_keyframe(now)
        return pictures

    def _decode(self, frame: Frame, arrival: float) -> list[TimedPicture]:
        if not self._share.admits(arrival, keyframe=frame.keyframe):
            self._figures.skipped_frames += 1
            self._needs_keyframe = True
            return []
        if self._needs_keyframe and not frame.keyframe:
            return []
        self._configure(frame)
        began = self._clock()
        try:
            self._pace(arrival)
            shown = self._decoder.decode(frame, self._widened(frame.timestamp))
        except av.FFmpegError:
            self._figures.decode_errors += 1
            self._needs_keyframe = True
            self._decoder = self._open_decoder(self.told.codec)  # nothing of the broken one stays
            return []
        finally:
            self._spend(self._clock() - began, arrival)
        self._needs_keyframe = False
        self._figures.frames_in += len(shown)
        self._points += sum(each.width * each.height for each in shown)
        return [self._picture(each, arrival) for each in shown]

    def _spend(self, seconds: float, now: float) -> None:
        if self._share.spend(seconds, now, late=self._late(now)):
            self._outside.tell(InputSlowed(self.told.id))

    def _configure(self, frame: Frame) -> None:
        """Begin with a new decoder where the stream is another one from here on.

        One would keep what an earlier stream said of the order of its pictures, and hold back those
        of this one for ever.
        """
        video = frame.format
        if isinstance(video, CodedVideo) and video.private != self._configuration:
            self._configuration = video.private
            self._decoder = self._open_decoder(self.told.codec)

    def _pace(self, arrival: float) -> None:
        """Refuse a flood as if it could not be read: its next keyframe comes after a request."""
        if not self._second <= arrival < self._second + 1:
            self._second, self._frames, self._points = arrival, 0, 0
        self._frames += 1
        if self._frames > MOST_FRAMES or self._points >= MOST_POINTS:
            raise av.error.InvalidDataError(0, "too much in a second")

    def _picture(self, frame: VideoFrame, arrival: float) -> TimedPicture:
        size = (frame.width, frame.height)
        if size != self._size and arrival - self._told_at >= TOLD_AGAIN_SECONDS:
            self._size, self._told_at = size, arrival
            self._outside.tell(PictureSeen(self.told.id, *size))
        timestamp = self._latest or 0 if frame.pts is None else frame.pts
        return TimedPicture(frame, timestamp, self._moment(timestamp, arrival), arrival)

    def _moment(self, timestamp: int, arrival: float) -> float:
        if self._report is None:
            return arrival
        reported, moment = self._report
        captured = moment + signed(timestamp - reported) / CLOCK_RATE
        return captured if abs(captured - arrival) < PLAUSIBLE_SECONDS else arrival

    def _widened(self, timestamp: int) -> int:
        if self._latest is None:
            self._latest = timestamp
        self._latest += signed(timestamp - self._latest)
        return self._latest

    def _ask_for_keyframe(self, now: float) -> None:
        again = KEYFRAME_SECONDS if self._share.holds(now) else ASKED_AGAIN_SECONDS
        if now - self._asked_at >= again:
            self._asked_at = now
            self._outside.request_keyframe(self.told.id)
