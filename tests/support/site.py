"""A chat site of real actors, and people in it who note what they are shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.core import Ref
from actors.directory.messages import OpenMember
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Enter, PlaceOrder, Post, RefuseSecond
from actors.member.profile import Profile
from actors.room.site_services import SiteServices
from actors.words.facts import Fact
from actors.words.keys import DIRECTORY, MemberKey, RoomKey
from actors.words.orders import Order
from actors.words.rooms import RoomSpec
from actors.words.site import (
    Arrival,
    Channel,
    PeopleListed,
    Person,
    SiteRules,
    Standing,
    Told,
    Video,
    Written,
)
from tests.support.actors import House, RecordingClient, open_house, settle

SITE = RoomKey("barertc", "site")
CHANNELS = (
    Channel("lobby", welcome=("<p>Welcome</p>",), echo=10),
    Channel("vip", vip=True, echo=10),
)
RULES = SiteRules(CHANNELS)
OPERATOR = Standing(operator=True)
VIP = Standing(vip=True)


@dataclass
class Chatter:
    """Somebody of a site."""

    ref: Ref[Any]
    client: RecordingClient
    facts: list[Fact] = field(init=False)

    def __post_init__(self) -> None:
        self.facts = self.client.facts

    async def order(self, order: Order) -> str | None:
        """Place an order and wait until everybody has heard. Raises its refusal."""
        value: str | None = await self.ref.ask(PlaceOrder(order), within=5)
        await settle()
        return value

    def post(self, order: Order) -> None:
        self.ref.tell(Post(order))

    @property
    def lists(self) -> list[PeopleListed]:
        return [fact for fact in self.facts if isinstance(fact, PeopleListed)]

    @property
    def heard(self) -> list[Fact]:
        """What was shown besides lists, which come when they are due."""
        return [fact for fact in self.facts if not isinstance(fact, PeopleListed)]

    def seen(self) -> dict[str, Person]:
        """Return who is in the latest list, as this one sees them."""
        return seen(self.lists[-1])

    @property
    def names(self) -> list[str]:
        return list(self.seen())

    @property
    def told(self) -> list[str]:
        return [fact.html for fact in self.facts if isinstance(fact, Told)]

    @property
    def read(self) -> list[tuple[str, str, str]]:
        """Channel, sender and text of each message."""
        written = (fact for fact in self.facts if isinstance(fact, Written))
        return [(it.channel, it.sender, it.html) for it in written]


def seen(listed: PeopleListed) -> dict[str, Person]:
    """Return a list of people as clients show it, by name."""
    people = {it.name: it for it in listed.everybody if it.name not in listed.unseen}
    return people | {it.name: it for it in listed.seen_as}


@dataclass
class SiteHouse:
    """A house with a site in it."""

    house: House
    rules: SiteRules
    capacity: int = 500
    opened: int = 0

    async def come(self, name: str, **arrival: Any) -> Chatter:
        """Come in as a guest, or as whom a token names. Raises the refusal."""
        self.opened += 1
        id_, client = f"m{self.opened}", RecordingClient()
        profile = Profile("barertc", "barertc", bound_to_room=True)
        key = MemberKey("barertc", id_)
        order = OpenMember(key, lambda: Member(Identity(id_), profile, client), RefuseSecond())
        ref = await self.house.find(DIRECTORY).ask(order, within=5)
        spec = RoomSpec(SITE, "Site", "site", False, self.capacity, 60.0, None, self.rules)
        chatter = Chatter(ref, client)
        await ref.ask(Enter(spec, "", arrival=Arrival(name, **arrival)), within=5)
        await settle()
        return chatter

    async def people(self, *names: str) -> list[Chatter]:
        """Have guests come in, and forget what they were told so far."""
        found = [await self.come(name) for name in names]
        for each in found:
            each.client.clear()
        return found

    @property
    def room(self) -> Ref[Any]:
        return self.house.find(SITE.path)


START = 1_700_000_000.0 - 0.5
"""Unix time at the beginning of Trio's clock."""


@asynccontextmanager
async def open_site(
    rules: SiteRules = RULES, capacity: int = 500, **house: Any
) -> AsyncIterator[SiteHouse]:
    services = SiteServices(clock=lambda: START + trio.current_time(), cpu=lambda: 0.0)
    async with open_house(**{"site": services, **house}) as opened:
        yield SiteHouse(opened, rules, capacity)


FILMING = Video.ACTIVE
