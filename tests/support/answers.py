"""What the Spreed API documents as its answers: asserted of every answer to malformed input."""

from __future__ import annotations

import json
from collections.abc import Mapping

ERRORS = {
    "bad_request": 400,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "body_too_large": 413,
    "auth_too_large": 413,
    "too_many_attempts": 429,
    "invalid_token": 403,
    "session_patch_failed": 403,
    "users_bad_request": 400,
    "users_invalid_request": 400,
    "users_invalid_session": 403,
    "users_request_failed": 400,
    "users_create_failed": 400,
}
PLAIN_404 = (b"No handler found", b"Unknown image")


def assert_documented(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail unless this is a JSON error of the API, a promised plain 404, or a success."""
    shown = (status, dict(headers), body[:300])
    assert status < 500, shown
    for trace in (b"Traceback", b'File "', b"Error(", b"/site-packages/"):
        assert trace not in body, shown
    kind = headers.get("content-type", "")
    if status < 400:
        assert kind or not body, shown
        if kind.startswith("application/json"):
            json.loads(body)
    elif body in PLAIN_404:
        assert (status, kind.partition(";")[0]) == (404, "text/plain"), shown
    else:
        assert kind.startswith("application/json"), shown
        document = json.loads(body)
        assert list(document) == ["code", "message", "success"], shown
        assert document["success"] is False, shown
        assert ERRORS.get(document["code"]) == status, shown
