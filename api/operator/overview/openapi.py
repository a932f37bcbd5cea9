"""The operations that look, as the OpenAPI document has them: parameters, examples, errors."""

from __future__ import annotations

from typing import Any

from api.operator.errors import CODES
from api.operator.overview.actors import ActorsQuery
from api.operator.overview.endpoints import EndpointsQuery
from api.operator.overview.log import LogQuery
from api.operator.overview.paging import Query
from api.operator.overview.people import PeopleQuery
from api.operator.overview.recordings import RecordingsQuery
from api.operator.overview.rooms import RoomsQuery

JSON = "application/json"
TOKEN: list[dict[str, list[str]]] = [{"operatorToken": []}]
ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
_GUARDED = (401, 429)

ROOM_ID, PERSON_ID = "c3ByZWVkOlJvb20lM0F0ZWE", "c3ByZWVkOmFubg"
QUALITY = {
    "rating": "fair", "loss": 0.04, "round_trip": 0.12, "jitter": 0.006, "bits_in": 910_000,
    "bits_out": 480_000, "connections": 2, "at": 1_800_000_100.0,
}  # fmt: skip
ROOM = {
    "id": ROOM_ID, "dialect": "spreed", "realm": "spreed", "name": "tea", "title": "Tea",
    "type": "Room", "people": 3, "since": 1_800_000_000.0, "streams": 0, "locked": False,
    "recordings": 0, "quality": "fair", "path": "/conferencing/rooms/spreed:Room%3Atea",
}  # fmt: skip
PERSON = {
    "id": PERSON_ID, "peer": "ann", "dialect": "spreed", "room": ROOM_ID, "room_name": "tea",
    "room_title": "Tea", "name": "Ann", "user": "", "address": "192.0.2.0/24",
    "device": "Firefox on Linux", "since": 1_800_000_000.0, "away": False, "streams": 0,
    "quality": QUALITY,
}  # fmt: skip
STREAM = {
    "id": "8c1f0a52", "person": PERSON_ID, "kind": "video", "codec": "vp8", "direction": "in",
    "bits_per_second": 480_000.0, "loss": 0.01, "jitter": 0.004, "round_trip": None, "muted": False,
}  # fmt: skip
ENDPOINT = {
    "id": "0b7c9d", "dialect": "auvious", "user": "ann", "organization": "shop", "subscribers": 1,
    "waiting": 0, "expires_in": 24.5, "since": 1_800_000_000.0, "path": "/endpoints/auvious:0b7c9d",
}  # fmt: skip
RECORDING = {
    "id": "594381", "file": "594381.mkv", "state": "finalised", "container": "mkv", "room": None,
    "bytes": 734_003_200, "seconds": None, "since": None, "until": 1_800_003_600.0,
}  # fmt: skip
ENTRY = {
    "time": "2027-01-15T08:00:00.000000Z", "level": "warning", "event": "join.refused",
    "room": "Room:tea", "dialect": "spreed", "peer": "ann", "reason": "room_full",
}  # fmt: skip
ACTOR = {
    "path": "/conferencing/rooms", "kind": "supervisor", "state": "running",
    "mailbox": {"depth": 0, "peak": 2, "capacity": 256}, "restarts": 0, "last_error": None,
    "age": 86_400.0, "restart": "permanent", "facts": {}, "children": [], "below": 12,
}  # fmt: skip
SUMMARY = {
    "version": "0.1.0", "state": "ready", "since": 1_800_000_000.0, "config": "/etc/config.toml",
    "rooms": {"spreed": 1}, "people": {"spreed": 3}, "streams": 0, "recordings": 0,
    "bits_per_second": {"in": 480_000, "out": 960_000}, "loss": 0.002, "cpu_seconds": 61.5,
    "loop": {"held": 0, "longest_hold_seconds": 0.0}, "warnings": 1, "errors": 0,
}  # fmt: skip
SITE = {
    "realm": "barertc", "name": "site",
    "people": [{"name": "bert", "status": "online", "guest": True, "operator": False, "vip": False,
                "webcam": False, "explicit": False, "here_since": 1_800_000_000}],
    "bans": [{"name": "cleo", "until": 1_800_007_200}],
}  # fmt: skip


def answers(good: dict[str, Any], *bad: int) -> dict[str, Any]:
    """Return the answers of an operation: the good ones, and errors by their status."""
    return {**good, **{str(status): error(status) for status in sorted(bad)}}


def error(status: int) -> dict[str, Any]:
    """Return an error as every operation answers it."""
    code, message = CODES[status]
    content = {"schema": ERROR, "example": {"code": code, "message": message}}
    return {"description": message, "content": {JSON: content}}


def body(example: object, kind: str = JSON, description: str = "Done") -> dict[str, Any]:
    """Return a good answer, by its example."""
    schema = {"type": "object" if kind == JSON else "string"}
    return {"description": description, "content": {kind: {"schema": schema, "example": example}}}


