"""Messages that come in pieces: a large frame, and several frames. Pure.

A large frame is unmasked as it comes in, so that its end holds up nobody: at once, one of 40 MiB
would hold the loop for a twelfth of a second. Its payload is a bytearray, which whoever receives it
reads as he reads bytes.
"""

from __future__ import annotations

from typing import Any

from api.http.carriers.frames import WHOLE_TEXT, payload_start, unmask

LARGE = 262_144  # bytes of a frame that is taken apart like this
FRAGMENTS = 4096  # of one message


class LargeFrame:
    """One frame that began at `start` of `data` and ends at `end`, beyond it (`frame_end`).

    Of one that is not `wanted` nothing is kept, nor unmasked, and only its end is found.
    """

    __slots__ = ("_is_text", "_left", "_mask", "_payload", "_wanted")

    def __init__(
        self, data: bytes | bytearray, start: int, end: int, *, wanted: bool = True
    ) -> None:
        begin = payload_start(data, start)
        self._is_text = data[start] == WHOLE_TEXT
        self._mask = bytes(data[begin - 4 : begin])
        self._payload = bytearray()  # not of its size from the start: that would be written at once
        self._wanted = wanted
        if wanted:
            self._left = end - begin
            self.add(bytes(data[begin:]))
        else:
            self._left = end - len(data)

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return not self._left

    def add(self, data: bytes) -> bytes:
        """Take what belongs to it; return the rest."""
        part, rest = data[: self._left], data[self._left :]
        if part and not self._wanted:
            self._left -= len(part)
        elif part:
            self._payload += unmask(part, self._mask)
            self._left -= len(part)
            turn = len(part) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        return rest

    def __len__(self) -> int:
        """Return the bytes that are here."""
        return len(self._payload)

    def drop(self) -> None:
        """Keep nothing of it, and only find its end."""
        self._wanted, self._payload = False, bytearray()

    def message(self) -> tuple[Any, bool]:
        """Return its payload and whether that is text, once it is complete."""
        return self._payload, self._is_text


class Fragments:
    """The pieces so far of a message that comes in several frames.

    They are joined as they come: of short ones, each kept for itself takes twenty times its bytes.
    """

    __slots__ = ("_count", "_is_text", "_joined")

    def __init__(self, is_text: bool) -> None:
        self._is_text = is_text
        self._joined = bytearray()
        self._count = 0

    def add(self, data: Any) -> None:
        """Take the next one."""
        self._joined += data
        self._count += 1

    @property
    def too_many(self) -> bool:
        """Whether there are more than FRAGMENTS: empty ones pass every limit of size."""
        return self._count > FRAGMENTS

    def message(self) -> tuple[bytes, bool]:
        """Return the payload and whether that is text, once all are there."""
        return bytes(self._joined), self._is_text
