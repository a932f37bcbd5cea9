"""Lists of people: one for all who see the same, with what differs for a few; and when one is due.

What differs comes from the relations of the viewer, which are few: building all lists takes time
that grows with the people and the relations, not with the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.site.relations import Relations, Tie
from actors.site.visitors import Visitor, Visitors
from actors.words.site import (
    PeopleListed,
    Person,
)

BURST_SECONDS = 0.05
"""What changes within it is told in one list."""


class PeopleLists:
    """The lists as they are now. `change` says that one of the people looks different."""

    __slots__ = ("_for_others", "_for_vips", "_relations", "_visitors", "vip_is_secret")

    def __init__(self, visitors: Visitors, relations: Relations, *, vip_is_secret: bool) -> None:
        self._visitors = visitors
        self._relations = relations
        self._for_vips: PeopleListed | None = None
        self._for_others: PeopleListed | None = None
        self.vip_is_secret = vip_is_secret

    def change(self) -> None:
        self._for_vips = self._for_others = None

    def for_viewer(self, viewer: Visitor) -> PeopleListed:
        """Return the list for one of them; the same object for all who see the same."""
        base = self._base(vip=viewer.vip)
        relations, visitors, name = self._relations, self._visitors, viewer.name
        seen_otherwise = not viewer.vip and self._card(viewer, vip=False) is not viewer.card
        if not seen_otherwise and not relations.alter(viewer):
            return base
        looks: dict[str, Person] = {}
        unseen = [visitors.by_id[id_] for id_ in relations.blocked_with(viewer)]
        nearer = [relations.made_by(tie, name) for tie in (Tie.MUTE, Tie.BOOT, Tie.INVITE)]
        if any(nearer):
            for id_ in set[str]().union(*nearer):
                owner = visitors.by_id[id_]
                if owner.hidden or owner is viewer:
                    continue
                usual = self._card(owner, vip=viewer.vip)
                video = relations.video_seen(owner, viewer)
                if video != usual.video:
                    looks[owner.name] = replace(usual, video=video)
        if seen_otherwise and not viewer.hidden:
            looks[name] = viewer.card  # everybody sees himself as he is
        gone = frozenset(other.name for other in unseen if not other.hidden)
        if not looks and not gone:
            return base
        seen_as = tuple(looks[each] for each in sorted(looks) if each not in gone)
        return PeopleListed(base.everybody, gone, seen_as)

    def _base(self, *, vip: bool) -> PeopleListed:
        known = self._for_vips if vip else self._for_others
        if known is None:
            shown = [each for each in self._visitors.by_name() if not each.hidden]
            self._for_vips = PeopleListed(tuple(each.card for each in shown))
            others = tuple(self._card(each, vip=False) for each in shown)
            alike = all(map(_same, others, self._for_vips.everybody))
            self._for_others = self._for_vips if alike else PeopleListed(others)
            known = self._for_vips if vip else self._for_others
        return known

    def _card(self, owner: Visitor, *, vip: bool) -> Person:
        return owner.card if vip else owner.card_for_others(vip_is_secret=self.vip_is_secret)


def _same(one: Person, other: Person) -> bool:
    return one is other


@dataclass(slots=True)
class Pace:
    """How often lists are told, so that they take at most `share` of a core.

    Times in seconds; `spent` is the CPU time that clients have spent on lists so far.
    """

    share: float
    _told_at: float = -float("inf")
    _cost: float = 0.0
    _spent: float = 0.0

    def due(self, now: float, spent: float, *, at_once: bool) -> float:
        """Return when a list for a change of now may be told; `at_once`: with no wait for more."""
        cost = self._cost + max(0.0, spent - self._spent)
        return max(now if at_once else now + BURST_SECONDS, self._told_at + cost / self.share)

    def take(self, now: float, cost: float, spent: float) -> None:
        """Note that lists for everybody were built and told for so much CPU time."""
        self._told_at, self._cost, self._spent = now, cost, spent

    def add(self, cost: float) -> None:
        """Note what a list for a newcomer has cost meanwhile."""
        self._cost += cost
