"""Where tokens send their clients: configured, public, or where the server listens.

Never taken from the Host header: whoever asks for a token would choose where its user goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from api.owt.settings import OwtSettings

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


def portal_host(settings: Settings, scope: Mapping[str, Any]) -> PortalHost | None:
    """Return owt.portal_host, else server.public_url, else the address that was connected to.

    None where that was no address, but a socket in the file system.
    """
    owt = settings.section(OwtSettings)
    if owt.portal_host:
        return PortalHost(owt.portal_host, owt.portal_secure)
    if settings.server.public_url:
        parts = urlsplit(settings.server.public_url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        return PortalHost(_joined(parts.hostname or "", port), secure)
    match scope.get("server"):
        case (str(address), int(bound)):
            return PortalHost(_joined(address, bound), scope.get("scheme") == "https")
    return None


def _joined(name: str, port: int) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
