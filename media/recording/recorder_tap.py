"""Where a recording listens to a source: on the Trio thread, and as little as possible there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.recording.container import goes_on
from media.recording.muxing import Muxing
from media.recording.recorded_track import RecordedTrack
from media.rtp.sender_clock import ntp_time

if TYPE_CHECKING:
    from media.rtp.rtp_source import RtpSource

_ASK_AGAIN_SECONDS = 1.0  # for a keyframe that does not come
LEAST_KEYFRAME_SECONDS = 1.0  # between keyframes that are asked for by the clock


class RecorderTap:
    """A PacketTap: hands packets to the recording's thread.

    Calls `stop` with a reason when what comes does not fit this recording any more. Where
    `keyframe_seconds` is not 0, a keyframe is asked for when none has come for so long. With
    `in_our_time` the track is told sender reports in the time of our clock.
    """

    def __init__(
        self,
        id: str,
        kind: str,
        track: RecordedTrack,
        muxing: Muxing,
        stop: Callable[[str], None],
        *,
        in_our_time: bool = False,
    ) -> None:
        self.id = id
        self.kind = kind
        self.track = track
        self.codec = track.codec  # of the source before, or what the first one is to have
        self._post = muxing.post
        self._stop = stop
        self._in_our_time = in_our_time
        self._source: RtpSource | None = None
        self._asked = float("-inf")
        self.keyframe_seconds = 0.0
        self._keyframe_at: float | None = None  # of the latest; its asking if it was asked for
        self._keyframes = 0  # of the source, when they were counted last
        self._awaited = False  # a keyframe that was asked for by the clock

    def take(self, packet: bytes, arrival: float) -> None:
        """Take one RTP packet."""
        self._post(len(packet), self.track.take, packet, arrival)

    def take_sender_report(self, ssrc: int, ntp: int, rtp_time: int, arrival: float) -> None:
        """Take what tells when a timestamp was, on the sender's clock."""
        if self._in_our_time:
            if self._source is None:
                return
            ntp = ntp_time(self._source.time_of_report(ntp))
        self._post(0, self.track.take_report, ntp, rtp_time, arrival)

    def source_changed(self, source: RtpSource | None) -> None:
        """Go on with the packets of another source, where it fits; with another codec, end."""
        self._source = source
        self._keyframe_at = None
        self._post(0, self.track.restart, source and source.codec)
        if source is None:
            return
        if goes_on(self.codec, source.codec):
            self.codec = source.codec
        else:
            self._stop("codec_changed")
        source.request_keyframe()

    def tick(self, now: float) -> None:
        """Have the track give up what is too late; ask for a keyframe if it waits for one."""
        self._post(0, self.track.tick, now)
        if self._source is None:
            return
        if self.keyframe_seconds:
            self._keep_pace(self._source, now)
        if self.track.waiting and now - self._asked >= _ASK_AGAIN_SECONDS:
            self._asked = now
            self._source.request_keyframe()

    def finish(self) -> None:
        """Have the track record what still waits for missing packets."""
        self._post(0, self.track.finish)

    def _keep_pace(self, source: RtpSource, now: float) -> None:
        """Ask for a keyframe if none has come for `keyframe_seconds`, by itself or asked for."""
        came = source.counts.keyframes != self._keyframes
        self._keyframes = source.counts.keyframes
        if self._keyframe_at is None or (came and not self._awaited):
            self._keyframe_at = now
        if came:
            self._awaited = False
        if now - self._keyframe_at >= self.keyframe_seconds:
            self._keyframe_at, self._awaited = now, True
            source.request_keyframe()
