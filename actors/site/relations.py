"""What one may see or hear of another: asked for each delivery and each list of people.

Mutes, boots, blocks and invites are from somebody who is in to a name, whether or not anybody has
it now. They end with whoever has made them; clients say them again when they come back.
"""

from __future__ import annotations

from enum import Enum

from actors.site.names import LONGEST_NAME
from actors.site.visitors import Visitor, Visitors
from actors.words.refusals import TooManyRelations
from actors.words.site import Video

RELATIONS_PER_PERSON = 1000
"""Mutes, boots, blocks and invites of one person, together; about 300 bytes each, and the name."""


class Tie(Enum):
    """What somebody has done to another."""

    MUTE = "mute"
    BOOT = "boot"
    BLOCK = "block"
    INVITE = "invite"


NOBODY: frozenset[str] = frozenset()


class Relations:
    """The table. What is asked of two says nothing of whether they are in."""

    __slots__ = ("_by", "_count", "_suffered", "_to", "_visitors", "operators_can_be_blocked")

    def __init__(self, visitors: Visitors, *, operators_can_be_blocked: bool) -> None:
        self._visitors = visitors
        self._by: dict[Tie, dict[str, set[str]]] = {tie: {} for tie in Tie}  # names by member id
        self._to: dict[Tie, dict[str, set[str]]] = {tie: {} for tie in Tie}  # member ids by name
        self._count: dict[str, int] = {}  # by member id
        self._suffered: dict[str, int] = {}  # by name
        self.operators_can_be_blocked = operators_can_be_blocked

    # --- changes

    def tie(self, tie: Tie, by: Visitor, name: str) -> bool:
        """Make a tie; return whether it is new. Nobody has one to himself, or to what is no name.

        Raises TooManyRelations.
        """
        if name == by.name or len(name) > LONGEST_NAME or self.holds(tie, by, name):
            return False
        count = self._count.get(by.id, 0)
        if count >= RELATIONS_PER_PERSON:
            raise TooManyRelations
        self._count[by.id] = count + 1
        self._by[tie].setdefault(by.id, set()).add(name)
        self._to[tie].setdefault(name, set()).add(by.id)
        self._suffered[name] = self._suffered.get(name, 0) + 1
        return True

    def untie(self, tie: Tie, by: str, name: str) -> bool:
        """Undo a tie of this member; return whether there was one."""
        names = self._by[tie].get(by)
        if names is None or name not in names:
            return False
        _discard(self._by[tie], by, name)
        _discard(self._to[tie], name, by)
        _count_down(self._count, by)
        _count_down(self._suffered, name)
        return True

    def forget(self, by: str) -> None:
        """Undo all that this member has done, who leaves."""
        for tie in Tie:
            for name in self._by[tie].pop(by, ()):
                _discard(self._to[tie], name, by)
                _count_down(self._suffered, name)
        self._count.pop(by, None)

    def hear_everybody(self, operator: Visitor) -> bool:
        """Undo what makes an operator and others deaf to each other; return whether it changes."""
        changed = not operator.hears_everybody
        operator.hears_everybody = True
        for tie in (Tie.MUTE, Tie.BOOT, Tie.BLOCK):
            for name in tuple(self._by[tie].get(operator.id, ())):
                changed |= self.untie(tie, operator.id, name)
            for other in tuple(self._to[tie].get(operator.name, ())):
                changed |= self.untie(tie, other, operator.name)
        return changed

    # --- questions

    def alter(self, viewer: Visitor) -> bool:
        """Tell whether ties may make others look differently to this one than to most."""
        return viewer.name in self._suffered or viewer.id in self._by[Tie.BLOCK]

    def holds(self, tie: Tie, by: Visitor, name: str) -> bool:
        """Tell whether somebody has such a tie to this name."""
        return name in self._by[tie].get(by.id, NOBODY)

    def closed_to(self, one: Visitor) -> frozenset[str]:
        """Return the names of those for whom somebody does not exist by his own will."""
        return (
            frozenset(self._by[Tie.BLOCK].get(one.id, NOBODY))
            if self.can_be_blocked(one)
            else NOBODY
        )

    def made_by(self, tie: Tie, name: str) -> frozenset[str] | set[str]:
        """Return the member ids of those who have such a tie to this name."""
        return self._to[tie].get(name, NOBODY)

    def can_block(self, one: Visitor, other: Visitor) -> bool:
        """Tell whether a block between these two has an effect."""
        return self.can_be_blocked(one) and self.can_be_blocked(other)

    def can_be_blocked(self, one: Visitor) -> bool:
        """Tell whether a block by or of this one has an effect, if the other is no operator."""
        if not one.operator:
            return True
        return self.operators_can_be_blocked and not one.hears_everybody

    def blocked(self, one: Visitor, other: Visitor) -> bool:
        """Tell whether these two do not exist for each other."""
        if not self.holds(Tie.BLOCK, one, other.name) and not self.holds(
            Tie.BLOCK, other, one.name
        ):
            return False
        return one is not other and self.can_block(one, other)

    def blocked_with(self, one: Visitor) -> set[str]:
        """Return the ids of those who are in and do not exist for this one, nor he for them."""
        made, suffered = self._by[Tie.BLOCK].get(one.id), self._to[Tie.BLOCK].get(one.name)
        if not made and not suffered:
            return set()
        others = [self._visitors.by_id[id_] for id_ in suffered or ()]
        for name in made or ():
            other = self._visitors.named(name)
            if other is not None:
                others.append(other)
        return {it.id for it in others if it is not one and self.can_block(one, it)}

    def hears(self, listener: Visitor, sender: Visitor) -> bool:
        """Tell whether what one says reaches the other."""
        if listener is sender:
            return True
        muted = self.holds(Tie.MUTE, listener, sender.name)
        return not muted and not self.blocked(listener, sender)

    def reaches(self, sender: Visitor, other: Visitor) -> bool:
        """Tell whether what one writes to the other alone gets there; a mute keeps no operator."""
        if self.blocked(sender, other):
            return False
        return sender.operator or not self.holds(Tie.MUTE, other, sender.name)

    def deaf_to(self, sender: Visitor) -> set[str]:
        """Return the ids of those who hear nothing of this one."""
        return self.blocked_with(sender).union(self.made_by(Tie.MUTE, sender.name)) - {sender.id}

    def knows_of(self, viewer: Visitor, other: Visitor) -> bool:
        """Tell whether one may learn that the other is in; nobody is hidden from operators here."""
        if other.hidden and not viewer.operator:
            return False
        return not self.blocked(viewer, other)

    def shuts_out(self, owner: Visitor, viewer: Visitor) -> bool:
        """Tell whether a mute or boot keeps one from the other's camera; operators are not kept."""
        if viewer.operator:
            return False
        return self.holds(Tie.MUTE, owner, viewer.name) or self.holds(Tie.BOOT, owner, viewer.name)

    def video_seen(self, owner: Visitor, viewer: Visitor) -> Video:
        """Return how the camera of somebody in the list looks to another (fact sheet 2.2).

        An operator who was muted or booted sees it as it is, but never asked to open his own to it:
        the original turns that request on by mistake.
        """
        video = owner.video
        if owner is viewer:
            return video
        if self.shuts_out(owner, viewer) or (Video.ONLY_VIP in video and not viewer.vip):
            return Video.OFF
        if viewer.operator and (
            self.holds(Tie.MUTE, owner, viewer.name) or self.holds(Tie.BOOT, owner, viewer.name)
        ):
            video &= ~Video.MUTUAL_OPEN
        if self.holds(Tie.INVITE, owner, viewer.name):
            video |= Video.INVITED
        return video


def _count_down(table: dict[str, int], key: str) -> None:
    table[key] -= 1
    if not table[key]:
        del table[key]


def _discard(table: dict[str, set[str]], key: str, value: str) -> None:
    """Remove one value, and the set with its last one."""
    values = table.get(key)
    if values is not None:
        values.discard(value)
        if not values:
            del table[key]
