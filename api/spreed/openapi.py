"""The REST API as a fragment of an OpenAPI 3.1 document, from the models that validate it."""

from __future__ import annotations

from pydantic import BaseModel

from api.spreed.bodies import (
    ErrorAnswer,
    RoomAnswer,
    SessionAnswer,
    SessionPatch,
    TokenAnswer,
    UserAnswer,
    UserRequest,
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ERROR = ErrorAnswer.model_json_schema()


def _content(schema: object, kind: str = JSON) -> dict[str, object]:
    return {kind: {"schema": schema}}


def _answers(model: type[BaseModel] | None, *errors: int) -> dict[str, object]:
    schema = model.model_json_schema() if model else {"type": "object"}
    answers: dict[str, object] = {"200": {"description": "Done", "content": _content(schema)}}
    for status in errors:
        answers[str(status)] = {"description": "Refused", "content": _content(ERROR)}
    return answers


def _body(model: type[BaseModel], *kinds: str) -> dict[str, object]:
    content: dict[str, object] = {}
    for kind in kinds:
        content |= _content(model.model_json_schema(), kind)
    return {"required": True, "content": content}


def _path(*names: str) -> list[object]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


class _AccessToken(BaseModel):
    a: str


PATHS: dict[str, object] = {
    "/api/v1/config": {
        "get": {"summary": "The configuration clients may know", "responses": _answers(None)}
    },
    "/api/v1/tokens": {
        "post": {
            "summary": "Check an access token",
            "requestBody": _body(_AccessToken, FORM),
            "responses": _answers(TokenAnswer, 403, 413, 429),
        }
    },
    "/api/v1/rooms": {
        "post": {"summary": "Make up a room name", "responses": _answers(RoomAnswer)}
    },
    "/api/v1/sessions/{id}/": {
        "patch": {
            "summary": "Get a nonce to log a session in",
            "parameters": _path("id"),
            "requestBody": _body(SessionPatch, JSON),
            "responses": _answers(SessionAnswer, 403, 404, 429),
        }
    },
    "/api/v1/users": {
        "post": {
            "summary": "Register a user for a session",
            "requestBody": _body(UserRequest, JSON, FORM),
            "responses": _answers(UserAnswer, 400, 403, 404),
        }
    },
    "/api/v1/stats": {
        "get": {
            "summary": "Statistics of the server",
            "parameters": [{"name": "details", "in": "query", "schema": {"type": "string"}}],
            "responses": _answers(None, 404),
        }
    },
    "/static/img/buddy/{flags}/{imageid}/{idx}": {
        "get": {
            "summary": "A buddy picture",
            "parameters": _path("flags", "imageid", "idx"),
            "responses": {
                "200": {"description": "The picture", "content": {"image/*": {}}},
                "404": {"description": "Unknown image", "content": {"text/plain": {}}},
            },
        }
    },
    "/.well-known/spreed-configuration": {
        "get": {"summary": "Where the API is", "responses": _answers(None)}
    },
}
