"""What a socket has not sent yet, in order; of what is replaceable, the latest alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from api.http.byte_budget import Account

T = TypeVar("T")


ONE_OF = 8  # of its limits, one part in so many may be of one source
ALL_OF = 2  # and one part in so many of all sources

_Entry = tuple[T, int, bytes, str, str]  # size, payload, source, replace


class Unsent(Generic[T]):
    """A queue of so many messages and bytes, for both carriers and for whoever polls.

    Whoever adds asks `has_room` first; what must go out in any case is added without. An item that
    is partly sent is replaced no more. What `account` counts is the `payload` of each item, until
    all of it is sent. A `source` is somebody else who has this sent: none may have more than its
    part of the queue, but one message of each may always wait.
    """

    __slots__ = (
        "_account", "_begun", "_bytes", "_items", "_messages", "_places", "_sources", "_taken",
        "unsent",
    )  # fmt: skip

    def __init__(self, messages: int, bytes_: int, account: Account | None = None) -> None:
        self._messages = messages
        self._bytes = bytes_
        self._account = account
        self._items: deque[_Entry[T]] = deque()
        self._places: dict[str, int] | None = None  # of what is replaceable, counted from the first
        self._sources: dict[str, tuple[int, int]] | None = None  # messages and bytes; of all: ""
        self._taken = 0
        self._begun = False
        self.unsent = 0

    def __len__(self) -> int:
        return len(self._items)

    def has_room(self, size: int = 0, replace: str = "") -> bool:
        """Tell whether one more of `size` bytes keeps within the limits."""
        at = self._place(replace)
        if at is not None:
            return self.unsent + size - self._items[at][1] <= self._bytes
        return len(self._items) < self._messages and self.unsent + size <= self._bytes

    def has_room_for(self, source: str, size: int) -> bool:
        """Tell whether one more of `size` bytes keeps within the part of a source."""
        if self._sources is None or source not in self._sources:
            return self._is_within("", size, ALL_OF) or len(self._items) == 0
        return self._is_within(source, size, ONE_OF) and self._is_within("", size, ALL_OF)

    def _is_within(self, source: str, size: int, part: int) -> bool:
        messages, bytes_ = (self._sources or {}).get(source, (0, 0))
        return messages < self._messages // part and bytes_ + size <= self._bytes // part

    def add(
        self, item: T, size: int, replace: str = "", payload: bytes = b"", source: str = ""
    ) -> None:
        """Put it last, or in the place of the unsent one of the same `replace`."""
        entry = (item, size, payload, source, replace)
        at = self._place(replace)
        if at is not None:
            former = self._items[at]
            self._items[at] = entry
            self.unsent += size - former[1]
            self._let_go(former)
        else:
            if replace:
                if self._places is None:
                    self._places = {}
                self._places[replace] = self._taken + len(self._items)
            self._items.append(entry)
            self.unsent += size
        if source:
            self._count(source, 1, size)
        if self._account is not None:
            self._account.take(payload)

    @property
    def first(self) -> T:
        """What is to be sent next."""
        return self._items[0][0]

    def begin(self) -> None:
        """Note that the first is being sent: it is replaced and dropped no more."""
        self._begun = True

    def shorten(self, rest: T, size: int) -> None:
        """Note that of the first only `rest` is unsent, of `size` bytes."""
        _, before, payload, source, replace = self._items[0]
        self.unsent += size - before
        self._items[0] = (rest, size, payload, source, replace)
        if source:
            self._count(source, 0, size - before)
        self._begun = True

    def take(self) -> T:
        """Return the first, which is sent by that."""
        entry = self._items.popleft()
        self.unsent -= entry[1]
        if entry[4] and self._places is not None and self._places.get(entry[4]) == self._taken:
            del self._places[entry[4]]
        self._taken += 1
        self._begun = False
        self._let_go(entry)
        return entry[0]

    def take_all(self) -> list[T]:
        """Return everything, which is sent by that."""
        return [self.take() for _ in range(len(self._items))]

    def clear(self) -> None:
        """Forget everything."""
        self._begun = False
        self.drop()

    def drop(self) -> None:
        """Forget everything but what is partly sent."""
        kept = 1 if self._begun and self._items else 0
        while len(self._items) > kept:
            entry = self._items.pop()
            self.unsent -= entry[1]
            self._let_go(entry)
        self._places = None

    def _let_go(self, entry: _Entry[T]) -> None:
        _, size, payload, source, _ = entry
        if source:
            self._count(source, -1, -size)
        if self._account is not None:
            self._account.give(payload)

    def _count(self, source: str, messages: int, size: int) -> None:
        if self._sources is None:
            self._sources = {}
        for key in (source, ""):
            had = self._sources.get(key, (0, 0))
            now = had[0] + messages, had[1] + size
            if now[0]:
                self._sources[key] = now
            else:
                self._sources.pop(key, None)

    def _place(self, replace: str) -> int | None:
        """Return where the unsent one is that this would replace."""
        if not replace or self._places is None:
            return None
        at = self._places.get(replace, -1) - self._taken
        return at if at > 0 or (at == 0 and not self._begun) else None


Piece = bytes | memoryview | tuple[bytes, bytes]
"""What is unsent of a frame; of one that is whole its head and its payload, which others share."""


class Sends(Protocol):
    """A non-blocking socket, as far as it sends."""

    def send(self, data: bytes | memoryview, /) -> int: ...

    def sendmsg(self, buffers: Sequence[bytes], /) -> int: ...


def rest_of(piece: Piece, sent: int) -> tuple[Piece, int]:
    """Return what is left of a piece, and its bytes, once so many are sent."""
    if not isinstance(piece, tuple):
        return memoryview(piece)[sent:], len(piece) - sent
    head, payload = piece
    if sent < len(head):
        return (head[sent:], payload), len(head) + len(payload) - sent
    sent -= len(head)
    return memoryview(payload)[sent:], len(payload) - sent


def send_piece(sock: Sends, piece: Piece) -> int:
    """Send as much of it as the kernel takes. Raises OSError."""
    if isinstance(piece, tuple):
        return sock.sendmsg(piece)
    return sock.send(piece)


def send_some(sock: Sends, unsent: Unsent[Piece]) -> bool:
    """Send as much as the kernel takes now; tell whether that was anything. Raises OSError."""
    moved = False
    while unsent:
        piece = unsent.first
        try:
            sent = send_piece(sock, piece)
        except (BlockingIOError, InterruptedError):
            return moved
        moved = True
        rest, left = rest_of(piece, sent)
        if left:
            unsent.shorten(rest, left)
            return moved
        unsent.take()
    return moved
