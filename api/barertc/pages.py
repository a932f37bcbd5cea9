"""The pages of the chat: a hosted web client or our own page, about, and logout.

The own page is `api/barertc/page/`; its README says what the server writes into it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quart import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.barertc.hosting import FOLDERS, HostedChatClient
from api.barertc.page_values import own_page_values, page_values
from api.barertc.tokens import BadLoginToken, Bearer
from api.http.asking import client, form
from api.http.hosting import in_script, own_sockets

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from api.barertc.state import BareRtcState

View = Callable[..., Awaitable[Response]]

PAGE = files("api.barertc") / "page"
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: https:"
    "{site}; media-src 'self' blob: mediastream:; connect-src 'self'{sockets}; font-src 'self'; "
    "frame-src https://www.youtube.com https://www.youtube-nocookie.com; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
PLAIN_POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
DENIED = "Authentication denied. Please go back and try again."


def add_pages(blueprint: Blueprint, state: BareRtcState, bases: tuple[str, ...]) -> None:
    """Serve the chat at each of `bases`; a hosted client at "/" alone, which it is built for."""
    client_folder = state.settings.web_client
    hosted = HostedChatClient(client_folder) if client_folder is not None else None
    for base in bases:
        here = hosted if base == "/" else None
        chat = ChatPages(state, base, here)
        table: dict[str, tuple[str, View]] = {
            "chat": ("", chat.page),
            "about": ("about", chat.about),
            "logout": ("logout", chat.logout),
        }
        if here is None:
            table["file"] = ("static/quintet/chat/<path:name>", chat.file)
        else:
            for folder in FOLDERS:
                table[folder] = (f"{folder}/<path:name>", partial(here.file, folder))
        if base == "/":
            table["icon"] = ("favicon.ico", chat.icon)
        for name, (path, view) in table.items():
            methods = ["GET", "POST"] if name == "chat" else ["GET"]
            endpoint = f"{name}_{'own' if base == '/' else 'below'}"
            blueprint.add_url_rule(f"{base}{path}", endpoint, view, methods=methods)


class ChatPages:
    """The pages below one base path, such as "/" or "/barertc/"."""

    def __init__(self, state: BareRtcState, base: str, hosted: HostedChatClient | None) -> None:
        self._state = state
        self._base = base
        self._hosted = hosted
        self._template = (PAGE / "index.html").read_text("utf-8")
        self._files = dict(_files(PAGE)) | dict(_files(PAGE / "chat"))

    async def page(self) -> Response:
        """Serve the chat to who may come in."""
        token = request.args.get("jwt") or (await form()).get("jwt") or ""
        bearer: Bearer | None = None
        if token:
            try:
                bearer = self._state.tokens.verify(token)
            except BadLoginToken as error:
                return _text(f"Error parsing your JWT token: {error}", 403)
        jwt = self._state.settings.jwt
        if bearer is None and jwt.enabled and jwt.strict:
            if not jwt.landing_page_url:
                return _text(DENIED, 403)
            response = _text("", 302)
            response.headers["Location"] = jwt.landing_page_url
            return response
        if self._hosted is not None:
            self._hosted.refresh()
            values = page_values(self._state, token, bearer, self._hosted.cache_hash)
            return _page(self._hosted.page(values))
        response = _page(self._own(token, bearer))
        response.headers["Content-Security-Policy"] = POLICY.format(
            sockets=own_sockets(), site=_origin_of(self._state.settings.website_url)
        )
        return response

    def _own(self, token: str, bearer: Bearer | None) -> str:
        values = own_page_values(self._state, page_values(self._state, token, bearer, ""))
        base = html.escape(self._base)
        return self._template.replace("<!--quintet:base-->", f'<base href="{base}">').replace(
            "<!--quintet:config-->",
            '<script id="quintet-config" type="application/json">'
            f"{in_script(json.dumps(values))}</script>",
        )

    async def file(self, name: str) -> Response:
        """Serve a file of our own page."""
        if name not in self._files:
            raise NotFound
        data, kind = self._files[name]
        response = Response(data, content_type=f"{kind}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response

    async def icon(self) -> Response:
        """Answer who asks for the site's icon without having read a page."""
        return await (self.file("favicon.svg") if self._hosted is None else self._hosted.icon())

    async def about(self) -> Response:
        """Say what this chat is."""
        settings = self._state.settings
        nsfw = (
            "Webcams may be marked as explicit here; those are shown in red."
            if settings.permit_nsfw
            else "Webcams must be fit for everybody here."
        )
        site = html.escape(settings.website_url)
        home = f'<p><a href="{site}">{site}</a></p>' if site else ""
        return _plain(
            f"About {settings.title}",
            f"<h1>{html.escape(settings.title)}</h1>"
            f"<p>Chat rooms with webcams at {html.escape(client().host or 'this address')}.</p>"
            f"<p>{nsfw} Webcams go from browser to browser: who watches yours may learn your "
            "address on the internet.</p>"
            f'{home}<p><a href="{html.escape(self._base)}">Enter the chat</a></p>',
        )

    async def logout(self) -> Response:
        """Say that one has left; the window closes itself."""
        return _plain(
            "Logged Out",
            "<h1>Logged Out</h1><p>You have left the chat. This window closes by itself.</p>"
            f'<p><a href="{html.escape(self._base)}">Enter again</a></p>',
            "setTimeout(() => window.close(), 5000);",
        )


def _files(folder: Traversable) -> list[tuple[str, tuple[bytes, str]]]:
    """Return the files of our page by name, with their types."""
    if not folder.is_dir():
        return []
    return [
        (each.name, (each.read_bytes(), KINDS[suffix]))
        for each in folder.iterdir()
        if each.is_file() and (suffix := each.name.rpartition(".")[2]) in KINDS
    ]


def _origin_of(url: str) -> str:
    """Name the web site's origin in a policy, for the pictures of its people."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return "" if not url or set(origin) & set("; ,'\"") else f" {origin}"


def _page(text: str) -> Response:
    """Return a page that holds somebody's token, and so is kept nowhere."""
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _text(text: str, status: int) -> Response:
    response = Response(text + "\n", status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _plain(title: str, body: str, script: str = "") -> Response:
    run = f"<script>{script}</script>" if script else ""
    response = Response(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{body}</main>{run}</body></html>\n",
        content_type="text/html; charset=utf-8",
    )
    response.headers["Content-Security-Policy"] = PLAIN_POLICY.format(
        style=_hash(STYLE), script=_hash(script)
    )
    return response


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


STYLE = (
    ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;margin:0}"
    "main{max-width:36rem;margin:4rem auto;padding:0 1rem}"
)
