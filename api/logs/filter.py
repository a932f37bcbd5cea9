"""Which log entries somebody wants to see. Pure, but for the clock it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from api.logs.lines import LEVELS

_ROOM_ACTOR = re.compile(r"(?:/conferencing)?/rooms/[^/:]*:([^/]+)")
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Conditions on one entry, all of which must hold; an empty one always holds.

    `actor` is an address: it matches that actor and everything below it. `event` may hold `*`.
    `room` is a room's name with or without its type in front ("Room:blue", "blue"), and matches
    whatever happens in that room's actor and below it, too.
    """

    room: str = ""
    peer: str = ""
    dialect: str = ""
    actor: str = ""
    level: str = ""
    event: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether every entry passes."""
        return self == LogFilter()

    def passes(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether `entry` is wanted."""
        return (
            all(
                not wanted or entry.get(key) == wanted
                for key, wanted in (("peer", self.peer), ("dialect", self.dialect))
            )
            and (not self.room or self._in_room(entry))
            and self._below(entry.get("actor"))
            and LEVELS.get(str(entry.get("level")), 0) >= LEVELS.get(self.level, 0)
            and (not self.event or fnmatchcase(str(entry.get("event")), self.event))
            and self._within(entry)
        )

    def _in_room(self, entry: Mapping[str, Any]) -> bool:
        rooms = [str(entry.get("room", ""))]
        if found := _ROOM_ACTOR.match(str(entry.get("actor"))):
            rooms.append(unquote(found[1]))
        return any(self.room in (room, room.partition(":")[2]) for room in rooms)

    def _below(self, actor: object) -> bool:
        top = self.actor.rstrip("/")
        return not self.actor or actor == top or str(actor).startswith(top + "/")

    def _within(self, entry: Mapping[str, Any]) -> bool:
        if self.since is None and self.until is None:
            return True
        time = entry_time(entry)
        return (
            time is not None
            and (self.since is None or time >= self.since)
            and (self.until is None or time <= self.until)
        )


def entry_time(entry: Mapping[str, Any]) -> datetime | None:
    """Return when the entry was logged, None where it does not say."""
    try:
        time = datetime.fromisoformat(str(entry.get("time")))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_time(text: str, now: datetime) -> datetime:
    """Read "10m" (ago; s, m, h, d), "14:30" (today), or an ISO date or time; UTC unless it says.

    Raises ValueError.
    """
    if match := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        text = (
            f"{now.date().isoformat()}T{text.zfill(5) if text.count(':') == 1 else text.zfill(8)}"
        )
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
