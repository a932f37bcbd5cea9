"""Which pages of other origins may read the answers: the Fetch standard's CORS protocol.

No cookies are used, so letting any origin in gives a page nothing that it does not have itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Response, request

from api.http.asking import client
from api.http.origins import origin_refusal

if TYPE_CHECKING:
    from api.auvious.state import AuviousState

METHODS = "GET, POST, OPTIONS"
HEADERS = "Authorization, Content-Type, Last-Event-ID"
MAX_AGE = "600"


def preflight(state: AuviousState) -> Response | None:
    """Answer the browser's question before a request; None for anything else."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    response = Response("", 204)
    del response.headers["Content-Type"], response.headers["Content-Length"]
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = HEADERS
    response.headers["Access-Control-Max-Age"] = MAX_AGE
    return allow(state, response)


def allow(state: AuviousState, response: Response) -> Response:
    """Say in the headers whether the page that asks may read this."""
    allowed = state.settings.allowed_origins
    origin = request.headers.get("Origin")
    if "*" in allowed:
        response.headers["Access-Control-Allow-Origin"] = "*"
    else:
        response.headers.add("Vary", "Origin")
        caller, public = client(), state.services.settings().server.public_url
        own = caller.host or ""
        if origin and origin_refusal(origin, own, caller.secure, public, allowed) is None:
            response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "X-Request-Id"
    return response
