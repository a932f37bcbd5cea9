"""The other carrier of `api.http.sockets.Socket`: Quart-Trio's websocket.

It serves TLS listeners, plain Hypercorn command lines, and the rare upgrade that is not the first
request of its connection. Pings and UTF-8 are Hypercorn's business here, and so is what waits to be
received: its queue and Quart's hold twenty messages, of the ordinary size but for one. A large one
is held back as in the lane, by the gate that Hypercorn finds in the scope (`hypercorn_seam.py`).
There its size is known only once it is whole: it is stopped up to 64 KiB beyond the limit, counted
in characters where it is text, and its place is one of the largest size.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import trio
from quart import Response, websocket

from api.http.byte_budget import SHARED
from api.http.carriers.frames import piece_end
from api.http.carriers.hypercorn_frames import MoreBytes, MoreText
from api.http.carriers.hypercorn_seam import GATE, AlreadyRefused
from api.http.carriers.message_gate import TOO_LARGE, MessageGate
from api.http.carriers.pacing import RateWindow
from api.http.carriers.quart_seam import close_code
from api.http.carriers.unsent import Unsent
from api.http.carriers.upgrades import (
    decide,
    end_crashed,
    merge_headers,
    read_upgrade,
    serve_within_boundary,
    within_boundary,
)
from api.http.credentials import address_key
from api.http.sockets import Rejection, SocketClosed, SocketFull, SourceFull

if TYPE_CHECKING:
    from quart.wrappers import Websocket

    from api.http.app import App
    from api.http.byte_budget import Account, ByteBudget
    from api.http.metrics import WebsocketTally
    from api.http.sockets import SocketLimits, Upgrade, WebsocketRoute

CLOSE_SECONDS = 5.0
PIECE = 16_384  # bytes of a message that are sent in one frame: few, as hundreds may send at once
COPIES = 3  # of a piece, while it is being sent: as characters, as a frame, and encrypted


class QuartSocket:
    """One websocket under Quart; `write_out` runs beside the handler and does all sending."""

    def __init__(
        self,
        carrier: Websocket,
        upgrade: Upgrade,
        subprotocol: str | None,
        limits: SocketLimits,
        tally: WebsocketTally,
        budget: ByteBudget | None = None,
    ) -> None:
        self.upgrade = upgrade
        self.subprotocol = subprotocol
        self._carrier = carrier
        self._limits = limits
        self._tally = tally
        self._account: Account | None = None
        unread: Account | None = None
        if budget is not None:
            self._account = budget.account(address_key(upgrade.address), self.shed)
            unread = budget.account(address_key(upgrade.address), self.shed)
        self._gate = MessageGate(limits, self.close, unread)
        carrier.scope[GATE] = self._gate  # type: ignore[literal-required]
        self._window = RateWindow(limits.messages_per_second, limits.burst)
        self._outbox: Unsent[tuple[bytes, bool]] = Unsent(
            limits.outbox_messages, limits.outbox_bytes, self._account
        )
        self._cut = False  # what is being sent ends after its present piece
        self._more = trio.Event()
        self._ended: tuple[int, str, bool] | None = None
        self._ending = trio.CancelScope()  # around whatever `receive` waits for
        self._done = trio.Event()

    async def receive(self) -> tuple[bytes, bool]:
        """Return the next message; see `api.http.sockets.Socket`."""
        self._gate.handled()
        if self._ended is None:
            self._ending = trio.CancelScope()
            with self._ending:
                message = await self._next()
                if self._ended is None:
                    self._tally.received += 1
                    return message
        assert self._ended is not None  # noqa: S101  only `close` cancels the scope
        raise SocketClosed(*self._ended)

    async def _next(self) -> tuple[bytes, bool]:
        try:
            data: str | bytes | None = await self._carrier.receive()
        except trio.EndOfChannel:
            code = close_code(self._carrier.scope)
            self._end(code, "", theirs=code != 1006)
            raise SocketClosed(*self._ended or ()) from None
        self._gate.hand_out(len(data or b""))
        payload = data.encode() if isinstance(data, str) else data or b""
        if len(payload) > self._gate.message_bytes:
            self.close(*TOO_LARGE)
        await trio.sleep(self._window.take(trio.current_time()))
        return payload, isinstance(data, str)

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        """Queue for the writer; see `api.http.sockets.Socket`."""
        if self._ended is not None:
            return
        if source and not self._outbox.has_room_for(source, len(payload)):
            raise SourceFull
        if not self._outbox.has_room(len(payload) + spare, replace):
            raise SocketFull
        self._outbox.add((payload, text), len(payload), replace, payload, source)
        self._tally.sent += 1
        self._more.set()

    def limit_messages(self, message_bytes: int) -> None:
        """Take larger messages, or no longer; see `api.http.sockets.Socket`."""
        self._gate.message_bytes = self._limits.within(message_bytes)

    def count_kept(self, size: int) -> None:
        """Count what the handler keeps; see `api.http.sockets.Socket`."""
        if self._ended is not None:
            raise SocketClosed(*self._ended)
        self._gate.keep(size)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame behind what is queued; see `api.http.sockets.Socket`."""
        self._end(code, reason)
        self._ending.cancel()

    def abort(self) -> None:
        """Drop the connection, as far as ASGI can: what is queued is not sent."""
        self._end(1006, "")
        self._outbox.clear()
        self._ending.cancel()
        self._gate.forget()
        self._done.set()

    def shed(self) -> None:
        """Keep next to nothing, and close as too slow; drop the connection if that is under way."""
        if self._ended is not None:
            self.abort()
            return
        self._outbox.drop()
        self._cut = True
        self._hold_copies(0)  # or others would be ended for it, one after another
        self.close(*self._limits.too_slow)

    def hurry(self) -> None:
        """Wait for the end of the connection no longer, unless something is unsent."""
        if self._ended is not None and not self._outbox:
            self.abort()

    async def write_out(self) -> None:
        """Send what is queued, then the close frame; returns when that is done."""
        try:
            await self._write_out()
        except trio.BusyResourceError:  # the client left, and Hypercorn is closing the stream
            self._end(1006, "")
            self._outbox.clear()
        self._done.set()

    async def _write_out(self) -> None:
        while self._outbox or self._ended is None:
            if not self._outbox:
                self._more = trio.Event()
                await self._more.wait()
                continue
            await self._send(*self._outbox.first)
            if self._outbox:  # or it was dropped meanwhile
                self._outbox.take()
        code, reason, theirs = self._ended
        if code != 1006 and not theirs:
            await self._carrier.close(code, reason)

    async def _send(self, payload: bytes, text: bool) -> None:
        """Send what is first, in pieces; it is unsent until all of it is with the kernel."""
        self._outbox.begin()
        size = len(payload)
        if size < SHARED:
            await self._carrier.send(payload.decode() if text else payload)
            return
        start = 0
        try:
            while start < size and not self._cut:
                end = piece_end(payload, start, PIECE, text=text)
                self._hold_copies((end - start) * COPIES)
                piece = payload[start:end]
                if end == size:
                    await self._carrier.send(piece.decode() if text else piece)
                else:
                    await self._carrier.send(MoreText(piece, "utf-8") if text else MoreBytes(piece))
                start = end
        finally:
            self._hold_copies(0)

    def _hold_copies(self, size: int) -> None:
        if self._account is not None:
            self._account.hold(size)

    @property
    def written(self) -> bool:
        """Whether the writer has come to its end."""
        return self._done.is_set()

    def drop_unsent(self) -> None:
        """Forget what is queued."""
        self._outbox.clear()

    async def finish(self) -> None:
        """Let the writer end, at most CLOSE_SECONDS."""
        self.close()
        self._gate.leave()
        with trio.move_on_after(CLOSE_SECONDS):
            await self._done.wait()

    def _end(self, code: int, reason: str, theirs: bool = False) -> None:
        if self._ended is None:
            self._ended = (code, reason, theirs)
            self._gate.end()
            self._more.set()


