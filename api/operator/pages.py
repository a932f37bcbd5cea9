"""The console page at `/-/`: open, for it shows nothing until somebody enters the token."""

from __future__ import annotations

from importlib.resources import files

from quart import Blueprint, Response, request

CONSOLE = files("api.operator") / "console"
ASSETS = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "devices.js": "text/javascript",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_pages(blueprint: Blueprint, prefix: str) -> None:
    """Put the page at `prefix` and its assets beside those of our other pages."""
    _add(blueprint, f"{prefix}/", "console", "index.html", "text/html")
    for name, kind in ASSETS.items():
        _add(blueprint, f"/static/quintet/{name}", name.replace(".", "_"), name, kind)


def _add(blueprint: Blueprint, path: str, endpoint: str, file: str, kind: str) -> None:
    content = (CONSOLE / file).read_bytes()

    async def show() -> Response:
        response = Response(content, content_type=f"{kind}; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        await response.add_etag()
        await response.make_conditional(request)
        return response

    blueprint.add_url_rule(path, endpoint, show)
