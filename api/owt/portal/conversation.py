"""One connection's conversation: each request becomes an order to the participant, or an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError, ActorStopped, Message, Ref
from actors.member.client import TooSlow
from actors.member.member import Member
from actors.member.messages import End, Enter, Lost, PlaceOrder, RefuseSecond, Resume
from actors.words.close_reasons import CloseReason
from actors.words.keys import MemberKey
from actors.words.orders import GetRegion, Order, Unpublish, Unsubscribe
from actors.words.where_from import WhereFrom
from api.http.devices import device_of
from api.owt.live_rooms import LiveRooms
from api.owt.portal import orders
from api.owt.portal import requests as wire
from api.owt.portal.client import PortalClient
from api.owt.portal.errors import BAD_PUBLICATION, CLIENT_UNKNOWN, ILLEGAL_REQUEST, words_for
from api.owt.portal.login import BadLogin, PortalLoginFailed, login_words, redeem, returning
from api.owt.portal.requests import BadRequest, read
from api.owt.rooms import DIALECT, REALM
from api.owt.socketio.connection import (
    PAGE_LEFT,
    ConnectionClosed,
    IncomingEvent,
    SocketioConnection,
)

if TYPE_CHECKING:
    from api.owt.state import OwtState

GOODBYE_SECONDS = 5.0


async def serve(state: OwtState, connection: SocketioConnection) -> None:
    """Hold one connection from its first event to its end."""
    conversation = PortalConversation(state, connection)
    try:
        await conversation.run()
    except (ConnectionClosed, ActorStopped, TooSlow):
        pass  # either side has ended; the other is told below
    finally:
        await conversation.end()


class PortalConversation:
    """Reads one connection. What is asked is answered in order, one request after the other."""

    __slots__ = ("_client", "_connection", "_participant", "_state")

    def __init__(self, state: OwtState, connection: SocketioConnection) -> None:
        self._state = state
        self._connection = connection
        self._client: PortalClient | None = None
        self._participant: Ref[Message] | None = None

    async def run(self) -> None:
        """Take requests until the connection or the participant ends; return if none logs in.

        Raises ConnectionClosed, ActorStopped, TooSlow.
        """
        login_by = trio.current_time() + self._state.settings.login_seconds
        while True:
            with trio.CancelScope(deadline=inf if self._participant else login_by) as scope:
                incoming = await self._connection.receive()
            if scope.cancelled_caught:
                return
            await self._take(incoming)

    async def end(self) -> None:
        """Tell the participant that its connection is gone; bounded, since it is shielded."""
        if self._participant is not None and self._client is not None:
            goodbye = Lost(self._client, leaving=self._connection.closed == PAGE_LEFT)
            with trio.move_on_after(GOODBYE_SECONDS, shield=True), suppress(ActorStopped):
                await self._participant.send(goodbye)

    async def _take(self, incoming: IncomingEvent) -> None:
        handler = BEFORE_LOGIN.get(incoming.name)
        if (handler is None) == (self._participant is None):
            self._fail(incoming, ILLEGAL_REQUEST)
            return
        try:
            await (handler or AFTER_LOGIN.get(incoming.name, PortalConversation._unknown))(
                self, incoming
            )
        except BadRequest as bad:
            self._fail(incoming, str(bad))
        except PortalLoginFailed as failure:
            self._log_refusal(failure)
            self._fail(incoming, str(failure))
            self._connection.disconnect()
        except ActorStopped:
            raise
        except ActorError as error:
            self._fail(incoming, words_for(error, _id_of(incoming)))

    def _answer(self, incoming: IncomingEvent, *data: object) -> None:
        if incoming.ack is not None:
            self._connection.ack(incoming.ack, "ok", *data)

    def _fail(self, incoming: IncomingEvent, words: str) -> None:
        if incoming.ack is not None:
            self._connection.ack(incoming.ack, "error", words)

    def _log_refusal(self, failure: PortalLoginFailed) -> None:
        reason = "bad request" if isinstance(failure, BadLogin) else str(failure)
        self._state.services.login_refused(DIALECT, reason, self._connection.address)

    # --- in and out

    @property
    def _where(self) -> WhereFrom:
        device = device_of(self._connection.user_agent)
        return self._state.services.where_from(self._connection.address, device)

    async def _login(self, incoming: IncomingEvent) -> None:
        state, connection = self._state, self._connection
        try:
            login = read(wire.Login, _data(incoming))
        except BadRequest as bad:
            raise BadLogin(str(bad)) from None
        entry = await redeem(state, login, connection.id, connection.address)
        client = PortalClient(
            state,
            connection,
            connection.id,
            incoming.ack,
            entry.version,
            entry.spec.conference.views if entry.spec.conference is not None else (),
        )
        entry.identity.where = self._where
        key = MemberKey(REALM, connection.id)
        new = partial(Member, entry.identity, entry.profile, client)
        participant: Ref[Message] | None = None
        try:
            participant = await state.services.directory.open_member(key, new, RefuseSecond())
        except ActorError as error:
            raise PortalLoginFailed(login_words(error)) from None
        finally:
            client.gone = participant is None  # it may still be opened, with nobody to end it
        self._client, self._participant = client, participant
        try:
            await participant.ask(Enter(entry.spec, ""), within=state.ask_seconds)
        except ActorError as error:
            self._fail(incoming, login_words(error))
            connection.disconnect()
            with suppress(ActorError):
                participant.tell(End(CloseReason.REFUSED))
        room = entry.spec.key.name
        if state.was_deleted(room):  # after it was looked up: nobody else would end it
            await LiveRooms(state).close(room)
        elif state.was_changed(room, entry.changes):
            await LiveRooms(state).follow(room)

    async def _relogin(self, incoming: IncomingEvent) -> None:
        state, connection = self._state, self._connection
        ticket = _data(incoming)
        id_, participant = await returning(
            state, ticket if isinstance(ticket, str) else "", connection.address
        )
        client = PortalClient(state, connection, id_, incoming.ack)
        self._client, self._participant = client, participant
        try:
            order = Resume(client, "", where=self._where)
            await participant.ask(order, within=state.ask_seconds)
        except ActorStopped:
            raise PortalLoginFailed(CLIENT_UNKNOWN) from None
        except ActorError as error:
            raise PortalLoginFailed(words_for(error)) from None

    async def _refresh(self, incoming: IncomingEvent) -> None:
        assert self._client is not None  # noqa: S101  there with the participant
        self._answer(incoming, self._client.ticket())

    async def _logout(self, incoming: IncomingEvent) -> None:
        self._answer(incoming)
        assert self._participant is not None  # noqa: S101  checked before
        await self._participant.send(End(CloseReason.LOGOUT))

    # --- in the room

    async def _text(self, incoming: IncomingEvent) -> None:
        await self._do(orders.say(read(wire.Text, _data(incoming))))
        self._answer(incoming)

    async def _pace(self) -> None:
        """Wait before a room is told more, where somebody in it does not keep up with this one."""
        assert self._client is not None  # noqa: S101  there with the participant
        flows = self._state.services.flows
        await trio.sleep(flows.pause(self._client.participant, trio.current_time()))

    async def _publish(self, incoming: IncomingEvent) -> None:
        await self._pace()
        request = read(wire.PublishRequest, _data(incoming))
        order = orders.publish(request, self._state.settings.attribute_bytes)
        if order.audio_origin is None and order.video_origin is None:
            raise BadRequest(BAD_PUBLICATION)
        self._answer(incoming, {"id": await self._do(order)})

    async def _unpublish(self, incoming: IncomingEvent) -> None:
        await self._do(Unpublish(read(wire.Named, _data(incoming)).id))
        self._answer(incoming)

    async def _subscribe(self, incoming: IncomingEvent) -> None:
        order = orders.subscribe(read(wire.SubscribeRequest, _data(incoming)))
        self._answer(incoming, {"id": await self._do(order)})

    async def _unsubscribe(self, incoming: IncomingEvent) -> None:
        await self._do(Unsubscribe(read(wire.Named, _data(incoming)).id))
        self._answer(incoming)

    async def _control_stream(self, incoming: IncomingEvent) -> None:
        await self._pace()
        order = orders.control_stream(wire.read_stream_control(_data(incoming)))
        found = await self._do(order)
        self._answer(incoming, *([{"region": found}] if isinstance(order, GetRegion) else []))

    async def _control_subscription(self, incoming: IncomingEvent) -> None:
        request = wire.read_subscription_control(_data(incoming))
        await self._do(orders.control_subscription(request))
        self._answer(incoming)

    async def _soac(self, incoming: IncomingEvent) -> None:
        order = orders.signalling(read(wire.Soac, _data(incoming)), self._connection.address)
        if order is not None:
            await self._do(order)
        self._answer(incoming)

    async def _unknown(self, _incoming: IncomingEvent) -> None:
        raise BadRequest(ILLEGAL_REQUEST)

    async def _do(self, order: Order) -> str | None:
        assert self._participant is not None  # noqa: S101  checked before
        return await self._participant.ask(PlaceOrder(order), within=self._state.ask_seconds)


Handler = Callable[[PortalConversation, IncomingEvent], Awaitable[None]]

BEFORE_LOGIN: dict[str, Handler] = {
    "login": PortalConversation._login,
    "relogin": PortalConversation._relogin,
}
AFTER_LOGIN: dict[str, Handler] = {
    "refreshReconnectionTicket": PortalConversation._refresh,
    "logout": PortalConversation._logout,
    "text": PortalConversation._text,
    "publish": PortalConversation._publish,
    "unpublish": PortalConversation._unpublish,
    "subscribe": PortalConversation._subscribe,
    "unsubscribe": PortalConversation._unsubscribe,
    "stream-control": PortalConversation._control_stream,
    "subscription-control": PortalConversation._control_subscription,
    "soac": PortalConversation._soac,
}


def _data(incoming: IncomingEvent) -> object:
    return incoming.args[0] if incoming.args else None


def _id_of(incoming: IncomingEvent) -> str:
    """Return the stream, subscription or session that a request has named."""
    match _data(incoming):
        case {"id": str(id_)}:
            return id_
    return ""
