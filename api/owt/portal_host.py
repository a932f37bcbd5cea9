"""Where tokens send their clients: configured, public, or where the server listens.

Never taken from the Host header: whoever asks for a token would choose where its user goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from api.settings import Settings


@dataclass(frozen=True, slots=True)
class PortalHost:
    """`host` is "name:port"; SDKs put http:// or https:// before it."""

    host: str
    secure: bool

    @property
    def name(self) -> str:
        """The host without its port."""
        return urlsplit(f"//{self.host}").hostname or self.host


def portal_host(settings: Settings, scope: Mapping[str, Any]) -> PortalHost:
    """Return owt.portal_host, else server.public_url, else the address that was connected to."""
    if settings.owt.portal_host:
        return PortalHost(settings.owt.portal_host, settings.owt.portal_secure)
    if settings.server.public_url:
        parts = urlsplit(settings.server.public_url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        return PortalHost(_joined(parts.hostname or "", port), secure)
    address, port = scope.get("server") or ("127.0.0.1", 80)
    return PortalHost(_joined(address, port), scope.get("scheme") == "https")


def _joined(name: str, port: int | None) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
