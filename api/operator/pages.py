"""The console page at `/-/`: open, for it shows nothing until somebody enters the token."""

from __future__ import annotations

import html
import shlex
from importlib.resources import files
from pathlib import Path

from quart import Blueprint, Response, request

CONSOLE = files("api.operator") / "console"
KINDS = {".css": "text/css", ".js": "text/javascript"}
ASSETS = {
    f"console/{file.name}": KINDS[suffix]
    for file in sorted(CONSOLE.iterdir(), key=lambda file: file.name)
    if (suffix := Path(file.name).suffix) in KINDS
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_pages(blueprint: Blueprint, prefix: str, config: Path | None) -> None:
    """Put the page at `prefix` and its assets beside those of our other pages.

    `config` is the file that the server was started with, None for the embedded defaults.
    """
    _add(blueprint, f"{prefix}/", "console", page(config).encode(), "text/html")
    for name, kind in ASSETS.items():
        endpoint = name.translate(str.maketrans("/.", "__"))
        content = CONSOLE.joinpath(*name.split("/")[1:]).read_bytes()
        _add(blueprint, f"/static/quintet/{name}", endpoint, content, kind)


def page(config: Path | None) -> str:
    """Return the page, which says how the token of a server with this configuration is printed."""
    option = "" if config is None else f" --config {shlex.quote(str(config.absolute()))}"
    text = (CONSOLE / "index.html").read_text("utf-8")
    return text.replace("<!--quintet:config-->", html.escape(option))


def _add(blueprint: Blueprint, path: str, endpoint: str, content: bytes, kind: str) -> None:
    async def show() -> Response:
        response = Response(content, content_type=f"{kind}; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response

    blueprint.add_url_rule(path, endpoint, show)
