"""A room: carries `rules.RoomState`, tells its members what happens, sees that they live."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

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
from actors.room.conference import RoomConference
from actors.room.roster import Roster
from actors.room.rules import RoomState
from actors.streams.services import MediaServices
from actors.words.conference_refusals import NotAllowed, ParticipantUnknown
from actors.words.facts import (
    Dropped,
    JoinRefused,
    OrderRefused,
    Presence,
    Restarted,
    RoomClosed,
    Said,
)
from actors.words.limits import ActorLimits
from actors.words.orders import (
    CloseRoom,
    DropParticipant,
    GetParticipants,
    Order,
    SetPermissions,
)
from actors.words.refusals import NotInRoom
from actors.words.rooms import Admission, Notice, RoomSpec


@dataclass(frozen=True, slots=True)
class Join(Message):
    """Let this peer in; answered by the fact Joined or JoinRefused."""

    peer: Ref[Message]
    admission: Admission
    tag: str


@dataclass(frozen=True, slots=True)
class Rejoin(Message):
    """Confirm that this peer is a member that knows of the restart: its orders count from now on.

    Void when the room has crashed again since it asked, or put the peer out.
    """

    peer: Ref[Message]
    presence: Presence
    incarnation: int


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Forget this peer; void when another one has come under its id since."""

    peer: Ref[Message]
    id: str
    gone: bool


@dataclass(frozen=True, slots=True)
class Present(Message):
    presence: Presence


@dataclass(frozen=True, slots=True)
class Say(Message):
    """Tell everyone else, or the one it is for; nothing happens where that is no member."""

    said: Said


@dataclass(frozen=True, slots=True)
class ListMembers(Message):
    peer: str
    tag: str


@dataclass(frozen=True, slots=True)
class SetPin(Message):
    """Lock with `pin`, unlock with "", or only confirm the room's state with None."""

    by: str
    tag: str
    pin: str | None


@dataclass(frozen=True, slots=True)
class ExpireIfEmpty(Message):
    """The timer of an empty room; void when anyone has joined since it was set."""

    generation: int


