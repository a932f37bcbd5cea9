"""Streams that the server carries, as their connections have measured them, and how well they do.

Pure: made of the facts that actors tell of themselves (`snapshot()`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from actors.core import Glimpse
from actors.words.quality import Quality


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """One kind of media that goes one way. `direction` is as the server sees it.

    So "in" is what somebody sends, "out" what somebody takes. `id` is that of the publication or
    subscription, `bits` are a second's, `loss` is a fraction, times are in seconds; None where it
    is not known.
    """

    id: str
    kind: str
    direction: str
    codec: str | None = None
    bits: float | None = None
    loss: float | None = None
    jitter: float | None = None
    round_trip: float | None = None
    muted: bool | None = None
    person: str | None = None  # the id of whose it is

    def shown(self) -> dict[str, object]:
        """Return it as the API has it."""
        return {
            "id": self.id,
            "person": self.person,
            "kind": self.kind,
            "codec": self.codec,
            "direction": self.direction,
            "bits_per_second": self.bits,
            "loss": self.loss,
            "jitter": self.jitter,
            "round_trip": self.round_trip,
            "muted": self.muted,
        }


def streams_of(seen: Glimpse) -> Iterator[StreamSeen]:
    """Yield the streams of a connection of a conference or a device; none of other actors."""
    facts = seen.facts
    if seen.kind == "connection":
        yield from _of_session(seen.name, facts)
    elif seen.kind == "media_connection":
        for medium in _each(facts.get("media")):
            yield from _of_medium(seen.name, medium)
    elif seen.kind == "data_connection":
        yield StreamSeen(seen.name, "data", "in" if facts.get("incoming") else "out")


def quality_of(streams: Iterable[StreamSeen], connections: int, now: float) -> Quality | None:
    """Return how well somebody's streams do, the worst of each; None while nothing is measured."""
    measured = [it for it in streams if it.bits is not None]
    if not measured:
        return None
    return Quality(
        loss=_most(it.loss for it in measured),
        round_trip=_most(it.round_trip for it in measured),
        jitter=_most(it.jitter for it in measured),
        bits_in=sum(it.bits or 0.0 for it in measured if it.direction == "out"),
        bits_out=sum(it.bits or 0.0 for it in measured if it.direction == "in"),
        connections=connections,
        at=now,
    )


def owned(streams: Iterable[StreamSeen], person: str | None) -> list[StreamSeen]:
    """Return the streams as this person's."""
    return [replace(each, person=person) for each in streams]


def _of_session(id_: str, facts: Mapping[str, Any]) -> Iterator[StreamSeen]:
    for source in _each(facts.get("sources")):
        yield StreamSeen(
            id_,
            source["kind"],
            "in",
            source["codec"],
            source["bitrate"],
            source["fraction_lost"],
            source["jitter"],
        )
    for leg in _each(facts.get("legs")):
        told = leg["receiver"]
        yield StreamSeen(
            id_,
            leg["kind"],
            "out",
            leg["codec"],
            leg["bitrate"],
            told["fraction_lost"],
            told["jitter"],
            told["round_trip"],
            leg["state"] == "paused",
        )


def _of_medium(id_: str, medium: Mapping[str, Any]) -> Iterator[StreamSeen]:
    """Yield what a device sends, and what it takes, as far as that goes either way.

    Each goes two ways, with the other side and with the device, of which the worse one counts.
    """
    for direction, with_other, with_device in (("in", "out", "fed"), ("out", "in", "redirected")):
        flow, own = medium.get(with_other), medium.get(with_device) or {}
        if flow is not None:
            loss, jitter, round_trip = (
                _most((flow.get(name), own.get(name)))
                for name in ("fraction_lost", "jitter", "round_trip")
            )
            yield StreamSeen(
                id_, medium["kind"], direction, medium["codec"], flow["bitrate"],
                loss, jitter, round_trip,
            )  # fmt: skip


def _each(found: object) -> list[Mapping[str, Any]]:
    return found if isinstance(found, list) else []


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
