"""One MQTT client on its websocket, from CONNECT to the end.

The task that serves the socket reads and answers. Events come from the endpoints' actors, which
call `hear` and `lose`: those never wait.
"""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

import structlog
import trio

from actors.core import ActorError, ActorStopped, MailboxFull
from actors.endpoint.endpoint import Acknowledge, ResumeDelivery
from actors.words.close_reasons import CloseReason
from api.auvious.mqtt.encoding import PINGRESP
from api.auvious.mqtt.packets import (
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PubAck,
    Subscribe,
    Unsubscribe,
)
from api.auvious.mqtt.reasons import CLOSE_CODES, READS_TOO_SLOWLY, Reason
from api.auvious.mqtt.session import MqttSession, MqttSessionEnded, Outgoing
from api.auvious.mqtt.subscribing import Subscriptions
from api.auvious.state import DIALECT
from api.auvious.tokens import TokenInvalid
from api.http.carriers.pacing import LATE_SECONDS, RateWindow
from api.http.sockets import Socket, SocketClosed, SocketFull, SourceFull

if TYPE_CHECKING:
    from actors.endpoint.rules import Delivery
    from api.auvious.mqtt.listener import MqttListener
    from api.auvious.state import AuviousState

KEEP_ALIVE_FACTOR = 1.5  # of the interval the client named (3.1.1, 3.1.2.10)
SHUT_DOWN = frozenset({CloseReason.SHUTTING_DOWN, CloseReason.SHUTDOWN})

log = structlog.get_logger(__name__)


