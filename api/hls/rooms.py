"""What is to be known of rooms whose views are watched; a dialect with such rooms tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WatchableRoom:
    """`views` are its views by name, `roles` its roles: the kinds ("audio", "video") that a view
    has, and that a role may take. A `public` room may be watched by everybody."""

    public: bool
    views: Mapping[str, frozenset[str]]
    roles: Mapping[str, frozenset[str]]

    def may_watch(self, view: str, role: str) -> bool:
        """Tell whether a role may take all that this view has."""
        return self.views[view] <= self.roles.get(role, frozenset())


class WatchableRooms(Protocol):
    """Every method raises HlsRefused."""

    async def find(self, room: str) -> WatchableRoom | None:
        """Return a room as it is configured now, None where there is none."""

    async def exchange(self, token: str, address: str) -> tuple[str, str]:
        """Use a token up, which somebody at `address` has; return its room and its role."""

    async def watch(self, room: str, view: str) -> Path:
        """Have a view be made for some time; return the folder that its playlist will be in."""
