"""One track of a recording, from the packets of a source to frames at their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.codec import Codec
from media.depayload import Frame, depayloader_for
from media.recording_clock import RecordingClock
from media.reorder import Reorder
from media.rtp_packet import RtpPacket, parse_packet

if TYPE_CHECKING:
    from media.rtp_source import RtpSource

_ASK_AGAIN_SECONDS = 1.0  # for a keyframe that does not come


class RecorderTap:
    """A PacketTap: gives `take` the frames with their times, and calls `stop` with a reason when
    what comes does not fit this recording any more.
    """

    def __init__(
        self,
        id: str,
        kind: str,
        codec: Codec,
        clock: RecordingClock,
        take: Callable[[float, Frame], None],
        stop: Callable[[str], None],
    ) -> None:
        self.id = id
        self.kind = kind
        self._codec = codec
        self._clock = clock
        self._give = take
        self._stop = stop
        self._source: RtpSource | None = None
        self._asked = float("-inf")
        self._gone_lost = self._gone_dropped = 0  # of sources before
        self._begin()

    @property
    def lost_packets(self) -> int:
        """How many packets never came."""
        return self._gone_lost + self._reorder.lost

    @property
    def dropped_frames(self) -> int:
        """How many frames were left out, because a part of them or of one before is missing."""
        return self._gone_dropped + self._depayloader.dropped

    def take(self, packet: bytes, arrival: float) -> None:
        """Take one RTP packet."""
        parsed = parse_packet(packet, arrival)
        if parsed is None:
            return
        for item, whole in self._reorder.push(parsed.sequence, parsed, arrival):
            self._forward(item, whole=whole)

    def take_sender_report(self, ssrc: int, ntp: int, rtp_time: int, arrival: float) -> None:
        """Take what tells when a timestamp was, on the sender's clock."""
        self._clock.take_report(ntp, rtp_time)

    def source_changed(self, source: RtpSource | None) -> None:
        """Go on with the packets of another source, where it fits; with another codec, end."""
        self.finish()
        self._gone_lost, self._gone_dropped = self.lost_packets, self.dropped_frames
        self._source = source
        self._asked = float("-inf")
        self._clock.restart()
        if source is not None:
            if source.codec.name == self._codec.name:
                self._codec = source.codec
            else:
                self._stop("codec_changed")
        self._begin()

    def tick(self, now: float) -> None:
        """Give up on packets that are too late, and ask again for a keyframe."""
        for item, whole in self._reorder.release(now):
            self._forward(item, whole=whole)
        self._want_keyframe(now)

    def finish(self) -> None:
        """Record what still waits for missing packets."""
        for item, whole in self._reorder.drain():
            self._forward(item, whole=whole)

    def _begin(self) -> None:
        self._reorder: Reorder[RtpPacket] = Reorder()
        self._depayloader = depayloader_for(self._codec)

    def _forward(self, packet: RtpPacket, *, whole: bool) -> None:
        self._clock.hear(packet.timestamp, packet.arrival)
        for frame in self._depayloader.push(packet, whole=whole):
            self._give(self._clock.place(frame.timestamp), frame)
        if self._depayloader.waiting:
            self._want_keyframe(packet.arrival)

    def _want_keyframe(self, now: float) -> None:
        if self._source is None or not self._depayloader.waiting:
            return
        if now - self._asked >= _ASK_AGAIN_SECONDS:
            self._asked = now
            self._source.request_keyframe()
