"""What a socket has not sent yet, in order; of what is replaceable, the latest alone."""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Unsent(Generic[T]):
    """A queue of so many messages and bytes, for both carriers and for whoever polls.

    Whoever adds asks `has_room` first; what must go out in any case is added without. An item that
    is partly sent is replaced no more.
    """

    __slots__ = ("_begun", "_bytes", "_items", "_messages", "_places", "_taken", "unsent")

    def __init__(self, messages: int, bytes_: int) -> None:
        self._messages = messages
        self._bytes = bytes_
        self._items: deque[tuple[T, int]] = deque()
        self._places: dict[str, int] | None = None  # of what is replaceable, counted from the first
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

    def add(self, item: T, size: int, replace: str = "") -> None:
        """Put it last, or in the place of the unsent one of the same `replace`."""
        at = self._place(replace)
        if at is not None:
            self.unsent += size - self._items[at][1]
            self._items[at] = (item, size)
            return
        if replace:
            if self._places is None:
                self._places = {}
            self._places[replace] = self._taken + len(self._items)
        self._items.append((item, size))
        self.unsent += size

    @property
    def first(self) -> T:
        """What is to be sent next."""
        return self._items[0][0]

    def shorten(self, rest: T, size: int) -> None:
        """Note that of the first only `rest` is unsent, of `size` bytes."""
        self.unsent += size - self._items[0][1]
        self._items[0] = (rest, size)
        self._begun = True

    def take(self) -> T:
        """Return the first, which is sent by that."""
        item, size = self._items.popleft()
        self.unsent -= size
        self._taken += 1
        self._begun = False
        return item

    def clear(self) -> None:
        """Forget everything."""
        self._taken += len(self._items)
        self._items.clear()
        self._begun = False
        self.unsent = 0

    def _place(self, replace: str) -> int | None:
        """Return where the unsent one is that this would replace."""
        if not replace or self._places is None:
            return None
        at = self._places.get(replace, -1) - self._taken
        return at if at > 0 or (at == 0 and not self._begun) else None


class Sends(Protocol):
    """A non-blocking socket, as far as it sends."""

    def send(self, data: bytes | memoryview, /) -> int: ...


def send_some(sock: Sends, unsent: Unsent[bytes | memoryview]) -> bool:
    """Send as much as the kernel takes now; tell whether that was anything. Raises OSError."""
    moved = False
    while unsent:
        data = unsent.first
        try:
            sent = sock.send(data)
        except (BlockingIOError, InterruptedError):
            return moved
        moved = True
        if sent < len(data):
            unsent.shorten(memoryview(data)[sent:], len(data) - sent)
            return moved
        unsent.take()
    return moved
