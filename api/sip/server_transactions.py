"""Requests to us and what was answered (RFC 3261 17.2, RFC 6026 section 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from api.sip.transaction_events import NotAcknowledged, TimedOut
from api.sip.transaction_states import NOTHING, SipTransaction, Step, TransactionState

TRYING, PROCEEDING = TransactionState.TRYING, TransactionState.PROCEEDING
ACCEPTED, COMPLETED = TransactionState.ACCEPTED, TransactionState.COMPLETED
CONFIRMED = TransactionState.CONFIRMED


@dataclass(slots=True, kw_only=True)
class ServerTransaction(SipTransaction):
    """`key` finds it for a repetition of its request; `last` is what was answered last."""

    key: bytes
    last: bytes = b""
    stranger: bool = False  # of a host that the layer does not know

    def start(self, now: float) -> None:
        """Begin to wait for an answer from above."""
        raise NotImplementedError

    def again(self) -> Step:
        """Take a repetition of the request: the last answer goes out again."""
        return Step(sends=(self.last,)) if self.last else NOTHING

    def respond(self, status: int, data: bytes, now: float) -> Step:
        """Send an answer; nothing if there was a final one."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class ServerInvite(ServerTransaction):
    """Figure 7, with Accepted of RFC 6026.

    Proceeding → Accepted (2xx: timer L), or Completed (3xx to 6xx: timers G and H) → Confirmed
    (by its ACK: timer I) → Terminated. The 2xx is repeated here as well, on any transport, until
    its ACK is said to have come (13.3.1.4).
    """

    state: TransactionState = PROCEEDING
    acknowledged: bool = False

    def start(self, now: float) -> None:
        self.end_at = now + self.timers.patience

    def again(self) -> Step:
        """Answer a repetition; what has been accepted or confirmed is absorbed."""
        if self.state in (PROCEEDING, COMPLETED) and self.last:
            return Step(sends=(self.last,))
        return NOTHING

    def respond(self, status: int, data: bytes, now: float) -> Step:
        if self.state is ACCEPTED and 200 <= status < 300:
            return Step(sends=(data,))
        if self.state is not PROCEEDING:
            return NOTHING
        # Who was told nothing yet repeats the INVITE, if the refusal is lost. To strangers it is
        # not repeated by itself: the address may be somebody else's (RFC 3261 8.2.7).
        waits = self.stranger and not self.last
        self.last = data
        if status < 200:
            self.end_at = now + self.timers.patience
            return Step(sends=(data,))
        accepted = status < 300
        self._enter(ACCEPTED if accepted else COMPLETED, now + self.timers.limit)
        if accepted or not (self.flow.reliable or waits):
            self.repeat_after = self.timers.t1
            self.repeat_at = now + self.timers.t1
        return Step(sends=(data,))

    def repeat(self) -> Step:
        """Timer G, and the one of a 2xx: twice as long each time up to T2."""
        self.repeat_after = min(2 * self.repeat_after, self.timers.t2)
        return Step(sends=(self.last,))

    def acknowledge(self, now: float) -> None:
        """Take the ACK of a 3xx to 6xx."""
        if self.state is COMPLETED:
            self._linger(CONFIRMED, now, self.timers.t4)

    def acknowledge_accepted(self) -> None:
        """Take the ACK of a 2xx, which came beside this transaction."""
        if self.state is ACCEPTED:
            self.acknowledged = True
            self.repeat_at = inf

    def end(self) -> Step:
        state, self_id = self.state, self.id
        self.stop()
        if state is ACCEPTED and not self.acknowledged:
            return Step(told=(NotAcknowledged(self_id),))
        if state in (PROCEEDING, COMPLETED):
            return Step(told=(TimedOut(self_id),))
        return NOTHING


@dataclass(slots=True, kw_only=True)
class ServerOther(ServerTransaction):
    """Figure 8: Trying → Proceeding → Completed (timer J) → Terminated.

    What is not answered until the other side has given up is forgotten (RFC 4320).
    """

    state: TransactionState = TRYING

    def start(self, now: float) -> None:
        self.end_at = now + self.timers.limit

    def respond(self, status: int, data: bytes, now: float) -> Step:
        if self.state not in (TRYING, PROCEEDING):
            return NOTHING
        self.last = data
        if status < 200:
            self.state = PROCEEDING
        else:
            self._linger(COMPLETED, now, self.timers.limit)
        return Step(sends=(data,))

    def end(self) -> Step:
        unanswered = self.state in (TRYING, PROCEEDING)
        self.stop()
        return Step(told=(TimedOut(self.id),)) if unanswered else NOTHING
