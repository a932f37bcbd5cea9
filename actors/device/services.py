"""What peers of devices are given: media, a line to others, and who is shown what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from actors.device.credentials import Credential as Credential  # it has rules of its own
from actors.device.events import Observer
from actors.device.line import Line
from actors.words.keys import MemberKey
from actors.words.where_from import NOWHERE, WhereFrom
from media.contract.datagrams import Network
from media.contract.engine import MediaEngine
from media.contract.plans import Address, Remote
from media.contract.session import IceServer


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """As configured now; asked for each time, as they may change while the server runs.

    Of `connections`, each other peer may begin `connections_per_caller` (0: a fourth). Candidates
    in the networks `remote_allow` are taken from those of whom nobody knows whence they connect.

    A peer that no program asks about for `idle_seconds` ends (0: never); a call that nobody answers
    ends after `answer_seconds`, whoever is not heard of for `silence_seconds` is gone, and a
    connection has `connect_seconds` to come about.
    """

    connections: int = 32
    connections_per_caller: int = 0
    idle_seconds: float = 0.0
    answer_seconds: float = 60.0
    silence_seconds: float = 15.0
    connect_seconds: float = 20.0
    ask_seconds: float = 10.0
    redirect_allow: tuple[Network, ...] = ()
    remote_allow: tuple[Network, ...] = ()

    @property
    def of_one_caller(self) -> int:
        """How many connections each other peer may begin."""
        return self.connections_per_caller or max(1, self.connections // 4)

    def may_redirect(self, to: Address) -> bool:
        """Tell whether data or media may be sent there; raises ValueError for no address."""
        return leads_into(self.redirect_allow, to)


def leads_into(networks: Iterable[Network], to: Address) -> bool:
    """Tell whether an address is of one of the networks; raises ValueError for no address."""
    host = ip_address(Remote(to).rtp[0])  # in the form in which it is sent to
    return any(host.version == net.version and host in net for net in networks)


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """What a peer is made from.

    `token` ("pt-…") is what its program proves itself with. `secret` is that of its API key, "" for
    a key without; `credential` is there with one. `address` is the program's, for quotas, and
    `where` as much of whence it comes as is shown. Without `turn`, the TURN servers of
    `ice_servers` are left out.
    """

    key: MemberKey
    token: str = field(repr=False)
    address: str = ""
    turn: bool = True
    secret: str = field(default="", repr=False)
    credential: Credential | None = None
    dialect: str = ""
    where: WhereFrom = NOWHERE

    def told(self) -> dict[str, str]:
        """Return what the log is told of it."""
        return {"peer": self.key.id, "dialect": self.dialect, "address": self.where.address}

    def shown(self) -> dict[str, object]:
        """Return what operators are shown of it, as of any other member."""
        return {
            "dialect": self.dialect,
            "realm": self.key.realm,
            "room": None,
            "name": self.key.id,
            "user": "",
            "address": self.where.address,
            "device": self.where.device,
            "away": False,
            "quality": None,
        }


@dataclass(frozen=True, slots=True)
class DeviceServices:
    """Made once, by the dialect; `line` makes a peer's line."""

    engine: MediaEngine
    observer: Observer
    limits: Callable[[], DeviceLimits]
    line: Callable[[PeerSpec], Line]
    ice_servers: Callable[[], tuple[IceServer, ...]] = tuple
    unix_time: Callable[[], float] = field(default=lambda: 0.0)

    def ice_servers_for(self, peer: PeerSpec) -> tuple[IceServer, ...]:
        """Return the servers that a peer may use."""
        servers = self.ice_servers()
        return servers if peer.turn else without_turn(servers)


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """What a connection is made from.

    `id` ("dc-…" or "mc-…") is known to the program, `their_id` is what the frames call it, and
    `token` is the peer's. `remote_address` is where the other side connects from, if known yet.
    """

    id: str
    me: MemberKey
    remote: str
    their_id: str
    line: Line
    services: DeviceServices
    ice_servers: tuple[IceServer, ...] = ()
    token: str = field(default="", repr=False)
    dialect: str = ""
    remote_address: str | None = None


def without_turn(servers: Iterable[IceServer]) -> tuple[IceServer, ...]:
    """Return the STUN servers among these."""
    left = ((it, tuple(url for url in it.urls if not url.startswith("turn"))) for it in servers)
    return tuple(IceServer(urls, it.username, it.credential) for it, urls in left if urls)
