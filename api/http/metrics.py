"""What the server counts about its own traffic; `api/operator` turns it into Prometheus text.

Plain integers that cost a few nanoseconds to raise; nobody but the metrics read them.
"""

from __future__ import annotations

from bisect import bisect_left

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class WebsocketTally:
    """Counts of one dialect's websockets, over all listeners and both carriers."""

    __slots__ = ("accepted", "crashed", "open", "received", "refused", "sent")

    def __init__(self) -> None:
        self.open = 0
        self.accepted = 0
        self.refused = 0
        self.crashed = 0
        self.received = 0
        self.sent = 0


class RequestTally:
    """Counts of one dialect's HTTP requests: by status, and a histogram of their seconds."""

    __slots__ = ("buckets", "by_status", "seconds")

    def __init__(self) -> None:
        self.by_status: dict[int, int] = {}
        self.buckets = [0] * (len(REQUEST_SECONDS) + 1)
        self.seconds = 0.0

    def add(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.buckets[bisect_left(REQUEST_SECONDS, seconds)] += 1
        self.seconds += seconds


class Traffic:
    """All tallies of the process, by dialect ("" where no dialect was reached)."""

    def __init__(self) -> None:
        self.websockets: dict[str, WebsocketTally] = {}
        self.requests: dict[str, RequestTally] = {}
        self.connections = 0
        self.connections_refused = 0

    def websocket(self, dialect: str) -> WebsocketTally:
        """Return the tally of a dialect's websockets, made on first use."""
        return self.websockets.setdefault(dialect, WebsocketTally())

    def request(self, dialect: str) -> RequestTally:
        """Return the tally of a dialect's requests, made on first use."""
        return self.requests.setdefault(dialect, RequestTally())
