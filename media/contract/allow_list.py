"""Which addresses may send, or be reached: networks, asked for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

MAPPED_BITS = 96  # before the IPv4 address in an IPv6 one (RFC 4291, section 2.5.5.2)


class AllowList:
    """Some networks, or None for all. An IPv4 address mapped into IPv6 is the IPv4 address."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] | None) -> None:
        self._networks = None if networks is None else tuple(_unmapped(it) for it in networks)
        self._last = ""  # the host that asked last, and its answer: mostly the same asks again
        self._answer = False

    def allows(self, host: str) -> bool:
        """Tell whether a numeric host is in one of them."""
        if self._networks is None:
            return True
        if host != self._last:
            address = _plain(ip_address(host))
            self._answer = any(address in network for network in self._networks)
            self._last = host
        return self._answer


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
