"""Which addresses and files outside may be reached at all: the one place where that is decided.

A name is looked up once, all its addresses are checked, and whoever asked connects to one of those
that were returned: a second look-up could be answered otherwise.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from media.contract.allow_list import AllowList
from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
THIS_NETWORK = ip_network("0.0.0.0/8")  # RFC 1122, section 3.2.1.3
SITE_LOCAL = ip_network("fec0::/10")  # RFC 3879
SECRETS_OF_CLOUDS = frozenset(  # what link-local addresses do not cover
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"))
)
"""Where a machine in a cloud asks for its secrets: Alibaba, Azure, Oracle, Amazon (IPv6)."""
MAX_PORT = 65_535
MAX_ADDRESSES = 16  # of one name; of more, the first are tried
DISCARD = 9  # a port for the question below; nothing is sent to it


class Places:
    """What may be reached: `networks`, or all but our own, and files below `folder` ("": none)."""

    def __init__(self, networks: tuple[str, ...] = (), folder: str = "") -> None:
        self._networks = AllowList(map(ip_network, networks)) if networks else None
        self._folder = folder

    def allows(self, ip: str) -> bool:
        """Tell whether a numeric address may be connected to.

        Without networks that is every unicast address that is not of this machine or link-local,
        nor leads to one that is (IPv4 within IPv6: mapped, NAT64, 6to4, Teredo).
        """
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        if self._networks is not None:
            return self._networks.allows(ip)
        return "%" not in ip and all(_is_elsewhere(each) for each in _leads_to(address))

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, each of which may be connected to. This blocks.

        Raises NotReachable: nobody knows the name, or one of its addresses is not allowed.
        """
        try:
            if not 0 < port <= MAX_PORT:
                raise ValueError
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):  # also a name that is none
            raise NotReachable(
                OutsideTrouble.UNREACHABLE, "the name of the server has no address"
            ) from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not all(map(self.allows, addresses)):
            raise NotReachable(
                OutsideTrouble.NOT_ALLOWED, "the address of the server may not be reached"
            )
        return addresses[:MAX_ADDRESSES]

    def file(self, path_or_url: str) -> Path:
        """Return the real path of a local file below the folder, which need not exist.

        It is given as a path (a relative one is meant below the folder) or as a file: URL.
        Raises NotReachable where it may not lie there.
        """
        refused = NotReachable(OutsideTrouble.NOT_ALLOWED, "no local file may be used there")
        if not self._folder:
            raise refused
        try:
            folder = Path(self._folder).resolve(strict=True)
            path = (folder / _path_in(path_or_url)).resolve()
            below = [each for each in (path, *path.parents) if folder in each.parents]
            in_a_circle = any(each.is_symlink() for each in below)  # other links are resolved
        except (OSError, RuntimeError, ValueError):  # no such folder, no path
            raise refused from None
        if not below or in_a_circle:
            raise refused
        return path


def _path_in(path_or_url: str) -> str:
    if path_or_url[:5].lower() != "file:":
        return path_or_url
    parts = urlsplit(path_or_url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise ValueError
    return unquote(parts.path, errors="strict")


def _leads_to(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return an address, or in its place the ones of IPv4 that packets to it may come to."""
    if isinstance(address, IPv4Address):
        return [address]
    within = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        within.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [each for each in within if each is not None] or [address]


def _is_elsewhere(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of another machine, which may be in a private network."""
    special = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in THIS_NETWORK
        or address in SITE_LOCAL
        or address in SECRETS_OF_CLOUDS
    )
    return not special and not _is_ours(str(address))


def _is_ours(ip: str) -> bool:
    """Tell whether an address is one of this machine: packets to such a one come from itself."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((ip, DISCARD))  # no packet: it only chooses where they would go
            return str(asking.getsockname()[0]) == ip
    except OSError:
        return False  # there is no way to it
