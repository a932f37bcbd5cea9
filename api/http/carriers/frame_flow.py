"""The frames of a websocket whose bytes are somebody else's to read: how many, and what is begun.

Pure: bytes in, the same bytes out in pieces. The lane does the same while it reads its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from api.http.carriers.frames import frame_end, payload_start

AT_ONCE = 16  # frames that are no whole message, before others get a turn
ANY_SIZE = 1 << 64
_MASK_BYTES = 4
_CONTROL, _FINAL, _OPCODE = 0x08, 0x80, 0x0F


class FrameFlow:
    """What one client sends, behind its upgrade. `whole` counts the messages that it has ended."""

    def __init__(self) -> None:
        self.whole = 0
        self._skip = 0  # bytes up to the head of the next frame
        self._head = b""  # the beginning of one
        self._in_message = False
        self._lost = False  # it speaks something else

    @property
    def unfinished(self) -> bool:
        """Whether something is begun, and not whole yet."""
        return self._in_message or self._skip > 0 or bool(self._head)

    def pieces(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Cut what came into pieces; with each, how many frames in it were no whole message.

        Those are at most AT_ONCE. A frame counts where its head ends.
        """
        start, view = len(self._head), self._head + data
        at, self._head, frames = self._skip, b"", 0
        while at < len(view) and not self._lost:
            end = frame_end(view, at, ANY_SIZE)
            if end < 0:
                self._lost = True
            elif len(view) < min(end, at + 2) or len(view) < payload_start(view, at) - _MASK_BYTES:
                self._head = view[at:]
                at = len(view)
            else:
                frames += self._count(view[at])
                at = end
                if frames == AT_ONCE:
                    cut = min(at, len(view))
                    yield view[start:cut], frames
                    start, frames = cut, 0
        self._skip = max(0, at - len(view))
        if start < len(view):
            yield view[start:], frames

    def _count(self, first: int) -> int:
        """Take a frame by its first byte; return 0 for a whole message, else 1."""
        if first & _CONTROL:
            return 1
        whole = not self._in_message and bool(first & _FINAL)
        self._in_message = not first & _FINAL
        self.whole += not self._in_message
        return 0 if whole and first & _OPCODE else 1
