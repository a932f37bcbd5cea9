"""One session's conversation: each message becomes an order to the peer, a relay, or an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trio import current_time, sleep

from actors.core import (
    STRANGERS_SPARE,
    ActorError,
    ActorStopped,
    MailboxFull,
    Message,
    Ref,
    Refused,
    Request,
)
from actors.member.client import TooSlow
from actors.member.messages import (
    End,
    Enter,
    Exit,
    Follow,
    Introduce,
    LogIn,
    PlaceOrder,
    Post,
    ReportQuality,
    SetStatus,
)
from actors.words.close_reasons import CloseReason
from actors.words.closings import ClosedByOperator
from actors.words.facts import Extra, Signalled
from actors.words.orders import ListMembers, Say, SetPin
from actors.words.refusals import NotInRoom, NotThatRoom, ShuttingDown, WrongPin
from api.http.call_reports import QualityReport, ReportRate
from api.http.credentials import TooManyAttempts
from api.spreed.contacts import settle, user_of
from api.spreed.errors import (
    REFUSALS,
    StatusTooLarge,
    Words,
    error_document,
    words_for,
    words_of_closed,
    words_of_join,
)
from api.spreed.pictures import with_kept_picture
from api.spreed.rooms import CONFERENCE, enter_order, pin_of, room_key, room_type
from api.spreed.sessions import look_up
from api.spreed.wire import (
    DIALECT,
    Authentication,
    CallFailedDocument,
    Chat,
    ChatStatus,
    Hello,
    Incoming,
    Malformed,
    RoomUpdate,
    SessionsRequest,
    addressed,
    body_of,
    chat_time,
    decode,
    encode,
    ids_of,
    name_in,
)

if TYPE_CHECKING:
    from api.spreed.events import SpreedClient
    from api.spreed.state import SpreedState

RELAYED = frozenset({"Offer", "Answer", "Candidate", "Bye"})
NEEDS_DOCUMENT = frozenset({"Hello", "Room", "Sessions", "Authentication"})


class ReceiverTooSlow(Exception):
    """Raised over a message to somebody who does not read all that this session sends him."""


class SpreedConversation:
    """Reads one socket to its end. Malformed and unknown messages are ignored."""

    __slots__ = ("_client", "_me", "_peer", "_rate", "_state")

    def __init__(self, state: SpreedState, client: SpreedClient, peer: Ref[Message]) -> None:
        self._state = state
        self._client = client
        self._peer = peer
        self._me = client.session.id
        self._rate: ReportRate | None = None  # most never report anything

    async def run(self) -> None:
        """Take messages until the socket or the peer ends: raises SocketClosed or ActorStopped."""
        socket = self._client.socket
        while True:
            await self._deal_with(*await socket.receive())  # waiting, it holds on to no message

    async def _deal_with(self, payload: bytes, is_text: bool) -> None:
        if not is_text:
            return
        try:
            incoming = decode(payload)
            if incoming.type in RELAYED:
                await self._relay(incoming)
            else:
                await self._take(incoming)
        except ReceiverTooSlow:
            self._fail(incoming, REFUSALS["receiver_too_slow"])
        except Malformed:
            return
        except TooSlow:
            await self._peer.send(End(CloseReason.TOO_SLOW))

    async def _take(self, incoming: Incoming) -> None:
        if incoming.type in NEEDS_DOCUMENT and not incoming.body:
            self._fail(incoming, Words("bad_request", f"message did not contain {incoming.type}"))
            return
        try:
            await HANDLERS[incoming.type](self, incoming)
        except TooManyAttempts:
            self._fail(incoming, REFUSALS["too_many_attempts"])
        except ActorStopped:
            raise
        except ClosedByOperator as closed:
            self._fail(incoming, words_of_closed(closed, self._client.clock()))
        except ActorError as error:
            self._fail(incoming, words_for(error))

    def _fail(self, incoming: Incoming, words: Words) -> None:
        if incoming.type == "Hello":
            words = words_of_join(words)
        self._client.answer(incoming.iid, error_document(words))

    async def _pace(self) -> None:
        """Wait before a room is told more, where somebody in it does not keep up with this one."""
        if pause := self._state.services.flows.pause(self._me, current_time()):
            await sleep(pause)

    async def _ask(self, order: Request[Any]) -> None:
        limits = self._state.services.settings().limits
        await self._peer.ask(order, within=limits.ask_seconds)

    # --- who and where

    async def _self(self, incoming: Incoming) -> None:
        await self._peer.send(Introduce(incoming.iid))

    async def _hello(self, incoming: Incoming) -> None:
        hello = body_of(incoming, Hello)
        await self._pace()
        try:
            if not self._state.services.lifecycle.accepting:
                raise ShuttingDown
            limits = self._state.services.settings().limits
            address = self._client.socket.upgrade.address
            order = enter_order(self._state.settings, limits, hello, incoming.iid, address)
            if order.pin:
                await self._enter_with_pin(order)
            else:
                await self._peer.ask(order, within=limits.ask_seconds)
        except (ActorError, TooManyAttempts):
            self._client.room = None
            await self._peer.send(Exit())  # who was refused is in no room
            raise

    async def _enter_with_pin(self, order: Enter) -> None:
        """Ask to join; the PIN is guarded against guessing by address and room."""
        key = (self._client.socket.upgrade.address, "room", order.spec.key.slug)
        guard = self._state.services.guard
        await guard.admit(*key)
        try:
            await self._ask(order)
        except WrongPin:
            guard.failed(*key)
            raise
        except BaseException:
            guard.undecided(*key)
            raise
        guard.succeeded(*key)

    async def _leave(self, _incoming: Incoming) -> None:
        self._client.room = None
        await self._peer.send(Exit())

    async def _room(self, incoming: Incoming) -> None:
        update = body_of(incoming, RoomUpdate)
        settings, room = self._state.settings, self._client.room
        kind = update.Type or (room.kind if room else room_type(settings, "", update.Name))
        pin = pin_of(update.Credentials, self._state.services.settings().limits)
        order = SetPin(room_key(settings, kind, update.Name).name, incoming.iid, pin)
        try:
            await self._ask(PlaceOrder(order))
        except NotInRoom:
            raise NotThatRoom from None

    async def _users(self, incoming: Incoming) -> None:
        await self._ask(PlaceOrder(ListMembers(incoming.iid)))

    async def _sessions(self, incoming: Incoming) -> None:
        request = body_of(incoming, SessionsRequest)
        found = await look_up(self._state, self._client.user, request)
        for ref, session in found.followed:
            await self._peer.send(Follow(ref, session))
        self._client.answer(incoming.iid, found.document)

    async def _authentication(self, incoming: Incoming) -> None:
        login = body_of(incoming, Authentication)
        try:
            await self._ask(LogIn(login.Userid, login.Nonce, incoming.iid))
        except Refused as refusal:
            address = self._client.socket.upgrade.address
            self._state.services.login_refused(DIALECT, refusal.code, address)
            raise

    async def _status(self, incoming: Incoming) -> None:
        limits = self._state.services.settings().limits
        status = incoming.body
        if b'"buddyPicture"' in status:
            address = self._client.socket.upgrade.address
            status = await with_kept_picture(self._state.pictures, self._me, status, address)
        if len(status) > limits.status_bytes:
            raise StatusTooLarge
        await self._pace()
        await self._peer.send(SetStatus(status or None, name_in(status)))

    async def _alive(self, incoming: Incoming) -> None:
        if incoming.body and not incoming.body.isdigit():
            raise Malformed
        alive = b',"Alive":%b' % incoming.body if incoming.body else b""
        self._client.answer(incoming.iid, b'{"Type":"Alive"%b}' % alive)

    # --- how its calls do

    async def _quality(self, incoming: Incoming) -> None:
        if self._reports().takes_quality(current_time()):
            report = body_of(incoming, QualityReport)
            await self._peer.send(ReportQuality(report.quality(self._client.clock())))

    async def _call_failed(self, incoming: Incoming) -> None:
        """Log and count it; whom the call was to is logged only if he is there."""
        failed, room = body_of(incoming, CallFailedDocument), self._client.room
        if room is not None and self._reports().takes_failure(current_time()):
            to = failed.to or incoming.to
            other = to if await self._state.peer(to) is not None else ""
            self._state.services.call_failed(
                failed.call, dialect=DIALECT, peer=self._me, room=room.key.name, other=other
            )

    def _reports(self) -> ReportRate:
        if self._rate is None:
            self._rate = ReportRate()
        return self._rate

    # --- to others

    async def _relay(self, incoming: Incoming) -> None:
        """Pass Offer, Answer, Candidate or Bye on as it is; only a Bye may come without a body."""
        if incoming.type in ("Offer", "Answer") and incoming.body[:1] != b"{":
            return
        if incoming.body or incoming.type == "Bye":
            self._client.partners.add(incoming.to)
            await self._signal(incoming.to, addressed(incoming.type, incoming.to, incoming.body))

    async def _signal(self, to: str, data: bytes) -> bool:
        """Tell another session something; False when there is no such session to take it."""
        target = await self._state.peer(to)
        if target is None:
            return False
        if self._state.services.flows.refuses(self._me, to, current_time()):
            raise ReceiverTooSlow
        try:
            target.tell(Signalled(self._me, data), spare=STRANGERS_SPARE)
        except (ActorStopped, MailboxFull):
            return False
        return True

    async def _chat(self, incoming: Incoming) -> None:
        chat, to = body_of(incoming, Chat), incoming.to
        if chat.Status and chat.Status.ContactRequest:
            other = await user_of(self._state, to)
            settled = settle(self._state, chat.Status.ContactRequest, self._client.user, other)
            if settled is None:
                return
            chat.Status.ContactRequest = settled
        if not chat.NoEcho:
            tell = self._client.echo if to else self._client.answer
            tell(incoming.iid, chat.document(to, chat.Time))
        document = chat.document(to, chat_time(self._client.clock()))
        if not to:
            extra = Extra(DIALECT, document)
            await self._post(Say(chat.Message, extra=extra, passing=chat.passing))
            return
        self._state.tallies.unicast_chats += chat.Status is None
        if not await self._signal(to, document):
            await self._say_to_member(to, chat.Message)
        elif chat.Mid:
            sent = Chat(Mid=chat.Mid, Status=ChatStatus(State="sent"))
            self._client.echo("", sent.document(to, ""))

    async def _post(self, order: Say) -> None:
        if self._client.room is not None:
            self._state.tallies.broadcast_chats += 1
            await self._peer.send(Post(order))

    async def _say_to_member(self, to: str, text: str) -> None:
        """Say something to who has no session here: a member of the room, of another dialect."""
        if text and self._client.room is not None:
            await self._peer.send(Post(Say(text, to)))

    async def _conference(self, incoming: Incoming) -> None:
        ids, room = ids_of(incoming), self._client.room
        if len(ids) > self._state.settings.conference_ids:
            return
        if room is not None and room.kind == CONFERENCE:
            return  # the server calls everybody itself
        data = encode({"Type": "Conference", "Id": incoming.id, "Conference": ids})
        for session in dict.fromkeys(ids):
            if session != self._me:
                with suppress(ReceiverTooSlow):  # the others hear it
                    await self._signal(session, data)


HANDLERS: dict[str, Callable[[SpreedConversation, Incoming], Awaitable[None]]] = {
    "Self": SpreedConversation._self,
    "Hello": SpreedConversation._hello,
    "Leave": SpreedConversation._leave,
    "Room": SpreedConversation._room,
    "Users": SpreedConversation._users,
    "Status": SpreedConversation._status,
    "Quality": SpreedConversation._quality,
    "CallFailed": SpreedConversation._call_failed,
    "Chat": SpreedConversation._chat,
    "Conference": SpreedConversation._conference,
    "Alive": SpreedConversation._alive,
    "Sessions": SpreedConversation._sessions,
    "Authentication": SpreedConversation._authentication,
}
