"""From what clients send to a room's document, and from that to the rules the room actor keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import actors.room.conference_room  # noqa: F401  for the rooms below: loaded before one waits
from actors.words.keys import RoomKey
from actors.words.orders import ChangeViews
from actors.words.permission import Abilities, Permission
from actors.words.rooms import ConferenceRules, RoomSpec
from actors.words.views import OutputRules
from api.owt.coercion import coercion_words
from api.owt.nulls import without_nulls
from api.owt.room_document import TAGS, Rights, RoomDocument
from api.owt.view_rules import output_rules, view_rules

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from api.owt.stored import StoredRoom

DIALECT = "owt"
REALM = "owt"  # of its own participants and rooms
IDLE_SECONDS = 30.0  # a room without participants, streams and subscriptions ends after this
DEFAULTED = ("roles", "mediaIn", "mediaOut", "views")
AUDIO_IN_MP4 = frozenset({"aac"})  # seed, section 5.6; nobody sends any: jobs encode it
CONFLICT = "MediaOut conflicts with View Setting"


class InvalidRoom(Exception):
    """`str()` is what is wrong, in the words of the original."""


class ViewConflict(Exception):
    """A view wants a format that `mediaOut` does not have."""


def read_room(options: dict[str, Any]) -> RoomDocument:
    """Make a document of what a client sent, `name` included.

    Nulls count as absent at every depth; the lists and media of the top level that are missing or
    falsy have their defaults. Raises InvalidRoom, ViewConflict.
    """
    given = without_nulls(options)
    chosen = {
        key: value
        for key, value in given.items()
        if key not in DEFAULTED or isinstance(value, dict | list) or value
    }
    try:
        room = RoomDocument.model_validate(chosen, by_name=False, by_alias=True)
    except ValidationError as error:
        raise InvalidRoom(_words(error)) from None
    _check_views(room)
    return room


def read_stored(stored: StoredRoom) -> RoomDocument:
    """Return a room as it is configured. Raises InvalidRoom, ViewConflict."""
    return read_room(json.loads(stored.document))


def _words(error: ValidationError) -> str:
    """Say what is wrong as the original's database did, the first ten things at most."""
    found = []
    for each in error.errors(include_url=False)[:10]:
        steps = [str(step) for step in each["loc"] if step not in TAGS]
        found.append(f"{'.'.join(steps)}: {_reason(each, steps)}")
    return "Room validation failed: " + ", ".join(dict.fromkeys(found))


def _reason(problem: ErrorDetails, steps: list[str]) -> str:
    """Say what is wrong at a place; what the library says would name our classes."""
    path, name = ".".join(steps), next((each for each in reversed(steps) if not each.isdigit()), "")
    match problem:
        case {"type": "missing"}:
            return f"Path `{path}` is required."
        case {"type": "cast" | "bound" | "enum" | "fraction", "msg": words}:
            return words
        case {"ctx": {"min_length": least}}:
            return f"Path `{name}` is shorter than the minimum allowed length ({least})."
        case {"ctx": {"max_length": most}}:
            return f"Path `{name}` is longer than the maximum allowed length ({most})."
        case {"type": "model_type", "input": value}:
            return coercion_words("Object", value, name)
    return f"Path `{name}` has a value of the wrong type."


def _check_views(room: RoomDocument) -> None:
    for view in room.views:
        if view.audio.format not in room.media_out.audio:
            raise ViewConflict(CONFLICT)
        if view.video and view.video.format not in room.media_out.video.format:
            raise ViewConflict(CONFLICT)


def room_spec(
    room_id: str,
    room: RoomDocument,
    most_peers: int,
    *,
    auto_mix: bool = False,
    jobs: bool = True,
) -> RoomSpec:
    """Return how the live room is opened; `most_peers` bounds what the document allows.

    Without `jobs`, nothing is mixed and nothing transcoded.
    """
    limit = room.participant_limit
    return RoomSpec(
        RoomKey(REALM, room_id),
        room.name,
        "Conference",
        capacity=most_peers if limit < 0 else min(most_peers, int(limit)),
        expiry_seconds=IDLE_SECONDS,
        dialect=DIALECT,
        conference=ConferenceRules(
            input_limit=int(room.input_limit),
            audio_in=frozenset(each.codec.lower() for each in room.media_in.audio),
            video_in=frozenset(each.codec.lower() for each in room.media_in.video),
            views=tuple(view.label for view in room.views),
            announces_members=room.notifying.participant_activities,
            announces_streams=room.notifying.stream_change,
            audio_in_mp4=AUDIO_IN_MP4,
            mixes=view_rules(room_id, room) if jobs else (),
            outputs=output_rules(room) if jobs else OutputRules(),
            auto_mix=auto_mix,
        ),
    )


def views_of(room_id: str, room: RoomDocument, *, jobs: bool = True) -> ChangeViews:
    """Return what a live room is told of its views once its document has changed."""
    labels = tuple(view.label for view in room.views)
    return ChangeViews(labels, view_rules(room_id, room) if jobs else ())


def permission_of(room: RoomDocument, role: str) -> Permission | None:
    """Return what a role may do in a room, None where the room has no such role."""
    for each in room.roles:
        if each.role == role:
            return Permission(_abilities(each.publish), _abilities(each.subscribe))
    return None


def _abilities(rights: Rights) -> Abilities:
    return Abilities(rights.audio, rights.video)