def look(
    id_: str,
    summary: str,
    example: object,
    *errors: int,
    query: type[Query] | None = None,
    path: str = "",
) -> dict[str, Any]:
    """Return a GET that takes the token; `path` names what the path's parameter is the id of."""
    return {
        "operationId": id_,
        "summary": summary,
        "security": TOKEN,
        "parameters": [*(in_path(path) if path else ()), *(in_query(query) if query else ())],
        "responses": answers({"200": body(example)}, *_GUARDED, *errors),
    }


def in_path(what: str) -> list[dict[str, Any]]:
    """Return the parameter of a path."""
    example = {"room": ROOM_ID, "person": PERSON_ID}.get(what, RECORDING["id"])
    schema = {"type": "string"}
    return [{"name": "id", "in": "path", "required": True, "schema": schema, "example": example}]


def in_query(query: type[Query]) -> list[dict[str, Any]]:
    """Return the parameters that a model of a query takes."""
    found = []
    for name, schema in query.model_json_schema()["properties"].items():
        shown = {key: value for key, value in schema.items() if key not in ("title", "description")}
        more = {"description": schema["description"]} if "description" in schema else {}
        found.append({"name": name, "in": "query", "required": False, "schema": shown} | more)
    return found


def listed(name: str, record: object) -> dict[str, object]:
    """Return an example of a page."""
    return {name: [record], "total": 1, "page": 1, "per_page": 50}


def _text(name: str, example: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name, "in": "query", "schema": schema, "example": example,
        "description": description,
    }  # fmt: skip


_PEOPLE = look(
    "listPeople", "Who is in", listed("people", PERSON), 400, 404, 503, query=PeopleQuery
)
_PEOPLE["parameters"] += [
    _text("realm", "barertc", "With `name`, and without the others: one chat site as it is told."),
    _text("name", "site", "The name of the chat site."),
]
_PEOPLE["responses"]["200"]["content"][JSON]["examples"] = {
    "people": {"value": listed("people", PERSON)},
    "site": {"summary": "With realm and name", "value": SITE},
}
del _PEOPLE["responses"]["200"]["content"][JSON]["example"]  # one or the other may be there

_FILE = look("downloadRecording", "The file", "", 404, 409, 503, path="recording")
_FILE["responses"] |= {
    "200": body("", "video/x-matroska", "The whole file"),
    "206": body("", "video/x-matroska", "What the header Range asks for"),
    "416": {"description": "The Range lies beyond the end"},
}

_LIVE = look("followLog", "The log as it happens", "", 400, 503, query=LogQuery)
_LIVE["responses"]["200"] = body(
    'data: {"time": "…", "level": "info", "event": "room.created", "room": "Room:tea"}\n\n',
    "text/event-stream",
    "Server-sent events: each one entry; `dropped` says how many `lines` a slow reader missed",
)

LOOKS: dict[str, object] = {
    "/-/summary": {
        "get": look("getSummary", "The whole server in a few figures", SUMMARY, 400),
    },
    "/-/rooms": {
        "get": look("listRooms", "Rooms", listed("rooms", ROOM), 400, query=RoomsQuery),
    },
    "/-/rooms/{id}": {
        "get": look(
            "getRoom",
            "One room, with its people and streams",
            {**ROOM, "members": [PERSON], "stream_list": [STREAM]},
            404,
            path="room",
        ),
    },
    "/-/people": {"get": _PEOPLE},
    "/-/people/{id}": {
        "get": look(
            "getPerson",
            "One person, with all streams",
            {**PERSON, "stream_list": [STREAM]},
            404,
            path="person",
        ),
    },
    "/-/endpoints": {
        "get": look(
            "listEndpoints",
            "Registered endpoints",
            listed("endpoints", ENDPOINT),
            400,
            query=EndpointsQuery,
        ),
    },
    "/-/recordings": {
        "get": look(
            "listRecordings",
            "Recordings",
            listed("recordings", RECORDING),
            400,
            503,
            query=RecordingsQuery,
        ),
    },
    "/-/recordings/{id}": {
        "get": look("getRecording", "One recording", RECORDING, 404, 503, path="recording"),
        "delete": {
            "operationId": "deleteRecording",
            "summary": "Delete a recording that is over",
            "security": TOKEN,
            "parameters": in_path("recording"),
            "responses": answers({"204": {"description": "Deleted"}}, *_GUARDED, 404, 409, 503),
        },
    },
    "/-/recordings/{id}/file": {"get": _FILE},
    "/-/log": {
        "get": look(
            "getLog", "The last 500 warnings and errors", {"entries": [ENTRY]}, 400, query=LogQuery
        ),
    },
    "/-/log/live": {"get": _LIVE},
    "/-/actors": {
        "get": look("getActors", "The live actor tree", ACTOR, 400, 404, query=ActorsQuery),
    },
}
