"""The offers that a peer does not take: who made them is told, an operator finds their number."""

from __future__ import annotations

import trio
from structlog.typing import FilteringBoundLogger

from actors.device.line import Line


class RefusedOffers:
    """Of one peer. The log has one line until `calm`, whatever comes."""

    __slots__ = ("_line", "_logged", "number")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._logged = False
        self.number = 0

    async def refuse(
        self, caller: str, log: FilteringBoundLogger, peer: str, seconds: float
    ) -> None:
        """Count one, and tell who made it, within so many seconds."""
        self.number += 1
        if not self._logged:
            self._logged = True
            log.warning("device.offers_refused", peer=peer)
        with trio.move_on_after(seconds):
            await self._line.refuse(caller)

    def calm(self) -> None:
        """Log the next one again."""
        self._logged = False
