"""A peer: one signalling session. Carries `peer_rules.PeerState` between a client and its room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from actors.core import (
    Actor,
    Down,
    Message,
    Ref,
    Request,
    Timer,
)
from actors.directory.directory import tell_directory
from actors.directory.messages import Identified
from actors.member.membership import AGAIN_SECONDS, Membership, Quit, Return
from actors.member.peer_rules import PeerState
from actors.room.room import FromRoom, ListMembers, Present, Say, SetPin
from actors.words.facts import (
    Extra,
    Fact,
    Introduced,
    JoinRefused,
    PeerLeft,
    Presence,
    Restarted,
    Said,
    Signalled,
)
from actors.words.refusals import Busy, NotInRoom, NotThatRoom
from actors.words.rooms import Admission, RoomSpec

FOLLOWED = 1000


class TooSlow(Exception):
    """Raised by `Client.show`: what is unsent has reached its limit."""


class Client(Protocol):
    """The far side of a peer: how a dialect shows facts to whoever is connected."""

    def show(self, fact: Fact) -> None:
        """Render and send; never blocks. Raises TooSlow."""

    @property
    def gone(self) -> bool:
        """Whether nobody is at the other end any more: a peer opened for it ends at once."""

    def close(self, reason: str) -> None:
        """Say goodbye in the dialect's way; `reason` is why the peer ended, or "replaced"."""


@dataclass(frozen=True, slots=True)
class Enter(Request[None]):
    """Join a room, leaving the present one; answered when Joined has been shown.

    Raises the room's refusal, after which the peer is in no room.
    """

    spec: RoomSpec
    tag: str
    agent: str = ""
    pin: str = ""
    account_to_join: bool = False
    account_to_create: bool = False
    address: str = ""  # as in Admission


@dataclass(frozen=True, slots=True)
class Exit(Message):
    """Leave the room, if in one."""


@dataclass(frozen=True, slots=True)
class SetStatus(Message):
    """Replace what the peer shows of itself: a JSON document as bytes."""

    status: bytes | None


@dataclass(frozen=True, slots=True)
class Post(Message):
    """Say something to everyone in the room, or to one of them; nothing happens outside one."""

    text: str
    extra: Extra | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class ChangePin(Request[None]):
    """Set the lock of the room named, which must be the present one. Raises NotThatRoom."""

    room: str
    tag: str
    pin: str | None


@dataclass(frozen=True, slots=True)
class ListRoom(Request[None]):
    """Show the members of the room. Raises NotInRoom."""

    tag: str


@dataclass(frozen=True, slots=True)
class Introduce(Message):
    """Show the client who it is."""

    tag: str


@dataclass(frozen=True, slots=True)
class GrantLogin(Request[None]):
    """Prepare a login as `user` by `nonce`. Raises AlreadyIdentified."""

    user: str
    nonce: str


@dataclass(frozen=True, slots=True)
class LogIn(Request[None]):
    """Become `user`. Raises AlreadyIdentified, NonceInvalid, NonceForAnotherUser."""

    user: str
    nonce: str
    tag: str


@dataclass(frozen=True, slots=True)
class Described(Message):
    """A peer and the name of the room it is in, or "" ."""

    presence: Presence
    room: str


@dataclass(frozen=True, slots=True)
class Describe(Request[Described]):
    pass


@dataclass(frozen=True, slots=True)
class Adopt(Request[None]):
    """Have another socket take this peer over; the present client is closed with "replaced".

    The peer keeps its place in the room but hears nothing from it until it enters again; if it does
    not within `grace` seconds it leaves, so that no ghost stays behind.
    """

    client: Client
    user: str
    grace: float


@dataclass(frozen=True, slots=True)
class Overdue(Message):
    """An adopted peer has not entered its room again."""

    client: Client


@dataclass(frozen=True, slots=True)
class Lost(Message):
    """The socket of this client is gone; nothing happens if another one has taken over.

    `leaving`: it said so itself, and whoever is in the room is told that the peer has left it.
    """

    client: Client
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Follow(Message):
    """Show PeerLeft when that peer ends; at most FOLLOWED peers, further ones are not followed."""

    peer: Ref[Message]
    id: str


