"""All transactions of one side: requests, their repetitions and answers (RFC 3261 section 17).

    bytes ─ messages.parse ─→ receive ─→ NewRequest, GotResponse        to the user agent
                              send_request, send_response, cancel      from it
    bytes ←───────────────── outgoing
                              due, tick ─→ TimedOut, NotAcknowledged

Nothing here waits or reads a clock: `now` is passed in, in seconds of a clock that only goes
forward. After each call `outgoing` has what is to be sent, and `due` may be another one.

A transaction on our side of an INVITE goes on for 64 T1 after its final answer, to absorb what
is repeated; it is no dialog. Each table has a limit; what comes beyond is answered 503 and
forgotten. Hosts that are not `known` have half of the table, so that a flood of strangers
leaves room for the others.
"""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

from sipmessage import Request, Response

from api.sip.client_transactions import (
    ClientInvite,
    ClientOther,
    ClientTransaction,
    cancellation,
)
from api.sip.flows import Flow
from api.sip.messages import Message, cseq, encode, mark_received, response_to, top_via
from api.sip.server_transactions import ServerInvite, ServerOther, ServerTransaction
from api.sip.timers import Timers
from api.sip.transaction_events import (
    GotResponse,
    NewRequest,
    NotAcknowledged,
    TimedOut,
    TransactionEvent,
    TransportFailed,
)
from api.sip.transaction_keys import COOKIE, server_key, via_of, with_via
from api.sip.transaction_states import SipTransaction, Step, TransactionState

__all__ = [
    "GotResponse", "NewRequest", "NotAcknowledged", "TimedOut", "Timers", "TransactionEvent",
    "TransactionLayer", "TransportFailed",
]  # fmt: skip

DEFAULT_TIMERS = Timers()
STALE_ENTRIES = 256  # of the times table, beyond which it is made anew


