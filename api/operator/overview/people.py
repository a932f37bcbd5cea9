"""`/-/people`: who is in, one of them with all streams, and the people of a chat site."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from quart import Response, request

from actors.core import ActorError, Refused, Slices
from actors.words.keys import RoomKey
from actors.words.site import Person, Video
from actors.words.site_orders import GetBans, GetPeople
from api.operator.errors import refuse
from api.operator.ids import member_key, room_key
from api.operator.overview.paging import (
    BadParameter,
    Order,
    PageQuery,
    asked,
    in_order,
    json_answer,
    page_answer,
)
from api.operator.overview.rooms import with_known
from api.operator.overview.seen import WORST_FIRST, PersonSeen

if TYPE_CHECKING:
    from actors.directory.directory import Directory
    from api.operator.overview.overview import Overview
    from api.operator.overview.rooms import RoomLooks

ASK_SECONDS = 5.0


class PeopleQuery(PageQuery):
    """Who is wanted, and in which order."""

    dialect: str = Field("", max_length=100, description="Only people of this dialect.")
    room: str = Field("", max_length=8192, description="Only who is in the room of this id.")
    search: str = Field(
        "", max_length=200, description="Part of name, user, peer, or the room's name or title."
    )
    peer: str = Field("", max_length=1000, description="Who has this id in the log, exactly.")
    sort: Literal["name", "since", "room", "quality"] = Field(
        "name", description="By quality: the worst first."
    )
    order: Order = Field("asc", description="The smallest first, or the largest.")


SORT_KEYS: dict[str, Callable[[PersonSeen], Any]] = {
    "name": lambda person: (person.name.casefold(), person.key.id),
    "since": lambda person: person.since,
    "room": lambda person: (
        ((person.room_title or person.room_name).casefold(), person.key.id) if person.room else None
    ),
    "quality": lambda person: WORST_FIRST[person.rating] if person.rating is not None else None,
}


class PeopleLooks:
    """The operations on people that only look."""

    def __init__(self, directory: Directory, overview: Overview, rooms: RoomLooks) -> None:
        self._directory = directory
        self._overview = overview
        self._rooms = rooms

    async def people(self) -> Response:
        """List people; with `realm` and `name`, those of a chat site as it sees them."""
        if "realm" in request.args or "name" in request.args:
            return await self._of_site()
        query = asked(PeopleQuery)
        room = _room_wanted(query)
        sight, slices = await self._overview.sight(), Slices()
        found = (one for one in sight.people.values() if matches(query, one, room))
        key, last = SORT_KEYS[query.sort], query.order == "desc"
        page = await in_order(found, query, key, slices, descending=last)
        return await page_answer("people", page, PersonSeen.shown, slices)

    async def person(self, id_: str) -> Response:
        """Show one person whole."""
        try:
            key = member_key(id_)
        except ValueError:
            return unknown_person()
        sight = await self._overview.sight()
        person = sight.people.get(key)
        if person is None:
            return unknown_person()
        known = []
        if person.room is not None:
            of_room = await self._rooms.known_streams(person.room, sight)
            known = [stream for stream in of_room if stream.person == person.id]
        streams = with_known(list(sight.streams.get(key, ())), known)
        return json_answer({**person.shown(), "stream_list": [it.shown() for it in streams]})

    async def _of_site(self) -> Response:
        """Give who is on a chat site, with their webcams, and who is banned from it."""
        realm, name = request.args.get("realm", ""), request.args.get("name", "")
        room = await self._directory.room(RoomKey(realm, name))
        if room is None:
            return _unknown_site()
        try:
            people = await room.ask(GetPeople(), within=ASK_SECONDS)
            bans = await room.ask(GetBans(), within=ASK_SECONDS)
        except Refused:  # another kind of room
            return _unknown_site()
        except ActorError:
            return refuse(503)
        return json_answer(
            {
                "realm": realm,
                "name": name,
                "people": [_visitor(person) for person in people],
                "bans": [{"name": name, "until": until} for name, until in bans],
            }
        )


def matches(query: PeopleQuery, person: PersonSeen, room: RoomKey | None) -> bool:
    """Tell whether somebody is wanted."""
    if query.dialect and person.dialect != query.dialect:
        return False
    if (room is not None and person.room != room) or (query.peer and person.key.id != query.peer):
        return False
    search = query.search.casefold()
    texts = person.name, person.user, person.key.id, person.room_name, person.room_title
    return not search or any(search in text.casefold() for text in texts)


def unknown_person() -> Response:
    """Say that there is no such person."""
    return refuse(404, "There is no such person just now.", "unknown_person")


def _room_wanted(query: PeopleQuery) -> RoomKey | None:
    try:
        return room_key(query.room) if query.room else None
    except ValueError:
        raise BadParameter("room: it is not the id of a room") from None


def _unknown_site() -> Response:
    return refuse(404, "There is no such chat site just now.", "unknown_site")


def _visitor(person: Person) -> dict[str, object]:
    return {
        "name": person.name,
        "status": person.status,
        "guest": not person.proven,
        "operator": person.standing.operator,
        "vip": person.standing.vip,
        "webcam": bool(person.video & Video.ACTIVE),
        "explicit": bool(person.video & Video.NSFW),
        "here_since": person.here_since,
    }
