"""The dialects by name: the one place that knows which packages of `api` are dialects.

Each package has `open_dialect(services)`: it starts the dialect, once per process, and returns what
opens a mount of it on a listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from api.http.mounts import Place

if TYPE_CHECKING:
    from api.http.mounts import Mount, Services
    from api.settings import ListenerSettings


class Dialects:
    """The dialects that some listener names, each started once."""

    def __init__(self, names: Iterable[str], services: Services) -> None:
        self._openers: dict[str, Callable[[Place], Mount]] = {
            name: import_module(f"api.{name}").open_dialect(services)
            for name in dict.fromkeys(names)
        }

    def mounts(self, listener: ListenerSettings) -> list[Mount]:
        """Open the mounts of one listener, in the order it names them."""
        return [
            self._openers[name](Place(root=name == listener.root, secure=listener.secure))
            for name in listener.dialects
        ]
