"""A member's place in a room, or its way into one. Knows no client: facts go out through `show`.

Orders overtake each other, answers cross them, rooms crash and mailboxes are full; whatever comes
in whatever order, the room counts somebody among its members exactly when he says so. Three rules
do it. Each order to enter has a number, and only the answer to the latest one counts. A room
that comes back from a crash asks everybody on its roster: whoever is in says so (Rejoin). Whoever
is not, or no longer, has every room that may think otherwise forget it (Leave).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    Down,
    MailboxFull,
    Message,
    Ref,
    Refused,
    ReplyTo,
)
from actors.directory.directory import tell_directory
from actors.directory.messages import Admit
from actors.member.absence import AbsenceTerms, Backlog, BacklogFull
from actors.member.messages import Enter
from actors.room.room import Leave, Rejoin
from actors.words.facts import (
    Fact,
    Joined,
    JoinRefused,
    OrderDone,
    OrderRefused,
    Presence,
    Restarted,
    RoomClosed,
    RoomView,
    Said,
)
from actors.words.keys import RoomKey
from actors.words.refusals import Busy
from actors.words.rooms import Admission
from actors.words.where_from import WhereFrom

AGAIN_SECONDS = 0.05  # until another try at a mailbox that was full


@dataclass(frozen=True, slots=True)
class LeaveAgain(Message):
    """Try again to leave a room whose mailbox was full."""

    room: Ref[Message]


@dataclass(frozen=True, slots=True)
class ConfirmAgain(Message):
    """Try again to confirm to a room whose mailbox was full that the member is in it."""

    room: Ref[Message]
    incarnation: int


class Presentable(Protocol):
    """Somebody who can be a member: how it is called, how it shows itself, whence it comes."""

    id: str
    where: WhereFrom

    @property
    def presence(self) -> Presence: ...


class Membership:
    """Belongs to one member, whose handlers call it; `show` may raise what a client raises."""

    __slots__ = (
        "_attempt", "_entering", "_member", "_room", "_show", "_silent", "_state", "_unheard",
        "_view", "_wanted",
    )  # fmt: skip

    def __init__(
        self, member: Actor[Message], state: Presentable, show: Callable[[Fact], None]
    ) -> None:
        self._member = member
        self._state = state
        self._show = show
        self._room: Ref[Message] | None = None
        self._view: RoomView | None = None
        self._silent = False
        self._unheard: Backlog | None = None  # what was said since the silence began
        self._wanted: RoomKey | None = None  # on the way into this room
        self._attempt = 0  # the number of the latest order to enter
        self._entering: ReplyTo[None] | None = None

    @property
    def view(self) -> RoomView | None:
        """The room that the member has its place in, shown to its client or not."""
        return self._view

    @property
    def present(self) -> bool:
        """Whether the client is in a room, as far as it knows."""
        return self._room is not None and not self._silent

    # --- orders of the client

    def enter(self, order: Enter) -> None:
        """Ask the room to be let in, and defer the answer to the order. Raises Busy."""
        if self._entering is not None:
            self._conclude(Busy())  # an earlier order is overtaken
        key = order.spec.key
        if self._view is not None and self._view.key != key:
            self.exit()
        self._silent = False
        self._attempt += 1
        ctx = self._member.ctx
        admission = Admission(
            self._state.presence,
            order.pin,
            self._attempt,
            order.address,
            order.arrival,
            self._state.where.address,
        )
        try:
            tell_directory(ctx.registry, Admit(ctx.self_ref, order.spec, admission, order.tag))
        except Busy:
            self.exit()  # who was refused is in no room
            raise
        self._wanted = key
        self._entering = ctx.defer()

    def exit(self) -> None:
        """Be in no room, and on the way into none."""
        self._wanted = None
        self._conclude(Busy())
        room = self._room
        self._forget()
        if room is not None:
            self.quit(room)

    def tell(self, message: Message) -> None:
        """Tell the room. Raises Busy when it cannot take more; a room that ended says so itself."""
        if self._room is None:
            return
        with suppress(ActorStopped):
            try:
                self._room.tell(message)
            except MailboxFull:
                raise Busy from None

    # --- another client takes over, or none is left

    def fall_silent(self, terms: AbsenceTerms) -> bool:
        """Show nothing of the room until the next `enter`; return whether there is a room.

        What is said meanwhile is shown then, as much of it as `terms` keep.
        """
        self._conclude(Busy())
        self._wanted = None
        self._silent = self._room is not None
        if self._silent and self._unheard is None:
            self._unheard = Backlog(terms)
        return self._silent

    def leave_if_silent(self) -> None:
        """Give up a place that nobody has come back to."""
        if self._silent:
            self.exit()

    def end(self, echo_seconds: float, *, overdue: bool) -> None:
        """Leave for good, with the member; `echo_seconds` and `overdue` as in Leave."""
        if self._room is not None:
            leave = Leave(self._member.ctx.self_ref, self._state.id, True, echo_seconds, overdue)
            with suppress(ActorError):  # the room watches the member as well
                self._room.tell(leave)

    # --- what comes from rooms

    def hear(self, room: Ref[Message], fact: Fact) -> None:
        """Take what a room tells: the present one, a former one, or the one that was wanted."""
        match fact:
            case Joined():
                self._arrive(room, fact)
            case JoinRefused():
                self.turn_back(fact)
            case OrderDone() | OrderRefused():
                self._show(fact)  # its tag is of one order alone, whatever has become of the room
            case Restarted(incarnation):
                self._exit_if_on_the_way_to(room)
                if room != self._room:
                    self.quit(room)
                    return
                self.rejoin(room, incarnation)
                if not self._silent:
                    self._show(fact)
            case RoomClosed() if room == self._room:
                self._lose(fact)
            case Said() if room == self._room and self._unheard is not None:
                with suppress(BacklogFull):  # also on the way back in: all of it after Joined
                    if not fact.passing:
                        self._unheard.add(fact)
            case _ if room == self._room and not self._silent:
                self._show(fact)

    def turn_back(self, refused: JoinRefused) -> None:
        """Take a refusal of the room, or of the directory in its stead."""
        if self._wanted is None:
            if self._view is not None and self._view.key == refused.room:
                self.exit()  # taken over while it asked to enter again: the room has put it out
        elif refused.attempt == self._attempt:
            entering, self._entering = self._entering, None
            self.exit()  # the directory may have refused what the room knows nothing of
            if entering is not None:
                entering.refuse(refused.refusal)

    def miss(self, down: Down) -> None:
        """Take the end of the room, or of its incarnation."""
        if down.ref != self._room or self._view is None:
            return
        if down.restarting:
            self._exit_if_on_the_way_to(down.ref)
            return
        self._lose(RoomClosed(self._view))

    def _exit_if_on_the_way_to(self, room: Ref[Message]) -> None:
        """Give up an order to enter again: the room may have lost it, and put the member out."""
        if self._wanted is not None and self._wanted.path == room.path:
            self.exit()

    def _lose(self, closed: RoomClosed) -> None:
        """Take it that the room is no more."""
        silent = self._silent
        self._forget()
        if not silent:
            self._show(closed)

    def _arrive(self, room: Ref[Message], joined: Joined) -> None:
        if joined.room.key != self._wanted:
            if room != self._room:
                self.quit(room)  # the client has changed its mind meanwhile
            return
        overtaken = joined.attempt != self._attempt
        if room != self._room:
            self._unheard = None
        self._silent = overtaken and (self._silent or room != self._room)
        self._room, self._view = room, joined.room
        self._member.ctx.watch(room)
        if not overtaken:
            self._wanted = None
            unheard, self._unheard = self._unheard, None
            self._show(joined)
            for said in unheard or ():
                self._show(said)
            self._conclude(None)

    # --- what must reach rooms

    def quit(self, room: Ref[Message]) -> None:
        """Have a room forget the member, whether or not it counts it among its members."""
        try:
            room.tell(Leave(self._member.ctx.self_ref, self._state.id, gone=False))
        except ActorStopped:
            pass
        except MailboxFull:
            self._member.ctx.tell_self_after(AGAIN_SECONDS, LeaveAgain(room))

    def leave_again(self, room: Ref[Message]) -> None:
        """Go on with `quit`, unless the member has come back meanwhile."""
        if self._wanted is not None and room.path == self._wanted.path:
            # Whether it is to be in or out is known only once the open order is answered.
            self._member.ctx.tell_self_after(AGAIN_SECONDS, LeaveAgain(room))
        elif room != self._room:
            self.quit(room)

    def rejoin(self, room: Ref[Message], incarnation: int) -> None:
        """Tell this incarnation of the room that the member is in, and knows of the crash."""
        if room != self._room:
            return
        try:
            room.tell(Rejoin(self._member.ctx.self_ref, self._state.presence, incarnation))
        except ActorStopped:
            pass  # its Down is on the way
        except MailboxFull:
            self._member.ctx.tell_self_after(AGAIN_SECONDS, ConfirmAgain(room, incarnation))

    def _forget(self) -> None:
        if self._room is not None:
            self._member.ctx.unwatch(self._room)
        self._room = self._view = None
        self._silent = False
        self._unheard = None

    def _conclude(self, refusal: Refused | None) -> None:
        """Answer the open order to enter, if there is one."""
        entering, self._entering = self._entering, None
        if entering is None:
            return
        if refusal is None:
            entering.reply(None)
        else:
            entering.refuse(refusal)
