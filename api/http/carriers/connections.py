"""The TCP connections of one listener: accepted, counted, and given to the one who speaks them.

A connection whose first request asks for a signalling websocket goes to the lane (`lane.py`);
every other one, and every one under TLS, to Hypercorn (`hypercorn_seam.py`). This is also a
connection boundary: whatever goes wrong in one connection ends that one alone.
"""

from __future__ import annotations

import contextlib
import errno
import socket as stdlib_socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from math import inf
from typing import TYPE_CHECKING

import structlog
import trio
from trio.lowlevel import checkpoint, notify_closing, wait_readable

from api.http.carriers.first_request import (
    UpgradeRequest,
    answer,
    head_length,
    read_upgrade_request,
)
from api.http.carriers.hypercorn_seam import HttpServer
from api.http.carriers.lane import LaneSocket
from api.http.carriers.opening import read_opening, say_goodbye
from api.http.carriers.pacing import Keeper
from api.http.carriers.served_stream import ServedStream
from api.http.carriers.upgrades import (
    decide,
    end_crashed,
    read_upgrade,
    serve_within_boundary,
    within_boundary,
)
from api.http.sockets import Rejection

if TYPE_CHECKING:
    from api.http.app import App
    from api.http.carriers.address_counts import AddressCounts
    from api.http.carriers.quart_socket import QuartSocket
    from api.http.mounts import Services
    from api.http.sockets import WebsocketRoute

log = structlog.get_logger(__name__)

ACCEPT_ROW = 16  # accepted in a row before others get a turn
OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
OUT_OF_FILES_PAUSE = 0.1
OUT_OF_FILES_EPISODE = 10.0  # without it, and the next time is worth another line
GOODBYE_SECONDS = 0.5  # for websockets to answer our last close frame


