"""What waits for peers who are not there yet: for how long, how much of it, in which order. Pure.

Somebody calls a peer that is about to come back, or that has not come yet. What is signalled to it
waits for a few seconds, and it is told all of it, in order, when it opens. Otherwise the caller is
told once, however much it has said, that the peer could not be reached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from actors.words.facts import Signalled
from actors.words.keys import MemberKey
from actors.words.weights import weight_of


@dataclass(frozen=True, slots=True)
class AbsentLimits:
    """How many signals may wait, and how many bytes of them (`weight_of`).

    In all; from one address; for one peer, less than a socket may have unsent; from one peer for
    another.
    """

    messages: int = 20_000
    bytes: int = 67_108_864
    address_messages: int = 2_000
    address_bytes: int = 8_388_608
    peer_messages: int = 1_000
    peer_bytes: int = 8_388_608
    pair_messages: int = 200
    pair_bytes: int = 2_097_152


@dataclass(slots=True)
class Load:
    """So many signals, and so many bytes of them."""

    messages: int = 0
    bytes: int = 0

    def add(self, weight: int) -> None:
        self.messages += 1
        self.bytes += weight

    def take(self, weight: int) -> None:
        self.messages -= 1
        self.bytes -= weight

    def has_room(self, weight: int, messages: int, most_bytes: int) -> bool:
        """Tell whether one more of this weight is within the limits."""
        return self.messages < messages and self.bytes + weight <= most_bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """Who waits for whom; both are of one realm."""

    to: MemberKey
    sender: str


@dataclass(slots=True)
class Waiting:
    """What one peer has said to an absent one; `numbers` says which of its signals these are."""

    address: str
    due: float
    numbers: list[int] = field(default_factory=list)
    load: Load = field(default_factory=Load)


@dataclass(slots=True)
class Letterbox:
    """What waits for one peer, in the order in which it came."""

    signals: dict[int, Signalled] = field(default_factory=dict)
    senders: set[str] = field(default_factory=set)
    load: Load = field(default_factory=Load)


class AbsentPeers:
    """All that waits, of all realms; one for the whole process. Times are seconds of one clock."""

    def __init__(self, limits: AbsentLimits | None = None) -> None:
        self.limits = limits or AbsentLimits()
        self._boxes: dict[MemberKey, Letterbox] = {}
        self._pairs: dict[Pair, Waiting] = {}  # the first to begin is the first
        self._addresses: dict[str, Load] = {}
        self._total = Load()
        self._numbers = count()

    @property
    def messages(self) -> int:
        """How many signals wait."""
        return self._total.messages

    @property
    def bytes(self) -> int:
        """What they weigh."""
        return self._total.bytes

    def hold(self, to: MemberKey, signal: Signalled, address: str, due: float) -> bool:
        """Keep a signal for a peer that is absent; False where there is no room for it.

        `due` counts for the first of a pair: with that, all of the pair ends. Where there is no
        room, nothing of the pair waits any more: half a call is of no use. `address` is the
        sender's.
        """
        pair, weight = Pair(to, signal.sender), weight_of(signal)
        if not self._has_room(pair, address, weight):
            self._drop(pair)
            return False
        waiting = self._pairs.get(pair)
        if waiting is None:
            waiting = self._pairs[pair] = Waiting(address, due)
        number = next(self._numbers)
        box = self._boxes.setdefault(to, Letterbox())
        box.signals[number] = signal
        box.senders.add(signal.sender)
        waiting.numbers.append(number)
        at_address = self._addresses.setdefault(waiting.address, Load())
        for load in (self._total, at_address, box.load, waiting.load):
            load.add(weight)
        return True

    def take(self, to: MemberKey) -> list[Signalled]:
        """Return what has waited for a peer that is there now, and keep none of it."""
        box = self._boxes.get(to)
        if box is None:
            return []
        signals = list(box.signals.values())
        for sender in tuple(box.senders):
            self._drop(Pair(to, sender))
        return signals

    def expire(self, now: float) -> list[Pair]:
        """End what is due, and return the pairs whose sender is to be told."""
        ended: list[Pair] = []
        for pair, waiting in self._pairs.items():
            if waiting.due > now:
                break  # those behind have begun later
            ended.append(pair)
        for pair in ended:
            self._drop(pair)
        return ended

    def _has_room(self, pair: Pair, address: str, weight: int) -> bool:
        limits, none = self.limits, Load()
        waiting, box = self._pairs.get(pair), self._boxes.get(pair.to)
        at_address = self._addresses.get(waiting.address if waiting else address, none)
        of_pair, of_peer = waiting.load if waiting else none, box.load if box else none
        return (
            self._total.has_room(weight, limits.messages, limits.bytes)
            and at_address.has_room(weight, limits.address_messages, limits.address_bytes)
            and of_peer.has_room(weight, limits.peer_messages, limits.peer_bytes)
            and of_pair.has_room(weight, limits.pair_messages, limits.pair_bytes)
        )

    def _drop(self, pair: Pair) -> None:
        waiting = self._pairs.pop(pair, None)
        if waiting is None:
            return
        box, at_address = self._boxes[pair.to], self._addresses[waiting.address]
        for number in waiting.numbers:
            weight = weight_of(box.signals.pop(number))
            for load in (self._total, at_address, box.load):
                load.take(weight)
        box.senders.discard(pair.sender)
        if not box.signals:
            del self._boxes[pair.to]
        if not at_address.messages:
            del self._addresses[waiting.address]
