"""The people of a site, as its rules know them: by the ids of their members, and by name."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from actors.site.names import name_key
from actors.words.site import (
    Person,
    Standing,
    Video,
)

HIDDEN = "hidden"
"""The status of an operator who is in nobody's list."""

ONLINE = "online"
AWAY = "away"


@dataclass(slots=True, eq=False)
class Visitor:
    """Somebody who is in. Whoever changes how he looks calls `look_again`."""

    id: str
    name: str
    proven: bool
    standing: Standing
    here_since: int
    do_not_disturb: bool = False
    status: str = ONLINE
    video: Video = Video.OFF
    hears_everybody: bool = False  # nobody may block this operator
    _card: Person | None = field(default=None, repr=False)
    _cards: dict[bool, Person] = field(default_factory=dict, repr=False)  # for others

    @property
    def operator(self) -> bool:
        return self.standing.operator

    @property
    def vip(self) -> bool:
        return self.standing.vip

    @property
    def hidden(self) -> bool:
        return self.operator and self.status == HIDDEN

    @property
    def filming(self) -> bool:
        """Whether his camera is on."""
        return Video.ACTIVE in self.video

    def look_again(self) -> None:
        """Forget how he looked."""
        self._card = None
        self._cards.clear()

    @property
    def card(self) -> Person:
        """How he looks to himself, and to VIPs."""
        if self._card is None:
            self._card = Person(
                self.name,
                self.standing,
                self.status,
                self.video,
                self.do_not_disturb,
                self.here_since,
                self.proven,
            )
        return self._card

    def card_for_others(self, *, vip_is_secret: bool) -> Person:
        """How he looks to who is no VIP; the same object where that is no other."""
        known = self._cards.get(vip_is_secret)
        if known is None:
            known = self.card
            if Video.ONLY_VIP in self.video:
                known = replace(known, video=Video.OFF)
            if vip_is_secret and self.vip:
                known = replace(known, standing=replace(self.standing, vip=False))
            self._cards[vip_is_secret] = known
        return known


class Visitors:
    """Everybody who is in. No two have the same name, and no two of whom one is a guest alike."""

    __slots__ = ("_by_name", "_keys", "_names", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[str, Visitor] = {}
        self._by_name: dict[str, Visitor] = {}
        self._keys: dict[str, list[Visitor]] = {}
        self._names: list[str] = []  # ascending

    def __len__(self) -> int:
        return len(self.by_id)

    def __iter__(self) -> Iterator[Visitor]:
        return iter(self.by_id.values())

    def by_name(self) -> Iterator[Visitor]:
        """Yield everybody by name ascending."""
        return map(self._by_name.__getitem__, self._names)

    def named(self, name: str) -> Visitor | None:
        """Find who has exactly this name."""
        return self._by_name.get(name)

    def like(self, key: str) -> tuple[Visitor, ...]:
        """Return those whose names have this key."""
        return tuple(self._keys.get(key, ()))

    def add(self, visitor: Visitor) -> None:
        self.by_id[visitor.id] = visitor
        self._by_name[visitor.name] = visitor
        self._keys.setdefault(name_key(visitor.name), []).append(visitor)
        insort(self._names, visitor.name)

    def remove(self, id_: str) -> Visitor | None:
        """Forget somebody; an unknown id changes nothing."""
        visitor = self.by_id.pop(id_, None)
        if visitor is None:
            return None
        del self._by_name[visitor.name]
        del self._names[bisect_left(self._names, visitor.name)]
        key = name_key(visitor.name)
        alike = self._keys[key]
        alike.remove(visitor)
        if not alike:
            del self._keys[key]
        return visitor
