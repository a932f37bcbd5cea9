"""Which room or person somebody means who gives a name to a command."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from api.cli.live import PER_PAGE, Live, LiveError, Page, in_path
from api.cli.tables import printed, table

LONGEST_SEARCH = 200  # characters that the server takes


class NoSuchRoom(LiveError):
    """Nobody is in a room that is called so."""


def find_room(live: Live, wanted: str, dialect: str = "") -> Page:
    """Return the room of that id, name, title or path; the name as logs have it is one, too.

    Raises NoSuchRoom, or LiveError; one that lists the candidates where there are several.
    """
    found: dict[str, Page] = {}
    for name in dict.fromkeys((wanted, wanted.partition(":")[2] or wanted)):
        answer = live.get_list("/-/rooms", "rooms", search=name[:LONGEST_SEARCH], dialect=dialect)
        found |= {each["id"]: each for each in answer["rooms"] if _is_called(each, wanted)}
    if not found:
        try:
            if wanted:  # without an id, it would be the path of the list
                return live.get(f"/-/rooms/{in_path(wanted)}")
        except LiveError as error:
            if error.status not in (400, 404):
                raise
        raise NoSuchRoom(f"no room is called {printed(wanted)!r}")
    rows = [
        (each["name"], each["title"], each["dialect"], str(each["people"]), each["id"])
        for each in found.values()
    ]
    titles = ("ROOM", "TITLE", "DIALECT", "PEOPLE", "ID")
    return _only_one(list(found.values()), f"rooms are called {printed(wanted)!r}", titles, rows)


def find_closed(closed: Sequence[Page], wanted: str) -> Page:
    """Return the entry of `/-/closed` with that id or name, or the name as logs have it.

    Small letters are as good as capitals where no name is written so. Raises LiveError.
    """
    found = [each for each in closed if wanted in _names(each)]
    if not found:
        small = wanted.casefold()
        found = [each for each in closed if small in map(str.casefold, _names(each))]
    if not found:
        raise LiveError(f"no room that is closed is called {printed(wanted)!r}")
    rows = [(each["name"], each["realm"], each["id"]) for each in found]
    what = f"closed rooms are called {printed(wanted)!r}"
    return _only_one(found, what, ("ROOM", "REALM", "ID"), rows)


def find_person(live: Live, wanted: str) -> Page:
    """Return who has that peer id or id, or else that name or user. Raises LiveError.

    Clients of some dialects choose their peer ids: several may have the same one. Nobody is called
    "": that would be everybody without a login.
    """
    if not wanted:
        raise LiveError("nobody here has the id or name ''")
    people: list[Page] = live.get_list("/-/people", "people", PER_PAGE, peer=wanted)["people"]
    found = {each["id"]: each for each in people}
    try:
        person = live.get(f"/-/people/{in_path(wanted)}")
        found[person["id"]] = person
    except LiveError as error:
        if error.status not in (400, 404):
            raise
    if not found:
        answer = live.get_list("/-/people", "people", search=wanted[:LONGEST_SEARCH])
        named = (each for each in answer["people"] if wanted in (each["name"], each["user"]))
        found = {each["id"]: each for each in named}
    if not found:
        raise LiveError(f"nobody here has the id or name {printed(wanted)!r}")
    rows = [
        (str(each["name"]), room_of(each), each["dialect"], each["peer"], each["id"])
        for each in found.values()
    ]
    what = f"people are called {printed(wanted)!r}"
    titles = ("NAME", "ROOM", "DIALECT", "PEER", "ID")
    return _only_one(list(found.values()), what, titles, rows)


def room_of(person: Page) -> str:
    """Return what people call the room that somebody is in, "" for none."""
    return str(person["room_title"] or person["room_name"] or "")


def _is_called(room: dict[str, Any], wanted: str) -> bool:
    name = room["name"]
    typed = f"{room['type']}:{name}" if room.get("type") else name
    return wanted in (room["id"], name, typed, room.get("title") or name, room.get("path", name))


def _names(closed: Page) -> tuple[str, str, str]:
    return closed["id"], closed["name"], name_in(closed["id"])


def name_in(room_id: str) -> str:
    """Return the name in the id of a room, which is base64url of its realm and its quoted name."""
    slug = urlsafe_b64decode(room_id + "=" * (-len(room_id) % 4)).decode("ascii", "replace")
    return unquote(slug.partition(":")[2])


def _only_one(
    found: Sequence[Page], what: str, titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> Page:
    if len(found) == 1:
        return found[0]
    lines = "\n".join(table(titles, rows))
    raise LiveError(f"{len(found)} {what}; say which one by its id:\n{lines}", 2)
