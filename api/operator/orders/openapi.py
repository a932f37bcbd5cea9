"""The operations that order something, as the OpenAPI document has them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from api.operator.orders.asking import BY_LENGTH
from api.operator.orders.bodies import (
    CloseNameOrder,
    CloseOrder,
    MuteOrder,
    PutOutOrder,
    StopOrder,
)
from api.operator.orders.rooms import ClosedQuery
from api.operator.overview.openapi import ERROR, PERSON_ID, ROOM_ID, TOKEN, listed, look

_WHY = {
    400: ("bad_request", "reason: String should have at most 500 characters"),
    401: ("unauthorized", "Send the operator's token: Authorization: Bearer <token>."),
    404: ("not_found", "There is nothing here."),
    409: ("permanent_actor", "This actor is permanent: its supervisor would bring it back."),
    413: ("body_too_large", "The body is larger than limits.body_bytes."),
    429: ("too_many_attempts", "Too many wrong tokens from your address. Wait."),
    503: ("unavailable", "The server is not ready, or busy."),
}
_BY = {
    "name": "X-Operator",
    "in": "header",
    "description": "Who orders it; kept in the log.",
    "schema": {"type": "string", "maxLength": BY_LENGTH, "examples": ["ann"]},
}
_CLOSED = {
    "id": ROOM_ID,
    "realm": "spreed",
    "name": "tea",
    "until": 1_800_000_600.0,
    "reason": "See you tomorrow",
    "by": "ann",
}


def _answer(example: object) -> dict[str, Any]:
    return {
        "description": "Done",
        "content": {"application/json": {"schema": {}, "example": example}},
    }


def _refused(status: int, code: str = "", message: str = "") -> dict[str, Any]:
    usual_code, usual_message = _WHY[status]
    example = {"code": code or usual_code, "message": message or usual_message}
    return {
        "description": "Refused",
        "content": {"application/json": {"schema": ERROR, "example": example}},
    }


def _id(example: str) -> dict[str, Any]:
    schema = {"type": "string", "examples": [example]}
    return {"name": "id", "in": "path", "required": True, "schema": schema}


def _operation(
    name: str,
    summary: str,
    answers: dict[int, dict[str, Any]],
    body: type[BaseModel] | None = None,
    *parameters: dict[str, Any],
) -> dict[str, Any]:
    usual = (400, 401, 413, 429, 503) if body is not None else (401, 429, 503)
    responses = {**{status: _refused(status) for status in usual}, **answers}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "security": TOKEN,
        "parameters": [*parameters, _BY],
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    if body is not None:
        content = {"application/json": {"schema": body.model_json_schema()}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


_NO_ROOM = _refused(404, "unknown_room", "There is no room of this id.")
_NOBODY = _refused(404, "unknown_person", "Nobody of this id is here.")
_MUTED = {
    200: _answer({"stream": "611a1dfa", "muted": True, "kinds": ["audio"]}),
    409: _refused(409, "not_carried", "What is sent there does not go through the server."),
}
_TOO_MANY = _refused(
    409, "too_many_closed", "As many rooms are closed as limits.closed_rooms allows."
)
_DONE = {"description": "Done"}
_ENDS = _answer({"id": ROOM_ID, "closed_until": 1_800_000_600.0})

ORDER_PATHS: dict[str, object] = {
    "/-/rooms/{id}/close": {
        "post": _operation(
            "closeRoom",
            "Close a room: its people hear why, and nobody comes in for a time",
            {202: _ENDS, 404: _NO_ROOM, 409: _TOO_MANY},
            CloseOrder,
            _id(ROOM_ID),
        )
    },
    "/-/rooms/{id}/mute": {
        "post": _operation(
            "muteStreamOfRoom",
            "Mute a stream of a room, also one that is nobody's, or have it heard again",
            {**_MUTED, 404: _refused(404, "unknown_stream", "There is no such stream.")},
            MuteOrder,
            _id(ROOM_ID),
        )
    },
    "/-/closed": {
        "get": look(
            "listClosedRooms",
            "The rooms that are closed",
            listed("closed", _CLOSED),
            400,
            503,
            query=ClosedQuery,
        ),
        "post": _operation(
            "closeRoomByName",
            "Close a room by its name, whether or not anybody is in it",
            {202: _ENDS, 409: _TOO_MANY},
            CloseNameOrder,
        ),
    },
    "/-/closed/{id}": {
        "delete": _operation(
            "openRoomAgain",
            "Open a room that is closed",
            {204: _DONE, 404: _refused(404, "not_closed", "No room of this id is closed.")},
            None,
            _id(ROOM_ID),
        )
    },
    "/-/people/{id}/put-out": {
        "post": _operation(
            "putPersonOut",
            "Put somebody out: his session ends, and nobody goes on as him",
            {202: _answer({"id": PERSON_ID}), 404: _NOBODY},
            PutOutOrder,
            _id(PERSON_ID),
        ),
        "delete": _operation(
            "letPersonBack",
            "Let somebody go on as himself who was put out",
            {204: _DONE, 404: _refused(404, "not_put_out", "Nobody of this id was put out.")},
            None,
            _id(PERSON_ID),
        ),
    },
    "/-/people/{id}/mute": {
        "post": _operation(
            "muteStreamOfPerson",
            "Mute a stream of somebody, or have it heard again",
            {**_MUTED, 404: _NOBODY},
            MuteOrder,
            _id(PERSON_ID),
        )
    },
    "/-/actors/stop": {
        "post": _operation(
            "stopActor",
            "Stop one actor",
            {
                202: _answer({"path": "/conferencing/rooms/spreed:Room%3Alobby"}),
                404: _refused(404, "unknown_actor", "No actor lives at this path."),
                409: _refused(409),
            },
            StopOrder,
        )
    },
}
