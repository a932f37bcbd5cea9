"""The clock of the switchboard: who has waited long enough for somebody absent is told so.

There is one in the process, whichever dialects peers use. It stands outside of `conferencing`, so
that its crash costs nobody a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from actors.core import Actor, Message
from actors.directory.directory import Directory
from actors.signalling.absent import AbsentPeers
from actors.signalling.switchboard import Switchboard
from actors.words.limits import ActorLimits

TICK_SECONDS = 1.0


class AbsenceClock(Actor[Message]):
    """The parent of the task that keeps the time."""

    __slots__ = ("_absent", "_limits")

    def __init__(self, absent: AbsentPeers, limits: Callable[[], ActorLimits]) -> None:
        self._absent = absent
        self._limits = limits

    async def setup(self) -> None:
        self.ctx.start_task(self._tell_the_waiting, name="absent")

    def snapshot(self) -> Mapping[str, object]:
        return {"waiting_messages": self._absent.messages, "waiting_bytes": self._absent.bytes}

    async def _tell_the_waiting(self) -> None:
        directory = Directory(self.ctx.registry, self._limits)
        switchboard = Switchboard(directory, self._absent)
        while True:
            await trio.sleep(TICK_SECONDS)
            await switchboard.expire()
