"""Rooms of OWT as telephones have them: found by their usernames, called, and registered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio

from actors.core import Actor, ActorError, ChildSpec, Message, Restart, Spawn
from actors.words.calls import CallEnd, CallRefused, TakeCall
from actors.words.closings import ClosedByOperator
from actors.words.conference_refusals import AudioForbidden, NotAllowed, TooManyStreams
from actors.words.media_refusals import NoCapacity
from actors.words.refusals import Busy, RoomFull, TooManyPeers, TooManyRooms
from api.owt.callers import caller
from api.owt.ids import OBJECT_ID
from api.owt.live_rooms import LiveRooms
from api.owt.rooms import InvalidRoom, ViewConflict, read_stored
from api.owt.sip_accounts import SipUsernames, sip_of
from api.owt.stored import fitting

if TYPE_CHECKING:
    from api.owt.state import OwtState
    from api.owt.stored import StoredRoom
    from api.sip.rooms import Invitation, Registrar, RoomAccount

IN_HAND = 64
"""Calls for which a room is being looked for or asked; a room answers within seconds."""

READING_WAITED_FOR = IN_HAND // 2  # calls of numbers that nobody has, as yet: others come through
ATTEMPTS = 2  # a room may end while it is found
STALE = 4  # rooms that had a username, by the last reading, and are asked whether they have it yet
READ_AGAIN_SECONDS = 300.0
LEAST_PAUSE = 10.0
PAUSES = 20  # times what reading took: at most a twentieth of the time goes into it
FIRST = 8  # rooms that are read at a time, until it is known how large they are
PACE = 0.02  # seconds from one registration to the next

WHY: tuple[tuple[type[ActorError], CallEnd], ...] = (
    (RoomFull, CallEnd.BUSY),
    (Busy, CallEnd.BUSY),
    (TooManyPeers, CallEnd.BUSY),
    (TooManyRooms, CallEnd.BUSY),
    (TooManyStreams, CallEnd.BUSY),
    (NoCapacity, CallEnd.NO_CAPACITY),
    (NotAllowed, CallEnd.NOT_ALLOWED),
    (ClosedByOperator, CallEnd.NOT_ALLOWED),
    (AudioForbidden, CallEnd.NOT_ALLOWED),
)

log = structlog.get_logger(__name__)


class OwtTelephoneRooms:
    """The TelephoneRooms of this dialect, and what keeps their accounts registered.

    What this process changes of rooms is known at once. What others change in the same database
    is read now and then, and soon where somebody calls a room that is not known.
    """

    def __init__(self, state: OwtState, registrar: Registrar) -> None:
        self._state = state
        self._registrar = registrar
        self._live = LiveRooms(state)
        self._usernames = SipUsernames()
        self._registered: dict[str, RoomAccount] = {}
        self._refused: dict[str, RoomAccount] = {}  # by the registrar
        self._due: dict[str, RoomAccount | None] = {}  # accounts that are to be registered
        self._some_due = trio.Event()
        self._in_hand = 0
        self._waiting = 0  # of those in hand, for the rooms to be read
        self._changed: set[str] = set()  # since the current reading began
        self._read = False  # all rooms, once
        self._again_at = 0.0
        self._wanted = trio.Event()
        self._ended = trio.Event()  # the current reading
        state.followers.append(self.learn)

    # --- calls in

    async def take(self, invited: Invitation) -> None:
        """See TelephoneRooms."""
        if self._in_hand >= IN_HAND:
            invited.leg.refuse(CallEnd.NO_CAPACITY)
            return
        self._in_hand += 1
        try:
            why = await self._carried(invited)
        except (InvalidRoom, ViewConflict):
            why = CallEnd.FAILED
        except ActorError as error:
            why = why_not(error)
        except Exception:
            log.exception("sip.invitation_crashed")
            why = CallEnd.FAILED
        finally:
            self._in_hand -= 1
        if why is not None:
            log.info("sip.call_not_taken", why=why.value)
            invited.leg.refuse(why)

    async def _carried(self, invited: Invitation) -> CallEnd | None:
        """Have somebody carry the call, or return why not. Raises ActorError, InvalidRoom …"""
        state = self._state
        if not state.services.lifecycle.accepting:
            return CallEnd.STOPPED
        for _ in range(ATTEMPTS):
            changes = state.changes
            stored = await self._find(invited.user)
            if stored is None:
                return CallEnd.NOT_FOUND
            read, size = partial(read_stored, stored), len(stored.document)
            room = await state.compute(stored.service, read, size, state.ask_seconds)
            presence = caller(invited.peer, room, incoming=True)
            if presence is None:
                return CallEnd.NOT_ALLOWED
            if not await self._live.start(stored.id, state.spec(stored.id, room), changes):
                return CallEnd.NOT_FOUND
            order = TakeCall(invited.leg, presence, invited.peer, invited.offer)
            if await self._live.ask(stored.id, order, "the room has ended") is None:
                return None
        return CallEnd.ROOM_ENDED

    async def _find(self, user: str) -> StoredRoom | None:
        """Return the room of a username, or else of an id.

        An id is no username that another service could take away with a room of its own.
        """
        found = await self._of_username(user)
        named = await self._stored(user.lower()) if OBJECT_ID.fullmatch(user) else None
        if found is None or (named is not None and named.service != found.service):
            found = named
        if found is None and await self._read_again():
            found = await self._of_username(user)
        return found

    async def _of_username(self, user: str) -> StoredRoom | None:
        for _ in range(STALE):
            room = self._usernames.room(user)
            if room is None:
                return None
            stored = await self._stored(room)
            if stored is None:
                self.learn(room, None)
                continue
            sip = sip_of(stored.document)
            if sip is not None and sip.username == user:
                return stored
            self.learn(room, stored.document)  # another process has changed it
        return None

    async def _stored(self, room: str) -> StoredRoom | None:
        found = None if self._state.was_deleted(room) else await self._state.store.room(room)
        return None if self._state.was_deleted(room) else found

    async def _read_again(self) -> bool:
        """Have all rooms be read, unless that was just now. Raises Busy where none were ever."""
        if self._read and trio.current_time() < self._again_at:
            return False
        if self._waiting < READING_WAITED_FOR:
            self._wanted.set()
            self._waiting += 1
            try:
                with trio.move_on_after(self._state.ask_seconds):
                    await self._ended.wait()
            finally:
                self._waiting -= 1
        if not self._read:
            raise Busy
        return True

    # --- calls out

    async def credentials(self, room: str) -> RoomAccount | None:
        """See TelephoneRooms."""
        stored = await self._stored(room) if OBJECT_ID.fullmatch(room) else None
        sip = None if stored is None else sip_of(stored.document)
        return None if sip is None else sip.account

    # --- what rooms have

    def learn(self, room: str, document: bytes | None) -> None:
        """Take over what a room's document says now; None for a room that was deleted."""
        if document is not None and self._state.was_deleted(room):
            document = None  # it was changed before
        self._changed.add(room)
        self._due.pop(room, None)
        self._register(room, self._learn(room, document))

    def _learn(self, room: str, document: bytes | None) -> RoomAccount | None:
        """Note the username of a room; return its account."""
        sip = None if document is None else sip_of(document)
        username = "" if sip is None else sip.username
        if self._usernames.put(room, username) and username:
            oldest = self._usernames.room(username)
            if oldest != room:
                log.warning("sip.username_taken", room=room, by=oldest)
        return None if sip is None else sip.account

    def _register_later(self, room: str, account: RoomAccount | None) -> None:
        if account != self._registered.get(room):
            self._due[room] = account
            self._some_due.set()
        else:
            self._due.pop(room, None)

    def _register(self, room: str, account: RoomAccount | None) -> bool:
        """Return whether something was sent to a registrar for it."""
        before = self._registered.get(room)
        if account == before:
            self._refused.pop(room, None)
            return False
        if account is None:
            del self._registered[room]
            self._registrar.unregister(room)
        elif self._registrar.register(room, account.server, account.username, account.password):
            self._registered[room] = account
            self._refused.pop(room, None)
        else:
            self._registered.pop(room, None)
            if self._refused.get(room) != account:
                log.warning("sip.room_not_registered", room=room, reason="sip.call_allow")
            self._refused[room] = account
        return True

    # --- reading all rooms

    async def run(self) -> None:
        """Read all rooms, now and again and again, and register those that are found."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._register_slowly)
            await self._read_on()

    async def _register_slowly(self) -> None:
        """Register one room after the other: no registrar is to have all of them at once."""
        while True:
            while self._due:
                room = next(iter(self._due))
                if self._register(room, self._due.pop(room)):
                    await trio.sleep(PACE)
            self._some_due = trio.Event()
            await self._some_due.wait()

    async def _read_on(self) -> None:
        while True:
            began = trio.current_time()
            failed = False
            try:
                await self._read_all()
                self._read = True
            except ActorError as error:
                log.warning("sip.rooms_not_read", reason=type(error).__name__)
                failed = True
            took = trio.current_time() - began
            self._again_at = trio.current_time() + max(LEAST_PAUSE, PAUSES * took)
            ended, self._ended, self._wanted = self._ended, trio.Event(), trio.Event()
            ended.set()
            with trio.move_on_after(LEAST_PAUSE if failed else READ_AGAIN_SECONDS):
                await self._wanted.wait()
            await trio.sleep_until(self._again_at)

    async def _read_all(self) -> None:
        """Raises what the store refuses."""
        self._changed.clear()
        after, number, over = None, FIRST, False
        seen = set[str]()
        while not over:
            began = trio.current_time()
            found = await self._state.store.rooms_after(None, after, number)
            over = len(found) < number
            for stored in found:
                seen.add(stored.id)
                if stored.id in self._changed:
                    continue  # since it was read: what was told then is newer
                self._register_later(stored.id, self._learn(stored.id, stored.document))
                await trio.lowlevel.checkpoint()
            if found:
                after, number = found[-1].id, fitting(found)
            if not over:
                await trio.sleep(trio.current_time() - began)
        for room in {*self._usernames.rooms, *self._registered} - seen - self._changed:
            self._register_later(room, self._learn(room, None))


def why_not(error: ActorError) -> CallEnd:
    """Return what a caller is told of a refusal."""
    if isinstance(error, CallRefused):
        return error.why
    return next((why for kind, why in WHY if isinstance(error, kind)), CallEnd.FAILED)


class TelephoneRoomsKeeper(Actor[Message]):
    """The parent of the task that reads rooms."""

    __slots__ = ("_rooms",)

    def __init__(self, rooms: OwtTelephoneRooms) -> None:
        self._rooms = rooms

    async def setup(self) -> None:
        self.ctx.start_task(self._rooms.run, name="telephone rooms")


def open_telephone_rooms(
    state: OwtState, registrar: Registrar, name: str = "telephone_rooms"
) -> OwtTelephoneRooms:
    """Return the rooms that can be called; they register from now on. Called once a process.

    `name` is that of the actor which reads them.
    """
    rooms = OwtTelephoneRooms(state, registrar)
    spec = ChildSpec(name, lambda: TelephoneRoomsKeeper(rooms), Restart.PERMANENT)
    state.services.system.root.tell(Spawn(spec))
    return rooms
