"""The REST API as a fragment of an OpenAPI 3.1 document, from the models that validate it."""

from __future__ import annotations

from pydantic import BaseModel

from api.auvious.bodies import (
    EndpointDetails,
    EndpointView,
    IceServers,
    KeepUserEndpointAlive,
    KeySet,
    Problems,
    RegisterResult,
    RegisterUserEndpoint,
    SendEventToUser,
    TokenAnswer,
    TokenError,
    UnregisterUserEndpoint,
)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SECURITY_SCHEMES: dict[str, object] = {"auviousToken": {"type": "http", "scheme": "bearer"}}
BEARER: list[object] = [{"auviousToken": []}]
_PLAIN = {401: "No valid token", 404: "No such endpoint of the caller", 429: "Too many",
          503: "Busy"}  # fmt: skip


def _schema(model: type[BaseModel]) -> dict[str, object]:
    return model.model_json_schema(by_alias=True)


def _content(schema: object, kind: str = JSON) -> dict[str, object]:
    return {kind: {"schema": schema}}


def _operation(
    summary: str,
    body: type[BaseModel] | None = None,
    answer: object = None,
    *errors: int,
    kind: str = JSON,
) -> dict[str, object]:
    """Describe an operation for a bearer token; without an `answer` it is 204."""
    responses: dict[str, object] = (
        {"200": {"description": "Done", "content": _content(answer, kind)}}
        if answer
        else {"204": {"description": "Done"}}
    )
    if body:
        problems = _content(_schema(Problems))
        responses["400"] = {"description": "Field → what is wrong with it", "content": problems}
    for status in (401, *errors, 503):
        responses[str(status)] = {"description": _PLAIN[status]}
    operation: dict[str, object] = {
        "summary": summary,
        "security": BEARER,
        "responses": responses,
    }
    if body:
        operation["requestBody"] = {"required": True, "content": _content(_schema(body))}
    return operation


class _TokenForm(BaseModel):
    grant_type: str
    client_id: str = ""
    client_secret: str = ""
    username: str = ""
    password: str = ""
    refresh_token: str = ""


_BASE = "/rtc-api/users/endpoints"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_ERROR = _content(_schema(TokenError))
PATHS: dict[str, object] = {
    _BASE: {
        "post": _operation(
            "Register an endpoint of the caller", RegisterUserEndpoint, {"type": "string"}, 429
        ),
        "get": _operation(
            "The caller's endpoints", None, {"type": "array", "items": _schema(EndpointView)}
        ),
    },
    f"{_BASE}/register": {
        "post": _operation(
            "Register an endpoint of the caller, as iOS does",
            RegisterUserEndpoint,
            _schema(RegisterResult),
            429,
        )
    },
    f"{_BASE}/keepalive": {
        "post": _operation("Keep an endpoint from expiring", KeepUserEndpointAlive, None, 404)
    },
    f"{_BASE}/unregister": {
        "post": _operation("End an endpoint", UnregisterUserEndpoint, None, 404)
    },
    f"{_BASE}/sendEvent": {
        "post": _operation(
            "Send an event to a user; answers how many endpoints took it",
            SendEventToUser,
            {"type": "integer"},
        )
    },
    f"{_BASE}/{{id}}": {
        "parameters": [_ID],
        "get": _operation(
            "One of the caller's endpoints, with the events that wait for it",
            None,
            _schema(EndpointDetails),
            404,
        ),
    },
    f"{_BASE}/{{id}}/events": {
        "parameters": [
            _ID,
            {
                "name": "access_token",
                "in": "query",
                "schema": {"type": "string"},
                "description": "The token, where no Authorization header can be sent",
            },
            {
                "name": "Last-Event-ID",
                "in": "header",
                "schema": {"type": "string"},
                "description": "The last event seen; it and those before count as acknowledged",
            },
        ],
        "get": _operation(
            "The events of one of the caller's endpoints, as server-sent events",
            None,
            {"type": "string"},
            404,
            429,
            kind="text/event-stream",
        ),
    },
    "/rtc-api/iceServers": {
        "get": _operation("STUN and TURN servers to use", None, _schema(IceServers))
    },
    "/security/oauth/token": {
        "post": {
            "summary": "Get a token (OAuth 2.0)",
            "requestBody": {"content": _content(_schema(_TokenForm), FORM)},
            "responses": {
                "200": {"description": "Done", "content": _content(_schema(TokenAnswer))},
                **{
                    str(status): {"description": "Refused", "content": _ERROR}
                    for status in (400, 401, 429, 503)
                },
            },
        }
    },
    "/security/.well-known/jwks.json": {
        "get": {
            "summary": "The keys that verify tokens",
            "responses": {"200": {"description": "Done", "content": _content(_schema(KeySet))}},
        }
    },
}
