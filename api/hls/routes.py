"""The paths of HLS: a page, a playlist and its segments for each view; the files of the page."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request, send_from_directory
from werkzeug.exceptions import NotFound

from api.hls.addresses import (
    PLAYLIST,
    PREFIX,
    Watched,
    asked_for,
    kind_of,
    path_of_room,
    path_of_view,
)
from api.hls.errors import (
    NO_PASS,
    NOT_FOUND,
    NOT_THIS_ROLE,
    OTHER_ROOM,
    HlsRefused,
    HlsTrouble,
    trouble_of_status,
)
from api.hls.passes import COOKIE, PASS_SECONDS, BadPass, make_pass, read_pass
from api.http.asking import client
from api.http.hosting import in_script

if TYPE_CHECKING:
    from api.hls.rooms import WatchableRoom, WatchableRooms
    from api.hls.watching import WatchedViews

PAGE = files("api.hls") / "page"
ASSETS = {
    "watch.css": "text/css",
    "watch.js": "text/javascript",
    "hls.light.min.js": "text/javascript",
    "hls.LICENSE": "text/plain",
    "favicon.svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SEGMENT_SECONDS = 10  # that a browser may keep one


class HlsRoutes:
    """`key` signs cookies, `clock` tells Unix seconds."""

    def __init__(
        self, rooms: WatchableRooms, views: WatchedViews, key: str, clock: Callable[[], float]
    ) -> None:
        self._rooms = rooms
        self._views = views
        self._key = key
        self._clock = clock
        self._template = (PAGE / "index.html").read_text("utf-8")
        self._assets = {name: (PAGE / name).read_bytes() for name in ASSETS}

    def blueprint(self) -> Blueprint:
        found = Blueprint("hls", __name__)
        found.add_url_rule(f"{PREFIX}/assets/<name>", "asset", self.asset)
        found.add_url_rule(f"{PREFIX}/<room>/<path:rest>", "watched", self.watched)
        return found

    async def asset(self, name: str) -> Response:
        """Serve a file of the page."""
        if name not in self._assets:
            raise NotFound
        response = Response(self._assets[name], content_type=f"{ASSETS[name]}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response

    async def watched(self, room: str, rest: str) -> Response:
        """Serve what belongs to a view, to who may watch it."""
        asked = asked_for(rest)
        try:
            return await self._answer(room, asked)
        except HlsRefused as refused:
            if asked.file:
                return refusal(refused.trouble)
            return self._page(room, asked.view, refused.trouble)

    async def _answer(self, room: str, asked: Watched) -> Response:
        found = await self._rooms.find(room)
        token = request.args.get("token") if request.method == "GET" else None
        if token:
            return await self._exchanged(found, room, asked, token)
        admitted = _admitted(found, asked.view, self._role(room))
        if not asked.file:
            if not asked.slash:
                return _elsewhere(path_of_view(room, asked.view))
            return self._page(room, asked.view)
        if asked.file == PLAYLIST:
            text = await self._views.playlist(room, asked.view)
            response = Response(text, content_type="application/vnd.apple.mpegurl")
            response.headers["Cache-Control"] = "no-cache" if admitted.public else "no-store"
        else:
            response = await _segment(self._views.segments(room, asked.view), asked.file)
        if admitted.public:
            response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _role(self, room: str) -> str | None:
        """Return the role in this room of who has a cookie of it, None of anybody else."""
        try:
            return read_pass(request.cookies.get(COOKIE, ""), room, self._key, self._clock()).role
        except BadPass:
            return None

    async def _exchanged(
        self, found: WatchableRoom | None, room: str, asked: Watched, token: str
    ) -> Response:
        """Give a cookie for a token, and lead to the address without it.

        The token is spared where nobody needs it. Raises HlsRefused.
        """
        response = _elsewhere(path_of_view(room, asked.view) + asked.file)
        try:
            _admitted(found, asked.view, self._role(room))
        except HlsRefused as refused:
            if refused.trouble is NOT_FOUND:
                raise
        else:
            return response
        of, role = await self._rooms.exchange(token, client().address)
        if of != room:
            raise HlsRefused(OTHER_ROOM)
        _admitted(found, asked.view, role)
        try:
            value = make_pass(room, role, self._key, self._clock())
        except BadPass:
            raise HlsRefused(NOT_THIS_ROLE) from None
        response.set_cookie(
            COOKIE,
            value,
            max_age=PASS_SECONDS,
            path=path_of_room(room),
            secure=client().secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def _page(self, room: str, view: str, trouble: HlsTrouble | None = None) -> Response:
        values = {"playlist": PLAYLIST, "trouble": trouble and trouble.words}
        text = (
            self._template.replace(
                "<!--quintet:base-->", f'<base href="{html.escape(path_of_view(room, view))}">'
            )
            .replace("<!--quintet:view-->", html.escape(view))
            .replace("<!--quintet:words-->", html.escape(trouble.words if trouble else "Starting…"))
            .replace(
                "<!--quintet:config-->",
                '<script id="quintet-config" type="application/json">'
                f"{in_script(json.dumps(values))}</script>",
            )
        )
        status = trouble.status if trouble else 200
        response = Response(text, status, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        return _may_be_tried_again(response, trouble)


def _admitted(found: WatchableRoom | None, view: str, role: str | None) -> WatchableRoom:
    """Return a room of which this view may be watched in this role, or by anybody.

    Who has no role hears the same of a room that is not public and of none: ids can be guessed.
    Raises HlsRefused.
    """
    public = found is not None and found.public
    if not public and role is None:
        raise HlsRefused(NO_PASS)
    if found is None or view not in found.views:
        raise HlsRefused(NOT_FOUND)
    if not public and not found.may_watch(view, role or ""):
        raise HlsRefused(NOT_THIS_ROLE)
    return found


async def _segment(folder: Path, name: str) -> Response:
    """Serve a segment, or a range of its bytes. Raises HlsRefused."""
    try:
        response = await send_from_directory(folder, name, mimetype=kind_of(name))
    except (OSError, NotFound):  # it is old, or was never there
        raise HlsRefused(NOT_FOUND) from None
    response.headers["Cache-Control"] = f"private, max-age={SEGMENT_SECONDS}"
    response.headers.pop("Expires", None)  # it says hours, to caches that know nothing else
    return response


def _elsewhere(path: str) -> Response:
    response = Response("", 303, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = path
    response.headers["Cache-Control"] = "no-store"
    return response


def refusal(trouble: HlsTrouble) -> Response:
    """Answer trouble to who asked for anything but a page."""
    response = Response(
        trouble.words + "\n", trouble.status, content_type="text/plain; charset=utf-8"
    )
    response.headers["Cache-Control"] = "no-store"
    return _may_be_tried_again(response, trouble)


def refuse(status: int) -> Response:
    """Answer a status that no route chose."""
    return refusal(trouble_of_status(status))


def _may_be_tried_again(response: Response, trouble: HlsTrouble | None) -> Response:
    if trouble is not None and trouble.retry_after is not None:
        response.headers["Retry-After"] = str(trouble.retry_after)
    return response
