"""A participant: the peer of a member in a room with streams.

Carries `participant_rules.ParticipantState` between a dialect's client and the room. It outlives
its client: while nobody is connected, what it would have been shown is kept, and its media goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from math import inf

from actors.core import Actor, Down, Message, Refused, ReplyTo, Request, Timer
from actors.member.membership import Membership, Quit, Return
from actors.member.participant_rules import Backlog, BacklogFull, ParticipantState
from actors.member.peer import Client, End, Enter, Lost, TooSlow
from actors.room.room import FromRoom
from actors.words.facts import (
    Dropped,
    Fact,
    JoinRefused,
    OrderDone,
    OrderRefused,
    Restarted,
    RoomClosed,
)
from actors.words.orders import (
    Order,
    Publish,
    Subscribe,
    Unpublish,
    Unsubscribe,
)
from actors.words.permission import NOTHING, Permission
from actors.words.refusals import Busy, NotInRoom
from actors.words.rooms import Admission

ORDERS_OPEN = 64
"""Orders of one participant that the room has not answered; the next one is refused with Busy."""

ENTER_SECONDS = 60.0
"""Within which a participant that was opened must be in a room: its opener may have gone."""


class ResumeRefused(Refused):
    """This participant does not outlive its connection."""

    code = "resume_refused"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a participant is, and how it may come back.

    `dialect` is a word of the dialect's own about the client, handed back to it on a resume. For
    `resume_seconds` (0: not at all) after the loss of its client it is kept (`left_seconds`, where
    that is less and the client has left), with at most `queued_messages` and `queued_bytes` of what
    happens meanwhile.
    """

    id: str
    realm: str
    user: str = ""
    role: str = ""
    permission: Permission = NOTHING
    dialect: str = ""
    resume_seconds: float = 60.0
    left_seconds: float = inf
    queued_messages: int = 1024
    queued_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Do(Request[str | None]):
    """Have the room carry out an order; `by` and `tag` are filled in here.

    Answered with what the order says. Raises its refusals, NotInRoom, Busy.
    """

    order: Order


@dataclass(frozen=True, slots=True)
class Resume(Request[None]):
    """Go on with another client; a present one is closed with "replaced".

    The new one is shown Resumed, then all that happened meanwhile. Raises ResumeRefused.
    """

    client: Client
    tag: str


@dataclass(frozen=True, slots=True)
class Left(Message):
    """As Lost, of a client that went on purpose, though without saying what for."""

    client: Client


@dataclass(frozen=True, slots=True)
class Occupied(Request[None]):
    """What a participant is told that is opened twice. Raises Busy: nobody is taken over."""


@dataclass(frozen=True, slots=True)
class Overdue(Message):
    """The timer of a participant that is away; void when it has come back since.

    None is the timer of one that was opened: void when it is in a room by then.
    """

    generation: int | None


@dataclass(frozen=True, slots=True)
class Resumed(Fact):
    """You go on where another client has left; `dialect` is as in Profile."""

    tag: str
    dialect: str


