"""One input of coded units: from its packets, as they come, to units in the order of decoding."""

from __future__ import annotations

from collections.abc import Iterable

from media.contract.codec import Codec
from media.contract.jobs import JobInput
from media.job.sending.coded_clock import CodedClock
from media.job.sending.coded_unit import CodedUnit
from media.rtp.depayload import Frame, RtpPayload, depayloader_for, open_packet
from media.rtp.reorder import Reorder

REPORT_SECONDS = 1.5  # that the first units wait for a report which says when they were
HELD_UNITS, HELD_BYTES = 256, 4 << 20  # in that time
NEVER = float("inf")


class CodedInput:
    """Takes H.264 and AAC. Nothing that comes raises; ValueError at once for another kind of AAC.

    `lost` counts units of which a part is missing, or that nothing can be made of.
    """

    def __init__(self, told: JobInput) -> None:
        self.told = told
        self._clock = CodedClock(told.kind, told.clock_rate)
        codec = Codec(told.codec, told.clock_rate, 96, channels=told.channels, fmtp=told.fmtp)
        self._depayloader = depayloader_for(codec)
        self._reorder: Reorder[RtpPayload] = Reorder()
        self._held: list[tuple[Frame, float]] = []
        self._held_bytes = 0
        self._holds_until: float | None = None  # None before anything came

    @property
    def waiting(self) -> bool:
        """Whether nothing can be made of what comes before the next keyframe."""
        return self._depayloader.waiting

    @property
    def lost(self) -> int:
        return self._depayloader.dropped

    @property
    def due(self) -> float:
        """When `release` has something to do; infinite for never."""
        held = self._holds_until if self._held and self._holds_until is not None else NEVER
        return min(self._reorder.due, held)

    def take(self, packet: bytes, arrival: float) -> list[CodedUnit]:
        """Take one packet, whatever it is; return the units that are there now."""
        opened = open_packet(packet, arrival)
        if opened is None:
            return []
        if self._reorder.passes(opened.sequence):
            return self._forward([(opened, True)], arrival)
        return self._forward(self._reorder.push(opened.sequence, opened, arrival), arrival)

    def release(self, now: float) -> list[CodedUnit]:
        """Give up on packets, and on a report, that are too late; return the units behind them."""
        return self._forward(self._reorder.release(now), now)

    def take_report(self, timestamp: int, moment: float) -> None:
        """Take when a timestamp was captured."""
        self._clock.take_report(timestamp, moment)

    def _forward(self, packets: Iterable[tuple[RtpPayload, bool]], now: float) -> list[CodedUnit]:
        for packet, whole in packets:
            if self._holds_until is None:
                self._holds_until = now + REPORT_SECONDS
            for frame in self._depayloader.push(packet, whole=whole):
                self._held.append((frame, packet.arrival))
                self._held_bytes += len(frame.data)
        if not self._held or not self._may_go(now):
            return []
        held, self._held, self._held_bytes = self._held, [], 0
        return [self._unit(frame, arrival) for frame, arrival in held]

    def _may_go(self, now: float) -> bool:
        waited = self._holds_until is None or now >= self._holds_until
        much = len(self._held) > HELD_UNITS or self._held_bytes > HELD_BYTES
        return self._clock.told or waited or much

    def _unit(self, frame: Frame, arrival: float) -> CodedUnit:
        moment = self._clock.moment(frame.timestamp, arrival)
        whole = frame.keyframe and frame.format is not None
        return CodedUnit(
            self.told.kind, moment, frame.data, whole, frame.format, self._clock.backward
        )
