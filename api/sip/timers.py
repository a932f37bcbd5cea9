"""The base times of SIP transactions, of which all others are made (RFC 3261, table 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds. `t1` is a guess of a round trip, `t2` the longest time between two repetitions of
    a request or answer, `t4` how long a message may stay in the network.

    `patience` is ours: for so long an INVITE may ring without another provisional answer, on
    either side, before its transaction is given up.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    patience: float = 600.0

    def __post_init__(self) -> None:
        if min(self.t1, self.t2, self.t4, self.patience) <= 0:
            raise ValueError("the timers of SIP are longer than nothing")

    @property
    def limit(self) -> float:
        """Timers B, D, F, H, J, L and M: after so long, the other side has given up as well."""
        return 64 * self.t1
