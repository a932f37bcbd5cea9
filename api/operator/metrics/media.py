"""Metrics of the media layer: sessions, streams and their sums, jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.contract.datagrams import RelayStats
from media.contract.engine import EngineStats
from media.contract.jobs import JobKind, JobStats
from media.contract.session import Failure
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
JOB_ENDS = {"stopped", "killed", "stalled", "failed", "garbage", "exited", "not_started", "bug"}
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


class MediaMetrics:
    """One answer of the engine: made anew for each look. Of each stream alone only with `streams`:
    they go by ids, and there is no end to those."""

    def __init__(self, stats: EngineStats, *, streams: bool = False) -> None:
        self._stats = stats
        self._streams = streams

    def metrics(self) -> Iterator[Metric]:
        """Give what `media_metrics` gives, and `stream_metrics` where they are wanted."""
        yield from media_metrics(self._stats)
        if self._streams:
            yield from stream_metrics(self._stats)


def media_metrics(engine: EngineStats) -> Iterator[Metric]:
    """Give the sums as counters, and how much is there now as gauges."""
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
    yield from _relayed(engine.relay)
    yield from _jobs(engine.jobs)
    for name, value in asdict(stats.totals).items():
        text = f"Of all streams there ever were: {name.replace('_', ' ')}"
        if name == "lost_in":  # a packet that comes late is lost no more
            yield GaugeMetricFamily(f"quintet_media_{name}", text, value=value)
            continue
        total = CounterMetricFamily(f"quintet_media_{name}", text)
        total.add_metric([], value)
        yield total
    streams = GaugeMetricFamily(
        "quintet_media_streams", "Streams that come in and go out", labels=["direction"]
    )
    streams.add_metric(["in"], len(stats.sources))
    streams.add_metric(["out"], len(stats.sinks))
    yield streams


def stream_metrics(engine: EngineStats) -> Iterator[Metric]:
    """Give what there is of each stream as gauges by id, kind and codec."""
    yield from _streams("source", _SOURCE_READINGS, engine.router.sources)
    yield from _streams("leg", _LEG_READINGS, engine.router.sinks)


def _relayed(relay: RelayStats) -> Iterator[Metric]:
    """Give what went between data channels and UDP, in (to UDP) and out, and what was dropped."""
    for name in ("messages", "bytes"):
        text = f"Between data channels and UDP: {name}"
        total = CounterMetricFamily(f"quintet_media_relay_{name}", text, labels=["direction"])
        for direction in ("in", "out"):
            total.add_metric([direction], getattr(relay, f"{name}_{direction}"))
        yield total
    dropped = CounterMetricFamily(
        "quintet_media_relay_dropped", "Messages and datagrams not passed on", labels=["reason"]
    )
    for reason in ("nowhere", "held_up", "too_large", "malformed", "unsent"):
        dropped.add_metric([reason], getattr(relay, reason))
    yield dropped


def _jobs(jobs: JobStats) -> Iterator[Metric]:
    """Give the processes that decode and encode: how many, for what, and what they take."""
    for name, text, value in (
        ("processes", "Processes for jobs, also those that wait for one", jobs.processes),
        ("idle_processes", "Processes that wait for a job", jobs.idle),
        ("cores", "Cores that jobs may take", jobs.cores),
        ("booked_cores", "Cores that are booked for jobs", jobs.booked),
    ):
        yield GaugeMetricFamily(f"quintet_media_job_{name}", text, value=value)
    running = GaugeMetricFamily("quintet_media_jobs", "Jobs that run", labels=["kind"])
    started = CounterMetricFamily("quintet_media_jobs_started", "Jobs begun", labels=["kind"])
    refused = CounterMetricFamily(
        "quintet_media_jobs_refused", "Jobs for which there was no CPU left", labels=["kind"]
    )
    for kind in JobKind:
        running.add_metric([kind.value], jobs.running.get(kind, 0))
        started.add_metric([kind.value], jobs.started.get(kind, 0))
        refused.add_metric([kind.value], jobs.refused.get(kind, 0))
    yield from (running, started, refused)
    ended = CounterMetricFamily("quintet_media_jobs_ended", "Jobs that are over", labels=["reason"])
    for reason in sorted(JOB_ENDS | set(jobs.ended)):
        ended.add_metric([reason], jobs.ended.get(reason, 0))
    yield ended
    cpu = CounterMetricFamily("quintet_media_job_cpu_seconds", "CPU time that jobs have used")
    cpu.add_metric([], jobs.cpu_seconds)
    yield cpu


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
