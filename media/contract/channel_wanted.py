"""A data channel as callers ask a session for it."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_LABEL = 65_535  # bytes


@dataclass(frozen=True, slots=True)
class ChannelWanted:
    """A data channel to open. Of `max_retransmits` and `max_lifetime` (ms) at most one is set.

    With `negotiated`, both sides open it with the same `id` and nobody is told. Raises ValueError
    for what cannot be said on the wire (RFC 8832, section 5.1).
    """

    label: str = ""
    protocol: str = ""
    ordered: bool = True
    max_retransmits: int | None = None
    max_lifetime: int | None = None
    negotiated: bool = False
    id: int | None = None

    def __post_init__(self) -> None:
        if max(len(self.label.encode()), len(self.protocol.encode())) > LONGEST_LABEL:
            raise ValueError("a label or protocol that is too long")
        limits = [it for it in (self.max_retransmits, self.max_lifetime) if it is not None]
        if len(limits) > 1 or not all(0 <= limit < 1 << 32 for limit in limits):
            raise ValueError("retransmissions or a lifetime, of 32 bits")
