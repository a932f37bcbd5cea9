"""Which actors the house begins with, in the order they start; they stop in reverse."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from actors.core import Actor, ChildSpec, Intensity, Message, Restart, Strategy, Supervisor
from actors.directory.endpoints import EndpointDesk
from actors.directory.rooms import Hub
from actors.jobs.janitor import RecordingKeeper
from actors.store.messages import MemoryStore
from actors.streams.services import MediaServices
from actors.words.limits import ActorLimits


def children(
    limits: Callable[[], ActorLimits],
    media: MediaServices,
    store: Callable[[], Actor[Message]] = MemoryStore,
) -> list[ChildSpec]:
    """Return the specs of those that are always there, for `open_system` (rest_for_one).

    `limits` is asked for each room and peer; the mailboxes of these stay as they are.
    """
    mailbox = limits().mailbox_messages
    recordings = media.recordings

    lives = count()

    def supervisor(name: str, *first: ChildSpec) -> ChildSpec:
        return ChildSpec(
            name,
            lambda: Supervisor(first, Strategy.ONE_FOR_ONE, Intensity(10, 60.0)),
            Restart.PERMANENT,
            mailbox=mailbox,
        )

    def keeper() -> Actor[Message]:
        first = next(lives) == 0  # later on, rooms may be recording
        return RecordingKeeper(recordings.path, recordings.retention_days, rescues=first)

    return [
        ChildSpec("store", store, Restart.PERMANENT, mailbox=mailbox),
        ChildSpec("hub", lambda: Hub(limits, media), Restart.PERMANENT, mailbox=mailbox),
        supervisor("rooms"),
        supervisor("peers"),
        # Under a supervisor of its own, so that listeners, which come later, outlive its crash.
        supervisor("recordings", ChildSpec("keeper", keeper, Restart.PERMANENT, mailbox=mailbox)),
        ChildSpec(
            "endpoint_desk", lambda: EndpointDesk(limits), Restart.PERMANENT, mailbox=mailbox
        ),
        supervisor("endpoints"),
    ]
