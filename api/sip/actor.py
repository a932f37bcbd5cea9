"""The telephone as a part of the tree: what crashes in it is begun anew, and hurts nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import trio

from actors.core import Actor, ChildSpec, Intensity, Message, Restart, Supervisor

OFTEN = Intensity(10, 60.0)  # crashes after which there is no telephone until the next start
GRACE = 3.0


class Speaking(Protocol):
    """What the actor runs: `SipTelephone`."""

    async def run(self, task_status: trio.TaskStatus[None] = ...) -> None: ...

    def facts(self) -> dict[str, int]: ...


class TelephoneActor(Actor[Message]):
    """The parent of all tasks of the telephone."""

    __slots__ = ("_telephone",)

    def __init__(self, telephone: Speaking) -> None:
        self._telephone = telephone

    async def setup(self) -> None:
        """Begin to listen."""
        self.ctx.start_task(self._telephone.run, name="telephone")

    def snapshot(self) -> Mapping[str, object]:
        """Tell how many calls, connections and registrations there are."""
        return self._telephone.facts()


def telephone_spec(telephone: Speaking) -> ChildSpec:
    """Return the actor that looks after the telephone, for the root of the tree."""
    # Transient: its crashes have a budget of their own, and do not end the server.
    line = ChildSpec("line", lambda: TelephoneActor(telephone), Restart.TRANSIENT, grace=GRACE)
    return ChildSpec("telephone", lambda: Supervisor((line,), per_child=OFTEN), Restart.PERMANENT)
