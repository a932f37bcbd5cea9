"""Which actors the house begins with, in the order they start; they stop in reverse."""

from __future__ import annotations

from actors.core import ChildSpec, Intensity, Restart, Strategy, Supervisor
from actors.hub import Hub
from actors.settings import ActorLimits
from actors.store import MemoryStore


def children(limits: ActorLimits) -> list[ChildSpec]:
    """Return the specs of store, hub, rooms and peers, for `open_system` (rest_for_one)."""

    def supervisor(name: str) -> ChildSpec:
        return ChildSpec(
            name,
            lambda: Supervisor((), Strategy.ONE_FOR_ONE, Intensity(10, 60.0)),
            Restart.PERMANENT,
            mailbox=limits.mailbox_messages,
        )

    return [
        ChildSpec("store", MemoryStore, Restart.PERMANENT, mailbox=limits.mailbox_messages),
        ChildSpec("hub", lambda: Hub(limits), Restart.PERMANENT, mailbox=limits.mailbox_messages),
        supervisor("rooms"),
        supervisor("peers"),
    ]
