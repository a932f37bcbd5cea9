"""Prometheus metrics of the server: actors, websockets, requests, and the process itself.

Those of the media layer, which may live elsewhere and has to be asked, are in `media_metrics.py`.
"""

from __future__ import annotations

import os
import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from api.http.loop_meter import HELD_SECONDS
from api.http.metrics import REQUEST_SECONDS
from api.process.version import quintet_version

if TYPE_CHECKING:
    from api.http.mounts import Services

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ACTOR_TOTALS = {
    "spawned": "Actors started",
    "stopped": "Actors ended",
    "crashes": "Crashes of actors",
    "restarts": "Restarts of actors",
    "mailbox_full": "Messages turned away at full mailboxes",
    "ask_timeouts": "Asks without an answer in time",
    "dropped_expired": "Requests dropped because their deadline had passed",
}
_DEVICE_CONNECTIONS = {"data_connection": "data", "media_connection": "media"}
_SOCKET_USES = ("data", "video", "audio", "rtcp")
_WEBSOCKET_TOTALS = {
    "accepted": "Websockets accepted",
    "refused": "Upgrades refused",
    "crashed": "Websocket handlers that crashed",
    "received": "Messages received",
    "sent": "Messages sent",
}


class ServerCollector(Collector):
    """Reads everything at the moment it is asked for; costs nothing in between."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._started = time.time()

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: what there is depends on the dialects."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give every metric, all named `quintet_…` or, for the process, as usual."""
        yield from self._actors()
        yield from self._websockets()
        yield from self._requests()
        yield from self._analytics()
        yield from self._loop()
        yield from self._unsent()
        yield from self._process()

    def _actors(self) -> Iterator[Metric]:
        system = self._services.system
        for name, text in _ACTOR_TOTALS.items():
            total = CounterMetricFamily(f"quintet_actor_{name}", text)
            total.add_metric([], getattr(system.counters, name))
            yield total
        count: dict[str, int] = defaultdict(int)
        depth: dict[str, int] = defaultdict(int)
        sockets = dict.fromkeys(_SOCKET_USES, 0)
        for node in _nodes(system.tree()):
            kind = str(node["kind"])
            count[kind] += 1
            depth[kind] = max(depth[kind], int(node["mailbox"]["depth"]))
            if kind == "udp_socket" and (use := node["facts"].get("use")) in sockets:
                sockets[use] += 1
        yield _gauge("quintet_actors", "Actors alive", "kind", count)
        yield _gauge("quintet_mailbox_depth", "Fullest mailbox of a kind", "kind", depth)
        connections = {name: count.get(kind, 0) for kind, name in _DEVICE_CONNECTIONS.items()}
        yield _plain("quintet_device_peers", "Peers of devices", count.get("device_peer", 0))
        yield _gauge("quintet_device_connections", "Theirs, alive", "kind", connections)
        yield _gauge("quintet_device_sockets", "UDP sockets of programs", "kind", sockets)
        yield _plain("quintet_timers", "Timers pending", system.clock.pending)
        tasks = trio.lowlevel.current_statistics().tasks_living
        yield _plain("quintet_tasks", "Tasks alive", tasks)

    def _websockets(self) -> Iterator[Metric]:
        tallies = self._services.traffic.websockets
        yield _gauge(
            "quintet_websockets",
            "Websockets open",
            "dialect",
            {dialect: tally.open for dialect, tally in tallies.items()},
        )
        for name, text in _WEBSOCKET_TOTALS.items():
            total = CounterMetricFamily(f"quintet_websocket_{name}", text, labels=["dialect"])
            for dialect, tally in tallies.items():
                total.add_metric([dialect], getattr(tally, name))
            yield total

    def _requests(self) -> Iterator[Metric]:
        traffic = self._services.traffic
        total = CounterMetricFamily(
            "quintet_requests", "HTTP requests answered", labels=["dialect", "status"]
        )
        seconds = HistogramMetricFamily(
            "quintet_request_seconds", "Time to answer", labels=["dialect"]
        )
        for dialect, tally in traffic.requests.items():
            for status, count in sorted(tally.by_status.items()):
                total.add_metric([dialect, str(status)], count)
            seconds.add_metric([dialect], _cumulated(REQUEST_SECONDS, tally.buckets), tally.seconds)
        yield total
        yield seconds
        yield _plain("quintet_connections", "TCP connections open", traffic.connections)
        refused = CounterMetricFamily("quintet_connections_refused", "By limits per address")
        refused.add_metric([], traffic.connections_refused)
        yield refused

    def _analytics(self) -> Iterator[Metric]:
        tally = self._services.analytics
        events = CounterMetricFamily(
            "quintet_analytics_events", "Events that analytics told", labels=["algorithm"]
        )
        dropped = CounterMetricFamily(
            "quintet_analytics_events_dropped", "Events that were too many", labels=["algorithm"]
        )
        ended = CounterMetricFamily(
            "quintet_analytics_ended", "Analytics that are over", labels=["algorithm", "reason"]
        )
        for family, counts in ((events, tally.events), (dropped, tally.dropped)):
            for algorithm, count in sorted(counts.items()):
                family.add_metric([algorithm], count)
            yield family
        for (algorithm, reason), count in sorted(tally.ended.items()):
            ended.add_metric([algorithm, reason], count)
        yield ended

    def _loop(self) -> Iterator[Metric]:
        loop = self._services.loop
        held = HistogramMetricFamily(
            "quintet_loop_held_seconds", "How long a task held the event loop, beyond 0.1 s"
        )
        held.add_metric([], _cumulated(HELD_SECONDS, loop.counts), loop.seconds)
        yield held
        yield _plain("quintet_loop_longest_hold_seconds", "The longest of these", loop.longest)

    def _unsent(self) -> Iterator[Metric]:
        unsent = self._services.unsent
        yield _plain("quintet_unsent_bytes", "Bytes that are unsent or unfinished", unsent.used)
        ended = CounterMetricFamily("quintet_unsent_ended", "Clients ended over too many of these")
        ended.add_metric([], unsent.ended)
        yield ended

    def _process(self) -> Iterator[Metric]:
        yield _gauge("quintet_info", "Version", "version", {quintet_version(): 1})
        ready = self._services.lifecycle.ready
        yield _plain("quintet_ready", "1 while clients may be sent here", int(ready))
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = CounterMetricFamily("process_cpu_seconds", "CPU time used")
        cpu.add_metric([], used.ru_utime + used.ru_stime)
        yield cpu
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        yield _plain("process_resident_memory_bytes", "Memory in use", pages * _PAGE)
        yield _plain("process_open_fds", "Open files", len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield _plain("process_max_fds", "Files that may be open", limit)
        yield _plain("process_start_time_seconds", "When it started", self._started)


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node["children"]:
        yield from _nodes(child)


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        gauge.add_metric([key], value)
    return gauge


def _cumulated(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
