"""What pages say of their calls: how well they do, and that one has failed.

The dialects differ in what is around these documents, and in little else. Nothing of them is told
to other clients, and no text of them is kept.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
import structlog
from msgspec import Meta, Struct

from actors.words.quality import CallFailedReason, Quality

log = structlog.get_logger(__name__)

QUALITY_SECONDS = 2.0  # between two reports that are looked at; pages send one in ten
FAILURES_AT_ONCE = 10
FAILURE_SECONDS = 10.0  # until one more is looked at

Fraction = Annotated[float, Meta(ge=0, le=1)]
Duration = Annotated[float, Meta(ge=0, le=3600)]
Rate = Annotated[float, Meta(ge=0, le=1e12)]
Connections = Annotated[int, Meta(ge=0, le=10_000)]
CandidateTypes = Annotated[
    list[Annotated[str, Meta(pattern="^(host|srflx|prflx|relay)$")]], Meta(max_length=32)
]
Report = TypeVar("Report", bound=Struct)


class BadReport(Exception):
    """No such document, or a value that cannot be."""


class QualityReport(Struct):
    """All connections of one page together; seconds, and bits per second."""

    loss: Fraction | None = None
    roundTrip: Duration | None = None  # noqa: N815  the wire's names
    jitter: Duration | None = None
    bitsIn: Rate | None = None  # noqa: N815
    bitsOut: Rate | None = None  # noqa: N815
    connections: Connections | None = None

    def quality(self, at: float) -> Quality:
        """Return it as it is kept; `at` is in Unix seconds."""
        return Quality(
            self.loss,
            self.roundTrip,
            self.jitter,
            self.bitsIn,
            self.bitsOut,
            self.connections,
            at,
        )


class FailedCall(Struct):
    """A call that did not connect: why, and which kinds of candidates either side had."""

    reason: CallFailedReason
    local: CandidateTypes = []
    remote: CandidateTypes = []


def read_report(document: bytes | msgspec.Raw, kind: type[Report]) -> Report:
    """Read a document. Raises BadReport."""
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise BadReport from None


class ReportRate:
    """How much of what one client reports is looked at; times are of any clock, in seconds."""

    __slots__ = ("_failures", "_failures_at", "_quality_at")

    def __init__(self) -> None:
        self._quality_at = float("-inf")
        self._failures = float(FAILURES_AT_ONCE)
        self._failures_at = 0.0

    def takes_quality(self, now: float) -> bool:
        """Tell whether a report of quality is looked at."""
        if now < self._quality_at + QUALITY_SECONDS:
            return False
        self._quality_at = now
        return True

    def takes_failure(self, now: float) -> bool:
        """Tell whether a call that failed is counted."""
        passed = (now - self._failures_at) / FAILURE_SECONDS
        self._failures = min(float(FAILURES_AT_ONCE), self._failures + passed)
        self._failures_at = now
        if self._failures < 1:
            return False
        self._failures -= 1
        return True


def note_failed_call(
    call: FailedCall, *, dialect: str, peer: str, room: str, other: str = ""
) -> None:
    """Log that a call of `peer` did not connect; `other` is the id of whom it was to."""
    log.info(
        "call.failed",
        dialect=dialect,
        peer=peer,
        room=room,
        reason=call.reason.value,
        local=sorted(set(call.local)),
        remote=sorted(set(call.remote)),
        **({"other": other} if other else {}),
    )
