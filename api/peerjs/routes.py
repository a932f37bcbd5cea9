"""The paths over plain HTTP: what this is, a new id, and who is there."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from quart import Blueprint, Response, request

from actors.words.keys import MemberKey
from api.peerjs.errors import STATUSES
from api.peerjs.state import PeerJsState

INFO = msgspec.json.encode(
    {
        "name": "PeerJS Server",
        "description": "A server side element to broker connections between PeerJS clients.",
        "website": "https://peerjs.com/",
    }
)
JSON = "application/json; charset=utf-8"
MAX_AGE = "600"


def add_routes(
    blueprint: Blueprint, state: PeerJsState, infos: list[str], keyed: list[str]
) -> None:
    """Add the paths: `infos` to say what this is, `keyed` with `id` and `peers` below them."""

    async def info() -> Response:
        return Response(INFO, content_type=JSON)

    async def new_id(key: str = "") -> Response:
        return Response(str(uuid4()), content_type="text/html; charset=utf-8")

    async def peers(key: str = "peerjs") -> Response:
        realm = state.realm_of(key, request.headers.get("Origin"))
        if realm is None or not state.settings.allow_discovery:
            return refuse(401)
        found = await state.services.directory.members(realm)
        ids = [MemberKey.from_slug(member.name).id for member in found]
        return Response(msgspec.json.encode(ids), content_type=JSON)

    views = [(path, info) for path in infos]
    views += [(f"{path}/id", new_id) for path in keyed]
    views += [(f"{path}/peers", peers) for path in keyed]
    for number, (path, view) in enumerate(views):
        blueprint.add_url_rule(path, f"{view.__name__}_{number}", view, methods=["GET", "OPTIONS"])
    blueprint.before_request(_preflight)
    blueprint.after_request(_let_any_page_read)


def refuse(status: int) -> Response:
    """Return the error for a status, as plain text."""
    text = STATUSES.get(status, "Error")
    return _let_any_page_read(Response(text, status, content_type="text/html; charset=utf-8"))


def _preflight() -> Response | None:
    """Answer the browser's question before a request; None for anything else."""
    if request.method != "OPTIONS":
        return None
    response = Response("", 204)
    del response.headers["Content-Type"], response.headers["Content-Length"]
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    asked = request.headers.get("Access-Control-Request-Headers")
    if asked:
        response.headers["Access-Control-Allow-Headers"] = asked
    response.headers["Access-Control-Max-Age"] = MAX_AGE
    return response


def _let_any_page_read(response: Response) -> Response:
    """Let the page that asks read the answer: pages and their broker are of different origins.

    No cookies are used, so this gives a page nothing that it could not have by itself.
    """
    response.headers.setdefault("Cache-Control", "no-store")
    if "Origin" not in response.headers.get("Vary", ""):
        response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response
