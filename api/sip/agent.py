"""The user agent of SIP: messages and times in, messages and calls out; it opens no socket.

Its owner hands it what comes (`receive`, `lost`), calls `tick` when `due` says so, and soon after
the hook `wake`; after each of these it sends what `outgoing` returns.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable

from sipmessage import URI, Request, Response

from actors.words.calls import CallDescription, CallEnd, CallRefused
from api.sip.auth import Credentials
from api.sip.dialogs import Dialog, contact_of
from api.sip.flows import Flow
from api.sip.header_text import read_uri
from api.sip.incoming_requests import IncomingRequests
from api.sip.leg import SipLeg
from api.sip.messages import BadMessage, parse, response_to
from api.sip.registration import Registration, Registrations
from api.sip.transaction_events import (
    GotResponse,
    NewRequest,
    NotAcknowledged,
    TimedOut,
    TransactionEvent,
    TransportFailed,
)
from api.sip.transactions import TransactionLayer
from api.sip.user_agent_words import AgentHooks, AgentSettings, Invited, Phase, Sender

__all__ = [
    "AgentHooks", "AgentSettings", "Credentials", "Invited", "Registration", "SipLeg", "UserAgent",
]  # fmt: skip


class UserAgent:
    """All calls and registrations. `settings`, `hooks` and `legs` are for its own parts."""

    def __init__(self, settings: AgentSettings, layer: TransactionLayer, hooks: AgentHooks) -> None:
        self.settings = settings
        self.hooks = hooks
        self.legs: dict[tuple[str, str], SipLeg] = {}  # by Call-ID and our tag
        self._layer = layer
        self._requests = IncomingRequests(self)
        self._registrations = Registrations(self)
        self._senders: dict[str, Sender] = {}
        self._orders: deque[Callable[[float], None]] = deque()

    # Of the owner

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message: a datagram, or what the framing of a connection has cut out."""
        self._do_orders(now)
        try:
            message = parse(data)
        except BadMessage as bad:
            if bad.answerable is not None:
                self._layer.send_stateless(
                    response_to(bad.answerable, bad.status, bad.words, secrets.token_hex(8)), flow
                )
            return
        event = self._layer.receive(message, flow, now)
        if event is not None:
            self._take(event, now)

    def lost(self, flow: Flow, now: float) -> None:
        """Take that a connection has gone, or that a datagram could not be sent.

        A call that stands goes on: the other side may come back over another connection.
        """
        for event in self._layer.lost(flow, now):
            self._take(event, now)
        self._registrations.lost(flow, now)

    def due(self) -> float:
        """Return when `tick` has something to do; infinity if nothing runs."""
        if self._orders:
            return 0.0
        return min(
            self._layer.due(),
            self._registrations.due(),
            *(leg.due() for leg in self.legs.values()),
        )

    def tick(self, now: float) -> None:
        """Do what is due, and what the owners of calls have asked for."""
        self._do_orders(now)
        for event in self._layer.tick(now):
            self._take(event, now)
        for leg in [*self.legs.values()]:
            if now >= leg.due():
                leg.tick(now)
        self._registrations.tick(now)

    def outgoing(self) -> list[tuple[Flow, bytes]]:
        """Return what is to be sent, in order, and forget it."""
        return self._layer.outgoing()

    def dial(
        self, uri: str, flow: Flow, credentials: Credentials | None, local: str,
        offer: CallDescription, ring_seconds: float, now: float,
    ) -> SipLeg:  # fmt: skip
        """Call somebody; `local` is our own URI. What becomes of it is told by the leg.

        Raises CallRefused for a URI that is none, and where there are too many calls.
        """
        try:
            target, ours = read_uri(uri), read_uri(local)
        except (TypeError, ValueError):
            raise CallRefused(CallEnd.NOT_FOUND, "that is no SIP address") from None
        if len(self.legs) >= self.settings.dialogs:
            raise CallRefused(CallEnd.NO_CAPACITY)
        mark = secrets.token_hex(8)
        dialog = Dialog(
            secrets.token_hex(16), mark, f"<{ours}>;tag={mark}", f"<{_named(target)}>", target,
            contact_of(flow, ours.user or ""), flow,
        )  # fmt: skip
        leg = SipLeg(self, dialog, Phase.CALLING, credentials)
        self.legs[dialog.call_id, dialog.local_tag] = leg
        leg.requests.dial(offer, ring_seconds, now)
        return leg

    def register(self, registration: Registration, flow: Flow, now: float) -> None:
        """Register and keep registered, until `unregister`; again, with another flow, goes on.

        Raises ValueError for a registrar that is no SIP URI.
        """
        self._registrations.register(registration, flow, now)

    def unregister(self, name: str, now: float) -> None:
        """Take a registration back. The hook tells its end."""
        self._registrations.unregister(name, now)

    # Desk: of the parts

    def order(self, todo: Callable[[float], None]) -> None:
        self._orders.append(todo)
        self.hooks.wake()

    def send(self, request: Request, flow: Flow, sender: Sender, now: float) -> str:
        request.headers.set("User-Agent", self.settings.name)
        transaction = self._layer.send_request(request, flow, now)
        self._senders[transaction] = sender
        return transaction

    def acknowledge(self, request: Request, flow: Flow) -> None:
        self._layer.send_ack(request, flow)

    def cancel(self, transaction: str, now: float) -> None:
        self._layer.cancel(transaction, now)

    def respond(
        self, transaction: str, response: Response, now: float, acked_by: Sender | None = None
    ) -> None:
        if response.code > 100:
            response.headers.set("Server", self.settings.name)
        if acked_by is not None:
            self._senders[transaction] = acked_by
        self._layer.send_response(transaction, response, now)

    def acknowledged(self, transaction: str) -> None:
        self._senders.pop(transaction, None)
        self._layer.acknowledged(transaction)

    def forget(self, transaction: str) -> None:
        self._senders.pop(transaction, None)

    def gone(self, leg: SipLeg) -> None:
        self.legs.pop((leg.dialog.call_id, leg.dialog.local_tag), None)
        for transaction, sender in [*self._senders.items()]:
            if sender in (leg.offers, leg.requests):
                del self._senders[transaction]

    def _do_orders(self, now: float) -> None:
        # Those that an order leads to are done as well, but not without end.
        for _ in range(len(self._orders)):
            self._orders.popleft()(now)

    def _take(self, event: TransactionEvent, now: float) -> None:
        match event:
            case NewRequest():
                self._requests.take(event, now)
            case GotResponse(transaction, response, request):
                sender = self._senders.get(transaction)
                if response.code >= 200 and request.method != "INVITE":
                    self._senders.pop(transaction, None)
                if sender is not None:
                    sender.responded(transaction, response, request, now)
            case (
                TimedOut(transaction) | NotAcknowledged(transaction) | TransportFailed(transaction)
            ):
                failed = self._senders.pop(transaction, None)
                if failed is not None:
                    silent = not isinstance(event, TransportFailed)
                    failed.failed(transaction, silent, now)


def _named(target: URI) -> URI:
    """Return whom a URI names: To has no parameters of the way to him (RFC 3261, 19.1.1)."""
    return URI(target.scheme, target.host, target.user)
