"""What the management API asks for: rooms in the store, and live rooms.

A room that nobody is in may not live: it has no participants, streams or recordings then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from actors.core import Request
from actors.words.refusals import Busy
from api.http.asking import budget
from api.owt.ids import OBJECT_ID, ObjectIds
from api.owt.live_rooms import LiveRooms
from api.owt.management.errors import FAILED, ROOM_NOT_FOUND, RestError
from api.owt.management.patching import Document, patched
from api.owt.management.services import ServiceAccounts
from api.owt.management.turns import Turns
from api.owt.room_document import RoomDocument
from api.owt.rooms import InvalidRoom, ViewConflict, read_room, read_stored
from api.owt.state import FEW_BYTES
from api.owt.stored import StoredRoom, StoredToken
from api.owt.tokens import TOKEN_SECONDS

if TYPE_CHECKING:
    from api.owt.management.bodies import PatchEntries
    from api.owt.state import OwtState

R = TypeVar("R")
D = TypeVar("D")
Change = Callable[[Document], Document]

CHANGE_ATTEMPTS = 5


class Management:
    """Rooms, live and stored, and tokens. What the store refuses is raised as it is."""

    def __init__(self, state: OwtState) -> None:
        self.state = state
        self.services = ServiceAccounts(state)
        self._store = state.store
        self._ids = ObjectIds(state.clock)
        self._live_rooms = LiveRooms(state)
        self._turns = Turns()

    # --- rooms in the store; they are answered as JSON

    async def create_room(self, service: str, room: RoomDocument) -> bytes:
        await self.services.begin()
        made = StoredRoom.of(self._ids.new(), service, room)
        await self._store.put_room(made)
        self.state.tell_followers(made.id, made.document)
        return shown(made)

    async def rooms(self, service: str, page: int, per_page: int) -> bytes:
        """Return one page of a service's rooms, counted from 1."""
        found = await self._store.rooms(service, (page - 1) * per_page, per_page)
        return b"[%b]" % b",".join(map(shown, found))

    async def read(self, service: str, options: dict[str, Any], size: int) -> RoomDocument:
        """Read what a client sent in so many bytes. Raises InvalidRoom, ViewConflict, Busy."""
        return await self.state.compute(service, partial(read_room, options), size, budget())

    async def rules_of(self, record: StoredRoom) -> RoomDocument:
        """Return a room as it is configured. Raises Busy."""
        read = partial(read_stored, record)
        return await self.state.compute(record.service, read, len(record.document), budget())

    async def room(self, service: str, room_id: str) -> StoredRoom:
        """Return a room of this service. Raises RestError where it has none of that id."""
        found = await self._store.room(room_id.lower()) if OBJECT_ID.fullmatch(room_id) else None
        if found is None or found.service != service:
            raise RestError(ROOM_NOT_FOUND)
        return found

    async def replace_room(self, record: StoredRoom, given: dict[str, Any], size: int) -> bytes:
        """Replace whole keys of the top level, given in so many bytes.

        Raises InvalidRoom, ViewConflict.
        """
        return await self._change(record, lambda before: {**before, **given}, size)

    async def patch_room(self, record: StoredRoom, patch: PatchEntries) -> bytes:
        """Apply a JSON patch. Raises InvalidRoom, ViewConflict, jsonpatch's errors."""
        most_bytes = self.state.services.settings().limits.body_bytes
        most_values = self.state.settings.body_values
        entries = [entry.as_operation() for entry in patch.root]
        operations = json.dumps(entries)  # each attempt changes values of its own

        def change(before: Document) -> Document:
            return patched({"_id": record.id, **before}, operations, most_bytes, most_values)

        return await self._change(record, change, FEW_BYTES + len(operations))

    async def drop_room(self, record: StoredRoom) -> None:
        """Forget a room, and end it where it lives."""
        await self._store.drop_room(record.id)
        await self._end([record.id])

    async def drop_service(self, service: str) -> bool:
        """Forget a service with its rooms, and end those that live."""
        rooms = await self._store.room_ids(service)
        found = await self._store.drop_service(service)
        await self._end(rooms)
        return found

    async def _end(self, room_ids: Sequence[str]) -> None:
        self.state.note_deleted(room_ids)
        await self._live_rooms.close_all(room_ids)

    # --- live rooms

    async def live(
        self, record: StoredRoom, request: Request[R], otherwise: D, within: float | None = None
    ) -> R | D:
        """Ask the live room, within `limits.ask_seconds` unless it is said.

        `otherwise` is the answer of one that does not live.
        """
        return await self._live_rooms.ask(record.id, request, otherwise, within)

    async def start_room(self, record: StoredRoom, changes: int) -> None:
        """Have a room live, also where nobody is in it; it was read after so many changes.

        Raises RestError where it has been deleted meanwhile; TooManyRooms, Busy.
        """
        try:
            spec = self.state.spec(record.id, await self.rules_of(record))
        except (InvalidRoom, ViewConflict):
            raise RestError(FAILED) from None
        if not await self._live_rooms.start(record.id, spec, changes):
            raise RestError(ROOM_NOT_FOUND)

    # --- tokens

    async def create_token(
        self, record: StoredRoom, user: str, role: str, document: dict[str, Any]
    ) -> str:
        """Store a token and return its id; it lets one participant in, within three minutes."""
        now = self.state.clock()
        token = StoredToken(
            self._ids.new(),
            record.id,
            record.service,
            user,
            role,
            json.dumps(document).encode(),
            now + TOKEN_SECONDS,
        )
        await self._store.put_token(token, now)
        return token.id

    async def _change(self, record: StoredRoom, change: Change, size: int) -> bytes:
        """Replace a room by what `change` makes of its document, with so many bytes of input: of
        what is there by then.

        Whoever has changed it meanwhile loses nothing, and who has deleted it finds it gone. Raises
        InvalidRoom, ViewConflict, RestError; Busy when too many wait, or others (another process,
        with the same database) are always faster.
        """
        most = self.state.services.settings().store.waiting
        async with self._turns.of(record.id, most, budget()) as waited:
            if waited:
                record = await self.room(record.service, record.id)
            return await self._swap(record, change, size)

    async def _swap(self, record: StoredRoom, change: Change, size: int) -> bytes:
        for _ in range(CHANGE_ATTEMPTS):
            changed = await self.state.compute(
                record.service,
                partial(_changed, record, change),
                size + len(record.document),
                budget(),
            )
            if await self._store.replace_room(changed, record.document):
                self.state.note_changed(record.id)
                self.state.tell_followers(record.id, changed.document)
                await self._live_rooms.follow(record.id)
                return shown(changed)
            record = await self.room(record.service, record.id)
        raise Busy


def _changed(record: StoredRoom, change: Change) -> StoredRoom:
    room = read_room(change(json.loads(record.document)))
    return StoredRoom.of(record.id, record.service, room)


def shown(record: StoredRoom, *, with_id: bool = True) -> bytes:
    """Return a room as the API does; all but the GET of one room have `id` beside `_id`.

    The stored document is an object in JSON already: a hundred rooms are not read to be written.
    """
    own = record.id.encode()
    end = b',"__v":0,"id":"%b"}' % own if with_id else b',"__v":0}'
    return b'{"_id":"%b",%b%b' % (own, record.document.strip()[1:-1], end)
