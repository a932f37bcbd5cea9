"""Keyframes for subscriptions that want them at a pace, such as of whoever records them elsewhere.

They are asked of the sender: of the least time that is wanted of one sender, and at most once a
second. Who encodes answers as a publisher does.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from actors.core import Actor, Message, Timer
from actors.streams.feed_paths import Sources
from actors.streams.rules import Conference
from media.contract.engine import MediaEngine
from media.contract.errors import MediaError

LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KeyframesDue(Message):
    """The timer, once a second while any subscription wants keyframes."""


class KeyframePacer:
    """Belongs to one room, whose handlers call it."""

    __slots__ = ("_asked", "_conference", "_engine", "_room", "_sources", "_timer")

    def __init__(
        self, room: Actor[Message], conference: Conference, sources: Sources, engine: MediaEngine
    ) -> None:
        self._room = room
        self._conference = conference
        self._sources = sources
        self._engine = engine
        self._timer: Timer | None = None
        self._asked: dict[str, float] = {}  # when, by source

    def look(self) -> None:
        """Have the timer run as long as it is needed."""
        if self._conference.takers.paced and self._timer is None:
            self._timer = self._room.ctx.tell_self_after(LEAST_SECONDS, KeyframesDue())

    def ask(self) -> None:
        """Ask for the keyframes that are due, beside the room."""
        self._timer = None
        wanted: dict[str, float] = {}
        for output, seconds in self._conference.takers.paced.items():
            feed = self._conference.feed(output, "video")
            source = None if feed is None else self._sources.source_of(feed)
            if source is not None and self._conference.flows(output, "video"):
                wanted[source] = max(LEAST_SECONDS, min(seconds, wanted.get(source, seconds)))
        now = self._room.ctx.now()
        asked = {source: self._asked.get(source, now) for source in wanted}
        due = [source for source, seconds in wanted.items() if now - asked[source] >= seconds]
        self._asked = asked | dict.fromkeys(due, now)
        if due:
            self._room.ctx.start_task(self._request, tuple(due), name="keyframes")
        self.look()

    async def _request(self, sources: tuple[str, ...]) -> None:
        for source in sources:
            with suppress(MediaError):  # it has just ended
                await self._engine.request_keyframe(source)
