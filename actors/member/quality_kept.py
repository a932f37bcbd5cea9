"""How well a client says that its connections do, for as long as that holds."""

from __future__ import annotations

from actors.words.quality import Quality

HOLDS_SECONDS = 30.0  # three reports of a page


class QualityKept:
    """The last report of one client. Times are of the member's clock, in seconds."""

    __slots__ = ("_last", "_until")

    def __init__(self) -> None:
        self._last: Quality | None = None
        self._until = 0.0

    def note(self, quality: Quality, now: float) -> None:
        """Take a report in place of the one before; one without a connection says nothing."""
        self._last = quality if quality.connections != 0 else None
        self._until = now + HOLDS_SECONDS

    def forget(self) -> None:
        """Its client has gone."""
        self._last = None

    def shown(self, now: float) -> dict[str, float | str | None] | None:
        """Return it as snapshots show it, None where there is none that holds."""
        return self._last.shown() if self._last is not None and now < self._until else None
