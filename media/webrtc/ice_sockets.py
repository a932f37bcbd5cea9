"""The sockets of one ICE transport, bound and announced as the operator configured."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import trio
from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol, get_host_addresses

from media.contract.errors import NoFreePort
from media.udp.port_range import PortRange
from media.webrtc.candidates import announced_address
from media.webrtc.peer_facts import IceConfig, PeerTraffic
from media.webrtc.readers import Readers
from media.webrtc.stun_screen import is_worth_reading, may_be_stun
from media.webrtc.udp_socket import UdpSocket

LOOPBACK = "127.0.0.1"
BEST = 65535  # local preference of the first address, RFC 8445, section 5.1.2.1
WAITING = 32  # datagrams of STUN that wait for the loop at one socket
WAITING_BYTES = 32_768
AT_ONCE = 8  # of them, before others on the loop get their turn


class Scheduler(Protocol):
    """What is used of an asyncio loop."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Any: ...


class IceSocketProtocol(StunProtocol):
    """aioice's own, on the loop, for STUN; what is clearly something else is taken at once.

    STUN waits for the loop in a queue of this socket. What cannot be meant for us does not get
    there, and while it is full nothing is read: the rest waits in the kernel, which drops.
    """

    def __init__(
        self,
        connection: Connection,
        loop: Scheduler,
        received: Callable[[bytes, float], None],
        may_come_from: Callable[[tuple[Any, ...]], bool],
        traffic: PeerTraffic,
    ) -> None:
        super().__init__(connection)
        self._loop = loop
        self._take = received
        self._may_come_from = may_come_from
        self._traffic = traffic
        self._username = f"{connection.local_username}:".encode()
        self._waiting: deque[tuple[bytes, tuple[Any, ...]]] = deque()
        self._waiting_bytes = 0
        self._caught_up: trio.Event | None = None  # while there is no room

    def datagram_arrived(
        self, data: bytes, addr: tuple[Any, ...], arrival: float
    ) -> trio.Event | None:
        """Take a datagram that arrived then, in seconds of time.monotonic.

        Returns what to wait for before more is read, while the loop is behind.
        """
        if not may_be_stun(data):
            if self._may_come_from(addr):
                self._take(data, arrival)
        elif self._is_full or not is_worth_reading(data, self._username, self.transactions):
            self._traffic.dropped += 1
        else:
            if not self._waiting:
                self._loop.call_soon(self._work_off)
            self._waiting.append((data, addr))
            self._waiting_bytes += len(data)
            if self._is_full:
                self._caught_up = trio.Event()
                return self._caught_up
        return None

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= WAITING or self._waiting_bytes >= WAITING_BYTES

    def _work_off(self) -> None:
        """Take some of what waits, on the loop; the rest at its next turn."""
        try:
            for _ in range(min(AT_ONCE, len(self._waiting))):
                data, addr = self._waiting.popleft()
                self._waiting_bytes -= len(data)
                self.datagram_received(data, addr)
        finally:
            if self._waiting:
                self._loop.call_soon(self._work_off)
            elif self._caught_up is not None:
                self._caught_up.set()
                self._caught_up = None


def open_ice_sockets(
    settings: IceConfig, readers: Readers, protocol_for: Callable[[], IceSocketProtocol]
) -> list[tuple[StunProtocol, UdpSocket]]:
    """Bind a socket for every address that is listened on, each with its host candidate.

    Raises NoFreePort, also for a configured address that is not ours; nothing is open then.
    """
    found: list[tuple[StunProtocol, UdpSocket]] = []
    try:
        for address in settings.listen_ips or _own_addresses(settings):
            opened = _open(address, settings, readers, protocol_for, BEST - len(found))
            found += [opened] if opened is not None else []
    except NoFreePort:
        for _, udp in found:
            udp.close()
        raise
    return found


def _open(
    address: str,
    settings: IceConfig,
    readers: Readers,
    protocol_for: Callable[[], IceSocketProtocol],
    preference: int,
) -> tuple[StunProtocol, UdpSocket] | None:
    try:
        bound = PortRange(*settings.udp_port_range).bind(address)
    except OSError as error:
        if settings.listen_ips:
            raise NoFreePort("an address to listen on is not ours") from error
        return None  # one of many, just gone or not yet usable
    protocol = protocol_for()
    udp: Any = UdpSocket(bound, readers, protocol)
    told = announced_address(address, settings.listen_ips, settings.announced_ips)
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("host", "udp", told),
        component=1,
        transport="udp",
        priority=candidate_priority(1, "host", preference),
        host=told,
        port=bound.getsockname()[1],
        type="host",
    )
    protocol.connection_made(udp)
    return protocol, udp


def _own_addresses(settings: IceConfig) -> list[str]:
    """Return the addresses of all interfaces; loopback last, and not behind a 1:1 NAT."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=True)
    return found if settings.announced_ips else [*found, LOOPBACK]
