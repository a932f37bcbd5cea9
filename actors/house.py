"""Which actors the house begins with, in the order they start; they stop in reverse."""

from __future__ import annotations

from collections.abc import Callable

from actors.core import ChildSpec, Intensity, Restart, Strategy, Supervisor
from actors.hub import Hub
from actors.settings import ActorLimits
from actors.store import MemoryStore


def children(limits: Callable[[], ActorLimits]) -> list[ChildSpec]:
    """Return the specs of store, hub, rooms and peers, for `open_system` (rest_for_one).

    `limits` is asked for each room and peer; the mailboxes of these four stay as they are.
    """
    mailbox = limits().mailbox_messages

    def supervisor(name: str) -> ChildSpec:
        return ChildSpec(
            name,
            lambda: Supervisor((), Strategy.ONE_FOR_ONE, Intensity(10, 60.0)),
            Restart.PERMANENT,
            mailbox=mailbox,
        )

    return [
        ChildSpec("store", MemoryStore, Restart.PERMANENT, mailbox=mailbox),
        ChildSpec("hub", lambda: Hub(limits), Restart.PERMANENT, mailbox=mailbox),
        supervisor("rooms"),
        supervisor("peers"),
    ]
