"""Answers of the web API: JSON indented by two spaces; `OK` always, `Error` where that is false."""

from __future__ import annotations

import json
from collections.abc import Mapping

from quart import Response

TEXTS = {
    404: "There is nothing at this address.",
    405: "Only POST methods allowed",
    413: "The request is too large.",
    429: "Too many attempts, please try again later.",
    500: "Something went wrong on the server.",
    503: "The chat server is busy, please try again.",
}
KEY_DENIED = (401, "Authentication denied.")
NO_JWT = (400, "JWT authentication is not available.")
NOT_LOGGED_IN = (400, "You are not logged into the chat room.")
NOT_POST = (400, "Only POST methods allowed")
NOT_JSON = (400, "Only application/json content-types allowed")
NOT_SIGNED = (500, "Error signing the JWT claims.")


class ApiRefusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, error: str, retry_after: float = 0.0) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.retry_after = retry_after


def json_answer(document: object, status: int = 200) -> Response:
    """Return any document in this API's form."""
    text = json.dumps(document, indent=2) + "\n"
    response = Response(text, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def done(**more: object) -> Response:
    """Return the answer of success."""
    return json_answer({"OK": True, **more})


def failed(refusal: ApiRefusal, more: Mapping[str, object]) -> Response:
    """Return an error, with the keys that its answer has all the same."""
    response = json_answer({"OK": False, "Error": refusal.error, **more}, refusal.status)
    if refusal.retry_after:
        response.headers["Retry-After"] = str(int(refusal.retry_after) + 1)
    return response


def refuse(status: int) -> Response:
    """Return the error for a status that the server around this dialect decides."""
    return failed(ApiRefusal(status, TEXTS.get(status, "The request is refused.")), {})
