"""What is counted of sources, legs and the whole router, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LegState(StrEnum):
    """What a leg does."""

    IDLE = "idle"  # attached to nothing
    WAITING = "waiting"  # for a keyframe, or the first packet
    FLOWING = "flowing"
    PAUSED = "paused"


@dataclass(slots=True)
class SourceCounts:
    """What a source counts itself."""

    packets: int = 0
    octets: int = 0  # of payload
    malformed: int = 0
    foreign: int = 0  # of another SSRC or payload type
    recovered: int = 0  # came when asked for again
    nacks: int = 0  # packets asked for again
    keyframes: int = 0
    keyframe_requests: int = 0


@dataclass(slots=True)
class SinkCounts:
    """What a leg counts itself."""

    packets: int = 0
    octets: int = 0  # of payload, without what was sent again
    dropped: int = 0  # could not be sent: the way was full or gone
    late: int = 0  # of before the leg joined
    malformed: int = 0
    nacks: int = 0  # packets the receiver asked for again
    retransmitted: int = 0
    keyframe_requests: int = 0
    switches: int = 0  # times it began with a source


@dataclass(frozen=True, slots=True)
class SourceStats:
    """One incoming stream. `jitter` is in seconds, `bitrate` in bits per second of payload.

    `refused` packets were duplicates, far too late, or leaps; `lost` ones did not come until now,
    `fraction_lost` of 0 to 1 of late: None while too few come to tell.
    """

    id: str
    kind: str
    codec: str
    ssrc: int | None
    legs: int
    lost: int
    fraction_lost: float | None
    refused: int
    jitter: float
    bitrate: float
    counts: SourceCounts


@dataclass(frozen=True, slots=True)
class ReceiverStats:
    """What the receiver of a leg reported last; all None until it does.

    `lost` is its count, `fraction_lost` of 0 to 1 of late, `jitter` and `round_trip` in seconds,
    `limit` in bits per second (REMB). How it is of late is None where reports have ceased.
    """

    lost: int | None
    fraction_lost: float | None
    jitter: float | None
    round_trip: float | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class SinkStats:
    """One outgoing leg. `source` is what it is attached to, `bitrate` that of the payload."""

    id: str
    kind: str
    codec: str
    ssrc: int
    source: str | None
    state: LegState
    bitrate: float
    counts: SinkCounts
    receiver: ReceiverStats


@dataclass(slots=True)
class Totals:
    """Sums over all sources and legs there ever were, so none ever shrinks but `lost`."""

    packets_in: int = 0
    octets_in: int = 0
    lost_in: int = 0
    recovered_in: int = 0
    malformed: int = 0
    foreign: int = 0
    nacks_sent: int = 0
    keyframe_requests_sent: int = 0
    packets_out: int = 0
    octets_out: int = 0
    dropped_out: int = 0
    retransmitted_out: int = 0
    nacks_received: int = 0
    keyframe_requests_received: int = 0


@dataclass(frozen=True, slots=True)
class RouterStats:
    """What a router holds, and its sums. Taps are counted only."""

    sources: tuple[SourceStats, ...]
    sinks: tuple[SinkStats, ...]
    taps: int
    totals: Totals
