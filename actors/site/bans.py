"""Who may not come in, by name, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.site.names import name_key

BANS = 10_000
"""Bans of a site; one more, and the one that ends soonest is lifted."""

LONGEST_HOURS = 24.0 * 3660
"""A ban for longer ends after about ten years."""


@dataclass(frozen=True, slots=True)
class Ban:
    """`until` in Unix seconds.

    One of a guest holds for guests: his name may be somebody's who has a token, and is another.
    """

    key: str
    name: str
    until: float
    guests_only: bool = False


class Bans:
    """By `name_key`. What has changed since it was last taken waits in `unsaved`."""

    __slots__ = ("_by_key", "unsaved")

    def __init__(self) -> None:
        self._by_key: dict[str, Ban] = {}
        self.unsaved: dict[str, Ban | None] = {}  # None: lifted

    def __len__(self) -> int:
        return len(self._by_key)

    def load(self, bans: Iterable[Ban], now: float) -> None:
        """Take what was stored; whatever was decided since goes before."""
        for ban in bans:
            if ban.until > now and ban.key not in self._by_key and ban.key not in self.unsaved:
                self._by_key[ban.key] = ban

    def ban(self, name: str, hours: float, now: float, *, guests_only: bool = False) -> Ban:
        """Ban a name, for so many hours from now; where it is banned for all, it stays so."""
        self._forget_over(now)
        ban = Ban(name_key(name), name, now + 3600 * min(hours, LONGEST_HOURS), guests_only)
        before = self._by_key.get(ban.key)
        if before is not None and guests_only and not before.guests_only:
            return before
        if ban.key not in self._by_key and len(self._by_key) >= BANS:
            soonest = min(self._by_key.values(), key=lambda each: each.until)
            self._lift(soonest.key)
        self._by_key[ban.key] = self.unsaved[ban.key] = ban
        return ban

    def until(self, name: str, now: float, *, proven: bool = False) -> float | None:
        """Return until when a name is banned, for who proves it is his or not; else None."""
        ban = self._by_key.get(name_key(name))
        if ban is None or ban.until <= now or (proven and ban.guests_only):
            return None
        return ban.until

    def lift(self, name: str, now: float) -> Ban | None:
        """Lift a ban; None where nobody like that is banned."""
        self._forget_over(now)
        key = name_key(name)
        ban = self._by_key.get(key)
        if ban is not None:
            self._lift(key)
        return ban

    def listed(self, now: float) -> tuple[tuple[str, float], ...]:
        """Return names and ends, by name ascending."""
        live = (ban for ban in self._by_key.values() if ban.until > now)
        return tuple(sorted((ban.name, ban.until) for ban in live))

    def take_unsaved(self) -> dict[str, Ban | None]:
        """Return what is to be stored, by key, and take it as stored."""
        unsaved, self.unsaved = self.unsaved, {}
        return unsaved

    def put_back(self, unsaved: dict[str, Ban | None]) -> None:
        """Take back what could not be stored; what has been decided since goes before."""
        self.unsaved = {**unsaved, **self.unsaved}

    def _lift(self, key: str) -> None:
        del self._by_key[key]
        self.unsaved[key] = None

    def _forget_over(self, now: float) -> None:
        for ban in [each for each in self._by_key.values() if each.until <= now]:
            self._lift(ban.key)
