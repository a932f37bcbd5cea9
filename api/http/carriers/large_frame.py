"""A large frame of a client, unmasked as it comes in, so that its end holds up nobody. Pure.

Unmasked and copied at once, a frame of 40 MiB would hold the loop for a twelfth of a second. Its
payload is a bytearray, which whoever receives it reads as he reads bytes.
"""

from __future__ import annotations

from typing import Any

from api.http.carriers.frames import WHOLE_TEXT, payload_start, unmask

LARGE = 262_144  # bytes of a frame that is taken apart like this


class LargeFrame:
    """One frame that began at `start` of `data` and ends at `end`, beyond it (`frame_end`)."""

    __slots__ = ("_is_text", "_left", "_mask", "_payload")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        begin = payload_start(data, start)
        self._is_text = data[start] == WHOLE_TEXT
        self._mask = data[begin - 4 : begin]
        self._payload = bytearray()  # not of its size from the start: that would be written at once
        self._left = end - begin
        self.add(data[begin:])

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return not self._left

    def add(self, data: bytes) -> bytes:
        """Take what belongs to it; return the rest."""
        part, rest = data[: self._left], data[self._left :]
        if part:
            self._payload += unmask(part, self._mask)
            self._left -= len(part)
            turn = len(part) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
        return rest

    def message(self) -> tuple[Any, bool]:
        """Return its payload and whether that is text, once it is complete."""
        return self._payload, self._is_text
