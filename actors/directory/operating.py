"""What the operator orders: rooms that are closed, and members that are put out.

Everything here is noted before anybody is told. What is told is told in a helper task, for the
directory waits for no stranger; a room or member that crashes over it, or hangs, is ended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from actors.core import Actor, ActorError, ActorStopped, Message, Ref, StopChild
from actors.directory.closings import Closings
from actors.directory.messages import CloseByOperator, ExpelMember
from actors.directory.opening import Opening
from actors.directory.rooms import Rooms
from actors.room.room import FromRoom
from actors.words.close_reasons import CloseReason
from actors.words.closings import Closing, Expel, Expulsion, MemberUnknown
from actors.words.facts import RoomClosed, RoomView
from actors.words.keys import MEMBERS, ROOMS, MemberKey
from actors.words.orders import CLOSED_BY_OPERATOR, CloseRoom, DropParticipant


class Operating:
    """Belongs to one incarnation of the directory; `closings` outlives it."""

    __slots__ = ("_directory", "_opening", "_rooms", "_unix_time", "closings")

    def __init__(
        self,
        directory: Actor[Message],
        opening: Opening,
        rooms: Rooms,
        closings: Closings,
        unix_time: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._opening = opening
        self._rooms = rooms
        self._unix_time = unix_time
        self.closings = closings

    # --- rooms

    def close(self, order: CloseByOperator) -> Closing:
        """Close a room by its name, whether or not it lives. Raises TooManyClosings."""
        now, key = self._unix_time(), order.key
        room, made = self._opening.find(key.path), self._rooms.made(key)
        dialect = made.spec.dialect if made is not None else ""
        closing = Closing(key, now + order.seconds, order.text, order.by, dialect)
        self.closings.close(closing, now, self._opening.limits.closed_rooms)
        if room is not None:
            self._directory.ctx.start_task(self._end_room, room, closing, name="close room")
        return closing

    async def _end_room(self, room: Ref[Message], closing: Closing) -> None:
        within = self._opening.limits.ask_seconds
        try:
            await room.ask(CloseRoom(CLOSED_BY_OPERATOR, closing), within=within)
        except ActorStopped:
            return  # it ended just now
        except ActorError:
            pass
        if self._opening.find(room.path) != room:
            return  # it takes its time to finalise what it records
        made, supervisor = self._rooms.made(closing.key), self._opening.find(ROOMS)
        if made is not None:
            view = RoomView(closing.key, made.spec.title, made.spec.kind)
            told = FromRoom(room, RoomClosed(view, closing))
            for member in tuple(made.roster.refs.values()):
                with suppress(ActorError):  # else it hears of the end, and not why
                    member.tell(told)
        if supervisor is not None:
            with suppress(ActorError):
                stop = StopChild(room.name, CLOSED_BY_OPERATOR)
                await supervisor.ask(stop, within=within)

    # --- members

    def expel(self, order: ExpelMember) -> None:
        """Put a member out, also one that is a telephone in a room. Raises MemberUnknown."""
        now, expel = self._unix_time(), order.order
        member = self._opening.find(order.key.path)
        if member is None:
            self._hang_up(order.key, expel)
            return
        expulsion = Expulsion(order.key, now + order.seconds, expel.text, expel.by)
        self.closings.expel(expulsion, now, self._opening.limits.expelled_members)
        self._directory.ctx.start_task(self._end_member, member, expel, name="put out")

    def _hang_up(self, key: MemberKey, expel: Expel) -> None:
        made = self._rooms.with_member(key)
        room = None if made is None else self._opening.find(made.spec.key.path)
        if room is None:
            raise MemberUnknown
        drop = DropParticipant(key.id, expel)
        self._directory.ctx.start_task(self._drop, room, drop, name="hang up")

    async def _drop(self, room: Ref[Message], drop: DropParticipant) -> None:
        with suppress(ActorError):
            await room.ask(drop, within=self._opening.limits.ask_seconds)

    async def _end_member(self, member: Ref[Message], expel: Expel) -> None:
        within = self._opening.limits.ask_seconds
        with suppress(ActorError):
            await member.ask(expel, within=within)
        supervisor = self._opening.find(MEMBERS)
        if member.alive and supervisor is not None:
            with suppress(ActorError):
                await supervisor.ask(StopChild(member.name, CloseReason.PUT_OUT), within=within)
