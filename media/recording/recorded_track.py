"""One track of a recording, from the packets of a source to frames at their time."""

from __future__ import annotations

from collections.abc import Callable

from media.contract.codec import Codec
from media.recording.container import goes_on
from media.recording.recording_clock import RecordingClock
from media.rtp.depayload import Frame, RtpPayload, depayloader_for, open_packet
from media.rtp.reorder import Reorder

_HELD_FRAMES = 512  # while it is open where they belong; more, and it is decided
_HELD_BYTES = 4 << 20


class RecordedTrack:
    """Gives `take` the frames with the time they happened at, which is in time of arrivals.

    The properties may be read from other threads.
    """

    def __init__(
        self, codec: Codec, clock: RecordingClock, give: Callable[[float, Frame], None]
    ) -> None:
        self.codec = codec
        self._clock = clock
        self._give = give
        self._known = True  # where frames belong
        self._held: list[Frame] = []  # until then
        self._held_bytes = 0
        self._lost_before = self._dropped_before = 0  # of the sources before
        self._begin()

    @property
    def lost_packets(self) -> int:
        """How many packets never came."""
        return self._lost_before + self._reorder.lost

    @property
    def dropped_frames(self) -> int:
        """How many frames were left out, because a part of them or of one before is missing."""
        return self._dropped_before + self._depayloader.dropped

    @property
    def waiting(self) -> bool:
        """Whether nothing can be recorded before the next keyframe."""
        return self._depayloader.waiting

    def take(self, packet: bytes, arrival: float) -> None:
        """Take one RTP packet; one that is none is left out."""
        opened = open_packet(packet, arrival)
        if opened is None:
            return
        if self._reorder.passes(opened.sequence):  # the usual case, made short
            self._forward(opened, True)
        else:
            for item, whole in self._reorder.push(opened.sequence, opened, arrival):
                self._forward(item, whole)

    def take_report(self, ntp: int, timestamp: int, arrival: float) -> None:
        """Take a sender report."""
        self._clock.take_report(ntp, timestamp, arrival)

    def restart(self, codec: Codec | None) -> None:
        """Go on with packets that are counted and timed from elsewhere."""
        self.finish()
        self._lost_before, self._dropped_before = self.lost_packets, self.dropped_frames
        if codec is not None and goes_on(self.codec, codec):
            self.codec = codec
        self._clock.restart(self.codec.clock_rate)
        self._begin()

    def tick(self, now: float) -> None:
        """Give up on packets that are too late, and see whether held frames can be placed now."""
        for item, whole in self._reorder.release(now):
            self._forward(item, whole)
        if not self._known:
            self._known = self._clock.settle(now)
            self._release()

    def finish(self) -> None:
        """Give the frames that still wait for missing packets, or for what would come next."""
        for item, whole in self._reorder.drain():
            self._forward(item, whole)
        self._decide()

    def _begin(self) -> None:
        self._reorder: Reorder[RtpPayload] = Reorder()
        self._depayloader = depayloader_for(self.codec)
        self._heard: int | None = None

    def _forward(self, packet: RtpPayload, whole: bool) -> None:
        frames = self._depayloader.push(packet, whole=whole)
        if packet.timestamp != self._heard:
            while frames and frames[0].timestamp != packet.timestamp:  # its end had no marker
                self._place(frames.pop(0))
            self._hear(packet)
        for frame in frames:
            self._place(frame)

    def _hear(self, packet: RtpPayload) -> None:
        clock = self._clock
        if not self._known:
            self._known = clock.settle(packet.arrival, packet.timestamp)
            self._release()
        self._heard = packet.timestamp
        self._known = clock.hear(packet.timestamp, packet.arrival)
        if self._held:
            self._release()

    def _place(self, frame: Frame) -> None:
        if self._known:
            self._give(self._clock.place(frame.timestamp), frame)
            return
        self._held.append(frame)
        self._held_bytes += len(frame.data)
        if len(self._held) > _HELD_FRAMES or self._held_bytes > _HELD_BYTES:
            self._decide()

    def _decide(self) -> None:
        """Place what is held by what is known now."""
        self._known = self._clock.settle(0.0, at_once=True)
        self._release()

    def _release(self) -> None:
        if not self._known:
            return
        held, self._held, self._held_bytes = self._held, [], 0
        for frame in held:
            self._give(self._clock.place(frame.timestamp), frame)
