"""Metrics of what comes in: connections, websockets, requests."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from api.http.metrics import REQUEST_SECONDS, Traffic
from api.operator.metrics.families import cumulated, gauge, plain, total

_WEBSOCKET_TOTALS = {
    "accepted": "Websockets accepted",
    "refused": "Upgrades refused",
    "crashed": "Websocket handlers that crashed",
    "received": "Messages received over websockets",
    "sent": "Messages sent over websockets",
}


class TrafficMetrics:
    """What all listeners count."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def metrics(self) -> Iterator[Metric]:
        """Give those of websockets, then those of requests."""
        tallies = self._traffic.websockets
        yield gauge(
            "quintet_websockets",
            "Websockets open",
            "dialect",
            {dialect: tally.open for dialect, tally in tallies.items()},
        )
        for name, text in _WEBSOCKET_TOTALS.items():
            family = CounterMetricFamily(f"quintet_websocket_{name}", text, labels=["dialect"])
            for dialect, tally in tallies.items():
                family.add_metric([dialect], getattr(tally, name))
            yield family
        yield from self._requests()
        yield plain("quintet_connections", "TCP connections open", self._traffic.connections)
        refused = self._traffic.connections_refused
        yield total(
            "quintet_connections_refused", "Connections refused by limits per address", refused
        )

    def _requests(self) -> Iterator[Metric]:
        answered = CounterMetricFamily(
            "quintet_requests", "HTTP requests answered", labels=["dialect", "status"]
        )
        seconds = HistogramMetricFamily(
            "quintet_request_seconds", "Time to answer a request", labels=["dialect"]
        )
        for dialect, tally in self._traffic.requests.items():
            for status, count in sorted(tally.by_status.items()):
                answered.add_metric([dialect, str(status)], count)
            seconds.add_metric([dialect], cumulated(REQUEST_SECONDS, tally.buckets), tally.seconds)
        yield answered
        yield seconds
