"""Where calls out may go: the hosts that are allowed, and the trunk for numbers. Pure.

Whoever may call through us could make somebody pay for it, or try the doors of a network. So the
host of a URI has to be on the list, or is the trunk's; and a URI is made anew from the few of its
parts that mean something here: what else it says (`maddr`, headers) goes nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import cast

from sipmessage import URI, Parameters

from actors.words.calls import CallEnd, CallRefused
from api.sip.flows import Transport
from api.sip.header_text import read_uri

URI_LENGTH = 512
PORT = 5060  # RFC 3261, section 19.1.2
TLS_PORT = 5061
NUMBER = re.compile(r"\+?[0-9*#().-]*[0-9*#][0-9*#().-]*", re.ASCII)  # RFC 3966
SEPARATORS = re.compile(r"[().-]")


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to call, and where he is asked for.

    `uri` is the Request-URI. `host` is a name in lower case, or a numeric address without brackets;
    `transport` is None where the URI leaves it to us.
    """

    uri: str
    host: str
    port: int
    transport: Transport | None = None

    def same_server(self, other: Destination) -> bool:
        """Tell whether what is asked for here is asked of the server at `other`.

        Another port of the host may be somebody else, and what TLS protects is shown to no other
        way. TLS on its own port is that server where its other port was meant.
        """
        secure = self.transport == "tls"
        if self.host != other.host or (other.transport == "tls" and not secure):
            return False
        return self.port == other.port or (secure and (self.port, other.port) == (TLS_PORT, PORT))


class Destinations:
    """What may be called; `allowed` are names and networks, as in sip.call_allow.

    `trunk` is our own URI at the provider, or "".
    """

    def __init__(self, allowed: Sequence[str], trunk: str) -> None:
        self._networks = []
        self._names = set()
        for each in allowed:
            try:
                self._networks.append(ip_network(each))
            except ValueError:
                self._names.add(_plain_host(each))
        own = read_uri(trunk) if trunk else None
        self.trunk = _read(own) if own else None
        self.trunk_user = own.user or "" if own else ""

    def find(self, text: str, server: str = "") -> Destination:
        """Read what was dialled: a URI, or a number for the trunk, else for `server`.

        Raises CallRefused for what is none, and for a host that is not allowed by its name and
        cannot be by its addresses.
        """
        found = self._read(text, server)
        if not (self.names(found.host) or _numeric(found.host) or self._networks):
            raise not_allowed()
        address = _numeric(found.host)
        if address is not None and not self.permits(found.host, found.host):
            raise not_allowed()
        return found

    def server(self, text: str) -> Destination:
        """Read the address of a room's SIP server, a host with or without a port, or a URI.

        Raises CallRefused as `find` does.
        """
        return self.find(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")

    def names(self, host: str) -> bool:
        """Tell whether a host may be called wherever its name leads."""
        return host in self._names or (self.trunk is not None and host == self.trunk.host)

    def permits(self, host: str, address: str) -> bool:
        """Tell whether this address, which a host has turned out to have, may be called."""
        found = _numeric(address)
        if found is None:
            return False
        return self.names(host) or any(
            found.version == network.version and found in network for network in self._networks
        )

    def _read(self, text: str, server: str) -> Destination:
        if len(text) > URI_LENGTH or not text.isprintable() or " " in text:
            raise no_uri()
        number = text.partition(";")[0][4:] if text.lower().startswith("tel:") else text
        if NUMBER.fullmatch(number):
            return self._number(SEPARATORS.sub("", number), server)
        if "@" in text and ":" not in text.partition("@")[0]:
            text = f"sip:{text}"
        try:
            uri = read_uri(text)
        except ValueError:
            raise no_uri() from None
        return _read(uri)

    def _number(self, number: str, server: str) -> Destination:
        through = self.trunk or (self.server(server) if server else None)
        if through is None:
            raise CallRefused(CallEnd.NOT_ALLOWED, "there is no trunk for numbers")
        uri = read_uri(through.uri)
        called = URI(uri.scheme, uri.host, number, port=uri.port, parameters=uri.parameters)
        return _read(called)


def not_allowed() -> CallRefused:
    """Return the refusal of a host that is not on the list."""
    return CallRefused(CallEnd.NOT_ALLOWED, "this host may not be called")


def no_uri() -> CallRefused:
    """Return the refusal of what is no URI."""
    return CallRefused(CallEnd.NOT_FOUND, "this is no URI that can be called")


def _read(uri: URI) -> Destination:
    secure = uri.scheme == "sips"
    said = (uri.parameters.get("transport") or ("tls" if secure else "")).lower()
    if uri.scheme not in ("sip", "sips") or said not in ("", "udp", "tcp", "tls"):
        raise no_uri()
    if secure:
        said = "tls"  # "transport=tcp" of a sips: URI is TLS on TCP, RFC 3261 section 26.2.2
    port = uri.port if uri.port is not None else TLS_PORT if said == "tls" else PORT
    if not 0 < port <= 65535:
        raise no_uri()
    said_of_sips = {} if secure or not said else {"transport": said}
    rest = URI(uri.scheme, uri.host, uri.user, port=uri.port, parameters=Parameters(**said_of_sips))
    return Destination(str(rest), _plain_host(uri.host), port, cast("Transport", said) or None)


def _plain_host(host: str) -> str:
    """Return a name in lower case, or an address without brackets, in its usual form."""
    bare = host.removeprefix("[").removesuffix("]").lower().rstrip(".")
    found = _numeric(bare)
    return bare if found is None else str(found)


def _numeric(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped  # the same host, whatever it is called
    return found
