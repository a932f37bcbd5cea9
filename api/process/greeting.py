"""What somebody at a terminal is told once the server serves: where to look, and how to end it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from api.process.version import quintet_version


def greeting(places: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """Return the lines for listeners, given as pairs of URL and pages (path → what it is)."""
    pages = [(_openable(url) + path, what) for url, pages in places for path, what in pages.items()]
    width = max((len(address) for address, _ in pages), default=0)
    lines = [f"  {address:<{width}}  {what}" for address, what in pages]
    return "\n".join([f"Quintet {quintet_version()} serves. Ctrl+C stops it.", *lines, ""])


def _openable(url: str) -> str:
    """Return an address for a browser on this machine: nobody can go to 0.0.0.0 or [::]."""
    parts = urlsplit(url)
    if not ip_address(parts.hostname or "").is_unspecified:
        return url
    return f"{parts.scheme}://localhost:{parts.port}"
