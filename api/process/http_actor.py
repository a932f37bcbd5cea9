"""The listeners as actors: each serves its connections in a helper task, and restarts on a crash.

They are the only actors outside `actors/`, for they are made of HTTP, which actors do not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from actors.core import Actor, ChildSpec, Message, Restart, Supervisor

if TYPE_CHECKING:
    from api.http.carriers.connections import Connections


class Http(Actor[Message]):
    """One listener. Its socket was bound before the tree, so a restart never rebinds."""

    __slots__ = ("_connections", "_url")

    def __init__(self, url: str, connections: Connections) -> None:
        self._url = url
        self._connections = connections

    async def setup(self) -> None:
        """Begin to accept."""
        self.ctx.start_task(self._connections.serve, name=f"serve {self._url}")

    def snapshot(self) -> Mapping[str, object]:
        """Tell the address and how many connections there are."""
        return {"url": self._url, **self._connections.facts()}


def http_spec(serving: Sequence[tuple[str, Connections]]) -> ChildSpec:
    """Return the supervisor of all listeners, given as pairs of URL and connections."""
    children = [
        ChildSpec(str(index), lambda url=url, each=each: Http(url, each), Restart.PERMANENT)  # type: ignore[misc]
        for index, (url, each) in enumerate(serving)
    ]
    return ChildSpec("http", lambda: Supervisor(children), Restart.PERMANENT)
