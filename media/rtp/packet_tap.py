"""Listening in on a source, without a part in the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from media.rtp.rtp_packet import RtpPacket

if TYPE_CHECKING:
    from media.rtp.rtp_source import RtpSource


class PacketTap(Protocol):
    """A sink that takes packets as they came, such as a recorder. Nothing here waits or raises.

    Packets come in order of arrival, so late ones out of order, but none twice, and those that came
    by retransmission as if they had come the first time. `arrival` is in seconds of time.monotonic.
    """

    id: str
    kind: str

    def take(self, packet: bytes, arrival: float) -> None:
        """Take one RTP packet, with whatever extensions and padding it has."""

    def take_sender_report(self, ssrc: int, ntp: int, rtp_time: int, arrival: float) -> None:
        """Take that `rtp_time` (32 bits) is the sender's `ntp` time (64 bits)."""

    def source_changed(self, source: RtpSource | None) -> None:
        """Note that other packets follow, counted anew: of another source, of the same one after
        its sender began anew, or none.
        """


class TapLeg:
    """What a source sees of a tap."""

    waits = False

    def __init__(self, tap: PacketTap) -> None:
        self._tap = tap
        self.source: RtpSource | None = None
        self.paused = False

    def attach(self, source: RtpSource) -> None:
        """Listen to `source` from now on."""
        if source is self.source:
            return
        self._leave()
        self.source = source
        if not self.paused:
            source.add_leg(self)
            self._tap.source_changed(source)

    def detach(self) -> None:
        """Listen to nothing."""
        if self.source is not None:
            self._leave()
            if not self.paused:
                self._tap.source_changed(None)

    def pause(self) -> None:
        """Take no packets for a while, nor reports: as if there were no source."""
        if not self.paused:
            self.paused = True
            if self.source is not None:
                self.source.remove_leg(self)
                self._tap.source_changed(None)

    def resume(self) -> None:
        """Take packets again, counted anew: those of the pause are not lost ones."""
        if self.paused:
            self.paused = False
            if self.source is not None and not self.source.closed:
                self.source.add_leg(self)
                self._tap.source_changed(self.source)
                self.source.request_keyframe()

    def forward(self, packet: RtpPacket) -> None:
        self._tap.take(packet.data, packet.arrival)

    def skip(self, packet: RtpPacket) -> None:
        self._tap.take(packet.data, packet.arrival)

    def take_report(self, ssrc: int, ntp: int, timestamp: int, arrival: float) -> None:
        self._tap.take_sender_report(ssrc, ntp, timestamp, arrival)

    def source_restarted(self) -> None:
        self._tap.source_changed(self.source)

    def source_closed(self, source: RtpSource) -> None:
        self.detach()

    def _leave(self) -> None:
        if self.source is not None:
            self.source.remove_leg(self)
            self.source = None
