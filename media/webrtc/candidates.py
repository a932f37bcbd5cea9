"""The rules for ICE candidates, as text and numbers: nothing here opens a socket.

Remote ones come from strangers: what cannot be used is told apart from what makes no sense.
Of the local ones, announced addresses take the place of those the sockets are bound to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from media.contract.errors import BadCandidate

MAX_TEXT = 512
MAX_CANDIDATES = 64  # of one session: waiting for a description, or in use
TYPES = frozenset({"host", "srflx", "prflx", "relay"})
NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
FOUNDATION = re.compile(r"[A-Za-z0-9+/_-]{1,64}", re.ASCII)
HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}", re.ASCII)
RTP_COMPONENT = 1

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """A UDP address of the other side that may be tried (RFC 8839, section 5.1)."""

    foundation: str
    priority: int
    host: str
    port: int
    type: str


def parse_remote(text: str) -> RemoteCandidate | None:
    """Read a candidate with or without `a=` and `candidate:`; None for one to pass over.

    Passed over are: the empty one (no more will come), other transports than UDP, the component of
    RTCP, names instead of addresses (mDNS is not resolved), and port 0.
    Raises BadCandidate for anything that is not a candidate.
    """
    words = _bare(text).split()
    if words in ([], ["end-of-candidates"]):
        return None
    if len(text) > MAX_TEXT or len(words) < 8 or words[6] != "typ":
        raise BadCandidate("not a candidate line")
    foundation, component, transport, priority, host, port, _, kind = words[:8]
    if not FOUNDATION.fullmatch(foundation) or kind not in TYPES:
        raise BadCandidate("foundation or type of a candidate")
    numbers = [_number(word) for word in (component, priority, port)]
    if not 1 <= numbers[0] <= 256 or numbers[1] >= 1 << 32 or numbers[2] >= 1 << 16:
        raise BadCandidate("a number of a candidate is out of range")
    usable = _is_address(host) and numbers[2] and numbers[0] == RTP_COMPONENT
    if transport.lower() != "udp" or not usable:
        return None
    # Peer-reflexive candidates are never signalled; one that is counts as server-reflexive.
    told = "srflx" if kind == "prflx" else kind
    return RemoteCandidate(foundation, numbers[1], str(ip_address(host)), numbers[2], told)


def announced_address(address: str, listen: Sequence[str], announced: Sequence[str]) -> str:
    """Return the address to tell others for a socket bound to `address` (1:1 NAT).

    With as many announced as listen addresses they go in pairs; otherwise the first announced of
    the same family stands for all. Without one, the address itself is told.
    """
    mine = ip_address(address)
    if listen and len(listen) == len(announced):
        for bound, told in zip(listen, announced, strict=True):
            if ip_address(bound) == mine and _same_family(mine, told):
                return told
    for told in announced:
        if _same_family(mine, told):
            return told
    return address


def denied_to(
    came_from: str | None, networks: Sequence[str], allowed: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return those of the denied networks that somebody may not name candidates in.

    `came_from` is the address of his own connection: what he is in himself he may name, and on this
    machine everything. None, or no address: all but what is in the networks `allowed`.
    """
    try:
        own = _plain(came_from or "")
    except ValueError:
        left = [ip_network(each) for each in networks]
        for each in map(ip_network, allowed):
            left = [part for network in left for part in _without(network, each)]
        return tuple(map(str, left))
    if own.is_loopback:
        return ()
    return tuple(each for each in networks if own not in ip_network(each))


class DeniedNetworks:
    """Where the other side of a connection may not be, as far as we know now."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Sequence[str]) -> None:
        self.become(networks)

    def become(self, networks: Sequence[str]) -> None:
        """Replace them; one assignment, which any thread may do."""
        self._networks = tuple(map(ip_network, networks))

    def has(self, host: str) -> bool:
        """Tell whether an address is in one of them, also one of IPv4 written as IPv6."""
        address = _plain(host)
        return any(address in network for network in self._networks)


def _without(network: Network, taken: Network) -> Sequence[Network]:
    """Return what is left of a network without another one."""
    if not network.overlaps(taken):  # also where one is of IPv4 and the other is not
        return [network]
    if taken.prefixlen <= network.prefixlen:
        return []
    return list(network.address_exclude(taken))  # type: ignore[arg-type]  # they overlap


def _plain(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address


def _bare(text: str) -> str:
    text = text.strip()
    return text.removeprefix("a=").removeprefix("candidate:").strip()


def _number(word: str) -> int:
    if not NUMBER.fullmatch(word):
        raise BadCandidate("a number of a candidate is none")
    return int(word)


def _is_address(host: str) -> bool:
    """Say whether a host is an address; raises BadCandidate if it is not even a name."""
    try:
        address = ip_address(host)
    except ValueError:
        if not HOST_NAME.fullmatch(host):
            raise BadCandidate("the address of a candidate") from None
        return False
    # A scope ("fe80::1%eth0") means something on the sender's machine only.
    return not (address.is_multicast or address.is_unspecified or "%" in host)


def _same_family(address: IPv4Address | IPv6Address, other: str) -> bool:
    return address.version == ip_address(other).version
