"""The management API as a fragment of an OpenAPI 3.1 document, from the models that validate it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

from api.owt.management.answers import (
    AnalyticsAnswer,
    ParticipantAnswer,
    RecordingAnswer,
    RoomAnswer,
    ServiceAnswer,
    SipCallAnswer,
    StreamAnswer,
    StreamingOutAnswer,
)
from api.owt.management.bodies import (
    ErrorAnswer,
    OutputUpdates,
    PatchEntries,
    PermissionUpdates,
    RecordingRequest,
    RoomRequest,
    ServiceRequest,
    StreamUpdates,
    TokenRequest,
)
from api.owt.management.bodies_analytics import AnalyticsRequest
from api.owt.management.bodies_sip_calls import SipCallRequest, SipCallUpdates
from api.owt.management.bodies_streaming import StreamingInRequest
from api.owt.management.bodies_streaming_out import StreamingOutRequest, StreamingOutUpdates
from api.owt.room_document import RoomDocument

JSON, TEXT = "application/json", "text/html"
ERROR: dict[str, Any] = ErrorAnswer.model_json_schema()
SIGNATURE = {
    "name": "Authorization",
    "in": "header",
    "required": True,
    "description": "MAuth, as `quintet owt-sign` prints it",
    "schema": {"type": "string"},
}
PAGES = [
    {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}}
    for name in ("page", "per_page")
]


def _answer(model: Any, *errors: int) -> dict[str, Any]:
    """Return the responses: 200 with this model (None: a text), and errors in the envelope."""
    if model is None:
        content: dict[str, Any] = {TEXT: {"schema": {"type": "string"}}}
    else:
        schema = TypeAdapter(model).json_schema(mode="serialization", by_alias=True)
        content = {JSON: {"schema": schema}}
    answers: dict[str, Any] = {"200": {"description": "Done", "content": content}}
    for status in (401, *errors):
        refused = {"description": "Refused", "content": {JSON: {"schema": ERROR}}}
        answers[str(status)] = refused
    return answers


def _operation(
    summary: str, model: Any, *errors: int, body: type[BaseModel] | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": _answer(model, *errors)}
    if body is not None:
        schema = body.model_json_schema(by_alias=True)
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return operation


def _paths_of_rooms(base: str) -> dict[str, Any]:
    room = f"{base}/rooms/{{room}}"
    listed = _operation("List the rooms of the service", list[RoomAnswer])
    listed["parameters"] = PAGES
    paths: dict[str, Any] = {
        f"{base}/rooms": {
            "get": listed,
            "post": _operation("Add a room", RoomAnswer, 400, 500, body=RoomRequest),
        },
        room: {
            "get": _operation("Show a room", RoomAnswer, 404),
            "put": _operation("Replace keys of a room", RoomAnswer, 400, 404, body=RoomDocument),
            "patch": _operation("Patch a room", RoomAnswer, 400, 404, body=PatchEntries),
            "delete": _operation("Remove a room", None, 404),
        },
        f"{room}/tokens": {"post": _operation("Make a token", None, 400, 404, body=TokenRequest)},
        f"{room}/participants": {
            "get": _operation("List participants", list[ParticipantAnswer], 404)
        },
        f"{room}/participants/{{id}}": {
            "get": _operation("Show a participant", ParticipantAnswer, 404),
            "patch": _operation(
                "Permit or forbid", ParticipantAnswer, 404, 500, body=PermissionUpdates
            ),
            "delete": _operation("Drop a participant", None, 404),
        },
        f"{room}/streams": {"get": _operation("List streams", list[StreamAnswer], 404)},
        f"{room}/streams/{{id}}": {
            "get": _operation("Show a stream", StreamAnswer, 404),
            "patch": _operation("Change a stream", StreamAnswer, 404, 500, body=StreamUpdates),
            "delete": _operation("End a stream", None, 404),
        },
        f"{room}/recordings": {
            "get": _operation("List recordings", list[RecordingAnswer], 404),
            "post": _operation(
                "Start a recording", RecordingAnswer, 400, 404, 500, body=RecordingRequest
            ),
        },
        f"{room}/recordings/{{id}}": {
            "patch": _operation(
                "Change a recording", RecordingAnswer, 404, 500, body=OutputUpdates
            ),
            "delete": _operation("End a recording", None, 404),
        },
    }
    paths[f"{room}/streaming-ins"] = {
        "get": _operation("List the streams from outside", list[StreamAnswer], 404),
        "post": _operation(
            "Pull a stream from outside",
            StreamAnswer,
            *(400, 404, 500, 503),
            body=StreamingInRequest,
        ),
    }
    paths[f"{room}/streaming-ins/{{id}}"] = {
        "delete": _operation("End a stream from outside", None, 404, 500)
    }
    paths[f"{room}/streaming-outs"] = {
        "get": _operation("List streams out", list[StreamingOutAnswer], 404),
        "post": _operation(
            "Send streams outside",
            StreamingOutAnswer,
            *(400, 404, 500, 503),
            body=StreamingOutRequest,
        ),
    }
    paths[f"{room}/streaming-outs/{{id}}"] = {
        "patch": _operation(
            "Change a stream out", StreamingOutAnswer, 404, 500, body=StreamingOutUpdates
        ),
        "delete": _operation("End a stream out", None, 404, 500),
    }
    paths[f"{room}/sipcalls"] = {
        "get": _operation("List telephone calls", list[SipCallAnswer], 404),
        "post": _operation(
            "Call somebody", SipCallAnswer, *(400, 404, 500, 503), body=SipCallRequest
        ),
    }
    paths[f"{room}/sipcalls/{{id}}"] = {
        "patch": _operation(
            "Change what a call hears and sees", SipCallAnswer, 404, 500, body=SipCallUpdates
        ),
        "delete": _operation("Hang up", None, 404, 500),
    }
    paths[f"{room}/analytics"] = {
        "get": _operation("List analytics", list[AnalyticsAnswer], 404),
        "post": _operation(
            "Analyse streams", AnalyticsAnswer, *(400, 404, 500, 503), body=AnalyticsRequest
        ),
    }
    paths[f"{room}/analytics/{{id}}"] = {"delete": _operation("End an analytic", None, 404, 500)}
    return paths


def _with_parameters(paths: dict[str, Any]) -> dict[str, Any]:
    for path, operations in paths.items():
        names = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
        operations["parameters"] = [
            SIGNATURE,
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ),
        ]
    return paths


PATHS: dict[str, object] = _with_parameters(
    {
        "/services": {
            "get": _operation("List services", list[ServiceAnswer], 403),
            "post": _operation("Add a service", ServiceAnswer, 400, 403, 500, body=ServiceRequest),
        },
        "/services/{id}": {
            "get": _operation("Show a service", ServiceAnswer, 403, 404),
            "delete": _operation("Remove a service", None, 403, 404),
        },
        **_paths_of_rooms("/v1"),
        **_paths_of_rooms("/v1.1"),
    }
)
