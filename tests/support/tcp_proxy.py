"""A TCP proxy between a client and its server, which a test can make vanish or fall silent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Proxy:
    """Forwards connections while `up`; when it goes down, they are cut and new ones refused.

    `stall` keeps connections, and takes new ones, but forwards nothing until `resume`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._scopes: set[trio.CancelScope] = set()
        self._flowing = trio.Event()
        self._flowing.set()
        self._nursery: trio.Nursery | None = None
        self.port = 0
        self.accepted = 0

    async def up(self) -> None:
        """Listen, on the port of the first time."""
        assert self._nursery is not None
        [listener] = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        scope = trio.CancelScope()
        self._scopes.add(scope)
        self._nursery.start_soon(self._serve, listener, scope)

    def down(self) -> None:
        """Cut all connections and listen no more."""
        for scope in self._scopes:
            scope.cancel()
        self._scopes.clear()

    def stall(self) -> None:
        self._flowing = trio.Event()

    def resume(self) -> None:
        self._flowing.set()

    async def _serve(self, listener: trio.SocketListener, scope: trio.CancelScope) -> None:
        with scope:
            await trio.serve_listeners(self._forward, [listener])

    async def _forward(self, client: trio.SocketStream) -> None:
        self.accepted += 1
        try:
            async with client, await trio.open_tcp_stream(*self._target) as server:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump, client, server, nursery.cancel_scope)
                    nursery.start_soon(self._pump, server, client, nursery.cancel_scope)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope
    ) -> None:
        async for data in source:
            await self._flowing.wait()
            await sink.send_all(data)
        scope.cancel()


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """Run a proxy that is up."""
    proxy = Proxy(host, port)
    async with trio.open_nursery() as nursery:
        proxy._nursery = nursery
        await proxy.up()
        yield proxy
        nursery.cancel_scope.cancel()
