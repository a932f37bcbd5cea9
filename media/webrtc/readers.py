"""Who waits for sockets of the media loop: a Trio task each, not an asyncio reader.

Waking up for a datagram takes a third of the time that way. The callback is plain code; it runs in
the Trio task, so what it does with asyncio it has to hand to the loop.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import trio

PAUSE_SECONDS = 0.02  # after a callback that raised: it may have left in the socket what woke it
BEHIND_SECONDS = 1.0  # at most, that a socket is not read because somebody is behind


class Readers:
    """Calls back whenever a socket has something to read. `stray` takes what a callback raises.

    A callback may return what to wait for before it is called again, BEHIND_SECONDS at most.

    One that raises is called again after a pause, so that it cannot keep everybody else from work.
    """

    def __init__(self, nursery: trio.Nursery, stray: Callable[[BaseException, str], None]) -> None:
        self._nursery = nursery
        self._stray = stray
        self._scopes: dict[socket.socket, trio.CancelScope] = {}

    def add_reader(self, source: socket.socket, callback: Callable[[], trio.Event | None]) -> None:
        """Call `callback` each time `source` is readable, until it is removed."""
        scope = self._scopes[source] = trio.CancelScope()
        self._nursery.start_soon(self._read, source, callback, scope)

    def remove_reader(self, source: socket.socket) -> None:
        """Call back no more; the socket can be closed at once."""
        scope = self._scopes.pop(source, None)
        if scope is not None:
            scope.cancel()

    async def _read(
        self,
        source: socket.socket,
        callback: Callable[[], trio.Event | None],
        scope: trio.CancelScope,
    ) -> None:
        with scope:
            while not scope.cancel_called:
                await trio.lowlevel.wait_readable(source)
                try:
                    behind = callback()
                except Exception as error:  # noqa: BLE001 - the boundary of a connection
                    self._stray(error, "a packet was not taken")
                    await trio.sleep(PAUSE_SECONDS)
                    continue
                if behind is not None:
                    with trio.move_on_after(BEHIND_SECONDS):
                        await behind.wait()
