"""A peer: one signalling session. Carries `domain.peer.PeerState` between a client and its room."""

from __future__ import annotations

from collections.abc import Mapping
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
    Request,
)
from actors.domain.events import (
    Card,
    Fact,
    Introduced,
    Joined,
    JoinRefused,
    OrderRefused,
    PeerLeft,
    RoomClosed,
    RoomView,
    Signalled,
)
from actors.domain.ids import RoomKey
from actors.domain.peer import PeerState
from actors.domain.refusals import Busy, NotInRoom, NotThatRoom
from actors.domain.room import Admission, RoomSpec
from actors.hub import HUB, Admit, Identified
from actors.room import Leave, ListMembers, Present, Rejoin, Say, SetPin

FOLLOWED = 1000


class TooSlow(Exception):
    """Raised by `Client.show`: what is unsent has reached its limit."""


class Client(Protocol):
    """The far side of a peer: how a dialect shows facts to whoever is connected."""

    def show(self, fact: Fact) -> None:
        """Render and send; never blocks. Raises TooSlow."""

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


@dataclass(frozen=True, slots=True)
class Exit(Message):
    """Leave the room, if in one."""


@dataclass(frozen=True, slots=True)
class SetStatus(Message):
    """Replace what the peer shows of itself: a JSON document as bytes."""

    status: bytes | None


@dataclass(frozen=True, slots=True)
class Post(Message):
    """Say something to everyone in the room; nothing happens outside one."""

    body: bytes


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

    card: Card
    room: str


@dataclass(frozen=True, slots=True)
class Describe(Request[Described]):
    pass


