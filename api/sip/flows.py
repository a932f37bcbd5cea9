"""Between which two addresses a SIP message goes, and over what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Transport = Literal["udp", "tcp", "tls"]
Address = tuple[str, int]
"""A numeric host, and a port."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to one other side; of TCP and TLS, one connection. `local` is ours."""

    transport: Transport
    local: Address
    remote: Address

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"