class Room(Actor[Message]):
    kind = "room"
    accepts = (
        Join, Rejoin, Leave, Present, Say, ListMembers, SetPin, ExpireIfEmpty, GetParticipants,
        SetPermissions, DropParticipant, CloseRoom, *RoomConference.takes,
    )  # fmt: skip

    def __init__(
        self, spec: RoomSpec, limits: ActorLimits, media: MediaServices, roster: Roster
    ) -> None:
        self._roll = roster
        self._state = RoomState(spec, roster.lock, roster.used, roster.presences)
        self._limits = limits
        self._conference: RoomConference | None = None
        if spec.conference is not None:
            rules, members = spec.conference, self._state.members
            self._conference = RoomConference(self, rules, members, media, self._tell, self._log)
        self._closing: list[ReplyTo[None]] = []  # those who asked for the end
        self._audience = Audience(self, roster.refs, limits.ask_seconds)
        self._generation = 0
        self._expiry: Timer | None = None  # of the room that is empty
        self._unaware = set(roster.presences)  # members that may not know of the restart yet

    async def setup(self) -> None:
        """After a crash, come back with the members and the lock that were."""
        if self.ctx.incarnation > 1:
            self._audience.watch_again()
            # Before anything else that they hear of this incarnation.
            self._tell([Notice(Restarted(self.ctx.incarnation))])
        else:
            self._log("room.created", type=self._state.spec.kind)
        self._expire_later()

    async def handle(self, message: Message) -> object:
        match message:
            case Join():
                await self._join(message)
            case Rejoin():
                self._confirm(message)
            case Leave(ref, peer, gone):
                if self._audience.refs.get(peer, ref) == ref:
                    await self._leave(peer, gone=gone)
            case Present(presence):
                self._tell(self._state.present(presence))
            case Say(said):
                with suppress(NotInRoom):  # it has left meanwhile
                    self._tell(self._state.say(said))
            case ListMembers(peer, tag):
                with suppress(NotInRoom):
                    self._tell(self._state.roster(peer, tag))
            case SetPin():
                self._set_pin(message)
            case ExpireIfEmpty(generation):
                self._expire(generation)
            case GetParticipants():
                return tuple(self._state.members.values())
            case SetPermissions(peer, changes):
                self._tell(self._state.permit(peer, changes))
                return self._state.members[peer]
            case DropParticipant(peer):
                await self._drop(peer)
            case CloseRoom(reason):
                self._close(reason)
            case Order(by=by) if by in self._unaware:
                pass  # given to the room that crashed, and given up by whoever asked
            case _ if self._conference is not None:
                return await self._conference.handle(message)
            case Request():
                raise NotAllowed("a room without streams")
        return None

    async def on_down(self, down: Down) -> None:
        for peer, ref in list(self._audience.refs.items()):
            if ref == down.ref:
                await self._leave(peer, gone=True)
        if self._conference is not None:
            await self._conference.miss(down)

    async def teardown(self, reason: str) -> None:
        """Answer those who asked for the end, now that recordings are finalised."""
        for asker in self._closing:
            asker.reply(None)

    def snapshot(self) -> Mapping[str, object]:
        state = self._state
        return {
            "type": state.spec.kind,
            "members": len(state.members),
            "locked": state.lock is not None,
            **(self._conference.figures() if self._conference is not None else {}),
        }

    # --- joining and leaving

    async def _join(self, order: Join) -> None:
        state, peer = self._state, order.admission.presence.peer
        first = not state.used
        try:
            state.admit(order.admission)
            lock = state.lock_after_join(order.admission, secrets.token_bytes(16))
        except Refused as refusal:
            if peer in state.members:  # who was refused is in no room
                await self._leave(peer, gone=False)
            self._log("join.refused", peer=peer, reason=refusal.code)
            attempt = order.admission.attempt
            self._audience.inform(
                order.peer, JoinRefused(order.tag, state.spec.key, refusal, attempt)
            )
            if first:
                self._expire_later(0.0)
            return
        self._roll.lock, self._roll.used = lock, True  # first: it never comes back open
        self._enlist(peer, order.peer)
        streams = self._conference.streams if self._conference is not None else ()
        self._tell(state.join(order.admission, order.tag, lock, streams))
        self._log("peer.joined", peer=peer, members=len(state.members))

    def _confirm(self, order: Rejoin) -> None:
        presence = order.presence
        if self._audience.refs.get(presence.peer) != order.peer:
            return
        if order.incarnation == self.ctx.incarnation:
            self._unaware.discard(presence.peer)
        if presence.revision > self._state.members[presence.peer].revision:  # lost in the crash
            self._tell(self._state.present(presence))

    async def _leave(self, peer: str, *, gone: bool) -> None:
        self._audience.remove(peer)
        self._unaware.discard(peer)
        known = peer in self._state.members
        self._tell(self._state.leave(peer, gone=gone))
        if known:
            self._log("peer.left", peer=peer, members=len(self._state.members), gone=gone)
            if self._conference is not None:
                await self._conference.leave(peer)
            if not self._state.members:
                self._expire_later()

    def _enlist(self, peer: str, ref: Ref[Message]) -> None:
        self._generation += 1
        self._stay()
        self._unaware.discard(peer)
        self._audience.add(peer, ref)

    def _expire_later(self, delay: float | None = None) -> None:
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
        if self.ctx.mailbox_depth:  # somebody is at the door
            self._expire_later(0.0)
            return
        self._log("room.expired")
        self.ctx.stop("expired")

    # --- management

    async def _drop(self, peer: str) -> None:
        """Put a member out. Raises ParticipantUnknown."""
        if peer not in self._state.members:
            raise ParticipantUnknown(peer)
        self._tell([Notice(Dropped(), to=peer)])
        self._log("peer.dropped", peer=peer)
        await self._leave(peer, gone=True)

    def _close(self, reason: str) -> None:
        """End the room; the answer is given when everything in it has ended."""
        self._closing.append(self.ctx.defer())
        self._tell([Notice(RoomClosed(self._state.view))])
        self._log("room.closed", reason=reason)
        if self._conference is not None:
            self._conference.close()
        self.ctx.stop(reason)

    # --- the lock

    def _set_pin(self, order: SetPin) -> None:
        state = self._state
        try:
            lock = state.lock_after_change(order.by, order.pin, secrets.token_bytes(16))
        except Refused as refusal:
            self._audience.tell(Notice(OrderRefused(order.tag, refusal), to=order.by))
            return
        self._roll.lock = lock  # before anyone is told
        self._tell(state.set_lock(order.by, order.tag, order.pin, lock))
        if order.pin is not None:
            self._log("room.locked" if order.pin else "room.unlocked", peer=order.by)

    def _log(self, event: str, **values: object) -> None:
        key = self._state.spec.key
        self.ctx.log.info(event, room=key.name, dialect=self._state.spec.dialect, **values)

    def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._audience.tell(notice)
