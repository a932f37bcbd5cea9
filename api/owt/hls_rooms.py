"""Rooms of OWT as they are watched by HLS: who may, with which token, and where the files are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError
from actors.words.conference_refusals import ViewUnknown
from actors.words.media_refusals import NoCapacity
from actors.words.orders import WatchView
from api.hls.errors import (
    BUSY,
    NO_CAPACITY,
    NOT_BEGUN,
    NOT_FOUND,
    TOKEN_USED,
    TOO_MANY,
    HlsRefused,
)
from api.hls.rooms import WatchableRoom
from api.hls.routes import HlsRoutes
from api.hls.watching import WatchedViews
from api.http.credentials import TooManyAttempts
from api.owt.ids import OBJECT_ID
from api.owt.live_rooms import LiveRooms
from api.owt.portal.login import PortalLoginFailed, taken
from api.owt.rooms import InvalidRoom, ViewConflict, read_stored

if TYPE_CHECKING:
    from api.owt.room_document import Rights, RoomDocument
    from api.owt.state import OwtState

KEPT = 1000  # documents of rooms that are watched
KEPT_SECONDS = 10.0
READS = 8  # rooms looked up at a time: anybody may ask for any, and all else needs the store, too


@dataclass(frozen=True, slots=True)
class ReadRoom:
    """A room as it was after so many changes of rooms, at a time in Unix seconds."""

    room: WatchableRoom
    changes: int
    at: float


@dataclass(slots=True)
class OwtHlsRooms:
    """The WatchableRooms of this dialect; see there."""

    state: OwtState
    _read: dict[str, ReadRoom] = field(default_factory=dict)
    _reading: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(READS))

    async def find(self, room: str) -> WatchableRoom | None:
        """Return a room; its document is read again when it has changed, and now and then."""
        state, now = self.state, self.state.clock()
        if not OBJECT_ID.fullmatch(room):
            return None
        known = self._read.get(room)
        if (
            known is not None
            and 0 <= now - known.at < KEPT_SECONDS
            and not state.was_deleted(room)
            and not state.was_changed(room, known.changes)
        ):
            return known.room
        self._read.pop(room, None)
        changes = state.changes
        found = None
        with trio.move_on_after(state.ask_seconds) as waiting:
            try:
                async with self._reading:
                    found = await self._from_store(room)
            except ActorError:
                raise HlsRefused(BUSY) from None
        if waiting.cancelled_caught:
            raise HlsRefused(BUSY)
        if found is None:
            return None
        for each in list(self._read)[: max(0, len(self._read) + 1 - KEPT)]:
            del self._read[each]
        self._read[room] = ReadRoom(found, changes, now)
        return found

    async def exchange(self, token: str, address: str) -> tuple[str, str]:
        """Use up a token; it counts as at the portal, also where it is wrong."""
        if not self.state.services.lifecycle.accepting:
            raise HlsRefused(BUSY)
        try:
            record = await taken(self.state, token, address)
        except PortalLoginFailed:
            raise HlsRefused(TOKEN_USED) from None
        except TooManyAttempts:
            raise HlsRefused(TOO_MANY) from None
        except ActorError:
            raise HlsRefused(BUSY) from None
        return record.room, record.role

    async def watch(self, room: str, view: str) -> Path:
        try:
            folder = await LiveRooms(self.state).ask(room, WatchView(view), None)
        except ViewUnknown:
            raise HlsRefused(NOT_FOUND) from None
        except NoCapacity:
            raise HlsRefused(NO_CAPACITY) from None
        except ActorError:
            raise HlsRefused(BUSY) from None
        if folder is None:
            raise HlsRefused(NOT_BEGUN)
        return Path(folder)

    async def _from_store(self, room: str) -> WatchableRoom | None:
        state = self.state
        stored = await state.store.room(room)
        if stored is None:
            return None
        read, size = partial(read_stored, stored), len(stored.document)
        try:
            return watchable(await state.compute(stored.service, read, size, state.ask_seconds))
        except (InvalidRoom, ViewConflict):
            return None


def open_hls(state: OwtState) -> HlsRoutes | None:
    """Return what serves viewers, None where the server has that off. Called once a process."""
    settings = state.services.settings
    if not settings().streaming.hls:
        return None
    rooms = OwtHlsRooms(state)
    views = WatchedViews(rooms, lambda: settings().streaming.hls_bytes)
    return HlsRoutes(rooms, views, state.services.secrets.text("owt.hls_key"), state.clock)


def watchable(room: RoomDocument) -> WatchableRoom:
    """Return what counts of a document for who watches."""
    return WatchableRoom(
        room.hls is not None and room.hls.public,
        {
            view.label: frozenset({"audio", "video"} if view.video else {"audio"})
            for view in room.views
        },
        {role.role: _kinds(role.subscribe) for role in room.roles},
    )


def _kinds(rights: Rights) -> frozenset[str]:
    given = {"audio": rights.audio, "video": rights.video}
    return frozenset(kind for kind, may in given.items() if may)
