"""The Open WebRTC Toolkit dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services


def open_dialect(services: Services) -> Callable[[Place], Mount]:
    """Start the dialect; the result opens a mount of it for each listener.

    It is loaded here only: a command that needs a name or a signature does without the rest.
    """
    from api.owt import mount as mount

    return mount.open_dialect(services)
