"""A room: carries `rules.RoomState`, tells its members what happens, sees that they live."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from actors.core import (
    Actor,
    Down,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Request,
    Timer,
)
from actors.room.audience import Audience
from actors.room.audience import FromRoom as FromRoom
from actors.room.echo import Echo
from actors.room.messages import ExpireIfEmpty, ForgetMissed
from actors.room.messages import Join as Join
from actors.room.messages import Leave as Leave
from actors.room.messages import Present as Present
from actors.room.messages import Rejoin as Rejoin
from actors.room.roster import Roster
from actors.room.rules import RoomState
from actors.streams.outcome import NOTHING, Outcome
from actors.words.closings import Closing, Expel
from actors.words.conference_refusals import NotAllowed, ParticipantUnknown
from actors.words.facts import (
    Dropped,
    JoinRefused,
    OrderDone,
    OrderRefused,
    Presence,
    Restarted,
    RoomClosed,
)
from actors.words.limits import ActorLimits
from actors.words.orders import (
    CloseRoom,
    DropParticipant,
    GetParticipants,
    Kick,
    ListMembers,
    Order,
    Placed,
    Say,
    SetPermissions,
    SetPin,
)
from actors.words.rooms import Admission, Notice, PinLock, RoomSpec

if TYPE_CHECKING:
    from actors.room.conference import Done, RoomConference
    from actors.room.site import RoomSite

TOLD_OTHERWISE = frozenset({"expired", "shutdown"})
"""Why a room ends that is not closed: these have log lines of their own."""


class Room(Actor[Message]):
    kind = "room"
    accepts: ClassVar[tuple[type[Message], ...]] = (
        Join, Rejoin, Leave, Present, Placed, ExpireIfEmpty, ForgetMissed,
        Request,  # of any kind: one that is not for a room of this kind is refused
    )  # fmt: skip

    def __init__(
        self,
        spec: RoomSpec,
        limits: ActorLimits,
        roster: Roster,
    ) -> None:
        self._roster = roster
        if roster.echo is None:
            roster.echo = Echo(
                limits.echo_messages, limits.echo_bytes, roster.echo_room, limits.echo_bytes_of_all
            )
        self._state = RoomState(spec, roster.lock, roster.used, roster.presences, roster.echo)
        self._audience = Audience(self, roster.refs, limits.ask_seconds)
        self._conference: RoomConference | None = None  # of a ConferenceRoom
        self._site: RoomSite | None = None  # of a SiteRoom
        self._closing: list[ReplyTo[None]] = []  # those who asked for the end
        self._generation = 0
        self._expiry: Timer | None = None  # of the room that is empty
        self._forgetting: Timer | None = None  # while members are awaited
        self._unaware = set(roster.presences)  # members that may not know of the restart yet

    async def setup(self) -> None:
        """After a crash, come back with the members and the lock that were."""
        if self.ctx.incarnation > 1:
            self._audience.watch_again()
            # Before anything else that they hear of this incarnation.
            self._audience.tell([Notice(Restarted(self.ctx.incarnation))])
            if self._conference is not None:
                self._conference.come_back()
        else:
            self._log("room.created", type=self._state.spec.kind)
        if self._site is not None:
            await self._site.setup()
        self._expire_later()
        self._forget_missed_later()

    async def handle(self, message: Message) -> object:
        match message:
            case Join():
                self._join(message)
            case Rejoin():
                self._confirm(message)
            case Leave(ref, peer, gone, echo_seconds, overdue):
                if self._audience.refs.get(peer, ref) == ref:
                    self._leave(peer, gone=gone, echo_seconds=echo_seconds, overdue=overdue)
            case Present(presence):
                self._audience.tell(self._state.present(presence))
            case Placed():
                await self._obey(message)
            case ExpireIfEmpty(generation):
                self._expire(generation)
            case ForgetMissed(until):
                self._forgetting = None
                self._state.echo.forget_overdue(until)
                self._forget_missed_later()
            case GetParticipants():
                return tuple(self._state.members.values())
            case SetPermissions(peer, changes):
                self._audience.tell(self._state.permit(peer, changes))
                return self._state.members[peer]
            case DropParticipant(peer, expel):
                self._drop(peer, expel)
            case CloseRoom(reason, closing):
                self._close(reason, closing)
            case _ if self._site is not None and isinstance(message, self._site.takes):
                return self._site.handle(message)
            case _ if self._conference is not None:
                return await self._conference.handle(message)
            case Request():
                raise NotAllowed("not in a room of this kind")
        return None

    async def on_down(self, down: Down) -> None:
        for peer, ref in list(self._audience.refs.items()):
            if ref == down.ref:
                self._leave(peer, gone=True)
        if self._conference is not None:
            self._conference.miss(down)

    async def teardown(self, reason: str) -> None:
        if reason not in TOLD_OTHERWISE and not reason.startswith("crashed"):
            self._log("room.closed", reason=reason)
        if self._conference is not None:
            self._conference.ended()
        for asker in self._closing:
            asker.reply(None)

    def snapshot(self) -> Mapping[str, object]:
        state, spec = self._state, self._state.spec
        return {
            "realm": spec.key.realm,
            "name": spec.key.name,
            "title": spec.title,
            "type": spec.kind,
            "dialect": spec.dialect,
            "members": len(state.members),
            "locked": state.lock is not None,
            "streams": 0,
            "recordings": 0,
            **(self._conference.figures() if self._conference is not None else {}),
            **(self._site.figures() if self._site is not None else {}),
        }

    # --- joining and leaving

    def _join(self, order: Join) -> None:
        state, peer = self._state, order.admission.presence.peer
        first = not state.used
        try:
            leaving = self._site.admit(order.admission) if self._site is not None else 0
            state.admit(order.admission, leaving)
            lock = state.lock_after_join(order.admission, secrets.token_bytes(16))
        except Refused as refusal:
            if peer in state.members:  # who was refused is in no room
                self._leave(peer, gone=False)
            state.echo.forget(peer)
            self._forget_missed_later()
            told = {"peer": peer, "address": order.admission.shown_address}
            self._log("join.refused", **told, reason=refusal.code)
            self.ctx.count("joins_refused", state.spec.dialect, refusal.code)
            attempt = order.admission.attempt
            self._audience.inform(
                order.peer, JoinRefused(order.tag, state.spec.key, refusal, attempt)
            )
            if first:
                self._expire_later(0.0)
            return
        self._let_in(order.peer, order.admission, order.tag, lock)

    def _let_in(
        self,
        ref: Ref[Message],
        admission: Admission,
        tag: str,
        lock: PinLock | None,
        *,
        deaf: bool = False,
    ) -> None:
        state, peer = self._state, admission.presence.peer
        self._roster.lock, self._roster.used = lock, True  # first: it never comes back open
        self._generation += 1
        if self._expiry is not None:
            self._stay()
        self._unaware.discard(peer)
        self._audience.add(peer, ref, deaf=deaf)
        streams = self._conference.streams if self._conference is not None else ()
        self._audience.tell(state.join(admission, tag, lock, streams))
        if self._site is not None:
            self._site.arrive(admission)
        if peer in state.echo.absent:
            self._audience.tell(state.missed(peer, self.ctx.now()))
            self._forget_missed_later()
        address = admission.shown_address
        self._log("peer.joined", peer=peer, members=len(state.members), address=address)

    def check_seat(self, presence: Presence) -> None:
        """See whether a call may be a member. Raises NotAllowed, RoomFull, RoomLocked."""
        if presence.peer in self._state.members:
            raise NotAllowed("a member has that id")
        self._state.admit(Admission(presence))

    def seat(self, call: Ref[Message], presence: Presence) -> None:
        """Have a call be a member. Raises what `check_seat` raises."""
        self.check_seat(presence)
        self._let_in(call, Admission(presence), "", self._state.lock, deaf=True)

    def unseat(self, peer: str) -> None:
        """Have a call be no member any more; nothing where it is none."""
        self._leave(peer, gone=True)

    def _confirm(self, order: Rejoin) -> None:
        presence = order.presence
        if self._audience.refs.get(presence.peer) != order.peer:
            return
        if order.incarnation == self.ctx.incarnation:
            self._unaware.discard(presence.peer)
        if presence.revision > self._state.members[presence.peer].revision:  # lost in the crash
            self._audience.tell(self._state.present(presence))

    def _leave(
        self, peer: str, *, gone: bool, echo_seconds: float = 0.0, overdue: bool = False
    ) -> None:
        self._audience.remove(peer)
        self._unaware.discard(peer)
        known = peer in self._state.members
        self._audience.tell(self._state.leave(peer, gone=gone))
        if known:
            if echo_seconds:
                self._state.echo.await_back(peer, self.ctx.now() + echo_seconds)
                self._forget_missed_later()
            self._log("peer.left", peer=peer, members=len(self._state.members), gone=gone)
            if self._conference is not None:
                self._conference.leave(peer)
            if self._site is not None:
                self._site.leave(peer, overdue=overdue)
            if not self._state.members:
                self._expire_later()

    def _forget_missed_later(self) -> None:
        """Have one timer, whoever comes and goes: it looks again where somebody has gone since."""
        until = self._state.echo.until
        if until is None:
            if self._forgetting is not None:
                self._forgetting.cancel()
                self._forgetting = None
        elif self._forgetting is None:
            delay = max(0.0, until - self.ctx.now())
            self._forgetting = self.ctx.tell_self_after(delay, ForgetMissed(until))

    def _expire_later(self, delay: float | None = None) -> None:
        """Have an empty room expire; a site never does: its mutes and bans are kept in it."""
        if self._site is not None:
            return
        if delay is None:
            delay = self._state.spec.expiry_seconds
        self._stay()
        self._expiry = self.ctx.tell_self_after(delay, ExpireIfEmpty(self._generation))

    def _stay(self) -> None:
        """Call the timer off: one for each time that the room was empty would pile up."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _expire(self, generation: int) -> None:
        if self._state.members or generation != self._generation:
            return
        if self._conference is not None and self._conference.busy:
            self._expire_later()
            return
        if self.ctx.mailbox_depth:  # somebody waits to be let in
            self._expire_later(0.0)
            return
        self._log("room.expired")
        self.ctx.stop("expired")

    # --- management

    def _drop(self, peer: str, expel: Expel | None = None) -> None:
        """Put a member out. Raises ParticipantUnknown."""
        if peer not in self._state.members:
            raise ParticipantUnknown(peer)
        if expel is not None:
            self._log("peer.put_out", peer=peer, **expel.orderer)
        self._audience.tell([Notice(Dropped(), to=peer)])
        self._put_out(peer)

    def _put_out(self, peer: str) -> None:
        """Forget a member that was told so."""
        self._log("peer.dropped", peer=peer)
        self._leave(peer, gone=True)

    def _close(self, reason: str, closing: Closing | None) -> None:
        """End the room; the answer is given when everything in it has ended."""
        self._closing.append(self.ctx.defer())
        self._audience.tell([Notice(RoomClosed(self._state.view, closing))])
        if self._conference is not None:
            self._conference.close()
        self.ctx.stop(reason)

    # --- orders

    async def _obey(self, placed: Placed) -> None:
        by, tag = placed.by, placed.tag
        presence = self._state.members.get(by)
        if presence is None:
            return  # it has left, or is not back yet: whoever asked knows the deadline
        if tag and by in self._unaware:
            return  # given to the room that crashed, and given up by whoever asked
        try:
            value, outcome = await self._done(presence, placed.order)
        except Refused as refusal:
            if tag:
                self._audience.tell([Notice(OrderRefused(tag, refusal), to=by)])
            return
        if tag:
            self._audience.tell([Notice(OrderDone(tag, value), to=by)])
        if self._conference is not None:
            self._conference.carry_out(outcome)
        else:
            self._audience.tell(outcome.notices)

    async def _done(self, presence: Presence, order: Order) -> Done:
        """Carry out an order. Raises its refusals."""
        if self._site is not None:
            return self._site.done(presence.peer, order), NOTHING
        state, by = self._state, presence.peer
        match order:
            case Say():
                return None, Outcome(tuple(state.say(by, order, self.ctx.now())))
            case ListMembers(tag):
                return None, Outcome(tuple(state.list_members(by, tag)))
            case SetPin():
                return None, Outcome(tuple(self._set_pin(by, order)))
            case Kick(member):
                state.require_kick(by, member)
                self._drop(member)
                return None, NOTHING
        if self._conference is None:
            raise NotAllowed("a room without streams")
        return await self._conference.done(order, presence)

    def _set_pin(self, by: str, order: SetPin) -> list[Notice]:
        lock = self._state.lock_after_change(by, order, secrets.token_bytes(16))
        self._roster.lock = lock  # before anyone is told
        if order.pin is not None:
            self._log("room.locked" if order.pin else "room.unlocked", peer=by)
        return self._state.set_lock(by, order, lock)

    def _log(self, event: str, **values: object) -> None:
        key = self._state.spec.key
        self.ctx.log.info(event, room=key.name, dialect=self._state.spec.dialect, **values)
