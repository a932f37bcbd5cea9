"""Talking back to a sender: what a source may ask, and asking it in RTCP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from media.rtp import rtcp

NACKS_PER_PACKET = 128  # keeps the feedback below 600 bytes even if no two are neighbours


class Upstream(Protocol):
    """How a source talks back to whoever sends it. Nothing here waits or raises."""

    def request_keyframe(self, ssrc: int) -> None:
        """Ask for a keyframe."""

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None:
        """Ask for these packets again, by 16-bit sequence number (generic NACK)."""

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None:
        """Say how much the receivers can take (REMB)."""


class RtcpUpstream:
    """An upstream that speaks RTCP, as receiver `ssrc` and under the name `cname`.

    Feedback follows an empty report in the same packet, so that also a peer that insists on
    compound packets takes it. `send` gets plain RTCP; an OSError of it means that nobody listens.
    """

    def __init__(self, send: Callable[[bytes], None], ssrc: int, cname: str) -> None:
        self._send = send
        self._ssrc = ssrc
        self._cname = cname
        self._head = rtcp.write_receiver_report(ssrc, (), cname)

    def request_keyframe(self, ssrc: int) -> None:
        self._feed_back(rtcp.write_pli(self._ssrc, ssrc))

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None:
        for start in range(0, len(lost), NACKS_PER_PACKET):
            part = lost[start : start + NACKS_PER_PACKET]
            self._feed_back(rtcp.write_nack(self._ssrc, ssrc, part))

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None:
        self._feed_back(rtcp.write_remb(self._ssrc, (ssrc,), bits_per_second))

    def report(self, block: rtcp.ReportBlock) -> None:
        """Send a receiver report; fits RtpSource's `report`."""
        self._transmit(rtcp.write_receiver_report(self._ssrc, (block,), self._cname))

    def _feed_back(self, packet: bytes) -> None:
        self._transmit(self._head + packet)

    def _transmit(self, packet: bytes) -> None:
        try:
            self._send(packet)
        except OSError:
            return  # as good as lost on the way; whatever still matters is asked again
