"""The log's word on clients that were ended because too much was unsent in all."""

from __future__ import annotations

from math import inf

import structlog
import trio

log = structlog.get_logger(__name__)

EVERY = 10.0  # seconds between two lines


class Relieved:
    """Told of each relief of a `ByteBudget`; says so now and then, with how many ended since."""

    def __init__(self) -> None:
        self._told_at = -inf
        self._ended = 0

    def __call__(self, address: str, ended: int) -> None:
        """Note that so many clients were ended; `address` is whose budget was over, "": of all."""
        self._ended += ended
        now = trio.current_time()
        if now - self._told_at >= EVERY:
            log.warning("unsent.too_much", address=address or None, ended=self._ended)
            self._told_at, self._ended = now, 0
