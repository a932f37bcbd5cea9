"""The section [peerjs] of the configuration, and what it means together with the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from api.settings.fields import BasePath, Name, Positive, Seconds, Section

if TYPE_CHECKING:
    from api.settings import Settings

USUAL_KEY = "peerjs"  # what published clients send unless they are told otherwise


class PeerJsSettings(Section):
    """The broker of PeerJS."""

    key: Name = USUAL_KEY
    path: BasePath = "/"
    allow_discovery: bool = False
    alive_timeout: Seconds = 60.0
    expire_timeout: Seconds = 5.0
    concurrent_limit: Positive = 5000
    absent_messages: Positive = 20_000
    absent_bytes: Positive = 67_108_864
    absent_messages_per_address: Positive = 2_000
    absent_bytes_per_address: Positive = 8_388_608
    outbox_messages: Positive = 2048
    outbox_bytes: Positive = 16_777_216


RELOADABLE = (
    "allow_discovery", "alive_timeout", "expire_timeout", "concurrent_limit", "absent_messages",
    "absent_bytes", "absent_messages_per_address", "absent_bytes_per_address", "outbox_messages",
    "outbox_bytes",
)  # fmt: skip


def hints(settings: Settings) -> Iterator[str]:
    """Warn of a path or key that clients would look for at addresses which are not served."""
    peerjs = settings.section(PeerJsSettings)
    usual = peerjs.path == "/" and peerjs.key == USUAL_KEY
    for listener in settings.listeners:
        if "peerjs" in listener.dialects and listener.root != "peerjs" and not usual:
            yield (
                f"peerjs.path and peerjs.key build addresses that {listener.bind} does not serve, "
                'as peerjs is not its root: clients there need the path "/peerjs"'
            )
