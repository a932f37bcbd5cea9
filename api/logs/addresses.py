"""How much of a client's network address is shown to operators and written to the log. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal, TypeAlias

AddressPolicy: TypeAlias = Literal["full", "network", "none"]

_PREFIX = {4: 24, 6: 48}
_ADDRESSES = frozenset({"address", "host"})  # keys of what is an address, or a name of one
_WORDS = frozenset({"message", "detail", "line", "reason", "why", "hint"})  # may quote addresses
_QUOTED = re.compile(
    r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}"
    r"|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3})(?!\w|\.\d)"
)
_LEFT_OUT = "…"
_LONGEST = 100  # characters of an address, with all that may be around it


def shown_address(address: str, policy: AddressPolicy) -> str:
    """Return what may be shown of an address: all of it, its network, or "".

    "192.0.2.17" becomes "192.0.2.0/24", "2001:db8:1:2::3" becomes "2001:db8:1::/48"; a network that
    is at least as wide stays as it is. Brackets, a port and a zone are taken off. What is neither
    an address nor a network ("localhost") is shown where all is.
    """
    if policy == "none" or not address:
        return ""
    return address if policy == "full" else _network(address) or ""


def with_shown_addresses(entry: Mapping[str, Any], policy: AddressPolicy) -> dict[str, Any]:
    """Return a log entry with what may be shown of the addresses in it.

    A key whose address may not be shown at all is left out. Names of hosts come from the
    configuration or from services, and are left out only where nothing is to be shown.
    """
    if policy == "full":
        return dict(entry)
    shown: dict[str, Any] = {}
    for key, value in entry.items():
        if key in _ADDRESSES and isinstance(value, str):
            value = shown_address(value, policy) or ("" if policy == "none" else _name(key, value))
            if not value:
                continue
        elif key in _WORDS and isinstance(value, str):
            value = _QUOTED.sub(lambda found: _reduced(found[0], policy), value)
        shown[key] = value
    return shown


def _name(key: str, value: str) -> str:
    return value if key == "host" and _network(value) is None else ""


def _reduced(text: str, policy: AddressPolicy) -> str:
    """Return what is shown for something that looks like an address within a text."""
    network = _network(text)
    if network is not None:
        return _LEFT_OUT if policy == "none" else network
    if text.endswith(":"):  # what is said of it comes next
        return _reduced(text[:-1], policy) + ":"
    return text  # a time of day, a version


def _network(text: str) -> str | None:
    """Return the network that an address is in, None for what is no address."""
    return _network_of(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)  # pages of the operator ask for everybody's again and again
def _network_of(text: str) -> str | None:
    host, slash, prefix = _host_of(text).partition("/")
    try:
        parsed = ip_address(host)
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped and not slash:
            parsed = parsed.ipv4_mapped
        widest = _PREFIX[parsed.version]
        kept = min(int(prefix), widest) if slash else widest
        return str(ip_network(f"{parsed}/{kept}", strict=False))
    except ValueError:
        return None


def _host_of(text: str) -> str:
    """Take off brackets, a port ("192.0.2.1:80", "[::1]:80") and a zone ("fe80::1%eth0")."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return text.partition("%")[0]
