"""A websocket to a broker of PeerJS elsewhere, over trio-websocket."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Protocol

import h11
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError

from actors.device.events import Trouble
from actors.device.line import LineDown, LineRefused
from api.skyway.remote_frames import FRAME_BYTES, BrokerAddress

CONNECT_SECONDS = 10.0  # TCP and TLS; then the handshake of the websocket
SEND_SECONDS = 10.0
PONG_SECONDS = 15.0
GOODBYE_SECONDS = 1.0
_NO_WEBSOCKET = (ProtocolError, h11.ProtocolError, UnicodeError)
ABNORMAL = 1006  # no side has said goodbye (RFC 6455, 7.1.5)


class LinkFailed(Exception):
    """The websocket cannot be opened, or is of no use any more."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class RemoteLink(Protocol):
    """A websocket that is open; all of it raises LinkFailed."""

    async def send(self, text: str) -> None:
        """Send a message, within SEND_SECONDS."""

    async def receive(self) -> str | bytes:
        """Return the next message, however long that takes."""

    async def ping(self) -> None:
        """Have the other side show that it is there, within PONG_SECONDS."""


Outcome = LineDown | LineRefused
Hold = Callable[[RemoteLink], Awaitable[Outcome]]
Talk = Callable[[Hold], Awaitable[Outcome]]
"""Opens a link, has it held, and closes it; returns why it ended. What is held raises nothing."""


class WebSocketLink:
    __slots__ = ("_socket",)

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        with trio.move_on_after(SEND_SECONDS) as waiting:
            try:
                await self._socket.send_message(text)
            except (ConnectionClosed, ProtocolError) as error:
                raise _lost(error) from None
        if waiting.cancelled_caught:  # half of it may have been sent
            raise LinkFailed(Trouble.SOCKET_CLOSED)

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.get_message()
        except ConnectionClosed as closed:
            raise _lost(closed) from None

    async def ping(self) -> None:
        with trio.move_on_after(PONG_SECONDS) as waiting:
            try:
                await self._socket.ping()
            except (ConnectionClosed, ProtocolError) as error:
                raise _lost(error) from None
        if waiting.cancelled_caught:
            raise LinkFailed(Trouble.SOCKET_CLOSED)


async def talk(address: BrokerAddress, tls: ssl.SSLContext | None, hold: Hold) -> Outcome:
    """Open a websocket and hold it; `tls` None trusts whom the system trusts."""
    try:
        stream = await _connect(address, tls)
    except LinkFailed as failed:
        return LineDown(failed.trouble)
    outcome: Outcome = LineDown(Trouble.SOCKET_ERROR)
    try:
        async with trio.open_nursery() as nursery:
            socket: WebSocketConnection | None = None
            with trio.move_on_after(CONNECT_SECONDS):
                socket = await wrap_client_stream(
                    nursery, stream, address.named, address.resource, max_message_size=FRAME_BYTES
                )
            if socket is not None:
                try:
                    outcome = await hold(WebSocketLink(socket))
                finally:
                    await _close(socket)
            nursery.cancel_scope.cancel()
    except* (ConnectionRejected, ConnectionClosed, *_NO_WEBSOCKET):  # of the task that reads
        outcome = LineDown(Trouble.SERVER_ERROR)
    finally:
        await trio.aclose_forcefully(stream)
    return outcome


async def _connect(
    address: BrokerAddress, tls: ssl.SSLContext | None
) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    """Connect. Raises LinkFailed."""
    with trio.move_on_after(CONNECT_SECONDS):
        try:
            stream = await trio.open_tcp_stream(address.host, address.port)
        except (OSError, UnicodeError):  # also of a name that cannot be looked up
            raise LinkFailed(Trouble.SOCKET_ERROR) from None
        return await _secure(address, tls, stream) if address.secure else stream
    raise LinkFailed(Trouble.SOCKET_ERROR)


async def _secure(
    address: BrokerAddress, tls: ssl.SSLContext | None, stream: trio.SocketStream
) -> trio.SSLStream[trio.SocketStream]:
    """Agree on keys. Raises LinkFailed."""
    secured = trio.SSLStream(
        stream, tls or _system_trust(), server_hostname=address.host, https_compatible=True
    )
    agreed = False
    try:
        await secured.do_handshake()
        agreed = True
    except trio.BrokenResourceError:
        raise LinkFailed(Trouble.SSL_UNAVAILABLE) from None
    finally:
        if not agreed:
            await trio.aclose_forcefully(stream)
    return secured


async def _close(socket: WebSocketConnection) -> None:
    with trio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(ProtocolError):
        await socket.aclose()


@cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _lost(error: ConnectionClosed | ProtocolError) -> LinkFailed:
    reason = error.reason if isinstance(error, ConnectionClosed) else None
    said_goodbye = reason is not None and reason.code != ABNORMAL
    return LinkFailed(Trouble.SERVER_DISCONNECTED if said_goodbye else Trouble.SOCKET_CLOSED)
