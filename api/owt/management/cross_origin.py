"""CORS for the management API: which pages may call it (owt.allowed_origins)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Response, request

if TYPE_CHECKING:
    from api.owt.settings import OwtSettings

METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
HEADERS = "origin, authorization, content-type"
PREFLIGHT_SECONDS = 600


def allow_origin(response: Response, settings: OwtSettings) -> Response:
    """Put the headers on an answer; no cookies are used, so "*" may stand for all origins.

    The portal has put its own on already: its clients send credentials, for which "*" is refused.
    """
    allowed, origin = settings.allowed_origins, request.headers.get("Origin", "")
    headers = response.headers
    if "Access-Control-Allow-Origin" in headers:
        return response
    if "*" in allowed:
        headers["Access-Control-Allow-Origin"] = "*"
    else:
        headers.add("Vary", "Origin")
        if origin not in allowed:
            return response
        headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Allow-Methods"] = METHODS
    headers["Access-Control-Allow-Headers"] = HEADERS
    if request.method == "OPTIONS":
        headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response
