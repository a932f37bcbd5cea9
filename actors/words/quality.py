"""How well somebody's connections do, and why a call could not connect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rating(StrEnum):
    """Quality in one word; pages show a sign for it."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"


class CallFailedReason(StrEnum):
    """Why a call did not connect, or broke and did not come back."""

    NO_ROUTE = "no_route"  # no pair of candidates works: a relay (TURN) may be missing
    TIMEOUT = "timeout"
    DTLS = "dtls"  # a way was found, but no keys were agreed on
    MEDIA = "media"  # connected, and the media came to nothing
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RatingBound:
    """A rating holds for whoever is above one of these: a fraction lost, seconds there and back."""

    rating: Rating
    loss: float
    round_trip: float


BOUNDS = (  # the worst first
    RatingBound(Rating.BAD, 0.10, 0.5),
    RatingBound(Rating.FAIR, 0.03, 0.25),
)


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of the connections of one person together; None where nothing is.

    `loss` is a fraction of 0 to 1, `round_trip` and `jitter` are seconds, `bits_in` and `bits_out`
    bits per second as the person receives and sends them, `at` is in Unix seconds.
    """

    loss: float | None = None
    round_trip: float | None = None
    jitter: float | None = None
    bits_in: float | None = None
    bits_out: float | None = None
    connections: int | None = None
    at: float = 0.0

    @property
    def rating(self) -> Rating:
        """As in BOUNDS; good where nothing speaks against it."""
        loss, round_trip = self.loss or 0.0, self.round_trip or 0.0
        for bound in BOUNDS:
            if loss > bound.loss or round_trip > bound.round_trip:
                return bound.rating
        return Rating.GOOD

    def shown(self) -> dict[str, float | str | None]:
        """Return it as the operator's API and snapshots show it."""
        return {
            "rating": self.rating.value,
            "loss": self.loss,
            "round_trip": self.round_trip,
            "jitter": self.jitter,
            "bits_in": self.bits_in,
            "bits_out": self.bits_out,
            "connections": self.connections,
            "at": self.at,
        }
