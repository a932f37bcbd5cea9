"""A chat room that keeps what it is asked, for tests of the web API alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.core import Actor, ActorSystem, ChildSpec, Message, Restart, Spawn
from actors.words.keys import ROOMS
from actors.words.orders import CloseRoom
from actors.words.refusals import PersonUnknown
from actors.words.site import (
    NO_STANDING,
    Person,
    Video,
)
from actors.words.site_orders import (
    AmendStanding,
    Announce,
    BlockNow,
    DisconnectNow,
    GetPeople,
    SetSiteRules,
)
from api.barertc.state import SITE


def person(name: str, status: str = "online", video: int = 0) -> Person:
    return Person(name, NO_STANDING, status, Video(video), False, 1_700_000_000)


@dataclass
class Heard:
    """The people of a fake room, and what it was asked, the latest last."""

    people: tuple[Person, ...] = ()
    asked: list[Message] | None = None
    hangs: bool = False


class FakeSiteRoom(Actor[Message]):
    accepts = (
        AmendStanding, Announce, BlockNow, CloseRoom, DisconnectNow, GetPeople, SetSiteRules,
    )  # fmt: skip

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def handle(self, message: Message) -> object:
        heard = self._heard
        if heard.hangs:
            self.ctx.defer()
            return None
        if heard.asked is not None and not isinstance(message, GetPeople):
            heard.asked.append(message)
        match message:
            case GetPeople():
                return heard.people
            case DisconnectNow(names):
                here = [each for each in heard.people if each.name in names]
                heard.people = tuple(each for each in heard.people if each not in here)
                return len(here)
            case AmendStanding(name, standing):
                if all(each.name != name for each in heard.people):
                    raise PersonUnknown
                heard.people = tuple(
                    replace(each, standing=standing) if each.name == name else each
                    for each in heard.people
                )
            case CloseRoom():
                self.ctx.stop("closed")
        return None


async def open_fake_site(system: ActorSystem, *people: Person) -> Heard:
    """Put a room in the place of the chat."""
    heard = Heard(people, [])
    rooms = system.registry.find(ROOMS)
    assert rooms is not None
    spec = ChildSpec(SITE.slug, lambda: FakeSiteRoom(heard), Restart.TEMPORARY)
    await rooms.ask(Spawn(spec), within=5)
    return heard
