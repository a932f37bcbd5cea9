"""The pages of the dialect: our own meeting page, or an operator's copy of a Spreed web client."""

from __future__ import annotations

import html
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
    from api.spreed.state import SpreedState

PAGE = files("api.spreed") / "page"
ASSETS = {
    "meeting.css": "text/css", "meeting.js": "text/javascript", "favicon.svg": "image/svg+xml",
}  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self'{sockets}; font-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
ROBOTS = "User-agent: *\nDisallow: /\n"


def add_pages(blueprint: Blueprint, state: SpreedState) -> None:
    """Serve the page on every path below the base path that nothing else has."""
    base = state.settings.base_path
    pages = HostedClient(state) if state.settings.web_client else MeetingPage(state)
    blueprint.add_url_rule("/robots.txt", "robots", _robots)
    for place in {"/", base}:
        blueprint.add_url_rule(f"{place}favicon.ico", "icon", pages.icon)
    blueprint.add_url_rule(f"{base}static/<path:name>", "static_file", pages.asset)
    blueprint.add_url_rule(base, "page", pages.page, defaults={"room": ""})
    blueprint.add_url_rule(f"{base}<path:room>", "page", pages.page)
    if base != "/":
        blueprint.add_url_rule(base.rstrip("/"), "page", pages.page, defaults={"room": ""})


async def _robots() -> Response:
    return Response(ROBOTS, content_type="text/plain; charset=utf-8")


class MeetingPage:
    """One HTML page, one style sheet, one module; read once, served from memory."""

    def __init__(self, state: SpreedState) -> None:
        self._state = state
        self._template = (PAGE / "index.html").read_text("utf-8")
        self._assets = {name: (PAGE / name).read_bytes() for name in ASSETS}

    async def page(self, room: str) -> Response:
        base = html.escape(self._state.settings.base_path, quote=True)
        text = self._template.replace("<!--quintet:base-->", f'<base href="{base}">').replace(
            "<!--quintet:config-->",
            '<script id="quintet-config" type="application/json">'
            f"{_json(config_document(self._state))}</script>",
        )
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY.format(sockets=own_sockets())
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def icon(self) -> Response:
        """Answer who asks for the site's icon without having read the page."""
        return await self.asset("quintet/favicon.svg")

    async def asset(self, name: str) -> Response:
        folder, _, file = name.rpartition("/")
        if folder != "quintet" or file not in ASSETS:
            raise NotFound
        response = Response(self._assets[file], content_type=f"{ASSETS[file]}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response


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
