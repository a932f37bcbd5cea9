"""Which actors the house begins with, in the order they start; they stop in reverse."""

from __future__ import annotations

from collections.abc import Callable

from actors.core import ChildSpec, Intensity, Restart, Strategy, Supervisor
from actors.endpoint_desk import EndpointDesk
from actors.hub import Hub
from actors.recording_keeper import RecordingKeeper
from actors.settings import ActorLimits, RecordingsFolder
from actors.store import MemoryStore


def children(limits: Callable[[], ActorLimits], recordings: RecordingsFolder) -> list[ChildSpec]:
    """Return the specs of those that are always there, for `open_system` (rest_for_one).

    `limits` is asked for each room and peer; the mailboxes of these stay as they are.
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
        ChildSpec(
            "recordings",
            lambda: RecordingKeeper(recordings.path, recordings.retention_days),
            Restart.PERMANENT,
            mailbox=mailbox,
        ),
        ChildSpec(
            "endpoint_desk", lambda: EndpointDesk(limits), Restart.PERMANENT, mailbox=mailbox
        ),
        supervisor("endpoints"),
    ]
