"""Metrics of what the server is made of: actors, the event loop, the process itself."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from prometheus_client.core import HistogramMetricFamily, Metric

from api.http.loop_meter import HELD_SECONDS
from api.operator.metrics.families import cumulated, gauge, plain, total
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


class ServerMetrics:
    """What this process holds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._started = time.time()

    def metrics(self) -> Iterator[Metric]:
        """Give those of the actors first."""
        yield from self._actors()
        yield from self._loop()
        yield from self._unsent()
        yield from self._process()

    def _actors(self) -> Iterator[Metric]:
        system = self._services.system
        for name, text in _ACTOR_TOTALS.items():
            yield total(f"quintet_actor_{name}", text, getattr(system.counters, name))
        census = system.census()
        count = census.count
        sockets = dict.fromkeys(_SOCKET_USES, 0)
        for facts in system.facts_of("udp_socket") if count.get("udp_socket") else ():
            if (use := str(facts.get("use"))) in sockets:
                sockets[use] += 1
        yield gauge("quintet_actors", "Actors alive", "kind", count)
        yield gauge("quintet_mailbox_depth", "Fullest mailbox of a kind", "kind", census.fullest)
        connections = {name: count.get(kind, 0) for kind, name in _DEVICE_CONNECTIONS.items()}
        yield plain(
            "quintet_device_peers", "Peers of devices that are open", count.get("device_peer", 0)
        )
        yield gauge(
            "quintet_device_connections", "Connections of peers of devices", "kind", connections
        )
        yield gauge("quintet_device_sockets", "UDP sockets of programs of devices", "kind", sockets)
        yield plain("quintet_timers", "Timers pending", system.clock.pending)
        tasks = trio.lowlevel.current_statistics().tasks_living
        yield plain("quintet_tasks", "Tasks alive", tasks)

    def _loop(self) -> Iterator[Metric]:
        loop = self._services.loop
        held = HistogramMetricFamily(
            "quintet_loop_held_seconds", "How long a task held the event loop, beyond 0.1 s"
        )
        held.add_metric([], cumulated(HELD_SECONDS, loop.counts), loop.seconds)
        yield held
        yield plain(
            "quintet_loop_longest_hold_seconds",
            "The longest that a task held the event loop",
            loop.longest,
        )

    def _unsent(self) -> Iterator[Metric]:
        unsent = self._services.unsent
        yield plain("quintet_unsent_bytes", "Bytes that are unsent or unfinished", unsent.used)
        yield total(
            "quintet_unsent_ended", "Clients ended over too many unsent bytes", unsent.ended
        )

    def _process(self) -> Iterator[Metric]:
        yield gauge(
            "quintet_info", "1, with the version as label", "version", {quintet_version(): 1}
        )
        ready = self._services.lifecycle.ready
        yield plain("quintet_ready", "1 while clients may be sent here", int(ready))
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield total("process_cpu_seconds", "CPU time used", used.ru_utime + used.ru_stime)
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        yield plain("process_resident_memory_bytes", "Memory in use", pages * _PAGE)
        yield plain("process_open_fds", "Open files", len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield plain("process_max_fds", "Files that may be open", limit)
        yield plain(
            "process_start_time_seconds", "When the process started, in Unix seconds", self._started
        )
