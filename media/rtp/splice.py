"""Joining packets of one source after another to a stream that shows no seam."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from media.rtp.rtp_packet import RtpPacket


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of one source's packets that leave under the same offsets, from number `first` on."""

    first: int
    sequence: int
    timestamp: int
    picture: int = 0
    layers: int = 0


class Splice:
    """Where a leg's stream stands: what number, time and picture its next segment begins with."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence  # wide; the next one to leave
        self._end: tuple[float, int] | None = None  # when the last packet was captured; as what
        self._picture: int | None = None
        self._layer: int | None = None

    def begin(self, packet: RtpPacket, captured: float, clock_rate: int) -> Segment:
        """Return the offsets for a source whose first packet was captured at that time."""
        picture = packet.picture
        by = layers_by = 0
        if picture is not None and picture.width and self._picture is not None:
            by = self._picture - picture.number
        if picture is not None and picture.layer is not None and self._layer is not None:
            layers_by = self._layer - picture.layer
        return Segment(
            packet.sequence,
            self.sequence - packet.sequence,
            self._timestamp(captured, clock_rate) - packet.timestamp,
            by,
            layers_by,
        )

    def end(self, segment: Segment, newest: int, last: RtpPacket, captured: float) -> None:
        """Note that `segment` reached the source's number `newest`, and `last` in media."""
        self.sequence = newest + segment.sequence + 1
        self._end = (captured, last.timestamp + segment.timestamp)
        picture = last.picture
        if picture is not None and picture.width:
            self._picture = picture.number + segment.picture + 1
        if picture is not None and picture.layer is not None:
            self._layer = picture.layer + segment.layers + 1

    def _timestamp(self, captured: float, clock_rate: int) -> int:
        """Return the RTP time that is as much later as the capture is, but later in any case."""
        if self._end is None:
            return random.getrandbits(32)
        before, timestamp = self._end
        return timestamp + max(1, round((captured - before) * clock_rate))


def without(number: int, segment: Segment) -> Segment:
    """Return the segment that goes on behind the source's `number`, which does not leave."""
    return replace(segment, first=number + 1, sequence=segment.sequence - 1)
