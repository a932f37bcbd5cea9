"""Who is really calling, when a reverse proxy stands in between.

X-Forwarded-For and X-Forwarded-Proto are believed from the networks in `limits.trusted_proxies`
only: anyone can send these headers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import structlog

log = structlog.get_logger()

_SCHEMES = {"https": True, "wss": True, "http": False, "ws": False}
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")


@dataclass(frozen=True, slots=True)
class RemoteClient:
    """The far end of a request.

    `trusted`: the TCP peer is a trusted proxy. `host` is the Host header, None without one; a
    proxy has to pass it on.
    """

    address: str
    secure: bool
    host: str | None
    trusted: bool


class _Notice:
    """Whether the one warning about an untrusted proxy has been given."""

    given = False


def client_of(
    peer: str,
    headers: Mapping[str, str],
    secure: bool,
    trusted: Sequence[IPv4Network | IPv6Network],
) -> RemoteClient:
    """Tell who sent a request that arrived from the TCP peer `peer`.

    Header names are lower case; several headers of one name are joined by commas. A malformed
    value is ignored: the hop that sent it counts as the client. The first X-Forwarded-For from an
    untrusted peer whose address is private or loopback, as that of a proxy would be, is logged as
    `proxy.untrusted`: strangers on the internet can say nothing in the log by this.
    """
    host = headers.get("host")
    address = _parse(peer)
    forwarded = headers.get("x-forwarded-for", "")
    if address is None or not _within(address, trusted):
        if forwarded and address is not None and not address.is_global:
            _warn_once(str(address))
        return RemoteClient(peer if address is None else str(address), secure, host, trusted=False)
    scheme = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return RemoteClient(
        address=str(_furthest(address, forwarded, trusted)),
        secure=_SCHEMES.get(scheme, secure),
        host=host,
        trusted=True,
    )


def _furthest(
    address: IPv4Address | IPv6Address,
    forwarded: str,
    trusted: Sequence[IPv4Network | IPv6Network],
) -> IPv4Address | IPv6Address:
    """Walk back from the last hop over trusted ones to the first that is not."""
    for hop in reversed(forwarded.split(",")):
        if not _within(address, trusted):
            break
        before = _parse(hop)
        if before is None:
            break
        address = before
    return address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; ports, brackets and zones, which some proxies write, are dropped."""
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(
    address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]
) -> bool:
    return any(address in network for network in networks)


def _warn_once(address: str) -> None:
    if _Notice.given:
        return
    _Notice.given = True
    log.warning(
        "proxy.untrusted",
        address=address,
        hint="X-Forwarded-For ignored; if this is your proxy, add its address to "
        "trusted_proxies in [limits]",
    )
