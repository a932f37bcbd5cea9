"""What stands among a source's legs for a sink until that can begin."""

from __future__ import annotations

from typing import Protocol

from media.rtp.rtp_packet import RtpPacket
from media.rtp.rtp_source import Leg, RtpSource


class Entrant(Leg, Protocol):
    """What is used of a sink."""

    def enter(self, packet: RtpPacket, source: RtpSource) -> None: ...


class WaitingLeg:
    """Waits for a keyframe of `source`, or any packet where there are none; lets the sink in."""

    waits = True

    def __init__(self, sink: Entrant, source: RtpSource) -> None:
        self.source = source
        self._sink = sink

    def forward(self, packet: RtpPacket) -> None:
        if self.source.has_keyframes and not packet.keyframe:
            return
        if packet.sequence == self.source.newest:
            self.source.replace_leg(self, self._sink)
            self._sink.enter(packet, self.source)
        else:  # it came late, and what follows it has passed already
            self.source.request_keyframe()

    def skip(self, packet: RtpPacket) -> None:
        pass

    def take_report(self, ssrc: int, ntp: int, timestamp: int, arrival: float) -> None:
        pass

    def source_restarted(self) -> None:
        pass

    def source_closed(self, source: RtpSource) -> None:
        self._sink.source_closed(source)