def websocket_view(app: App) -> Callable[[], Awaitable[Response | None]]:
    """Return the Quart view that serves every websocket path of an app."""
    services = app.services

    async def speak() -> Response | None:
        upgrade = _upgrade(app)
        route = decide(app.routes, upgrade, _flaw(upgrade), services.traffic)
        if isinstance(route, Rejection):
            return Response(route.body, route.status, content_type=route.content_type)
        try:
            await websocket.accept(subprotocol=route.subprotocol)
        except AlreadyRefused:
            return None
        await _serve(app, route, upgrade)
        return None

    return speak


def _flaw(upgrade: Upgrade) -> Rejection | None:
    """Refuse an upgrade with a body, which Hypercorn lets through and then cannot accept."""
    if upgrade.headers.get("content-length", "0") != "0" or "transfer-encoding" in upgrade.headers:
        return Rejection(400, "handshake: has a body")
    return None


async def _serve(app: App, route: WebsocketRoute, upgrade: Upgrade) -> None:
    tally = app.services.traffic.websocket(route.dialect)
    carrier: Websocket = websocket._get_current_object()  # type: ignore[attr-defined]
    socket = QuartSocket(
        carrier, upgrade, route.subprotocol, route.limits(), tally, app.services.unsent
    )
    tally.accepted += 1
    tally.open += 1
    app.open_sockets.add(socket)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, route, socket, tally)
            await serve_within_boundary(route, socket, tally)
            await socket.finish()
            nursery.cancel_scope.cancel()
    finally:
        tally.open -= 1
        app.open_sockets.discard(socket)
        socket.abort()


async def _write(route: WebsocketRoute, socket: QuartSocket, tally: WebsocketTally) -> None:
    """Run the writer; if it crashes, run it once more to close, and then give up."""
    for _ in range(2):
        await within_boundary(socket.write_out, partial(_writer_crashed, route, socket, tally))
        if socket.written:
            return
    socket.abort()


def _writer_crashed(
    route: WebsocketRoute, socket: QuartSocket, tally: WebsocketTally, error: Exception
) -> None:
    socket.drop_unsent()
    end_crashed(route, socket, tally, "write", error)


def _upgrade(app: App) -> Upgrade:
    scope = websocket.scope
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    client = scope.get("client")
    return read_upgrade(
        target.decode("latin-1"),
        merge_headers(pairs),
        peer=client[0] if client else "",
        secure=scope["scheme"] in ("wss", "https"),
        trusted=app.services.settings().limits.trusted_proxies,
    )
