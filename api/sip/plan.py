"""What the telephone is given: made of the settings in `api/process/composition.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from api.sip.auth import ALGORITHMS
from api.sip.transports import SecureContexts


@dataclass(frozen=True, slots=True)
class TelephonePlan:
    """Who may call in and out, and how much of it.

    `allow` are networks that call in without a password, `users` the passwords of those that need
    one, `digest` the algorithms by which they may show it. `call_allow` and `trunk` are as in
    `Destinations`. `announced` are addresses that others know us by (1:1 NAT), of which the first
    of a family counts.
    """

    secure: SecureContexts
    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    digest: tuple[str, ...] = ALGORITHMS
    call_allow: tuple[str, ...] = ()
    trunk: str = ""
    calls: int = 100
    connections: int = 256
    ring_seconds: float = 88.0
    announced: tuple[str, ...] = ()

    def admits(self, host: str) -> bool:
        """Tell whether this numeric host is in a network that may call in."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address.version == each.version and address in each for each in self.allow)

    def announces(self, local: str) -> str:
        """Return by which address others reach us at one of our own."""
        family = ":" in local
        return next((told for told in self.announced if (":" in told) is family), local)