@dataclass(frozen=True, slots=True)
class Adopt(Message):
    """Another socket takes this peer over; the present client is closed with "replaced".

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
    """The socket of this client is gone; nothing happens if another one has taken over."""

    client: Client


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
class Quit(Message):
    """Try again to leave a room whose mailbox was full."""

    room: Ref[Message]


class Peer(Actor[Message]):
    kind = "peer"
    accepts = (
        Fact, Enter, Exit, SetStatus, Post, ChangePin, ListRoom, Introduce, GrantLogin, LogIn,
        Describe, Adopt, Overdue, Lost, Follow, End, Quit,
    )  # fmt: skip

    def __init__(self, peer: str, realm: str, user: str, client: Client) -> None:
        self._state = PeerState(peer, user)
        self._realm = realm
        self._client = client
        self._room: Ref[Message] | None = None
        self._view: RoomView | None = None
        self._silent = False  # adopted, and not entered again yet
        self._wanted: RoomKey | None = None  # entering this room, not in it yet
        self._entering: ReplyTo[None] | None = None
        self._followed: dict[Ref[Message], str] = {}

    async def setup(self) -> None:
        if self._state.user:
            self._tell_hub(Identified(self.ctx.self_ref, self._realm, self._state.user))
        self._client.show(Introduced("", self._state.user))

    async def handle(self, message: Message) -> object:
        try:
            return self._handle(message)
        except TooSlow:
            self.ctx.stop("too_slow")
            return None

    def _handle(self, message: Message) -> object:
        match message:
            case Fact():
                self._hear(message)
            case Enter():
                self._enter(message)
            case Exit():
                self._exit()
            case SetStatus(status):
                self._state.set_status(status)
                self._present()
            case Post(body):
                if self._room is not None and not self._silent:
                    self._tell_room(Say(self._state.id, body))
            case ChangePin(room, tag, pin):
                if self._silent or self._view is None or self._view.key.name != room:
                    raise NotThatRoom
                self._tell_room(SetPin(self._state.id, tag, pin))
            case ListRoom(tag):
                if self._silent or self._room is None:
                    raise NotInRoom
                self._tell_room(ListMembers(self._state.id, tag))
            case Introduce(tag):
                self._client.show(Introduced(tag, self._state.user))
            case GrantLogin(user, nonce):
                self._state.grant_login(user, nonce, self.ctx.now())
            case LogIn():
                self._log_in(message)
            case Describe():
                room = self._view.key.slug if self._view else ""
                return Described(self._state.card, room)
            case Adopt():
                self._adopt(message)
            case Overdue(client):
                if client is self._client and self._silent:
                    self._exit()
            case Lost(client):
                if client is self._client:
                    self.ctx.stop("disconnected")
            case Follow(peer, id_):
                self._follow(peer, id_)
            case End(reason):
                self.ctx.stop(reason)
            case Quit(room):
                self._quit(room)
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
        if down.ref != self._room or self._view is None:
            return
        if down.restarting:
            try:
                down.ref.tell(Rejoin(self.ctx.self_ref, self._state.card))
                return
            except ActorError:
                pass  # there is no way back: as if the room had ended
        view, silent = self._view, self._silent
        self._forget_room()
        if not silent:
            self._client.show(RoomClosed(view))

    async def teardown(self, reason: str) -> None:
        if self._room is not None:
            with suppress(ActorError):  # the room watches us as well
                self._room.tell(Leave(self._state.id, gone=True))
        self._client.close(reason)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "dialect": self._realm,
            "room": self._view.key.slug if self._view else None,
            "logged_in": bool(self._state.user),
        }

    # --- the room

    def _enter(self, order: Enter) -> None:
        self._conclude(Busy())  # an earlier order that is still open is overtaken
        if self._view is not None and self._view.key != order.spec.key:
            self._exit()
        self._silent = False
        self._state.enter(order.agent)
        admission = Admission(
            self._state.card, order.pin, order.account_to_join, order.account_to_create
        )
        self._tell_hub(Admit(self.ctx.self_ref, order.spec, admission, order.tag))
        self._wanted = order.spec.key
        self._entering = self.ctx.defer()

    def _exit(self) -> None:
        self._conclude(Busy())
        room = self._room
        self._forget_room()
        if room is not None:
            self._quit(room)

    def _quit(self, room: Ref[Message]) -> None:
        try:
            room.tell(Leave(self._state.id, gone=False))
        except ActorStopped:
            pass
        except MailboxFull:
            self.ctx.tell_self_after(0.05, Quit(room))

    def _hear(self, fact: Fact) -> None:
        match fact:
            case Joined():
                self._arrive(fact)
            case JoinRefused():
                if fact.room == self._wanted:
                    self._forget_room()
                    self._conclude(fact.refusal)
            case Signalled() | OrderRefused():
                self._client.show(fact)
            case _ if self._room is not None and not self._silent:
                self._client.show(fact)

    def _arrive(self, joined: Joined) -> None:
        room = self.ctx.registry.find(joined.room.key.path)
        if room is None:
            return
        if self._wanted != joined.room.key:
            self._quit(room)  # the client has changed its mind meanwhile
            return
        self._room, self._view, self._wanted = room, joined.room, None
        self.ctx.watch(room)
        self._client.show(joined)
        self._conclude(None)

    def _forget_room(self) -> None:
        if self._room is not None:
            self.ctx.unwatch(self._room)
        self._room = self._view = self._wanted = None
        self._silent = False

    def _conclude(self, refusal: Refused | None) -> None:
        """Answer the open Enter, if there is one."""
        entering, self._entering = self._entering, None
        if entering is None:
            return
        if refusal is None:
            entering.reply(None)
        else:
            entering.refuse(refusal)

    def _present(self) -> None:
        if self._room is not None and not self._silent:
            self._tell_room(Present(self._state.card))

    # --- who it is

    def _log_in(self, order: LogIn) -> None:
        self._state.log_in(order.user, order.nonce, self.ctx.now())
        self._tell_hub(Identified(self.ctx.self_ref, self._realm, order.user))
        self._client.show(Introduced(order.tag, order.user))
        self._present()

    def _adopt(self, order: Adopt) -> None:
        former, self._client = self._client, order.client
        former.close("replaced")
        self._conclude(Busy())
        self._wanted = None
        self._state.begin_again()
        if order.user and not self._state.user:
            self._state.user = order.user
            self._tell_hub(Identified(self.ctx.self_ref, self._realm, order.user))
        if self._room is not None:
            self._silent = True
            self.ctx.tell_self_after(order.grace, Overdue(order.client))
        self._client.show(Introduced("", self._state.user))

    # --- telling

    def _tell_room(self, message: Message) -> None:
        """Tell the room. Raises Busy when it cannot take more; a room that ended says so itself."""
        if self._room is None:
            return
        try:
            self._room.tell(message)
        except MailboxFull:
            raise Busy from None
        except ActorStopped:
            pass

    def _tell_hub(self, message: Message) -> None:
        hub = self.ctx.registry.find(HUB)
        if hub is None:
            raise Busy
        try:
            hub.tell(message)
        except ActorError:
            raise Busy from None