class Connections:
    """Accepts on one bound socket and serves what comes, until `stop`.

    `serve` may be run again after a failure: the socket stays bound until `stop`. `tls` may be
    replaced at any time, for the connections to come.
    """

    def __init__(
        self,
        listening: stdlib_socket.socket,
        app: App,
        services: Services,
        addresses: AddressCounts,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self._listening = listening
        self._app = app
        self._services = services
        self._addresses = addresses
        self._http = HttpServer(app, services.settings().limits, app.routes)
        self._keeper = Keeper(self._tick_crashed)
        self._open: set[stdlib_socket.socket] = set()
        self._lanes: dict[LaneSocket, WebsocketRoute] = {}
        self._empty = trio.Event()
        self._stopping = False
        self._starved_at = -inf  # when files last ran out
        self._nursery: trio.Nursery | None = None

    async def serve(self) -> None:
        """Accept and serve; returns when `stop` has ended the last connection."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._keeper.run)
            await self._accept(nursery)
            if self._open:
                await self._empty.wait()
            nursery.cancel_scope.cancel()

    async def stop(self, grace: float) -> None:
        """Listen no more, close websockets (1001) and idle connections, let requests finish.

        What is left after `grace` seconds is cut.
        """
        self._stopping = True
        if self._listening.fileno() >= 0:
            notify_closing(self._listening)
            self._listening.close()
        for socket in self._sockets():
            socket.close(1001, "going away")
        await self._http.stop()
        await self._until_empty(min(grace, GOODBYE_SECONDS))
        for socket in self._sockets():
            socket.hurry()
        await self._until_empty(grace - GOODBYE_SECONDS)
        self.cut()

    def _sockets(self) -> list[LaneSocket | QuartSocket]:
        return [*self._lanes, *self._app.open_sockets]

    async def _until_empty(self, seconds: float) -> None:
        with trio.move_on_after(max(0.0, seconds)):
            if self._open:
                await self._empty.wait()

    def limits_changed(self) -> None:
        """Take over new limits, for the connections to come."""
        limits = self._services.settings().limits
        self._app.limits_changed(limits)
        self._http.limits_changed(limits)
        budget = self._services.unsent
        budget.limit, budget.per_address = limits.unsent_bytes, limits.unsent_bytes_per_address

    def facts(self) -> dict[str, int]:
        """Count what is open, for the tree page."""
        return {"connections": len(self._open), "lane_websockets": len(self._lanes)}

    def cut(self) -> None:
        """Drop every connection at once."""
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(stdlib_socket.SHUT_RDWR)  # ends even a shielded send

    # Accepting.

    async def _accept(self, nursery: trio.Nursery) -> None:
        row = 0
        while not self._stopping:
            try:
                sock, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                row = 0
                with contextlib.suppress(trio.ClosedResourceError):
                    await wait_readable(self._listening)
            except OSError as error:
                await self._pause(error)
            else:
                self._take(sock, str(peer[0]), nursery)
                row += 1
                if row % ACCEPT_ROW == 0:
                    await checkpoint()

    async def _pause(self, error: OSError) -> None:
        """Wait for files to be closed; other errors are of a client that is gone already."""
        if error.errno in OUT_OF_FILES:
            now = trio.current_time()
            if now - self._starved_at > OUT_OF_FILES_EPISODE:
                log.error("listener.out_of_files", open=len(self._open), error=error.strerror)
            self._starved_at = now
            await trio.sleep(OUT_OF_FILES_PAUSE)
        else:
            await checkpoint()

    def _take(self, sock: stdlib_socket.socket, peer: str, nursery: trio.Nursery) -> None:
        traffic = self._services.traffic
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_NODELAY, 1)
        if not self._addresses.take(peer, self._limit_of(peer)):
            traffic.connections_refused += 1
            with contextlib.suppress(OSError):
                if self.tls is None:
                    sock.send(answer(429, b"too many connections from your address\n"))
            sock.close()
            return
        traffic.connections += 1
        self._open.add(sock)
        nursery.start_soon(self._connection, sock, peer)

    def _limit_of(self, peer: str) -> int:
        """Return how many connections an address may have; a trusted proxy stands for many."""
        limits = self._services.settings().limits
        if not limits.connections_per_address:
            return 0
        address = ip_address(peer.partition("%")[0])
        if any(address in network for network in limits.trusted_proxies):
            return 0
        return limits.connections_per_address

    # One connection.

    async def _connection(self, sock: stdlib_socket.socket, peer: str) -> None:
        """Serve one connection, and be the last to let go of it."""
        try:
            opened = await self._open_lane(sock, peer)
            if opened is not None:
                await self._lane(*opened)
        except Exception:
            log.exception("connection.crashed", at="connection")
        except BaseExceptionGroup as group:
            cancelled, rest = group.split(trio.Cancelled)
            if rest is not None:
                log.error("connection.crashed", at="connection", exc_info=rest)
            if cancelled is not None:
                raise cancelled from None
        finally:
            self._let_go(sock, peer)

    def _let_go(self, sock: stdlib_socket.socket, peer: str) -> None:
        sock.close()
        self._open.discard(sock)
        self._services.traffic.connections -= 1
        self._addresses.give(peer)
        if self._stopping and not self._open:
            self._empty.set()

    async def _open_lane(
        self, sock: stdlib_socket.socket, peer: str
    ) -> tuple[WebsocketRoute, LaneSocket] | None:
        """Return a fresh websocket of the lane; None for a connection that was something else."""
        first = b""
        if self.tls is None:
            opening = await read_opening(sock, self._services.settings().limits)
            if opening is None:
                return None
            first = opening
            end = head_length(first)
            request = read_upgrade_request(first[:end]) if end > 0 else None
            if isinstance(request, Rejection):
                await self._refuse(sock, peer, request)
                return None
            if request is not None and request.path in self._app.routes:
                return await self._upgrade(sock, peer, request, first[end:])
        await self._hypercorn(sock, first)
        return None

    async def _hypercorn(self, sock: stdlib_socket.socket, replay: bytes) -> None:
        stream = ServedStream(sock, replay, lambda: self._http.stopping)
        await self._http.serve(stream, self.tls)

    async def _refuse(self, sock: stdlib_socket.socket, peer: str, why: Rejection) -> None:
        log.info("websocket.refused", status=why.status, reason=why.reason, address=peer)
        self._services.traffic.websocket("").refused += 1
        await say_goodbye(sock, answer(why.status, why.body, why.content_type))

    async def _upgrade(
        self, sock: stdlib_socket.socket, peer: str, request: UpgradeRequest, rest: bytes
    ) -> tuple[WebsocketRoute, LaneSocket] | None:
        """Grant or refuse an upgrade; `rest` are the bytes that came behind the request."""
        trusted = self._services.settings().limits.trusted_proxies
        traffic = self._services.traffic
        upgrade = read_upgrade(
            request.target, request.headers, peer=peer, secure=False, trusted=trusted
        )
        route = decide(self._app.routes, upgrade, request.invalid, traffic)
        if isinstance(route, Rejection):
            await say_goodbye(sock, answer(route.status, route.body, route.content_type))
            return None
        assert self._nursery is not None  # noqa: S101  `serve` runs
        try:
            sock.send(request.granted(route.subprotocol))  # a fresh connection has room for it
        except OSError:
            return None  # the client has hung up already
        socket = LaneSocket(
            sock,
            upgrade,
            route.subprotocol,
            route.limits(),
            traffic.websocket(route.dialect),
            self._spawn_writer,
            self._services.unsent,
        )
        socket.feed(rest)
        return route, socket

    async def _lane(self, route: WebsocketRoute, socket: LaneSocket) -> None:
        tally = self._services.traffic.websocket(route.dialect)
        tally.accepted += 1
        tally.open += 1
        self._keeper.add(socket)
        self._lanes[socket] = route
        try:
            await serve_within_boundary(route, socket, tally)
            await socket.finish()
        finally:
            tally.open -= 1
            socket.abort()
            self._keeper.discard(socket)
            del self._lanes[socket]

    # Boundaries of what a websocket has besides its handler.

    def _spawn_writer(self, socket: LaneSocket, write: Callable[[], Awaitable[None]]) -> None:
        assert self._nursery is not None  # noqa: S101  `serve` runs
        self._nursery.start_soon(within_boundary, write, partial(self._writer_crashed, socket))

    def _writer_crashed(self, socket: LaneSocket, error: Exception) -> None:
        """Drop a websocket: it may have sent half a frame, behind which nothing can be told."""
        self._crashed(socket, "write", error)
        socket.abort()

    def _tick_crashed(self, socket: LaneSocket, error: Exception) -> None:
        """Close a websocket; one that was closing has nobody to see to its deadline, and goes."""
        closing = socket.closing
        self._crashed(socket, "tick", error)
        if closing:
            socket.abort()

    def _crashed(self, socket: LaneSocket, at: str, error: Exception) -> None:
        route = self._lanes[socket]  # there as long as the socket is ticked or written to
        end_crashed(route, socket, self._services.traffic.websocket(route.dialect), at, error)
