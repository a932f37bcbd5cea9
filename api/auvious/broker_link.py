"""One connection to an MQTT broker: paho-mqtt, driven by Trio, without a thread.

paho speaks the protocol and owns the socket once that is connected; what to wait for, and for how
long, is decided here. Knows no events and no queue.
"""

from __future__ import annotations

import secrets
import socket as stdlib_socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import trio
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from trio.lowlevel import notify_closing, wait_readable, wait_writable

CONNECT_SECONDS = 10.0  # for DNS, TCP and TLS; and again for the broker's answer
KEEP_ALIVE = 30  # seconds
TICK_SECONDS = 1.0
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
OK = MQTTErrorCode.MQTT_ERR_SUCCESS


class BrokerLost(Exception):
    """There is no connection, or none any more; the text says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and as whom to speak to it."""

    host: str
    port: int
    secure: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of_url(cls, url: str) -> Address:
        """Read mqtt(s)://[user[:password]@]host[:port]; user and password percent-encoded."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "",
            parts.port or DEFAULT_PORTS[parts.scheme],
            parts.scheme == "mqtts",
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


Sock = stdlib_socket.socket | ssl.SSLSocket
Task = Callable[[Sock], Awaitable[None]]


class _Client(Client):
    """paho's client on a socket that is connected already: its own way to connect blocks."""

    opened: Sock

    def _create_socket(self) -> Sock:  # what `connect` calls, in paho-mqtt 2
        return self.opened


class BrokerLink:
    """A connection to come. `run` connects and serves it until it is lost or cancelled.

    `on_ready` is called with it once the broker lets us in, `on_published` with the number that
    `publish` returned once the broker has the message.
    """

    def __init__(
        self,
        address: Address,
        ca_file: Path | None,
        on_ready: Callable[[BrokerLink], None],
        on_published: Callable[[int], None],
    ) -> None:
        self._address = address
        self._ca_file = ca_file
        self._on_ready = on_ready
        self._answered = trio.Event()
        self._refused = self._lost = ""
        self._kick = trio.Event()
        self._client = client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"quintet-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages = 0  # the caller keeps count
        if address.user:
            client.username_pw_set(address.user, address.password or None)
        client.on_connect = self._connected
        client.on_publish = lambda _client, _data, number, *_: on_published(number)

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message at QoS 1; return its number. Raises ValueError for no good topic."""
        number = self._client.publish(topic, payload, qos=1).mid
        self._kick.set()
        return number

    async def run(self) -> None:
        """Raises BrokerLost; closes the socket however it ends, with a DISCONNECT if cancelled."""
        sock = await self._connect()
        try:
            self._client.on_socket_close = lambda _client, _data, closing: notify_closing(closing)
            async with trio.open_nursery() as nursery:
                for task in (self._read, self._write, self._tick, self._greet):
                    nursery.start_soon(self._until_lost, task, sock, nursery.cancel_scope)
        finally:
            with suppress(OSError, ValueError):
                self._client.disconnect()
            if sock.fileno() >= 0:
                notify_closing(sock)
                sock.close()
        raise BrokerLost(self._lost)

    async def _until_lost(self, task: Task, sock: Sock, all_of_them: trio.CancelScope) -> None:
        """Run one task; what it finds lost ends all of them, and is not raised through them."""
        try:
            await task(sock)
        except BrokerLost as lost:
            self._lost = self._lost or str(lost)
            all_of_them.cancel()

    async def _connect(self) -> Sock:
        """Return a connected socket that paho has sent CONNECT on. Raises BrokerLost."""
        try:
            with trio.fail_after(CONNECT_SECONDS):
                sock = await _open_socket(self._address, self._ca_file)
            self._client.opened = sock
            self._client.connect(self._address.host, self._address.port, KEEP_ALIVE)
        except (OSError, trio.TooSlowError) as error:  # also ssl.SSLError
            raise BrokerLost(_words(error)) from None
        if self._client.socket() is None:
            raise BrokerLost("lost while connecting")
        return sock

    def _connected(
        self, _client: object, _data: object, _flags: object, code: Any, _: object
    ) -> None:
        self._refused = str(code) if code.is_failure else ""
        self._answered.set()

    # --- the tasks of a connection

    async def _greet(self, _sock: Sock) -> None:
        with trio.move_on_after(CONNECT_SECONDS):
            await self._answered.wait()
            self._check(OK)
            self._on_ready(self)
            return
        raise BrokerLost("no answer to CONNECT")

    async def _read(self, sock: Sock) -> None:
        while True:
            with _lost_when_closed():
                await wait_readable(sock)
            self._check(self._client.loop_read())
            while isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0 and sock.pending():
                self._check(self._client.loop_read())

    async def _write(self, sock: Sock) -> None:
        while True:
            while self._client.want_write():
                with _lost_when_closed():
                    await wait_writable(sock)
                self._check(self._client.loop_write())
            await self._kick.wait()
            self._kick = trio.Event()

    async def _tick(self, _sock: Sock) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            self._check(self._client.loop_misc())
            self._kick.set()  # a ping may be unsent

    def _check(self, code: MQTTErrorCode) -> None:
        if self._refused:
            raise BrokerLost(f"refused: {self._refused}")
        if code != OK:
            raise BrokerLost(code.name.removeprefix("MQTT_ERR_").lower())
        if self._client.socket() is None:
            raise BrokerLost("closed")


@contextmanager
def _lost_when_closed() -> Iterator[None]:
    """Take a socket that was closed meanwhile for a lost connection."""
    try:
        yield
    except (trio.ClosedResourceError, OSError, ValueError):  # ValueError: its number is -1
        raise BrokerLost("closed") from None


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


async def _open_socket(address: Address, ca_file: Path | None) -> Sock:
    """Connect, and shake hands where TLS is wanted; the socket is the caller's to close."""
    tls = ssl.create_default_context(cafile=ca_file) if address.secure else None
    stream = await trio.open_tcp_stream(address.host, address.port)
    plain = stdlib_socket.socket(fileno=stream.socket.detach())
    if tls is None:
        return plain
    sock = None
    try:
        sock = tls.wrap_socket(plain, server_hostname=address.host, do_handshake_on_connect=False)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await wait_readable(sock)
            except ssl.SSLWantWriteError:
                await wait_writable(sock)
            else:
                return sock
    except BaseException:
        (sock or plain).close()
        raise
