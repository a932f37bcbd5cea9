"""Requests of ours and the answers to them (RFC 3261 17.1, RFC 6026 section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from sipmessage import Request, Response

from api.sip.messages import encode
from api.sip.transaction_events import GotResponse, TimedOut
from api.sip.transaction_states import NOTHING, SipTransaction, Step, TransactionState

CALLING, TRYING = TransactionState.CALLING, TransactionState.TRYING
PROCEEDING, ACCEPTED = TransactionState.PROCEEDING, TransactionState.ACCEPTED
COMPLETED, TERMINATED = TransactionState.COMPLETED, TransactionState.TERMINATED


@dataclass(slots=True, kw_only=True)
class ClientTransaction(SipTransaction):
    """`request` is as it is sent, with its Via; `data` are its bytes."""

    request: Request
    data: bytes
    branch: str

    def start(self, now: float) -> Step:
        """Send the request the first time. Timers A and B, or E and F, begin."""
        if not self.flow.reliable:
            self.repeat_after = self.timers.t1
            self.repeat_at = now + self.timers.t1
        self.end_at = now + self.timers.limit
        return Step(sends=(self.data,))

    def receive(self, response: Response, now: float) -> Step:
        """Take a response that belongs to this transaction."""
        raise NotImplementedError

    def end(self) -> Step:
        """Say that no answer came, where none has."""
        waited = self.state in (CALLING, TRYING, PROCEEDING)
        self.stop()
        return Step(told=(TimedOut(self.id),)) if waited else NOTHING

    def _tell(self, response: Response) -> GotResponse:
        return GotResponse(self.id, response, self.request)


@dataclass(slots=True, kw_only=True)
class ClientInvite(ClientTransaction):
    """Figure 5, with Accepted of RFC 6026.

    Calling → Proceeding → Accepted (2xx: timer M) or Completed (3xx to 6xx, which are
    acknowledged here: timer D) → Terminated. It rings as long as `Timers.patience` after each
    provisional answer.
    """

    state: TransactionState = CALLING
    cancel_wanted: bool = False
    cancelled: bool = False
    ack: bytes = b""

    def receive(self, response: Response, now: float) -> Step:
        if self.state in (CALLING, PROCEEDING):
            return self._answered(response, now)
        if self.state is ACCEPTED and 200 <= response.code < 300:
            return Step(told=(self._tell(response),))
        if self.state is COMPLETED and response.code >= 300:
            return Step(sends=(self.ack,))
        return NOTHING

    def _answered(self, response: Response, now: float) -> Step:
        told = (self._tell(response),)
        if response.code < 200:
            # What is cancelled ends by its own time, whatever is said in between (RFC 3261 9.1).
            end_at = self.end_at if self.cancelled else now + self.timers.patience
            self._enter(PROCEEDING, end_at)
            return Step(told=told)
        if response.code < 300:
            self._enter(ACCEPTED, now + self.timers.limit)
            return Step(told=told)
        self.ack = encode(acknowledgement(self.request, response))
        self._linger(COMPLETED, now, self.timers.limit)
        return Step(sends=(self.ack,), told=told)

    def repeat(self) -> Step:
        """Timer A: twice as long each time, without a limit but timer B."""
        self.repeat_after *= 2
        return Step(sends=(self.data,))

    def may_cancel_now(self) -> bool:
        """Note that a CANCEL is wanted; return whether it can be sent: once, after a 1xx."""
        self.cancel_wanted = True
        return self.state is PROCEEDING and not self.cancelled

    def cancel_sent(self, now: float) -> None:
        """Wait for the final answer no longer than a transaction lasts."""
        self.cancelled = True
        self.end_at = now + self.timers.limit


@dataclass(slots=True, kw_only=True)
class ClientOther(ClientTransaction):
    """Figure 6: Trying → Proceeding → Completed (timer K) → Terminated."""

    state: TransactionState = TRYING

    def receive(self, response: Response, now: float) -> Step:
        if self.state not in (TRYING, PROCEEDING):
            return NOTHING
        if response.code < 200:
            self.state = PROCEEDING
        else:
            self._linger(COMPLETED, now, self.timers.t4)
        return Step(told=(self._tell(response),))

    def repeat(self) -> Step:
        """Timer E: twice as long each time up to T2; at once T2 after a provisional answer."""
        longest = self.timers.t2
        self.repeat_after = (
            longest if self.state is PROCEEDING else min(2 * self.repeat_after, longest)
        )
        return Step(sends=(self.data,))


def acknowledgement(request: Request, response: Response) -> Request:
    """Return the ACK of a 3xx to 6xx, which belongs to the INVITE's transaction (17.1.1.3)."""
    ack = _of_the_same(request, "ACK")
    ack.headers.set("To", response.headers.get("To") or request.headers["To"])
    return ack


def cancellation(request: Request) -> Request:
    """Return the CANCEL of a request that was sent (9.1)."""
    return _of_the_same(request, "CANCEL")


def _of_the_same(request: Request, method: str) -> Request:
    """Return a request with the one Via, the addresses and the route of another one."""
    made = Request(method, request.uri)
    made.headers.set("Via", request.headers["Via"])
    if routes := request.headers.getlist("Route"):
        made.headers.setlist("Route", list(routes))
    made.headers.set("Max-Forwards", "70")
    for name in ("From", "To", "Call-ID"):
        made.headers.set(name, request.headers.get(name) or "")
    sequence = (request.headers.get("CSeq") or "0").partition(" ")[0]
    made.headers.set("CSeq", f"{sequence} {method}")
    return made
