"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from actors.core import Actor, ActorError, Message
from actors.device.line import Line, LocalLine
from actors.device.messages import ProgramAlive, RedirectsChanged
from actors.device.peer import DevicePeer
from actors.device.services import DeviceLimits, DeviceServices, PeerSpec
from actors.device.socket import SocketFacts, find_socket
from actors.signalling.switchboard import Switchboard
from actors.words.keys import api_key_of
from api.http.peer_keys import ApiKey, DeviceKey
from api.http.turn_credentials import issue
from api.skyway.book import Book, Entry
from api.skyway.errors import Unheard
from api.skyway.openers import Openers
from api.skyway.remote_line import remote_line
from api.skyway.settings import SkywaySettings
from api.skyway.slowing import Slowing
from media.contract.datagrams import DatagramPortWanted
from media.contract.session import IceServer

if TYPE_CHECKING:
    from api.http.mounts import Services

MOST_PORTS = 70_000  # remembered; there are no more at one address


@dataclass(slots=True)
class SkywayState:
    """Peers and sockets are actors; here is what polls read, and who is slowed down.

    `opening` counts peers that are about to be there. `ports` are those of sockets by id, also of
    some that are gone.
    """

    services: Services
    devices: DeviceServices
    book: Book
    slowing: Slowing
    openers: Openers
    make_peer: Callable[[DeviceServices, PeerSpec], Actor[Message]] = DevicePeer
    opening: int = 0
    ports: OrderedDict[str, int] = field(default_factory=OrderedDict)

    @classmethod
    def open(cls, services: Services) -> SkywayState:
        book, slowing = Book(), Slowing()

        def limits() -> DeviceLimits:
            return device_limits(services)

        devices = DeviceServices(
            engine=services.media,
            observer=book,
            limits=limits,
            line=_lines(services),
            ice_servers=lambda: _ice_servers(services),
            unix_time=time.time,
        )
        openers = Openers(lambda id_: find_socket(services.system.registry, id_) is not None)
        state = cls(services, devices, book, slowing, openers)
        state.follow_settings()
        services.lifecycle.reload_hooks.append(state.follow_settings)
        services.lifecycle.drain_hooks.append(state.drain)
        return state

    @property
    def settings(self) -> SkywaySettings:
        """The section as it is now: SIGHUP may have changed it."""
        return self.services.settings().section(SkywaySettings)

    def follow_settings(self) -> None:
        """Take over who may use which key, and where redirects may lead."""
        self.services.peer_keys.set(
            ApiKey(each.key, each.domains, each.secret, each.browsers)
            for each in self.settings.api_keys
        )
        changed = RedirectsChanged(tuple(self.settings.redirect_allow))
        for peer in self.book.living():
            with suppress(ActorError):
                peer.tell(changed)  # and it its connections

    async def drain(self) -> None:
        """Have nobody wait any more: the server goes."""
        self.slowing.drain()
        self.book.drain()

    def key_of(self, key: str, domain: str) -> DeviceKey | None:
        """Return what an API key is good for; None where it or its domain is wrong."""
        usual: str = attrgetter("peerjs.key")(self.services.settings())
        return self.services.peer_keys.for_device(key, domain, usual)

    def new_peer(self, spec: PeerSpec) -> Actor[Message]:
        return self.make_peer(self.devices, spec)

    def peer(self, peer_id: str, token: str) -> Entry:
        """Return the peer that a program may use by this token. Raises Unheard."""
        entry = self.book.find(token)
        if entry is not None and entry.peer_id == peer_id:
            return entry
        if self.book.knows_peer(peer_id):
            raise Unheard(403, "token", "token is wrong")
        raise Unheard(404, "peer_id", "there is no such peer")

    def connection(self, field_: str, id_: str, prefix: str) -> Entry:
        """Return a connection. Raises Unheard."""
        entry = self.book.find(id_) if id_.startswith(prefix) else None
        if entry is None:
            raise Unheard(404, field_, "there is no such connection")
        return entry

    def used(self, entry: Entry) -> None:
        """Tell a peer that its program lives."""
        peer = self.book.peer_of(entry)
        if peer is not None:
            with suppress(ActorError):
                peer.tell(ProgramAlive())

    def socket_wanted(self) -> DatagramPortWanted:
        """Return what a UDP port for a program is to be."""
        settings = self.settings
        return DatagramPortWanted(settings.udp_bind, settings.udp_ports, tuple(settings.udp_allow))

    def bound(self, facts: SocketFacts) -> None:
        """Remember the port of a socket."""
        self.ports[facts.id] = facts.address[1]
        while len(self.ports) > MOST_PORTS:
            self.ports.popitem(last=False)

    def told(self, port: int) -> dict[str, Any]:
        """Return how programs are told where a socket is: its port, and one address."""
        host = self.settings.advertised
        return {"port": port, ("ip_v6" if ":" in host else "ip_v4"): host}


def device_limits(services: Services) -> DeviceLimits:
    """Return the limits of devices as they are now."""
    settings = services.settings()
    skyway = settings.section(SkywaySettings)
    return DeviceLimits(
        connections=skyway.connections_per_peer,
        connections_per_caller=skyway.connections_per_caller,
        idle_seconds=skyway.peer_idle_seconds,
        answer_seconds=skyway.answer_seconds,
        silence_seconds=skyway.silence_seconds,
        connect_seconds=settings.streams.connect_seconds,
        redirect_allow=tuple(skyway.redirect_allow),
        remote_allow=tuple(skyway.remote_allow),
    )


def _lines(services: Services) -> Callable[[PeerSpec], Line]:
    """Return what makes a peer's line: by our own broker, or as a client of another."""
    broker_url = services.settings().section(SkywaySettings).broker_url
    if broker_url:
        return lambda spec: remote_line(broker_url, api_key_of(spec.key.realm), spec.key.id)
    switchboard = Switchboard(services.directory, services.absent)

    def wait_seconds() -> float:
        seconds: float = attrgetter("peerjs.expire_timeout")(services.settings())
        return seconds

    def line(spec: PeerSpec) -> Line:
        return LocalLine(switchboard, spec.key, spec.address, wait_seconds)

    return line


def _ice_servers(services: Services) -> tuple[IceServer, ...]:
    """Return those of `ice.servers`, and those of `ice.turn_urls` with a password that expires."""
    ice = services.settings().ice
    found = [IceServer(each.urls, each.username, each.credential) for each in ice.servers]
    if ice.turn_urls and ice.turn_secret:
        given = issue(ice.turn_secret, "skyway", time.time())
        found.append(IceServer(ice.turn_urls, given.username, given.password))
    return tuple(found)
