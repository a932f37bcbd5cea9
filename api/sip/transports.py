"""The sockets of SIP: datagrams and connections, what comes by them and what is sent.

Knows nothing of SIP but where a message ends. Whatever reads runs in `run`; `send` never waits.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Protocol

import structlog
import trio

from api.sip.binding import SipSocket
from api.sip.connections import GONE, ByteStream, ConnectionPlaces, SipConnection
from api.sip.datagrams import DatagramSocket
from api.sip.flows import Address, Flow, Transport

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
SOURCES = 1024  # addresses whose way is remembered
SOURCE_SECONDS = 60.0
FULL_PAUSE = 0.1  # before the next connection is taken, where there are no more files
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}


class NotReached(Exception):
    """There is no way to an address; the text says why, without naming it."""


class SipWire(Protocol):
    """Who takes what comes. No method waits."""

    def admits(self, host: str, data: bytes) -> bool:
        """Tell whether a message of this host is looked at at all."""

    def known(self, host: str) -> bool:
        """Tell whether we have to do with this host: somebody who may call, or is in a call."""

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take a message."""

    def lost(self, flow: Flow) -> None:
        """Hear that nothing comes or goes by this flow any more."""


@dataclass(frozen=True, slots=True)
class SecureContexts:
    """How TLS is spoken with who connects to us, and with whom we connect to."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext


class Transports:
    """All sockets of one life of the telephone.

    Their flows have as `local` what others reach us by: `announces` returns it for an address of
    ours (1:1 NAT).
    """

    def __init__(
        self,
        sockets: Sequence[SipSocket],
        secure: SecureContexts,
        connections: int,
        wire: SipWire,
        announces: Callable[[str], str] = str,
    ) -> None:
        self._datagrams = [DatagramSocket(it.socket) for it in sockets if it.transport == "udp"]
        self._listeners = [it for it in sockets if it.transport != "udp"]
        self._secure = secure
        self._wire = wire
        self._announces = announces
        self._places = ConnectionPlaces(connections)
        self._open: dict[Flow, SipConnection] = {}
        self._ours: dict[tuple[Transport, Address, str], Flow] = {}
        self._opening: dict[tuple[Transport, Address, str], trio.Event] = {}
        self._sources: dict[tuple[int, str], tuple[str, float]] = {}
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._open)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read everything, until cancelled; connections are closed at the end."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                for each in self._datagrams:
                    nursery.start_soon(each.read, partial(self._datagram, each))
                for listener in self._listeners:
                    nursery.start_soon(self._accept, listener)
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    # What is sent.

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send a message; False where it has no way, which is not told by `lost`."""
        if flow.transport == "udp":
            sender = self._sender(flow.local)
            return sender is not None and sender.send(data, flow.remote)
        connection = self._open.get(flow)
        return connection is not None and connection.send(data)

    async def sent(self) -> None:
        """Wait until all that connections were given is handed to the network."""
        for connection in tuple(self._open.values()):
            await connection.sent()

    def usual(self, host: str) -> Transport:
        """Return what a numeric host is reached by where nobody says more: UDP if we have it."""
        udp = any(it.family == _family(host) for it in self._datagrams)
        return "udp" if udp else "tcp"

    async def reach(self, transport: Transport, remote: Address, name: str = "") -> Flow:
        """Return a way to an address, over the connection that is open to it where there is one.

        `name` is what the certificate of the other side has to be for (TLS). Raises NotReached.
        """
        if transport == "udp":
            return self._datagram_flow(remote)
        key = (transport, remote, name if transport == "tls" else "")
        while (opening := self._opening.get(key)) is not None:
            await opening.wait()
        if (flow := self._ours.get(key)) is not None:
            return flow
        place = self._places.take(remote[0], known=True)
        if place is None or self._nursery is None:
            raise NotReached("there is no place for another connection")
        self._opening[key] = trio.Event()
        started = False
        try:
            stream, local = await self._connect(transport, remote, name)
            flow = self._ours[key] = Flow(transport, self._told(local), remote)
            self._start(stream, flow, place)
            started = True
            return flow
        finally:
            self._opening.pop(key).set()
            if not started:
                self._places.give(place)

    def _datagram_flow(self, remote: Address) -> Flow:
        for each in self._datagrams:
            if each.family == _family(remote[0]):
                local = self._source(each, remote[0])
                if local is not None:
                    return Flow("udp", self._told((local, each.local[1])), remote)
        raise NotReached("there is no way to this address over UDP")

    async def _connect(
        self, transport: Transport, remote: Address, name: str
    ) -> tuple[ByteStream, Address]:
        stream: trio.SocketStream | None = None
        try:
            with trio.fail_after(CONNECT_SECONDS):
                stream = await self._tcp(remote)
                local: Address = stream.socket.getsockname()[:2]
                if transport == "tcp":
                    return stream, local
                secured = trio.SSLStream(
                    stream, self._secure.client, server_hostname=name or remote[0]
                )
                await secured.do_handshake()
                return secured, local
        except (*GONE, trio.TooSlowError, ValueError) as error:
            if stream is not None:
                await trio.aclose_forcefully(stream)
            bad = isinstance(error.__cause__ or error, ssl.SSLCertVerificationError)
            why = "its certificate is not valid for it" if bad else "it cannot be connected to"
            raise NotReached(why) from None
        except BaseException:
            if stream is not None:
                await trio.aclose_forcefully(stream)
            raise

    async def _tcp(self, remote: Address) -> trio.SocketStream:
        sock = trio.socket.socket(_family(remote[0]), socket.SOCK_STREAM)
        try:
            source = next((it for it in self._listeners if _bound_for(it, remote[0])), None)
            if source is not None:
                await sock.bind((source.socket.getsockname()[0], 0))
            await sock.connect(remote)
        except BaseException:
            sock.close()
            raise
        _keep_alive(sock)
        return trio.SocketStream(sock)

    # What comes.

    def _datagram(self, by: DatagramSocket, data: bytes, remote: Address) -> None:
        if not self._wire.admits(remote[0], data):
            return
        local = self._source(by, remote[0])
        if local is not None:
            told = self._told((local, by.local[1]))
            self._wire.receive(data, Flow("udp", told, remote))

    async def _accept(self, listener: SipSocket) -> None:
        bound = trio.socket.from_stdlib_socket(listener.socket)
        while True:
            try:
                sock, source = await bound.accept()
            except OSError as error:  # else it was gone before it was taken
                if error.errno in FULL:
                    await trio.sleep(FULL_PAUSE)
                continue
            host = source[0]
            place = self._places.take(host, self._wire.known(host))
            if place is None or (len(source) > 3 and source[3]):
                sock.close()
                if place is not None:
                    self._places.give(place)
                continue
            _keep_alive(sock)
            local = self._told(sock.getsockname()[:2])
            flow = Flow(listener.transport, local, source[:2])
            self._start(trio.SocketStream(sock), flow, place, accepted=True)

    def _start(self, stream: ByteStream, flow: Flow, place: str, *, accepted: bool = False) -> None:
        assert self._nursery is not None  # noqa: S101  it is what runs this
        connection = None
        if not (accepted and flow.transport == "tls"):
            connection = self._open[flow] = SipConnection(stream, flow, self._wire.known)
        self._nursery.start_soon(self._live, stream, flow, place, connection)

    async def _live(
        self, stream: ByteStream, flow: Flow, place: str, connection: SipConnection | None
    ) -> None:
        try:
            if connection is None:
                secured = await self._handshake(stream)
                if secured is None:
                    return
                connection = self._open[flow] = SipConnection(secured, flow, self._wire.known)
            await connection.run(self._message)
        finally:
            self._places.give(place)
            if connection is not None and self._open.get(flow) is connection:
                del self._open[flow]
                for key in [key for key, ours in self._ours.items() if ours == flow]:
                    del self._ours[key]
        log.debug("sip.connection_closed", why=connection.why, host=flow.remote[0])
        self._wire.lost(flow)

    async def _handshake(self, stream: ByteStream) -> ByteStream | None:
        assert self._secure.server is not None  # noqa: S101  checked with the settings
        secured = trio.SSLStream(stream, self._secure.server, server_side=True)  # type: ignore[type-var]
        done = False
        try:
            with trio.move_on_after(HANDSHAKE_SECONDS), suppress(*GONE):
                await secured.do_handshake()
                done = True
        finally:
            if not done:
                await trio.aclose_forcefully(stream)  # type: ignore[arg-type]
        return secured if done else None

    def _message(self, data: bytes, flow: Flow) -> None:
        if self._wire.admits(flow.remote[0], data):
            self._wire.receive(data, flow)

    # Our own addresses.

    def address_towards(self, remote: str) -> str:
        """Return the address of ours by which a host reaches us, where ports can be opened.

        Raises NotReached.
        """
        sockets = [it.socket for it in self._listeners] + [it.socket for it in self._datagrams]
        for sock in sockets:
            host: str = sock.getsockname()[0]
            if _family(host) == _family(remote) and not ip_address(host).is_unspecified:
                return host
        found = source_towards(_family(remote), remote)
        if found is None:
            raise NotReached("there is no way to this address")
        return found

    def _told(self, local: Address) -> Address:
        return self._announces(local[0]), local[1]

    def _sender(self, local: Address) -> DatagramSocket | None:
        alike = None  # on every address, or on one that is announced as another
        for each in self._datagrams:
            if each.local == local:
                return each
            if each.local[1] == local[1] and each.family == _family(local[0]):
                alike = each
        return alike

    def _source(self, by: DatagramSocket, remote: str) -> str | None:
        """Return our address towards a host; None where there is no way to it."""
        if not _wild(by.local):
            return by.local[0]
        key, now = (int(by.family), remote), trio.current_time()
        found = self._sources.get(key)
        if found is None or found[1] <= now:
            address = source_towards(by.family, remote)
            if address is None:
                return None
            if len(self._sources) >= SOURCES:
                self._sources.clear()
            found = self._sources[key] = (address, now + SOURCE_SECONDS)
        return found[0]


def source_towards(family: int, remote: str) -> str | None:
    """Ask the kernel by which of our addresses it would reach a host; nothing is sent."""
    # There may be no more files for a socket, too.
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote, 9))
        address: str = probe.getsockname()[0]
        return address
    return None


def _bound_for(listener: SipSocket, remote: str) -> bool:
    host = listener.socket.getsockname()[0]
    return _family(host) == _family(remote) and not ip_address(host).is_unspecified


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _wild(local: Address) -> bool:
    return ip_address(local[0]).is_unspecified


def _keep_alive(sock: trio.socket.SocketType) -> None:
    """Have the system notice a side that has silently gone, and send at once."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in KEEP_ALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
