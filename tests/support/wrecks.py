"""Every kind of actor there is, and where a specimen of it lives: what `test_wreck.py` wrecks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.core import (
    Actor,
    Message,
    Restart,
    StopChild,
    Supervisor,
)
from actors.directory.actor import DirectoryActor
from actors.directory.messages import CountUsers
from actors.endpoint.endpoint import Describe as DescribeEndpoint
from actors.endpoint.endpoint import Endpoint
from actors.member.member import Member
from actors.member.messages import DescribeMember, Lost
from actors.room.room import Room
from actors.store.messages import STORE, ListDocuments
from actors.store.place import StorePlace
from actors.store.sql_store import SqlStore
from actors.store.upgrade import prepare
from actors.words.keys import DIRECTORY, ENDPOINTS, MEMBERS, ROOMS, EndpointKey, MemberKey
from actors.words.orders import ListMembers, Placed
from tests.support.actors import (
    LIMITS,
    OWNER,
    REALM,
    House,
    Person,
    RecordingClient,
    key,
    memory_store,
    open_house,
)

ANN = MemberKey(REALM, "ann").path
BLUE = key("blue").path
LINE = EndpointKey(REALM, "line").path


@dataclass(frozen=True)
class Kind:
    """One kind: where a specimen lives, how it restarts, something harmless to say to it.

    `fells` are the other paths of the scene that go down with it, to come back or not.
    """

    actor: type[Actor[Any]]
    path: str
    restart: Restart
    message: Message
    fells: frozenset[str] = frozenset()
    store: Callable[[Path], Actor[Message]] = memory_store

    def open_house(self) -> AbstractAsyncContextManager[House]:
        return open_house(store=self.store)

    @property
    def name(self) -> str:
        return f"{self.actor.__name__}:{self.path}"

    @property
    def parent(self) -> str:
        return self.path.rpartition("/")[0] or "/"

    async def open_ann(self, house: House) -> Person:
        """Open Ann as the specimen, where that is somebody in a room."""
        if isinstance(self.message, Lost):
            return await house.open_participant("ann")
        return await house.open("ann")


CALLS = frozenset({ANN, BLUE})
EVERYBODY = CALLS | {LINE}


def sql_store(folder: Path) -> SqlStore:
    """Return a store on a database; what can be wrong with that is in test_store_trouble.py."""
    waiting = 2 * LIMITS.mailbox_messages  # all at once: it may take a busy machine a while
    place = StorePlace(folder / "quintet.sqlite", waiting=waiting, answer_seconds=60.0)
    prepare(place)
    return SqlStore(place)


KINDS = [
    Kind(SqlStore, STORE, Restart.PERMANENT, ListDocuments("test"), store=sql_store),
    Kind(Supervisor, "/storage", Restart.PERMANENT, StopChild("nobody")),
    Kind(Supervisor, "/conferencing", Restart.PERMANENT, StopChild("nobody"), CALLS),
    Kind(DirectoryActor, DIRECTORY, Restart.PERMANENT, CountUsers("nowhere"), CALLS),
    Kind(Supervisor, ROOMS, Restart.PERMANENT, StopChild("nobody"), CALLS),
    Kind(Supervisor, MEMBERS, Restart.PERMANENT, StopChild("nobody"), frozenset({ANN})),
    Kind(Room, BLUE, Restart.TRANSIENT, Placed("nobody", "", ListMembers(""))),
    Kind(Member, ANN, Restart.TEMPORARY, DescribeMember()),
    Kind(Member, ANN, Restart.TEMPORARY, Lost(RecordingClient())),
    Kind(Supervisor, ENDPOINTS, Restart.PERMANENT, StopChild("nobody"), frozenset({LINE})),
    Kind(Endpoint, LINE, Restart.TEMPORARY, DescribeEndpoint(OWNER)),
]
