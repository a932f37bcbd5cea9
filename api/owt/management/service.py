"""What the management API asks for: rooms in the store, and live rooms.

A room that nobody is in may not live: it has no participants, streams or recordings then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import jsonpatch

from actors.core import Request
from actors.words.refusals import Busy
from api.http.asking import budget
from api.owt.ids import OBJECT_ID, ObjectIds
from api.owt.live_rooms import LiveRooms
from api.owt.management.errors import ROOM_NOT_FOUND, RestError
from api.owt.management.services import ServiceAccounts
from api.owt.management.turns import Turns
from api.owt.room_document import RoomDocument
from api.owt.rooms import InvalidRoom, read_room
from api.owt.stored import StoredRoom, StoredToken
from api.owt.tokens import TOKEN_SECONDS

if TYPE_CHECKING:
    from api.owt.management.bodies import PatchEntries
    from api.owt.state import OwtState

R = TypeVar("R")
D = TypeVar("D")
Document = dict[str, Any]
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
        return shown(made)

    async def rooms(self, service: str, page: int, per_page: int) -> bytes:
        """Return one page of a service's rooms, counted from 1; `per_page` 0 means all."""
        offset, limit = ((page - 1) * per_page, per_page) if per_page else (0, None)
        found = await self._store.rooms(service, offset, limit)
        return b"[%b]" % b",".join(map(shown, found))

    async def room(self, service: str, room_id: str) -> StoredRoom:
        """Return a room of this service. Raises RestError where it has none of that id."""
        found = await self._store.room(room_id.lower()) if OBJECT_ID.fullmatch(room_id) else None
        if found is None or found.service != service:
            raise RestError(ROOM_NOT_FOUND)
        return found

    async def replace_room(self, record: StoredRoom, given: dict[str, Any]) -> bytes:
        """Replace whole keys of the top level. Raises InvalidRoom, ViewConflict."""
        return await self._change(record, lambda before: {**before, **given})

    async def patch_room(self, record: StoredRoom, patch: PatchEntries) -> bytes:
        """Apply a JSON patch. Raises InvalidRoom, ViewConflict, jsonpatch's errors."""
        most = self.state.services.settings().limits.body_bytes

        def patched(before: Document) -> Document:
            document: Any = {"_id": record.id, **before}
            for entry in patch.root:  # one by one: copies may grow it beyond any measure
                operation = entry.model_dump(by_alias=True, exclude_unset=True)
                document = jsonpatch.apply_patch(document, [operation])
                if not isinstance(document, dict) or len(json.dumps(document)) > most:
                    raise InvalidRoom("Room validation failed: it is too large, or no room")
            return cast("Document", document)

        return await self._change(record, patched)

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

    async def live(self, record: StoredRoom, request: Request[R], otherwise: D) -> R | D:
        """Ask the live room; `otherwise` is the answer of one that does not live."""
        return await self._live_rooms.ask(record.id, request, otherwise)

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

    async def _change(self, record: StoredRoom, change: Change) -> bytes:
        """Replace a room by what `change` makes of its document: of what is there by then.

        Whoever has changed it meanwhile loses nothing, and who has deleted it finds it gone. Raises
        InvalidRoom, ViewConflict, RestError; Busy when too many wait, or others (another process,
        with the same database) are always faster.
        """
        most = self.state.services.settings().store.waiting
        async with self._turns.of(record.id, most, budget()) as waited:
            if waited:
                record = await self.room(record.service, record.id)
            return await self._swap(record, change)

    async def _swap(self, record: StoredRoom, change: Change) -> bytes:
        for _ in range(CHANGE_ATTEMPTS):
            room = read_room(change(json.loads(record.document)))
            changed = StoredRoom.of(record.id, record.service, room)
            if await self._store.replace_room(changed, record.document):
                return shown(changed)
            record = await self.room(record.service, record.id)
        raise Busy


def shown(record: StoredRoom, *, with_id: bool = True) -> bytes:
    """Return a room as the API does; all but the GET of one room have `id` beside `_id`.

    The stored document is an object in JSON already: a hundred rooms are not read to be written.
    """
    own = record.id.encode()
    end = b',"__v":0,"id":"%b"}' % own if with_id else b',"__v":0}'
    return b'{"_id":"%b",%b%b' % (own, record.document.strip()[1:-1], end)
