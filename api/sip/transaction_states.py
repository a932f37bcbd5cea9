"""What the four kinds of transactions have in common: a state, two times, and what a step makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import inf

from api.sip.flows import Flow
from api.sip.timers import Timers
from api.sip.transaction_events import TransactionEvent


class TransactionState(Enum):
    """The states of RFC 3261, figures 5 to 8, with Accepted of RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Step:
    """What comes of something that happened to a transaction: bytes to send, events to tell."""

    sends: tuple[bytes, ...] = ()
    told: tuple[TransactionEvent, ...] = ()


NOTHING = Step()


@dataclass(slots=True, kw_only=True)
class SipTransaction:
    """One transaction: pure, all times are passed in.

    Of its timers two run at most: the one that repeats what was sent (A, E, G), and the one that
    ends the state (B, D, F, H, I, J, K, L, M).
    """

    id: str
    flow: Flow
    timers: Timers
    state: TransactionState
    repeat_at: float = inf
    repeat_after: float = 0.0
    end_at: float = inf
    scheduled: float = field(default=inf, repr=False)  # when its owner will call `tick`

    @property
    def over(self) -> bool:
        return self.state is TransactionState.TERMINATED

    def due(self) -> float:
        """Return when `tick` has something to do."""
        return min(self.repeat_at, self.end_at)

    def tick(self, now: float) -> Step:
        """Do what is due; what is late is done once, not once for each time it was missed."""
        if self.over:
            return NOTHING
        if self.end_at <= now:
            return self.end()
        if self.repeat_at <= now:
            step = self.repeat()
            self.repeat_at = now + self.repeat_after
            return step
        return NOTHING

    def end(self) -> Step:
        """End the transaction, for the time of its state is over."""
        raise NotImplementedError

    def repeat(self) -> Step:
        """Send again, and set after how long to do so the next time."""
        raise NotImplementedError

    def stop(self) -> None:
        """End at once, without a word."""
        self._enter(TransactionState.TERMINATED, inf)

    def _enter(self, state: TransactionState, end_at: float) -> None:
        """Go into a state that repeats nothing by itself."""
        self.state, self.end_at, self.repeat_at = state, end_at, inf

    def _linger(self, state: TransactionState, now: float, seconds: float) -> None:
        """Stay to absorb repetitions; a reliable transport has none."""
        if self.flow.reliable or seconds <= 0:
            self.stop()
        else:
            self._enter(state, now + seconds)
