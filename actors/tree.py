"""Which actors there are from the start: the independent subtrees, and what each of them bears.

A crash stays within its subtree, which is restarted as a whole when it crashes too often; the
others go on. They start in this order, and stop in reverse.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from actors.core import Actor, ChildSpec, Intensity, Message, Restart, Strategy, Supervisor
from actors.directory.actor import DirectoryActor
from actors.directory.closings import Closings
from actors.directory.endpoints import EndpointTable
from actors.jobs.janitor import RecordingKeeper
from actors.room.site_services import USUAL_SERVICES, SiteServices
from actors.signalling.absent import AbsentPeers
from actors.signalling.clock import AbsenceClock
from actors.streams.services import MediaServices
from actors.words.limits import ActorLimits

OF_A_SUBTREE = Intensity(10, 60.0)  # restarts of what is always there, before all of it restarts
OF_A_STRANGER = Intensity(3, 30.0)  # restarts of one room, member or endpoint; then it is closed

SUBTREE_SECONDS = 60.0  # until a subtree stands: time for one that hangs in it to be tried again


def children(
    limits: Callable[[], ActorLimits],
    media: MediaServices,
    store: Callable[[], Actor[Message]] | None,
    site: SiteServices = USUAL_SERVICES,
    absent: AbsentPeers | None = None,
    unix_time: Callable[[], float] = time.time,
) -> list[ChildSpec]:
    """Return the specs of the subtrees, for `open_system`.

    `store` makes the actor that keeps what outlives the process, None where nothing does. `limits`
    is asked for each room and member; the mailboxes of these stay as they are. `absent` is what
    waits for peers that are not there.
    """
    mailbox = limits().mailbox_messages
    recordings = media.recordings
    lives = count()
    endpoints, closings = EndpointTable(), Closings()
    waiting = absent or AbsentPeers()

    def always(
        name: str, factory: Callable[[], Actor[Message]], setup_seconds: float = 30.0
    ) -> ChildSpec:
        return ChildSpec(
            name, factory, Restart.PERMANENT, mailbox=mailbox, setup_seconds=setup_seconds
        )

    def subtree(
        name: str, *first: ChildSpec, strategy: Strategy = Strategy.ONE_FOR_ONE
    ) -> ChildSpec:
        return always(name, lambda: Supervisor(first, strategy, OF_A_SUBTREE), SUBTREE_SECONDS)

    def of_strangers(name: str) -> ChildSpec:
        return always(name, lambda: Supervisor(per_child=OF_A_STRANGER))

    def keeper() -> Actor[Message]:
        first = next(lives) == 0  # later on, rooms may be recording
        return RecordingKeeper(recordings.path, recordings.retention_days, rescues=first)

    return [
        *([subtree("storage", always("store", store))] if store is not None else []),
        # Before the rooms: what is unfinished in the folder then is of a process before.
        subtree("recordings", always("keeper", keeper)),
        subtree(
            "conferencing",
            always(
                "directory",
                lambda: DirectoryActor(limits, media, endpoints, site, closings, unix_time),
            ),
            of_strangers("rooms"),
            of_strangers("members"),
            strategy=Strategy.REST_FOR_ONE,
        ),
        always("absence_clock", lambda: AbsenceClock(waiting, limits)),
        of_strangers("endpoints"),
        of_strangers("devices"),
    ]
