"""Metrics of analytics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from actors.streams.services import AnalyticsTally
from api.operator.metrics.families import totals


class AnalyticsMetrics:
    """What there was of each algorithm that is installed."""

    def __init__(self, tally: AnalyticsTally) -> None:
        self._tally = tally

    def metrics(self) -> Iterator[Metric]:
        """Give what they told, and how they ended."""
        for name, text, counts in (
            ("events", "Events that analytics told", self._tally.events),
            ("events_dropped", "Events that were too many", self._tally.dropped),
        ):
            by_label = {(algorithm,): count for algorithm, count in counts.items()}
            yield totals(f"quintet_analytics_{name}", text, ["algorithm"], by_label)
        yield totals(
            "quintet_analytics_ended",
            "Analytics that are over",
            ["algorithm", "reason"],
            self._tally.ended,
        )
