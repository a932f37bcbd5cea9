"""Where outputs take from, as the engine has it, also while what they shall take is not there yet.

Who goes over to something that a process has yet to make keeps what he had until that is there, as
long as it is there itself, is not held, and has not become another codec.
"""

from __future__ import annotations

from typing import Protocol

from actors.streams.rules import Conference
from actors.streams.takers import Feed


class Sources(Protocol):
    """What sends, by the engine's ids."""

    def source_of(self, feed: Feed) -> str | None:
        """Return the engine's id of what sends a feed, None while it is not there."""


class FeedPaths:
    """Belongs to one room. `late` are the outputs whose feed is not there yet."""

    __slots__ = ("_conference", "_flowing", "_sources", "late")

    def __init__(self, conference: Conference, sources: Sources) -> None:
        self._conference = conference
        self._sources = sources
        self._flowing: dict[str, dict[str, Feed]] = {}  # by output and kind
        self.late: dict[str, None] = {}

    def path(self, output: str, kind: str) -> tuple[str | None, bool]:
        """Return what an output takes from now on, and whether it flows."""
        conference, flowing = self._conference, self._flowing.setdefault(output, {})
        feed, flows = conference.feed(output, kind), conference.flows(output, kind)
        source = None if feed is None else self._sources.source_of(feed)
        if feed is None or source is not None:
            self._settle(output, kind, feed)
            return source, flows
        self.late[output] = None
        before = flowing.get(kind)
        if before is None or before == feed or not conference.suits(output, before):
            return None, flows
        flows = flows and conference.active(before.stream, kind)
        return self._sources.source_of(before), flows

    def forget(self, output: str) -> None:
        """Forget an output that has ended."""
        self._flowing.pop(output, None)
        self.late.pop(output, None)

    def _settle(self, output: str, kind: str, feed: Feed | None) -> None:
        flowing = self._flowing[output]
        if feed is None:
            flowing.pop(kind, None)
        else:
            flowing[kind] = feed
        if output in self.late and all(
            self._sources.source_of(each) is not None
            for each in self._conference.takers.feeds.get(output, {}).values()
        ):
            del self.late[output]
