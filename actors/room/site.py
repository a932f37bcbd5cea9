"""A room that is a chat site: carries `actors.site` within the room's actor.

It takes the orders of members and the requests of management APIs, tells what follows, and sees
that lists of people are told when they are due.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from string import ascii_lowercase

from actors.core import Actor, Message, Timer
from actors.room.audience import Audience
from actors.room.roster import Roster
from actors.room.site_services import SiteServices
from actors.room.site_store import SiteStore, SiteStored
from actors.site import entrances
from actors.site.lists import Pace
from actors.site.messages import MessageIds
from actors.site.moderation import put_banned_out
from actors.site.obeying import REQUESTS, answer, obey
from actors.site.site import Moment, Site
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import Dropped
from actors.words.orders import Order
from actors.words.rooms import Admission, Notice
from actors.words.site import SiteRules
from actors.words.site_orders import OpenCamera


@dataclass(frozen=True, slots=True)
class ListsDue(Message):
    """The timer of the lists; void unless this is the latest one."""

    number: int


class RoomSite:
    """Belongs to one room, whose handlers call it. `put_out` has the room forget a member."""

    __slots__ = (
        "_audience", "_due", "_number", "_pace", "_put_out", "_room", "_services", "_site",
        "_store", "_timer",
    )  # fmt: skip

    takes = (*REQUESTS, ListsDue, SiteStored)

    def __init__(
        self,
        room: Actor[Message],
        rules: SiteRules,
        services: SiteServices,
        roster: Roster,
        audience: Audience,
        put_out: Callable[[str], None],
    ) -> None:
        if roster.site is None:
            roster.site = Site(rules, MessageIds(int(services.clock())))
        self._site = roster.site
        self._room = room
        self._services = services
        self._store = SiteStore(room, roster.site, services.clock)
        self._audience = audience
        self._put_out = put_out
        self._pace = Pace(self._site.rules.list_share)
        self._timer: Timer | None = None
        self._due = 0.0
        self._number = 0

    async def setup(self) -> None:
        """After a crash, go on with those who are members and people of the site alike."""
        await self._store.load()
        site, members = self._site, self._audience.refs
        for visitor in [each for each in site.visitors if each.id not in members]:
            site.remove(visitor)
        strangers = [id_ for id_ in members if id_ not in site.visitors.by_id]
        self._tell([Notice(Dropped(), to=id_) for id_ in strangers])
        site.changed(at_once=True)  # also for the one list after the silence of the start
        self._follow_up()

    def figures(self) -> Mapping[str, object]:
        """Return what the tree page shows."""
        site = self._site
        return {
            "people": len(site.visitors),
            "cameras_opened": len(site.cameras),
            "bans": len(site.bans),
        }

    # --- coming and going

    def admit(self, admission: Admission) -> int:
        """Check whether somebody may come in; return how many are put out for him.

        Raises NameBanned, NameReserved, NotAllowed.
        """
        if admission.arrival is None:
            raise NotAllowed("nobody comes in without a name")
        member = admission.presence.peer
        return len(entrances.admit(self._site, member, admission.arrival, self._moment()))

    def arrive(self, admission: Admission) -> None:
        """Let in whom `admit` has accepted."""
        if admission.arrival is None:
            raise NotAllowed
        before = self._services.cpu()
        member = admission.presence.peer
        notices = entrances.arrive(self._site, member, admission.arrival, self._moment())
        self._tell(notices)
        self._pace.add(self._services.cpu() - before)
        self._follow_up()

    def leave(self, member: str, *, overdue: bool) -> None:
        """Have somebody be gone who is no member any more."""
        if member not in self._site.visitors.by_id:
            return  # put out: told by whoever did that
        self._tell(entrances.leave(self._site, member, self._moment(), timed_out=overdue))
        self._follow_up()

    # --- orders and requests

    def done(self, by: str, order: Order) -> str | None:
        """Carry out an order of a member, and return what it is done with. Raises its refusals."""
        visitor = self._site.visitors.by_id[by]
        secret = new_secret() if isinstance(order, OpenCamera) else ""
        value, notices = obey(self._site, visitor, order, self._moment(), secret)
        self._tell(notices)
        self._follow_up()
        return value

    def handle(self, message: Message) -> object:
        """Take one of `takes`; what is raised is a Refused, for who asked."""
        if isinstance(message, ListsDue):
            if message.number == self._number:
                self._timer = None
                self._follow_up(due=True)
            return None
        if isinstance(message, SiteStored):
            self._store.take(message)
            self._tell(put_banned_out(self._site, self._moment()))
            self._follow_up()
            return None
        value, notices = answer(self._site, message, self._moment())
        self._pace.share = self._site.rules.list_share
        self._tell(notices)
        self._follow_up()
        return value

    # --- lists of people

    def _follow_up(self, *, due: bool = False) -> None:
        """Tell lists where somebody has changed, now or as soon as they are due; and store."""
        self._store.save()
        site, now = self._site, self._room.ctx.now()
        if not site.people_changed:
            return
        when = self._pace.due(now, self._services.spent(), at_once=due or site.at_once)
        when = max(when, site.rules.lists_from)
        if when <= now:
            self._tell_lists(now)
        elif self._timer is None or when < self._due:
            self._call_off()
            self._due = when
            self._timer = self._room.ctx.tell_self_after(when - now, ListsDue(self._number))

    def _tell_lists(self, now: float) -> None:
        site, before = self._site, self._services.cpu()
        self._call_off()
        site.people_changed = site.at_once = False
        # Those who see the same one after the other, so that each list need be encoded once.
        for visitor in sorted(site.visitors, key=attrgetter("vip")):
            self._audience.tell((Notice(site.lists.for_viewer(visitor), to=visitor.id),))
        self._pace.take(now, self._services.cpu() - before, self._services.spent())

    def _call_off(self) -> None:
        self._number += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---

    def _moment(self) -> Moment:
        return Moment(self._room.ctx.now(), self._services.clock())

    def _tell(self, notices: Iterable[Notice]) -> None:
        """Tell notices; whoever is put out by one hears nothing of those behind it."""
        for notice in notices:
            self._audience.tell((notice,))
            if notice.to is not None and type(notice.fact) is Dropped:
                self._put_out(notice.to)


def new_secret() -> str:
    """Return 16 lower-case letters, as clients expect them."""
    return "".join(secrets.choice(ascii_lowercase) for _ in range(16))
