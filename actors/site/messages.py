"""Messages: their ids, the latest of each channel for who comes in, who has written which."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from actors.words.site import (
    Channel,
    Written,
)

BLOCK = 10_000
"""Ids that are set aside in the store at once."""

RECENT_MESSAGES = 10_000
"""Messages that can be taken back and reacted to; about 400 bytes each."""

ECHO_BYTES = 4 * 1024 * 1024
"""Of what is kept for those who come in, over all channels; the oldest goes first."""

ENTRY_BYTES = 512  # of a message besides its text
CLOSED_BYTES = 96  # of one name that its sender had blocked


@dataclass(slots=True)
class MessageIds:
    """The id of the next message, and from which on ids are not set aside in the store."""

    next: int
    reserved: int = 0

    def take(self) -> int:
        self.next += 1
        return self.next - 1

    def go_on_from(self, mark: int) -> None:
        """Give no id below the mark that was stored by whoever gave ids before."""
        self.next = max(self.next, mark)

    @property
    def wanted(self) -> int | None:
        """The mark to store now, None: enough are set aside."""
        return self.next + BLOCK if self.next > self.reserved - BLOCK // 2 else None


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who has written or read a message; by name again only where that is proven."""

    member: str
    name: str
    proven: bool


@dataclass(frozen=True, slots=True)
class EchoEntry:
    """A message in the echo. `closed_to` are the names that its sender had blocked."""

    written: Written
    sender: Side
    closed_to: frozenset[str]
    weight: int


class ChannelEcho:
    """The latest messages of each channel, so many as the channel says, and ECHO_BYTES in all."""

    __slots__ = ("_bytes", "_kept", "_limits")

    def __init__(self, channels: Collection[Channel]) -> None:
        self._kept: dict[str, deque[EchoEntry]] = {}
        self._limits: dict[str, int] = {}
        self._bytes = 0
        self.configure(channels)

    def configure(self, channels: Collection[Channel]) -> None:
        """Keep what is there for channels that are left."""
        self._limits = {channel.id: channel.echo for channel in channels}
        for gone in [id_ for id_ in self._kept if not self._limits.get(id_)]:
            self._bytes -= sum(each.weight for each in self._kept.pop(gone))
        for id_ in self._kept:
            self._trim(id_)

    def add(self, written: Written, sender: Side, closed_to: frozenset[str]) -> None:
        if not self._limits.get(written.channel):
            return
        weight = ENTRY_BYTES + len(written.html.encode("utf-8", "surrogatepass"))
        weight += CLOSED_BYTES * len(closed_to)
        self._kept.setdefault(written.channel, deque()).append(
            EchoEntry(written, sender, closed_to, weight)
        )
        self._bytes += weight
        self._trim(written.channel)
        while self._bytes > ECHO_BYTES:
            oldest = min(self._kept, key=lambda id_: self._kept[id_][0].written.id)
            self._drop_first(oldest)

    def of(self, channel: str) -> Iterator[EchoEntry]:
        return iter(self._kept.get(channel, ()))

    def remove(self, channel: str, id_: int) -> None:
        """Forget a message that was taken back."""
        kept = self._kept.get(channel, deque())
        for each in kept:
            if each.written.id == id_:
                kept.remove(each)
                self._bytes -= each.weight
                break
        if channel in self._kept and not kept:
            del self._kept[channel]

    def _trim(self, channel: str) -> None:
        while len(self._kept[channel]) > self._limits[channel]:
            self._drop_first(channel)

    def _drop_first(self, channel: str) -> None:
        kept = self._kept[channel]
        self._bytes -= kept.popleft().weight
        if not kept:
            del self._kept[channel]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A message that was delivered: in a channel, or with `other` from one to one.

    `private` is one that only its sender has seen.
    """

    sender: Side
    channel: str
    other: Side | None = None
    private: bool = False


class RecentMessages:
    """By id, the latest RECENT_MESSAGES."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: dict[int, Remembered] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, id_: int, message: Remembered) -> None:
        self._by_id[id_] = message
        if len(self._by_id) > RECENT_MESSAGES:
            del self._by_id[next(iter(self._by_id))]

    def find(self, id_: int) -> Remembered | None:
        return self._by_id.get(id_)

    def forget(self, id_: int) -> None:
        self._by_id.pop(id_, None)
