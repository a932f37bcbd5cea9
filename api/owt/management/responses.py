"""How the REST API answers: JSON, plain text, or an error in its envelope."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from jsonpatch import JsonPatchException
from jsonpointer import JsonPointerException
from pydantic import BaseModel, ValidationError
from quart import Response, request

from actors.core import ActorError
from api.http.app import current
from api.owt.json_text import TooManyValues, read_json
from api.owt.management.errors import (
    BAD_REQUEST,
    INVALID_BODY,
    STATUSES,
    TOO_MANY_VALUES,
    UNREADABLE,
    RestError,
    RestTrouble,
    trouble_of,
)
from api.owt.settings import OwtSettings

Model = TypeVar("Model", bound=BaseModel)
View = Callable[..., Awaitable[Response]]


def json_answer(document: object, status: int = 200) -> Response:
    """Answer a document; bytes are JSON already."""
    text: str | bytes
    if isinstance(document, bytes):
        text = document
    else:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return Response(text, status, content_type="application/json; charset=utf-8")


def text_answer(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="text/html; charset=utf-8")


def trouble(what: RestTrouble) -> Response:
    return json_answer({"error": {"code": what.code, "message": what.message}}, what.status)


def refuse(status: int) -> Response:
    """Answer a status that no view chose: unknown path, wrong method, too large …"""
    known = STATUSES.get(status)
    return trouble(known or BAD_REQUEST.saying(f"Status {status}"))


async def answered(view: Awaitable[Response]) -> Response:
    """Wait for a view; what it refuses is answered in the envelope."""
    try:
        return await view
    except RestError as error:
        return trouble(error.trouble)
    except (JsonPatchException, JsonPointerException):
        return trouble(BAD_REQUEST.saying("The JSON patch does not apply"))
    except ActorError as error:
        return trouble(trouble_of(error))


async def json_body() -> Any:
    """Return the body, an object or a list. One that does not say it is JSON counts as {}.

    Raises RestError, as the original's parser did for a bare null, text or number, too.
    """
    data = cast("bytes", await request.get_data(as_text=False))
    if not data or not request.is_json:
        return {}
    try:
        value = read_json(data, current().services.settings().section(OwtSettings).body_values)
    except ValueError:
        raise RestError(UNREADABLE) from None
    except TooManyValues:
        raise RestError(TOO_MANY_VALUES) from None
    if not isinstance(value, dict | list):
        raise RestError(UNREADABLE)
    return value


def body_size() -> int:
    """Return how many bytes the body of the request has, or may have where it does not say."""
    length = request.content_length
    return current().body_bytes(request.path) if length is None else length


async def body_as(model: type[Model], otherwise: RestTrouble = INVALID_BODY) -> Model:
    """Return the body read as `model`. Raises RestError with `otherwise`, or for no JSON."""
    given = await json_body()
    try:
        return model.model_validate(given)
    except (ValidationError, RecursionError):
        raise RestError(otherwise) from None
