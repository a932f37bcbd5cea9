"""What one live actor tells of itself, for whoever looks on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One live actor: its address, when it was spawned by Trio's clock, its own facts."""

    path: str
    kind: str
    born: float
    facts: Mapping[str, object]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.path.rpartition("/")[2]
