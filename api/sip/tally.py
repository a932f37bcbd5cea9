"""What the telephone counts, and its metrics.

Plain numbers that cost little to raise; the collector alone reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

METHODS = frozenset(
    {
        "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK",
        "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE", "response",
    }
)  # fmt: skip


class SipTally:
    """Counts over all lives of the telephone."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()  # ended: direction, end
        self.messages: Counter[str] = Counter()  # received, by method, or "response"
        self.refused: Counter[str] = Counter()  # messages that were not looked at
        self.registrations: Counter[str] = Counter()  # "registered", "failed"

    def message(self, data: bytes) -> None:
        """Count a message by the first word of it."""
        word = data[:16].split(b" ", 1)[0].decode("ascii", "replace")
        kind = "response" if word.startswith("SIP/") else word
        self.messages[kind if kind in METHODS else "other"] += 1


class SipCollector(Collector):
    """Gives the tally, and what there is at the moment: calls, connections, registrations."""

    def __init__(self, tally: SipTally, facts: Callable[[], dict[str, int]]) -> None:
        self._tally = tally
        self._facts = facts

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give every metric, all named `quintet_sip_…`."""
        for name, text in (
            ("calls", "Telephone calls, also those not taken yet"),
            ("connections", "Connections of telephones over TCP and TLS"),
            ("registered", "Rooms that are registered at a SIP server"),
        ):
            yield GaugeMetricFamily(f"quintet_sip_{name}", text, value=self._facts()[name])
        ended = CounterMetricFamily(
            "quintet_sip_calls_ended", "Telephone calls by their end", labels=["direction", "end"]
        )
        for (direction, end), count in sorted(self._tally.calls.items()):
            ended.add_metric([direction, end], count)
        yield ended
        for name, text, label, counts in (
            ("messages", "SIP messages received", "kind", self._tally.messages),
            ("messages_refused", "SIP messages not looked at", "why", self._tally.refused),
            ("registrations", "Answers to registrations", "end", self._tally.registrations),
        ):
            total = CounterMetricFamily(f"quintet_sip_{name}", text, labels=[label])
            for value, count in sorted(counts.items()):
                total.add_metric([value], count)
            yield total
