"""A chat site: all that its rules know, and the questions that several of them ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from actors.site.bans import Bans
from actors.site.cameras import Cameras
from actors.site.lists import PeopleLists
from actors.site.messages import ChannelEcho, MessageIds, RecentMessages, Side
from actors.site.names import name_key
from actors.site.relations import Relations
from actors.site.visitors import Visitor, Visitors
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import Dropped
from actors.words.refusals import PersonUnknown
from actors.words.rooms import Notice
from actors.words.site import (
    Channel,
    Movement,
    PersonMoved,
    Rule,
    SiteRules,
    Told,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: `now` by the clock of actors, `at` in Unix seconds."""

    now: float
    at: float


@dataclass(slots=True)
class Site:
    """One site. `people_changed` is true until its lists are told; `at_once`: with no wait.

    `loaded` is true once bans and ids go on from what was stored.
    """

    rules: SiteRules
    ids: MessageIds
    visitors: Visitors = field(default_factory=Visitors)
    cameras: Cameras = field(default_factory=Cameras)
    recent: RecentMessages = field(default_factory=RecentMessages)
    bans: Bans = field(default_factory=Bans)
    relations: Relations = field(init=False)
    lists: PeopleLists = field(init=False)
    echo: ChannelEcho = field(init=False)
    people_changed: bool = False
    at_once: bool = False
    loaded: bool = False
    _rules_by_key: dict[str, frozenset[Rule]] = field(init=False)
    _channels: dict[str, Channel] = field(init=False)

    def __post_init__(self) -> None:
        rules = self.rules
        self.relations = Relations(
            self.visitors, operators_can_be_blocked=rules.operators_can_be_blocked
        )
        self.lists = PeopleLists(self.visitors, self.relations, vip_is_secret=rules.vip_is_secret)
        self.echo = ChannelEcho(rules.channels)
        self._index()

    def _index(self) -> None:
        self._rules_by_key = {}
        for name, rules in self.rules.rules:
            key = name_key(name)
            self._rules_by_key[key] = self._rules_by_key.get(key, frozenset()) | rules
        self._channels = {channel.id: channel for channel in self.rules.channels}

    def configure(self, rules: SiteRules) -> None:
        """Go on with other rules; what visitors do against them is for the caller to end."""
        self.rules = rules
        self.relations.operators_can_be_blocked = rules.operators_can_be_blocked
        self.lists.vip_is_secret = rules.vip_is_secret
        self.echo.configure(rules.channels)
        self._index()
        self.changed()

    def changed(self, visitor: Visitor | None = None, *, at_once: bool = False) -> None:
        """Note that lists are to be told: this one looks different, or a relation is."""
        if visitor is not None:
            visitor.look_again()
        self.lists.change()
        self.people_changed = True
        self.at_once |= at_once

    # --- questions

    def rules_for(self, visitor: Visitor) -> frozenset[Rule]:
        """Return what somebody may not do: by his token, and by the configuration."""
        rules = visitor.standing.rules | self._rules_by_key.get(name_key(visitor.name), frozenset())
        return rules | {Rule.NO_BROADCAST} if Rule.NO_VIDEO in rules else rules

    def channel(self, id_: str) -> Channel | None:
        return self._channels.get(id_)

    def may_enter(self, visitor: Visitor, channel: Channel) -> bool:
        """Tell whether somebody may read and write in a channel."""
        return not channel.vip or visitor.vip or visitor.operator

    def who_is(self, side: Side) -> Visitor | None:
        """Find who was a side: the same member, or whoever proves to have that name now."""
        found = self.visitors.by_id.get(side.member)
        if found is None and side.proven:
            found = self.visitors.named(side.name)
            if found is not None and not found.proven:
                return None
        return found

    def person(self, name: str) -> Visitor:
        """Find somebody who is in. Raises PersonUnknown."""
        visitor = self.visitors.named(name)
        if visitor is None:
            raise PersonUnknown
        return visitor

    def require_operator(self, visitor: Visitor) -> None:
        if not visitor.operator:
            raise NotAllowed("operators only")

    # --- notices

    def to_all_but(self, ids: Iterable[str]) -> tuple[str, ...] | None:
        """Return the audience without these; None: everybody."""
        out = ids if isinstance(ids, set) else set(ids)
        if not out:
            return None
        return tuple(id_ for id_ in self.visitors.by_id if id_ not in out)

    def moved(
        self, visitor: Visitor, how: Movement, moment: Moment, *, himself: bool = True
    ) -> list[Notice]:
        """Tell all who may know of somebody that he comes or goes; he is in when this is asked."""
        if moment.now < self.rules.arrivals_from or visitor.hidden:
            return []
        without = self.relations.blocked_with(visitor)
        if not himself:
            without.add(visitor.id)
        return [Notice(PersonMoved(visitor.name, how), among=self.to_all_but(without))]

    def put_out(
        self, visitor: Visitor, how: Movement | None, moment: Moment, html: str = ""
    ) -> list[Notice]:
        """Put somebody out, who hears `html` first; the others hear how, if anything."""
        notices = [Notice(Told(html), to=visitor.id)] if html else []
        notices.append(Notice(Dropped(), to=visitor.id))
        if how is not None:
            notices += self.moved(visitor, how, moment, himself=False)
        self.remove(visitor)
        self.changed(at_once=True)
        return notices

    def remove(self, visitor: Visitor) -> None:
        """Forget somebody, with all that he has done to others."""
        self.cameras.forget(visitor.id)
        self.relations.forget(visitor.id)
        self.visitors.remove(visitor.id)


def named(visitor: Visitor | str) -> str:
    """Return a name as HTML."""
    return escape(visitor if isinstance(visitor, str) else visitor.name)