@dataclass(frozen=True, slots=True)
class End(Message):
    """End the peer for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Register(Message):
    """Try again to tell the directory whose peer this is."""


class Peer(Actor[Message]):
    __slots__ = ("_client", "_followed", "_overdue", "_place", "_realm", "_state")

    kind = "peer"
    accepts = (
        FromRoom, JoinRefused, Signalled, Enter, Exit, SetStatus, Post, ChangePin, ListRoom,
        Introduce, GrantLogin, LogIn, Describe, Adopt, Overdue, Lost, Follow, End, Quit, Return,
        Register,
    )  # fmt: skip

    def __init__(self, peer: str, realm: str, user: str, client: Client) -> None:
        self._state = PeerState(peer, user)
        self._realm = realm
        self._client = client
        self._place = Membership(self, self._state, self._show)
        self._followed: dict[Ref[Message], str] = {}
        self._overdue: Timer | None = None  # of a client that took over and is in no room yet

    async def setup(self) -> None:
        self._register()
        self._log("peer.connected")
        try:
            self._client.show(Introduced("", self._state.user))
        except TooSlow:
            self.ctx.stop("too_slow")
        self._end_if_gone()

    async def handle(self, message: Message) -> object:
        try:
            return self._handle(message)
        except TooSlow:
            self.ctx.stop("too_slow")
            return None

    def _handle(self, message: Message) -> object:
        match message:
            case Signalled():  # first: these are by far the most
                self._client.show(message)
            case FromRoom(room, fact):
                self._place.hear(room, fact)
            case JoinRefused():
                self._place.turn_back(message)
            case Enter():
                self._enter(message)
            case Exit():
                self._place.exit()
            case SetStatus(status):
                self._state.set_status(status)
                self._present()
            case Post(text, extra, to):
                if self._place.present:
                    self._place.tell(Say(Said(self._state.id, to, text, extra)))
            case ChangePin():
                self._change_pin(message)
            case ListRoom(tag):
                if not self._place.present:
                    raise NotInRoom
                self._place.tell(ListMembers(self._state.id, tag))
            case Introduce(tag):
                self._client.show(Introduced(tag, self._state.user))
            case GrantLogin(user, nonce):
                self._state.grant_login(user, nonce, self.ctx.now())
            case LogIn():
                self._log_in(message)
            case Describe():
                view = self._place.view
                return Described(self._state.presence, view.key.name if view else "")
            case Adopt():
                self._adopt(message)
            case Overdue(client):
                if client is self._client:
                    self._place.leave_if_silent()
            case Lost(client, leaving):
                if client is self._client:
                    if leaving:
                        self._place.exit()
                    self.ctx.stop("disconnected")
            case Follow(peer, id_):
                self._follow(peer, id_)
            case End(reason):
                self.ctx.stop(reason)
            case Quit(room):
                self._place.quit_again(room)
            case Return(room, incarnation):
                self._place.rejoin(room, incarnation)
            case Register():
                self._register()
        return None

    def _follow(self, peer: Ref[Message], peer_id: str) -> None:
        if peer != self.ctx.self_ref and len(self._followed) < FOLLOWED:
            self._followed[peer] = peer_id
            self.ctx.watch(peer)

    async def on_down(self, down: Down) -> None:
        try:
            self._miss(down)
        except TooSlow:
            self.ctx.stop("too_slow")

    def _miss(self, down: Down) -> None:
        followed = self._followed.pop(down.ref, None)
        if followed is not None:
            self._client.show(PeerLeft(followed, gone=True))
        self._place.miss(down)

    async def teardown(self, reason: str) -> None:
        self._log("peer.ended", reason=reason)
        self._place.end()
        self._client.close(reason)

    def snapshot(self) -> Mapping[str, object]:
        view = self._place.view
        return {
            "dialect": self._realm,
            "room": view.key.slug if view else None,
            "logged_in": bool(self._state.user),
        }

    # --- the room

    def _enter(self, order: Enter) -> None:
        self._expect_nobody()
        self._state.enter(order.agent)
        admission = Admission(
            self._state.presence,
            order.pin,
            order.account_to_join,
            order.account_to_create,
            address=order.address,
        )
        self._place.enter(order.spec, admission, order.tag)

    def _change_pin(self, order: ChangePin) -> None:
        view = self._place.view
        if not self._place.present or view is None or view.key.name != order.room:
            raise NotThatRoom
        self._place.tell(SetPin(self._state.id, order.tag, order.pin))

    def _present(self) -> None:
        if self._place.present:
            self._place.tell(Present(self._state.presence))

    def _log(self, event: str, **values: object) -> None:
        self.ctx.log.info(event, peer=self._state.id, dialect=self._realm, **values)

    def _show(self, fact: Fact) -> None:
        if not isinstance(fact, Restarted):  # a crash of the room is silent
            self._client.show(fact)

    # --- who it is

    def _log_in(self, order: LogIn) -> None:
        self._state.log_in(order.user, order.nonce, self.ctx.now())
        self._log("peer.logged_in")
        self._register()
        self._client.show(Introduced(order.tag, order.user))
        self._present()

    def _adopt(self, order: Adopt) -> None:
        former, self._client = self._client, order.client
        former.close("replaced")
        self._log("peer.taken_over")
        self._state.begin_again()
        if order.user and not self._state.user:
            self._state.user = order.user
            self._register()
        self._expect_nobody()
        if self._place.fall_silent():
            self._overdue = self.ctx.tell_self_after(order.grace, Overdue(order.client))
        self._client.show(Introduced("", self._state.user))
        self._end_if_gone()

    def _expect_nobody(self) -> None:
        """Call the timer off: it would keep the client of each that took over, and its socket."""
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _end_if_gone(self) -> None:
        """End a peer whose socket went while it was being opened: no Lost will ever come."""
        if self._client.gone:
            self.ctx.stop("disconnected")

    def _register(self) -> None:
        """Tell the directory whose peer this is, once it can take it."""
        if self._state.user:
            try:
                known = Identified(self.ctx.self_ref, self._realm, self._state.user)
                tell_directory(self.ctx.registry, known)
            except Busy:
                self.ctx.tell_self_after(AGAIN_SECONDS, Register())
