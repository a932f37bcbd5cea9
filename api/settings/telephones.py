"""Values that [sip] holds, and what one of its keys cannot see of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from pydantic import AfterValidator, BeforeValidator

from api.settings.fields import Many, split_bind
from api.settings.findings import Found, certificate_problems, twins

if TYPE_CHECKING:
    from api.settings.sections import SipSettings

SipTransport = Literal["udp", "tcp", "tls"]
TRANSPORTS = get_args(SipTransport)
EXAMPLE = '"udp:0.0.0.0:5060" or "tls:[::]:5061"'
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*\.?", re.I | re.ASCII)


@dataclass(frozen=True, slots=True)
class SipBind:
    """Where SIP is listened to, and over what; port 0 is any free port."""

    transport: SipTransport
    host: str
    port: int


def split_sip_bind(value: str) -> SipBind:
    """Read "udp:host:port" or "tls:[v6]:port"; ValueError says what is wrong."""
    transport, colon, rest = value.partition(":")
    if not colon or transport not in TRANSPORTS:
        raise ValueError(f"has a transport that is not udp, tcp or tls: write it like {EXAMPLE}")
    host, port = split_bind(rest)
    try:
        ip_address(host)
    except ValueError:
        raise ValueError(f"needs a numeric address, like {EXAMPLE}") from None
    return SipBind(cast("SipTransport", transport), host, port)


def _sip_bind(value: str) -> str:
    split_sip_bind(value)
    return value


def _one_or_many(value: Any) -> Any:
    if isinstance(value, str):
        return [value] if value else []
    return value


SipBinds = Annotated[Many[Annotated[str, AfterValidator(_sip_bind)]], BeforeValidator(_one_or_many)]
"""None, one or several addresses to listen on; a tuple once read."""


def _call_target(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        pass
    if not HOST_NAME.fullmatch(value) or re.fullmatch(r"[\d.]+", value):
        raise ValueError(
            'must be a host, an address or a network, like "sip.example.org" or "10.0.0.0/8"'
        )
    return value.lower().rstrip(".")


CallTarget = Annotated[str, AfterValidator(_call_target)]
"""Where calls may go: a name in lower case, or a network (an address is one of a single host)."""


def _trunk(value: str) -> str:
    if not value:
        return value
    from sipmessage import URI  # for a server with telephones

    try:
        uri = URI.parse(value)
    except (TypeError, ValueError):  # TypeError: a parameter with a name that sipmessage uses
        uri = None
    if uri is None or uri.scheme == "tel" or not uri.user or "\n" in value:
        raise ValueError('must be a URI like "sip:account@provider.example"')
    if uri.password is not None:
        raise ValueError("must hold no password: that belongs into sip.users")
    transport = uri.parameters.get("transport")
    if transport is not None and transport.lower() not in TRANSPORTS:
        raise ValueError("has a transport that is not udp, tcp or tls")
    if uri.port is not None and not 0 < uri.port <= 65535:
        raise ValueError("has a port that is not a number from 1 to 65535")
    return value


TrunkUri = Annotated[str, AfterValidator(_trunk)]
"""Who we are at the provider that numbers are called through; "" without one."""


def telephone_problems(sip: SipSettings) -> Found:
    """Find what contradicts itself in [sip]."""
    seen: dict[tuple[str, str, int], int] = {}
    for index, text in enumerate(sip.bind):
        bind = split_sip_bind(text)
        kind = "udp" if bind.transport == "udp" else "tcp"  # TLS is on TCP
        place = (kind, str(ip_address(bind.host)), bind.port)
        if bind.port and place in seen:
            yield ("sip", "bind", index), f"is the same address as that of bind[{seen[place]}]"
        seen.setdefault(place, index)
        if bind.transport == "tls" and sip.tls_certfile is None:
            yield ("sip", "bind", index), "needs sip.tls_certfile and sip.tls_keyfile"
    for path, words in certificate_problems(sip.tls_certfile, sip.tls_keyfile):
        yield ("sip", *path), words
    yield from twins("sip", "users", "name", (user.name for user in sip.users))
    if sip.trunk:
        from sipmessage import URI

        user = URI.parse(sip.trunk).user
        if user not in {each.name for each in sip.users}:
            yield ("sip", "trunk"), f"needs an entry of sip.users with the name {user!r}"
        if not sip.bind:
            yield ("sip", "trunk"), "needs sip.bind: without it there is no telephone"
