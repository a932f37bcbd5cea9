"""What works, but otherwise than one may think: warnings of `quintet check-config`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.settings.model import Settings


def hints(settings: Settings) -> Iterator[str]:
    """Warn of what concerns no dialect in particular."""
    for listener in settings.listeners:
        if not (listener.loopback or listener.secure or settings.limits.trusted_proxies):
            yield (
                f"the listener on {listener.bind} is open to others without TLS: browsers give a "
                "page no camera there, and tokens and passwords can be read on the way. Set "
                "tls_certfile and tls_keyfile, or name the proxy in front in limits.trusted_proxies"
            )


def routeless_hints(settings: Settings, dialect: str, people: str) -> Iterator[str]:
    """Warn of a dialect whose media goes from browser to browser, and that tells them no STUN or
    TURN server, while others than this machine's programs are to use it."""
    here = [each for each in settings.listeners if dialect in each.dialects]
    behind = settings.limits.trusted_proxies or settings.server.public_url
    for_others = here and (behind or not all(each.loopback for each in here))
    if for_others and not settings.ice.servers and not settings.ice.turn_urls:
        yield (
            f"[ice] names no STUN or TURN server: {people} who are behind different routers will "
            "not see and hear each other"
        )
