"""Metrics of the service: who is here and how it is for them, who was not let in, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric

from actors.core import Counters, Slices
from actors.words.quality import Rating
from api.operator.metrics.families import gauge, total, totals
from api.operator.overview.overview import Sight


@dataclass(slots=True)
class PeopleCounted:
    """How many rooms and people there are of each dialect; people by dialect and rating, too."""

    rooms: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    quality: Counter[tuple[str, str]] = field(default_factory=Counter)


async def count_people(sight: Sight) -> PeopleCounted:
    """Count who was seen, in slices."""
    counted, slices = PeopleCounted(), Slices()
    for room in sight.rooms.values():
        counted.rooms[room.dialect] += 1
        await slices.rest()
    for person in sight.people.values():
        counted.people[person.dialect] += 1
        if person.rating is not None:
            counted.quality[person.dialect, person.rating.value] += 1
        await slices.rest()
    return counted


class PeopleMetrics:
    """Who is here, as counted just now; what was counted of those who are not, since the start."""

    def __init__(self, counters: Counters, counted: PeopleCounted, dialects: Iterable[str]) -> None:
        self._counters = counters
        self._counted = counted
        self._dialects = tuple(dialects)

    def metrics(self) -> Iterator[Metric]:
        """Give rooms and people, then refusals, failed calls and events."""
        counted = self._counted
        for name, text, by_dialect in (
            ("quintet_rooms", "Rooms there are, empty ones that are kept too", counted.rooms),
            ("quintet_people", "People who are connected, or may come back", counted.people),
        ):
            known = dict.fromkeys(self._dialects, 0)
            yield gauge(name, text, "dialect", {**known, **by_dialect})
        quality = GaugeMetricFamily(
            "quintet_quality_people",
            "People of whose connections it is known how well they do",
            labels=["dialect", "rating"],
        )
        for dialect in sorted({dialect for dialect, _ in counted.quality}):
            for rating in Rating:
                quality.add_metric([dialect, rating.value], counted.quality[dialect, rating.value])
        yield quality
        yield from self._refused()

    def _refused(self) -> Iterator[Metric]:
        counters = self._counters
        for name, text in (
            ("joins_refused", "Joins that rooms have refused"),
            ("logins_refused", "Logins, tokens and keys that were no good"),
            ("calls_failed", "Calls that did not connect"),
        ):
            counts = counters.counted(name)
            yield totals(f"quintet_{name}", text, ["dialect", "reason"], counts)
        sent = counters.counted("events_sent").get((), 0)
        yield total("quintet_events_sent", "Events that endpoints have taken", sent)
        yield totals(
            "quintet_events_undelivered",
            "Events that an endpoint had no room for, or ended with",
            ["reason"],
            {("full",): 0, ("ended",): 0, **counters.counted("events_undelivered")},
        )
