"""The web API as a fragment of an OpenAPI 3.1 document, from the models that validate it."""

from __future__ import annotations

from pydantic import BaseModel

from api.barertc.bodies import (
    AmendBody,
    AuthenticateAnswer,
    AuthenticateBody,
    BlocklistBody,
    BlockNowBody,
    ClearAnswer,
    ClearBody,
    DisconnectAnswer,
    DisconnectNowBody,
    FailedAnswer,
    HistoryAnswer,
    HistoryBody,
    OkAnswer,
    ProfileAnswer,
    ProfileBody,
    ShutdownBody,
    StatisticsAnswer,
    UsernamesAnswer,
    UsernamesBody,
)

KEYED = (400, 401, 413, 429, 503)
BY_TOKEN = (400, 413, 500, 503)


def _content(model: type[BaseModel]) -> dict[str, object]:
    return {"content": {"application/json": {"schema": model.model_json_schema(by_alias=True)}}}


def _post(
    summary: str, body: type[BaseModel], answer: type[BaseModel], errors: tuple[int, ...]
) -> dict[str, object]:
    responses: dict[str, object] = {"200": {"description": "Done", **_content(answer)}}
    for status in errors:
        responses[str(status)] = {"description": "Refused", **_content(FailedAnswer)}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, **_content(body)},
            "responses": responses,
        }
    }


_AUTHENTICATE = _post(
    "Sign a login token for the web site", AuthenticateBody, AuthenticateAnswer, (*KEYED, 500)
)
_OPERATIONS: dict[str, dict[str, object]] = {
    "statistics": {
        "get": {
            "summary": "How many people chat, who they are, and their cameras",
            "responses": {"200": {"description": "Done", **_content(StatisticsAnswer)}},
        }
    },
    "authenticate": _AUTHENTICATE,
    "authentication": _AUTHENTICATE,
    "shutdown": _post("End the server, or the chat", ShutdownBody, OkAnswer, KEYED),
    "blocklist": _post("Leave a block list for somebody", BlocklistBody, OkAnswer, KEYED),
    "block/now": _post("Have people block each other", BlockNowBody, OkAnswer, KEYED),
    "disconnect/now": _post("Put people out", DisconnectNowBody, DisconnectAnswer, KEYED),
    "amend-jwt": _post("Replace what a token said", AmendBody, OkAnswer, (*KEYED, 404)),
    "profile": _post("Ask the web site for a profile", ProfileBody, ProfileAnswer, BY_TOKEN),
    "message/history": _post("Read direct messages", HistoryBody, HistoryAnswer, BY_TOKEN),
    "message/usernames": _post(
        "List who exchanged direct messages", UsernamesBody, UsernamesAnswer, BY_TOKEN
    ),
    "message/clear": _post(
        "Forget somebody's direct messages", ClearBody, ClearAnswer, (*BY_TOKEN, 401, 429)
    ),
}


def paths_below(bases: tuple[str, ...]) -> dict[str, object]:
    """Return what is served below base paths, such as "/" and "/barertc/"."""
    return {
        f"{base}api/{path}": operation for base in bases for path, operation in _OPERATIONS.items()
    }
