"""Prometheus metrics of the media layer: sessions, every source and every leg, and their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.contract.engine import EngineStats, Failure
from media.contract.stats import SinkStats, SourceStats

Stream = TypeVar("Stream", SourceStats, SinkStats)
Reading = tuple[str, str, Callable[[Stream], float | None]]

_SOURCE_READINGS: list[Reading[SourceStats]] = [
    ("packets", "Packets received", lambda it: it.counts.packets),
    ("bytes", "Payload received", lambda it: it.counts.octets),
    ("lost", "Packets that did not come until now", lambda it: it.lost),
    ("recovered", "Packets that came when asked for again", lambda it: it.counts.recovered),
    ("nacks", "Packets asked for again", lambda it: it.counts.nacks),
    ("keyframe_requests", "Keyframes asked for", lambda it: it.counts.keyframe_requests),
    ("jitter_seconds", "Jitter of arrivals", lambda it: it.jitter),
    ("bits_per_second", "Payload received", lambda it: it.bitrate),
]
_LEG_READINGS: list[Reading[SinkStats]] = [
    ("packets", "Packets sent", lambda it: it.counts.packets),
    ("bytes", "Payload sent", lambda it: it.counts.octets),
    ("dropped", "Packets that could not be sent", lambda it: it.counts.dropped),
    ("nacks", "Packets the receiver asked for again", lambda it: it.counts.nacks),
    ("retransmitted", "Packets sent again", lambda it: it.counts.retransmitted),
    ("keyframe_requests", "Keyframes asked for", lambda it: it.counts.keyframe_requests),
    ("bits_per_second", "Payload sent", lambda it: it.bitrate),
    ("lost", "Packets the receiver says it lost", lambda it: it.receiver.lost),
    ("jitter_seconds", "Jitter the receiver reports", lambda it: it.receiver.jitter),
    ("round_trip_seconds", "Round trip by reports", lambda it: it.receiver.round_trip),
]


class MediaCollector(Collector):
    """Gives one answer of the engine: made anew for each look at the metrics."""

    def __init__(self, stats: EngineStats) -> None:
        self._stats = stats

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give what `media_metrics` gives."""
        yield from media_metrics(self._stats)


def media_metrics(engine: EngineStats) -> Iterator[Metric]:
    """Give the sums as counters, and what is there now as gauges by id, kind and codec."""
    stats = engine.router
    for name, text, value in (
        ("sessions", "WebRTC sessions", engine.sessions),
        ("ports", "UDP ports for plain RTP", engine.ports),
        ("recordings", "Recordings in progress", engine.recordings),
        ("taps", "Streams being recorded", stats.taps),
    ):
        yield GaugeMetricFamily(f"quintet_media_{name}", text, value=value)
    strays = CounterMetricFamily("quintet_media_stray_errors", "Errors nobody waited for: bugs")
    strays.add_metric([], engine.stray_errors)
    yield strays
    failed = CounterMetricFamily(
        "quintet_media_sessions_failed", "WebRTC sessions that failed", labels=["failure"]
    )
    for failure in Failure:
        failed.add_metric([failure.value], engine.failures.get(failure, 0))
    yield failed
    for name, value in asdict(stats.totals).items():
        text = f"Of all streams there ever were: {name.replace('_', ' ')}"
        if name == "lost_in":  # a packet that comes late is lost no more
            yield GaugeMetricFamily(f"quintet_media_{name}", text, value=value)
            continue
        total = CounterMetricFamily(f"quintet_media_{name}", text)
        total.add_metric([], value)
        yield total
    yield from _streams("source", _SOURCE_READINGS, stats.sources)
    yield from _streams("leg", _LEG_READINGS, stats.sinks)


def _streams(
    what: str, readings: Iterable[Reading[Stream]], streams: Iterable[Stream]
) -> Iterator[Metric]:
    for name, text, read in readings:
        gauge = GaugeMetricFamily(
            f"quintet_media_{what}_{name}", text, labels=["id", "kind", "codec"]
        )
        for stream in streams:
            value = read(stream)
            if value is not None:
                gauge.add_metric([stream.id, stream.kind, stream.codec], value)
        yield gauge
