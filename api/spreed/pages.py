"""The pages of the dialect: our own meeting page, or an operator's copy of a Spreed web client."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.http.asking import client
from api.http.hosting import hosted_file, in_script, own_sockets
from api.spreed.config_document import STATIC, config_document
from api.spreed.wire import encode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from api.spreed.state import SpreedState

PAGE = files("api.spreed") / "page"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self'{sockets}; font-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
NO_ROOM = "-"
"""A first segment that begins no room: the operator's paths are below it, and whoever asks there
for the health of a server must not find a meeting."""
ROBOTS = "User-agent: *\nDisallow: /\n"


def add_pages(blueprint: Blueprint, state: SpreedState) -> None:
    """Serve the page on every path below the base path that nothing else has."""
    base = state.settings.base_path
    pages = HostedClient(state) if state.settings.web_client else MeetingPage(state)
    blueprint.add_url_rule("/robots.txt", "robots", _robots)
    for place in {"/", base}:
        blueprint.add_url_rule(f"{place}favicon.ico", "icon", pages.icon)
    show = _room_of(pages)
    blueprint.add_url_rule(f"{base}static/<path:name>", "static_file", pages.asset)
    blueprint.add_url_rule(base, "page", show, defaults={"room": ""})
    blueprint.add_url_rule(f"{base}<path:room>", "page", show)
    if base != "/":
        blueprint.add_url_rule(base.rstrip("/"), "page", show, defaults={"room": ""})


def _room_of(pages: HostedClient | MeetingPage) -> Callable[[str], Awaitable[Response]]:
    async def page(room: str) -> Response:
        if room.partition("/")[0] == NO_ROOM:
            raise NotFound
        return await pages.page(room)

    return page


async def _robots() -> Response:
    return Response(ROBOTS, content_type="text/plain; charset=utf-8")


class MeetingPage:
    """One HTML page, one style sheet, and modules; read once, served from memory."""

    def __init__(self, state: SpreedState) -> None:
        self._state = state
        self._template = (PAGE / "index.html").read_text("utf-8")
        self._assets = dict(_assets(PAGE, "quintet/"))

    async def page(self, room: str) -> Response:
        base = html.escape(self._state.settings.base_path, quote=True)
        config = _json(config_document(self._state))
        written = {
            "base": f'<base href="{base}">',
            "modules": "\n  ".join(
                f'<link rel="modulepreload" href="static/{name}">'
                for name in sorted(self._assets)
                if name.endswith(".js")
            ),
            "config": f'<script id="quintet-config" type="application/json">{config}</script>',
        }
        text = self._template
        for part, markup in written.items():
            text = text.replace(f"<!--quintet:{part}-->", markup)
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY.format(sockets=own_sockets())
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def icon(self) -> Response:
        """Answer who asks for the site's icon without having read the page."""
        return await self.asset("quintet/favicon.svg")

    async def asset(self, name: str) -> Response:
        if name not in self._assets:
            raise NotFound
        data, kind = self._assets[name]
        response = Response(data, content_type=f"{kind}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response


def _assets(folder: Traversable, path: str) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Yield the files that the page loads, by their names below `static/`, with their types."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _assets(each, f"{path}{each.name}/")
        elif kind := KINDS.get(Path(each.name).suffix):
            yield f"{path}{each.name}", (each.read_bytes(), kind)


class HostedClient:
    """The files of a Spreed web client under `spreed.web_client`, and the page that starts it."""

    def __init__(self, state: SpreedState) -> None:
        self._state = state
        folder = Path(state.settings.web_client or "")
        self._static = folder / "static" if (folder / "static").is_dir() else folder

    async def page(self, room: str) -> Response:
        text = _HOSTED.format(
            base=html.escape(self._state.settings.base_path, quote=True),
            title=html.escape(self._state.settings.title),
            static=STATIC,
            context=_json(self._context()),
        )
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def icon(self) -> Response:
        """Serve the client's icon, where browsers look that find none named in a page."""
        return await self.asset("favicon.ico")

    async def asset(self, name: str) -> Response:
        """Serve a file; the segment `ver=…` only makes its address new with each version."""
        first, _, rest = name.partition("/")
        versioned = first.startswith("ver=")
        response = await hosted_file(self._static, rest if versioned else name)
        if versioned:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    def _context(self) -> dict[str, object]:
        caller = client()
        return {
            "App": "main",
            "Cfg": config_document(self._state),
            "Host": caller.host,
            "Ssl": caller.secure,
            "Csp": False,
            "Languages": ["en"],
            "S": STATIC,
        }


def _json(document: object) -> str:
    return in_script(encode(document).decode())


_HOSTED = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<base href="{base}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{static}/css/bootstrap.min.css">
<link rel="stylesheet" href="{static}/css/font-awesome.min.css">
<link rel="stylesheet" href="{static}/css/main.min.css">
<script id="globalcontext" type="application/json">{context}</script>
</head>
<body spreed-webrtc>
<div id="background"></div>
<div id="loader"><div class="loader-message"></div></div>
<ui></ui>
<script data-main="{static}/js/main" data-plugin=""
 src="{static}/js/libs/require/require.js"></script>
</body>
</html>
"""
