"""How much is answered to whom we do not know: so much of each address, and so much in all.

A request costs a stranger one datagram with a sender of his choice; the answer goes there. Pure:
times are handed in.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

ADDRESSES = 4096  # remembered; of more, those that were silent for longest begin anew
ADDRESS_BURST = 40.0  # messages: of a call in with its password about eight
ADDRESS_SECOND = 4.0
ALL_BURST = 400.0
ALL_SECOND = 200.0
USUAL_BYTES = 1024  # of one message


@dataclass(slots=True)
class Bucket:
    """What may still come: `left` messages at the time `at`."""

    left: float
    at: float

    def take(self, now: float, second: float, burst: float, cost: float) -> bool:
        """Take what a message costs, where there is so much."""
        self.left = min(burst, self.left + (now - self.at) * second)
        self.at = now
        if self.left < cost:
            return False
        self.left -= cost
        return True


class Strangers:
    """A bucket for each address, and one for all together.

    `address` groups as `address_key` does. An address whose bucket is empty takes nothing of what
    is for all.
    """

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._all = Bucket(ALL_BURST, 0.0)

    def take(self, address: str, now: float, size: int = 0) -> bool:
        """Tell whether one more message of a stranger, of `size` bytes, is looked at.

        Long ones count as several: they take longer to read, and have longer answers.
        """
        cost = max(1.0, size / USUAL_BYTES)
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = Bucket(ADDRESS_BURST, now)
            if len(self._buckets) > ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(address)
        return bucket.take(now, ADDRESS_SECOND, ADDRESS_BURST, cost) and self._all.take(
            now, ALL_SECOND, ALL_BURST, cost
        )

    def __len__(self) -> int:
        return len(self._buckets)


class Acquaintances:
    """Addresses that have shown a password lately; at most `most`, the eldest forgotten first."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._until: OrderedDict[str, float] = OrderedDict()

    def meet(self, address: str, now: float) -> None:
        """Know it from now on, for so long."""
        self._until[address] = now + self._seconds
        self._until.move_to_end(address)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def knows(self, address: str, now: float) -> bool:
        """Tell whether it is known still."""
        return self._until.get(address, now) > now

    def __len__(self) -> int:
        return len(self._until)
