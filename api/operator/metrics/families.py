"""Families of Prometheus metrics with their samples, as collectors give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = TypeVar("Labels", bound=tuple[str, ...])


class MetricsPart(Protocol):
    """Some of the metrics, read at the moment they are asked for."""

    def metrics(self) -> Iterator[Metric]:
        """Give each family, all named `quintet_…` or, for the process, as usual."""


class PartsCollector(Collector):
    """Gives the metrics of several parts; costs nothing in between."""

    def __init__(self, *parts: MetricsPart) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: what there is depends on the dialects."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give what the parts give."""
        for part in self._parts:
            yield from part.metrics()


class FamilyCollector(Collector):
    """Gives one family that was made already."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        """Give it."""
        yield self._family


def plain(name: str, text: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(name, text, value=value)


def gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return a gauge with one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def total(name: str, text: str, value: float) -> Metric:
    """Return a counter without labels."""
    family = CounterMetricFamily(name, text)
    family.add_metric([], value)
    return family


def totals(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    """Return a counter with labels."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def cumulated(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return the buckets of a histogram, of counts of each alone; the last has no bound."""
    so_far, buckets = 0, []
    for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
        so_far += count
        buckets.append((bound, float(so_far)))
    return buckets
