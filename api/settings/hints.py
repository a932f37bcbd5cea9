"""What can be used as it is, but is probably not meant: `quintet check-config` warns of it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.settings.model import Settings


def hints(settings: Settings) -> Iterator[str]:
    """Yield warnings, one sentence each."""
    if settings.old_names:
        names = ", ".join(f"{old} is {new} now" for old, new in settings.old_names.items())
        yield f"{names}; the old names are still read"
    if settings.owt.portal_host or settings.server.public_url:
        return
    for listener in settings.listeners:
        if "owt" in listener.dialects and _is_wildcard(listener.host):
            yield (
                f"the listener on {listener.bind} serves owt, and neither owt.portal_host nor "
                "server.public_url is set: tokens name the address that the request for them "
                "came in on, which others may not reach"
            )


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host
