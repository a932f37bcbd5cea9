"""What goes wrong at the operator's mount, as `{"code", "message"}`: one table."""

from __future__ import annotations

import json

from quart import Response

CODES = {
    400: ("bad_request", "That is not what this path takes."),
    401: ("unauthorized", "Send the operator's token: Authorization: Bearer <token>."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This path has other methods."),
    409: ("permanent_actor", "This actor is permanent: its supervisor would bring it back."),
    413: ("body_too_large", "The body is larger than limits.body_bytes."),
    429: ("too_many_attempts", "Too many wrong tokens from your address. Wait."),
    500: ("internal_error", "Something broke; the log has it."),
    503: ("unavailable", "The server is not ready, or busy."),
}


def refuse(status: int, message: str = "", code: str = "") -> Response:
    """Build the error body of a status, with a message or code of its own where one is given."""
    usual_code, usual_message = CODES.get(status, ("error", "Refused."))
    body = {"code": code or usual_code, "message": message or usual_message}
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="quintet"'
    return response