class Participant(Actor[Message]):
    __slots__ = (
        "_away",
        "_client",
        "_generation",
        "_open",
        "_overdue",
        "_place",
        "_profile",
        "_state",
        "_tags",
    )

    kind = "participant"
    accepts = (
        FromRoom, JoinRefused, Enter, Do, Resume, Occupied, Lost, Left, Overdue, End, Quit, Return,
    )  # fmt: skip

    def __init__(self, profile: Profile, client: Client) -> None:
        self._profile = profile
        self._state = ParticipantState(profile.id, profile.user, profile.role, profile.permission)
        self._client: Client | None = client
        self._away: Backlog | None = None  # there while no client is
        self._generation = 0  # counts the clients that came
        self._place = Membership(self, self._state, self._show)
        self._open: dict[str, tuple[Order, ReplyTo[str | None]]] = {}
        self._tags = count(1)
        self._overdue: Timer | None = None  # while no client is there

    async def setup(self) -> None:
        self._log("peer.connected")
        self.ctx.tell_self_after(ENTER_SECONDS, Overdue(None))
        self._end_if_gone()

    async def handle(self, message: Message) -> object:
        try:
            self._handle(message)
        except (TooSlow, BacklogFull):
            self.ctx.stop("too_slow")
        self._keep_media_to_the_room()
        return None

    def _handle(self, message: Message) -> None:
        match message:
            case FromRoom(room, fact):
                self._place.hear(room, fact)
            case JoinRefused():
                self._place.turn_back(message)
            case Enter():
                self._place.enter(message.spec, Admission(self._state.presence), message.tag)
            case Do(order):
                self._do(order)
            case Resume():
                self._resume(message)
            case Occupied():
                raise Busy
            case Lost(client):
                if client is self._client:
                    self._go_away(self._profile.resume_seconds)
            case Left(client):
                if client is self._client:
                    self._go_away(min(self._profile.resume_seconds, self._profile.left_seconds))
            case Overdue(None):
                if self._place.view is None:
                    self.ctx.stop("disconnected")
            case Overdue(generation):
                if generation == self._generation and self._client is None:
                    self.ctx.stop("disconnected")
            case End(reason):
                self.ctx.stop(reason)
            case Quit(room):
                self._place.quit_again(room)
            case Return(room, incarnation):
                self._place.rejoin(room, incarnation)

    async def on_down(self, down: Down) -> None:
        try:
            self._place.miss(down)
        except (TooSlow, BacklogFull):
            self.ctx.stop("too_slow")
        self._keep_media_to_the_room()

    async def teardown(self, reason: str) -> None:
        self._log("peer.ended", reason=reason)
        self._place.end()
        if self._client is not None:
            self._client.close(reason)

    def snapshot(self) -> Mapping[str, object]:
        view = self._place.view
        return {
            "dialect": self._profile.realm,
            "room": view.key.slug if view else None,
            "role": self._state.role,
            "away": self._away is not None,
            "streams": len(self._state.streams),
            "sessions": len(self._state.sessions),
        }

    # --- what the client wants

    def _do(self, order: Order) -> None:
        if not self._place.present:
            raise NotInRoom
        if len(self._open) >= ORDERS_OPEN:
            self._forget_answered()
            if len(self._open) >= ORDERS_OPEN:
                raise Busy
        tag = str(next(self._tags))
        self._place.tell(replace(order, by=self._state.id, tag=tag))
        self._open[tag] = (order, self.ctx.defer())

    def _forget_answered(self) -> None:
        """Drop the orders whose asker has given up: the room lost them with a crash."""
        self._open = {tag: each for tag, each in self._open.items() if not each[1].done}

    # --- what the room says

    def _show(self, fact: Fact) -> None:
        match fact:
            case OrderDone(tag, value):
                self._conclude(tag, value)
            case OrderRefused(tag, refusal):
                _, reply = self._open.pop(tag, (None, None))
                if reply is not None:
                    reply.refuse(refusal)
            case Restarted():
                self._lose_media()
            case _:
                self._state.note(fact)
                self._pass_on(fact)
                if isinstance(fact, Dropped):
                    self.ctx.stop("dropped")
                elif isinstance(fact, RoomClosed):
                    self.ctx.stop("room_closed")

    def _pass_on(self, fact: Fact) -> None:
        if self._away is not None:
            self._away.add(fact)
        elif self._client is not None:
            self._client.show(fact)

    def _conclude(self, tag: str, value: str | None) -> None:
        order, reply = self._open.pop(tag, (None, None))
        if reply is None:
            return
        match order:
            case Publish() | Subscribe() if value is not None:
                self._state.sessions[value] = None
            case Unpublish(stream=session) | Unsubscribe(subscription=session):
                self._state.sessions.pop(session, None)
        reply.reply(value)

    def _lose_media(self) -> None:
        """The room has crashed: its streams are gone, and whatever it was about to answer."""
        unanswered, self._open = self._open, {}
        for _, reply in unanswered.values():
            reply.refuse(Busy())
        lost = self._state.lose_media()
        if lost.streams or lost.sessions:
            self._pass_on(lost)

    def _keep_media_to_the_room(self) -> None:
        """Who is in no room has neither streams nor sessions, and brings none into the next."""
        if self._place.view is None and (self._state.streams or self._state.sessions):
            self._state.lose_media()

    # --- clients that go and come

    def _go_away(self, seconds: float) -> None:
        self._client = None
        if not seconds or self._place.view is None:
            self.ctx.stop("disconnected")
            return
        self._log("peer.went_away")
        self._away = Backlog(self._profile.queued_messages, self._profile.queued_bytes)
        self._overdue = self.ctx.tell_self_after(seconds, Overdue(self._generation))

    def _resume(self, order: Resume) -> None:
        if not self._profile.resume_seconds:
            raise ResumeRefused
        former, self._client = self._client, order.client
        backlog, self._away = self._away, None
        self._generation += 1
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
        if former is not None:
            former.close("replaced")
        self._log("peer.resumed")
        self._client.show(Resumed(order.tag, self._profile.dialect))
        for fact in backlog.facts if backlog is not None else ():
            self._client.show(fact)
        self._end_if_gone()

    def _end_if_gone(self) -> None:
        """Take the loss of a client that went while it was let in: no Lost will ever come."""
        if self._client is not None and self._client.gone:
            self._go_away(self._profile.resume_seconds)

    def _log(self, event: str, **values: object) -> None:
        self.ctx.log.info(event, peer=self._state.id, dialect=self._profile.realm, **values)