class TransactionLayer:
    """`most` transactions of either direction at a time, `most_of_one` of one remote host.

    `known` says whether a host is one of those that we expect; without it all are alike.
    """

    def __init__(
        self,
        timers: Timers = DEFAULT_TIMERS,
        *,
        most: int = 4096,
        most_of_one: int = 1024,
        known: Callable[[str], bool] | None = None,
        random_token: Callable[[], str] | None = None,
    ) -> None:
        self.timers = timers
        self.most = most
        self.most_of_one = most_of_one
        self.known = known
        self._random_token = random_token or (lambda: secrets.token_hex(16))
        self._ids = 0
        self._clients: dict[str, ClientTransaction] = {}
        self._by_branch: dict[tuple[str, str], str] = {}
        self._servers: dict[str, ServerTransaction] = {}
        self._by_key: dict[bytes, str] = {}
        self._of_host: Counter[str] = Counter()
        self._strangers = 0
        self._times: list[tuple[float, str]] = []
        self._failed: deque[tuple[float, TransactionEvent]] = deque()
        self._outgoing: list[tuple[Flow, bytes]] = []

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    # What comes from the other side

    def receive(self, message: Message, flow: Flow, now: float) -> TransactionEvent | None:
        """Take a message; return what is new for the user, None for a repetition or a stray.

        A request's top Via is changed: it says from where the request came.
        """
        if isinstance(message, Response):
            return self._receive_response(message, now)
        return self._receive_request(message, flow, now)

    def _receive_response(self, response: Response, now: float) -> TransactionEvent | None:
        via = top_via(response)
        # More than one Via is of a response that is not for us (RFC 3261 8.1.3.3).
        if via is None or len(response.headers.getlist("Via")) != 1:
            return None
        branch = via.parameters.get("branch") or ""
        found = self._by_branch.get((branch, cseq(response).method))
        if found is None:
            return None
        transaction = self._clients[found]
        step = transaction.receive(response, now)
        if (
            isinstance(transaction, ClientInvite)
            and transaction.cancel_wanted
            and transaction.may_cancel_now()
        ):
            self._send_cancel(transaction, now)
        return next(iter(self._take(transaction, step)), None)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> TransactionEvent | None:
        method = request.method
        key = server_key(request, flow, "INVITE" if method == "ACK" else method)
        of = None
        if method == "CANCEL":
            of = self._by_key.get(server_key(request, flow, "INVITE"))
        mark_received(request, *flow.remote)
        transaction = self._servers.get(self._by_key.get(key, ""))
        if method == "ACK":
            return self._receive_ack(request, transaction, flow, now)
        if transaction is not None:
            self._take(transaction, transaction.again())
            return None
        host = flow.remote[0]
        stranger = self.known is not None and not self.known(host)
        if (
            len(self._servers) >= self.most
            or self._of_host[host] >= self.most_of_one
            or (stranger and self._strangers >= self.most // 2)
        ):
            self.send_stateless(response_to(request, 503, to_tag=self._random_token()), flow)
            return None
        kind = ServerInvite if method == "INVITE" else ServerOther
        new = kind(id=self._new_id("s"), flow=flow, timers=self.timers, key=key, stranger=stranger)
        new.start(now)
        self._servers[new.id] = new
        self._by_key[key] = new.id
        self._of_host[host] += 1
        self._strangers += stranger
        self._schedule(new)
        return NewRequest(new.id, request, flow, of)

    def _receive_ack(
        self, request: Request, transaction: ServerTransaction | None, flow: Flow, now: float
    ) -> TransactionEvent | None:
        if not isinstance(transaction, ServerInvite):
            return NewRequest(None, request, flow)
        # In Accepted it is that of a 2xx, which the user takes (RFC 6026 section 7.1).
        if transaction.state is TransactionState.ACCEPTED:
            return NewRequest(None, request, flow)
        transaction.acknowledge(now)
        self._take(transaction, Step())
        return None

    # What we send

    def send_request(self, request: Request, flow: Flow, now: float) -> str:
        """Send a copy of a request with a Via of ours; return the id of its transaction.

        Never refuses: one beyond the limit fails with the next `tick`, which is due at once.
        """
        branch = COOKIE + self._random_token()
        return self._start(with_via(request, via_of(flow, branch)), branch, flow, now)

    def _start(self, request: Request, branch: str, flow: Flow, now: float) -> str:
        kind = ClientInvite if request.method == "INVITE" else ClientOther
        new = kind(
            id=self._new_id("c"),
            flow=flow,
            timers=self.timers,
            request=request,
            data=encode(request),
            branch=branch,
        )
        # However many registrars are silent, there is room for calls.
        most = self.most // 2 if request.method == "REGISTER" else self.most
        if len(self._clients) >= most:
            self._failed.append((now, TransportFailed(new.id)))
            return new.id
        self._clients[new.id] = new
        self._by_branch[branch, request.method] = new.id
        self._take(new, new.start(now))
        return new.id

    def send_ack(self, request: Request, flow: Flow) -> None:
        """Send the ACK of a 2xx, with a Via of ours. For each 2xx that comes, once more."""
        branch = COOKIE + self._random_token()
        self._outgoing.append((flow, encode(with_via(request, via_of(flow, branch)))))

    def send_response(self, transaction: str, response: Response, now: float) -> None:
        """Answer a request, to where it came from. Nothing once the transaction is over.

        A 2xx to an INVITE is repeated until `acknowledged`, or NotAcknowledged is told.
        """
        if (found := self._servers.get(transaction)) is not None:
            self._take(found, found.respond(response.code, encode(response), now))

    def send_stateless(self, response: Response, flow: Flow) -> None:
        """Answer without a transaction: what could not be parsed (`BadMessage.answerable`).

        A repetition of the request is answered anew.
        """
        mark_received(response, *flow.remote)
        self._outgoing.append((flow, encode(response)))

    def acknowledged(self, transaction: str) -> None:
        """Say that the ACK of our 2xx has come: it is repeated no more."""
        found = self._servers.get(transaction)
        if isinstance(found, ServerInvite):
            found.acknowledge_accepted()
            self._take(found, Step())

    def cancel(self, transaction: str, now: float) -> str | None:
        """Cancel an INVITE of ours; return the id of the CANCEL's transaction.

        None if there is nothing to cancel, or nothing yet: before a provisional answer it waits
        for one (RFC 3261 9.1). The INVITE itself ends by 487, by a 2xx that crossed the CANCEL,
        or by TimedOut.
        """
        found = self._clients.get(transaction)
        if not isinstance(found, ClientInvite) or not found.may_cancel_now():
            return None
        sent = self._send_cancel(found, now)
        self._take(found, Step())
        return sent

    def _send_cancel(self, invite: ClientInvite, now: float) -> str:
        invite.cancel_sent(now)
        return self._start(cancellation(invite.request), invite.branch, invite.flow, now)

    def outgoing(self) -> list[tuple[Flow, bytes]]:
        """Return what is to be sent, in order, and forget it."""
        sends, self._outgoing = self._outgoing, []
        return sends

    # Times and losses

    def lost(self, flow: Flow, now: float) -> list[TransactionEvent]:
        """Take that a connection has gone, or that a datagram could not be sent.

        What still waits for an answer, or has one that was not acknowledged, fails.
        """
        told: list[TransactionEvent] = []
        tables = (*self._clients.values(), *self._servers.values())
        for transaction in [each for each in tables if each.flow == flow]:
            waits = transaction.state in (
                TransactionState.CALLING,
                TransactionState.TRYING,
                TransactionState.PROCEEDING,
            ) or (
                isinstance(transaction, ServerInvite)
                and transaction.state is TransactionState.ACCEPTED
                and not transaction.acknowledged
            )
            if waits:
                told.append(TransportFailed(transaction.id))
            # Of datagrams, those that are over go on to absorb repetitions.
            if waits or flow.reliable:
                transaction.stop()
                self._take(transaction, Step())
        return told

    def due(self) -> float:
        """Return when `tick` has something to do; infinity if nothing runs."""
        while self._times and self._stale(self._times[0]):
            heappop(self._times)
        first = self._times[0][0] if self._times else inf
        return min(first, self._failed[0][0]) if self._failed else first

    def tick(self, now: float) -> list[TransactionEvent]:
        """Do all that is due; return what is to be told."""
        told = [event for _, event in self._failed]
        self._failed.clear()
        while self._times and self._times[0][0] <= now:
            entry = heappop(self._times)
            transaction = self._find(entry[1])
            if transaction is not None and transaction.scheduled == entry[0]:
                transaction.scheduled = inf
                told += self._take(transaction, transaction.tick(now))
        return told

    def _find(self, transaction: str) -> SipTransaction | None:
        return self._clients.get(transaction) or self._servers.get(transaction)

    def _stale(self, entry: tuple[float, str]) -> bool:
        transaction = self._find(entry[1])
        return transaction is None or transaction.scheduled != entry[0]

    def _take(self, transaction: SipTransaction, step: Step) -> tuple[TransactionEvent, ...]:
        """Send what a step has to send, and see when the transaction is due, or is over."""
        self._outgoing += ((transaction.flow, data) for data in step.sends)
        if transaction.over:
            self._forget(transaction)
        else:
            self._schedule(transaction)
        return step.told

    def _schedule(self, transaction: SipTransaction) -> None:
        due = transaction.due()
        if due == transaction.scheduled:
            return
        transaction.scheduled = due
        heappush(self._times, (due, transaction.id))
        if len(self._times) > 2 * len(self) + STALE_ENTRIES:
            self._times = [entry for entry in self._times if not self._stale(entry)]
            heapify(self._times)

    def _forget(self, transaction: SipTransaction) -> None:
        if isinstance(transaction, ClientTransaction):
            if self._clients.pop(transaction.id, None) is not None:
                self._by_branch.pop((transaction.branch, transaction.request.method), None)
        elif isinstance(transaction, ServerTransaction):
            if self._servers.pop(transaction.id, None) is None:
                return
            del self._by_key[transaction.key]
            host = transaction.flow.remote[0]
            self._of_host[host] -= 1
            if not self._of_host[host]:
                del self._of_host[host]
            self._strangers -= transaction.stranger

    def _new_id(self, side: str) -> str:
        self._ids += 1
        return f"{side}{self._ids}"
