"""The dialects of a process: each started once, and mounted on the listeners that name it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from api.dialects import dialect
from api.http.mounts import Mount, Place, Services

if TYPE_CHECKING:
    from api.settings import ListenerSettings


class Dialects:
    """The dialects that some listener names, each started once."""

    def __init__(self, names: Iterable[str], services: Services) -> None:
        self._openers: dict[str, Callable[[Place], Mount]] = {
            name: dialect(name).open(services) for name in dict.fromkeys(names)
        }

    def mounts(self, listener: ListenerSettings) -> list[Mount]:
        """Open the mounts of one listener, in the order it names them."""
        return [
            self._openers[name](Place(root=name == listener.root, secure=listener.secure))
            for name in listener.dialects
        ]