class MqttClient:
    """Serves one websocket; `run` returns when the session has ended, whoever ended it."""

    __slots__ = (
        "_begun_at",
        "_end",
        "_expires_at",
        "_heard_at",
        "_pace",
        "_patience",
        "_session",
        "_silence",
        "_socket",
        "_stalls_at",
        "_state",
        "_subscriptions",
        "_unsettled",
        "_waiting",
        "_whole_within",
        "gone",
    )  # fmt: skip

    def __init__(self, state: AuviousState, socket: Socket) -> None:
        settings = state.settings.mqtt
        self.gone = False
        self._state = state
        self._socket = socket
        self._patience = settings.acknowledge_seconds
        self._session: MqttSession[MqttListener] = MqttSession(
            settings.packet_bytes, settings.inflight
        )
        self._pace = RateWindow(settings.packets_per_second)
        self._subscriptions: Subscriptions | None = None  # once let in
        self._unsettled: list[tuple[MqttListener, int]] = []
        self._end: MqttSessionEnded | None = None
        self._waiting = trio.CancelScope()  # around the wait for the next frame
        self._heard_at = trio.current_time()
        limits = state.services.settings().limits
        self._silence = limits.header_seconds  # until CONNECT
        self._whole_within = limits.message_seconds
        self._begun_at = self._expires_at = self._stalls_at = inf

    async def run(self) -> None:
        """Converse to the end; nothing is left at any endpoint."""
        try:
            while True:
                for packet in self._session.receive(await self._receive()):
                    self._socket.count_kept(self._session.kept)
                    self._heard_at, self._begun_at = trio.current_time(), inf
                    delay = self._pace.take(self._heard_at)
                    if delay:
                        await trio.sleep(delay)
                    await self._take(packet)
                self._note_the_rest()
        except MqttSessionEnded as end:
            self._finish(end)
        except SocketClosed:
            if self._end is None:
                log.info("mqtt.ended", reason="connection_lost")
        finally:
            self.gone = True
            if self._subscriptions is not None:
                self._subscriptions.leave()

    # --- waiting

    def _note_the_rest(self) -> None:
        """Have what is no whole packet yet counted; it has to be whole in time."""
        self._socket.count_kept(self._session.kept)
        if not self._session.kept:
            self._begun_at = inf
        elif self._begun_at == inf:
            self._begun_at = trio.current_time()

    async def _receive(self) -> bytes:
        """Return the next frame. Raises Ended at the first deadline that passes."""
        while True:
            self._check_deadlines()
            self._waiting = trio.CancelScope(deadline=self._deadline())
            with self._waiting:
                payload, is_text = await self._socket.receive()
                if is_text:
                    raise self._session.end(Reason.PROTOCOL_ERROR, "a text frame")
                return payload
            late = trio.current_time() - self._waiting.deadline
            if late > LATE_SECONDS:  # we stood still, and have not read yet what came meanwhile
                self._heard_at += late
                self._begun_at += late
                self._stalls_at += late

    def _deadline(self) -> float:
        return min(
            self._heard_at + self._silence,
            self._begun_at + self._whole_within,
            self._expires_at,
            self._stalls_at,
        )

    def _check_deadlines(self) -> None:
        if self._end is not None:
            raise self._end
        now = trio.current_time()
        if now >= self._expires_at:
            raise self._session.end(Reason.NOT_AUTHORIZED, "the token has ended")
        if now >= self._stalls_at:
            raise self._session.end(Reason.QUOTA_EXCEEDED, "acknowledges nothing")
        if now >= self._begun_at + self._whole_within:
            raise self._session.end(Reason.KEEP_ALIVE_TIMEOUT, "a packet took too long")
        if now >= self._heard_at + self._silence:
            raise self._session.end(Reason.KEEP_ALIVE_TIMEOUT, "silent for too long")

    def shut_down(self) -> None:
        """End the session because the server goes."""
        self._finish(self._session.end(Reason.SHUTTING_DOWN, "the server is shutting down"))

    def displace(self) -> None:
        """End the session because its client has opened another."""
        self._finish(self._session.end(Reason.SESSION_TAKEN_OVER, "taken over"))

    def _finish(self, end: MqttSessionEnded) -> None:
        """End the session, from whichever task: say why, and close; what is unsent goes first."""
        if self._end is not None:
            return
        self._end = end
        self.gone = True
        log.info("mqtt.ended", reason=end.reason.name.lower(), why=end.why)
        if end.answer is not None:
            with suppress(SocketFull):
                self._socket.push(end.answer, text=False)
        self._socket.close(CLOSE_CODES.get(end.reason, 1000), end.why)

    # --- what the client says

    async def _take(self, packet: Packet) -> None:
        match packet:
            case PubAck(packet_id):
                await self._acknowledged(packet_id)
            case PingReq():
                self._push(PINGRESP)
            case Connect():
                self._connect(packet)
            case Subscribe():
                await self._subscribe(packet)
            case Unsubscribe(packet_id, topics):
                results = self._subscribed().remove(topics)
                self._push(self._session.unsuback(packet_id, results))
            case Disconnect():
                raise MqttSessionEnded(Reason.SUCCESS, "disconnected")
        while self._unsettled:
            listener, number = self._unsettled.pop()
            await self._tell(listener, Acknowledge(number))

    def _connect(self, connect: Connect) -> None:
        try:
            self._let_in(connect)
        except MqttSessionEnded as refused:
            address, reason = self._socket.upgrade.address, refused.reason.name.lower()
            self._state.services.login_refused(DIALECT, reason, address)
            raise

    def _let_in(self, connect: Connect) -> None:
        """Check who it is: the user of the token that is the password."""
        session = self._session
        session.check(connect)
        if not self._state.services.lifecycle.accepting:
            raise session.refuse(Reason.SHUTTING_DOWN, "the server is shutting down")
        try:
            principal = self._state.tokens.verify((connect.password or b"").decode("latin-1"))
        except TokenInvalid:
            raise session.refuse(Reason.BAD_CREDENTIALS, "the token is not valid") from None
        if connect.user != principal.user:
            raise session.refuse(Reason.NOT_AUTHORIZED, "the token is another user's")
        self._silence = connect.keep_alive * KEEP_ALIVE_FACTOR or inf
        self._expires_at = trio.current_time() + principal.expires_at - time.time()
        self._subscriptions = Subscriptions(self._state, self, principal, connect.client_id)
        self._push(session.welcome(connect))
        address = self._socket.upgrade.address
        log.info("mqtt.connected", version=int(connect.version), address=address)

    async def _subscribe(self, packet: Subscribe) -> None:
        if packet.identified:
            raise self._session.end(Reason.IDENTIFIERS_NOT_SUPPORTED, "subscription identifiers")
        results, fresh = await self._subscribed().add(packet.wishes)
        self._push(self._session.suback(packet.packet_id, results))
        for listener in fresh:
            await self._tell(listener, ResumeDelivery(listener))

    async def _acknowledged(self, packet_id: int) -> None:
        found = self._session.acknowledge(packet_id)
        if found is None:
            return
        self._stalls_at = inf
        listener, number = found
        await self._tell(listener, Acknowledge(number))
        for each in list(self._subscribed()):
            if each.starved:
                each.starved = False
                await self._tell(each, ResumeDelivery(each))

    def _subscribed(self) -> Subscriptions:
        assert self._subscriptions is not None  # noqa: S101  a session takes CONNECT first
        return self._subscriptions

    async def _tell(self, listener: MqttListener, message: Acknowledge | ResumeDelivery) -> None:
        """Tell an endpoint, waiting for its mailbox within limits.ask_seconds."""
        try:
            listener.ref.tell(message)
            return
        except MailboxFull:
            pass
        except ActorStopped:
            return
        with trio.move_on_after(self._state.services.settings().limits.ask_seconds):
            with suppress(ActorStopped):
                await listener.ref.send(message)
            return
        raise self._session.end(Reason.SERVER_BUSY, "busy")

    def _push(self, packet: bytes) -> None:
        try:
            self._socket.push(packet, text=False)
        except SocketFull:
            raise self._session.end(Reason.QUOTA_EXCEEDED, READS_TOO_SLOWLY) from None

    # --- what the endpoints say, in their tasks

    def hear(self, listener: MqttListener, delivery: Delivery) -> bool:
        """Send an event; False while too much is unacknowledged."""
        if self.gone:
            return True
        outgoing = self._session.publish(
            listener, listener.subscription, delivery.sequence, delivery.payload, delivery.qos,
            again=delivery.redelivered,
        )  # fmt: skip
        if outgoing is None:
            listener.starved = True
            return False
        if outgoing.packet and not self._pass_on(outgoing, delivery.source):
            listener.starved = True
            return False
        if self.gone:
            return True
        if outgoing.settled:
            self._settle(listener, delivery.sequence)
        if self._session.is_full and self._stalls_at == inf:
            self._stalls_at = trio.current_time() + self._patience
            self._waiting.deadline = self._deadline()
        return True

    def _pass_on(self, outgoing: Outgoing, source: str) -> bool:
        """Send an event; False where more of its source waits here than his part, and it as well.

        One of QoS 0 is left out then: it comes at most once.
        """
        try:
            self._socket.push(outgoing.packet, text=False, source=source)
        except SourceFull:
            if not outgoing.packet_id:
                return True
            if self._session.take_back(outgoing.packet_id):
                return False
            return self._pass_on(outgoing, "")  # no acknowledgement is due that makes room
        except SocketFull:
            self._finish(self._session.end(Reason.QUOTA_EXCEEDED, READS_TOO_SLOWLY))
        return True

    def _settle(self, listener: MqttListener, number: int) -> None:
        """Tell its own endpoint that an event needs no acknowledgement, now or a little later."""
        try:
            listener.ref.tell(Acknowledge(number))
        except MailboxFull:
            self._unsettled.append((listener, number))  # bounded: as many as the outbox keeps
        except ActorError:
            pass

    def lose(self, listener: MqttListener, reason: CloseReason, words: str) -> None:
        """Drop the subscription to an endpoint that has ended; with the last, the session ends."""
        subscriptions = self._subscribed()
        subscriptions.lose(listener)
        if not subscriptions:
            code = Reason.SHUTTING_DOWN if reason in SHUT_DOWN else Reason.ADMINISTRATIVE_ACTION
            self._finish(self._session.end(code, f"the endpoint has ended: {words}"))
