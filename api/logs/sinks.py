"""Where log lines go: a file descriptor that may be slow, full or gone.

A log must not stop the server: what cannot be written soon is dropped and counted.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

_PIECE = 4096  # a pipe that polls as writable takes this much without blocking (PIPE_BUF)
_PATIENCE_MS = 50  # waited once when the reader of a pipe falls behind, then no more


class LineSink:
    """Writes whole lines to one descriptor. Not for several threads at once."""

    def __init__(self, handle: int, *, owned: bool = False) -> None:
        self._handle = handle
        self._owned = owned
        self._poll = select.poll()
        self._poll.register(handle, select.POLLOUT)
        self._cut = False  # the last line was cut short
        self.dropped = 0

    @classmethod
    def open(cls, path: Path) -> LineSink:
        """Append to a file, which is made readable by its owner only. Raises OSError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return cls(os.open(path, flags, 0o600), owned=True)

    @property
    def terminal(self) -> bool:
        """Whether a person may be looking."""
        try:
            return os.isatty(self._handle)
        except OSError:
            return False

    def write(self, line: str) -> bool:
        """Write a line and its end; False where it was dropped (and counted)."""
        data = memoryview(("\n" * self._cut + line + "\n").encode("utf-8", "backslashreplace"))
        start = 0
        try:
            while start < len(data) and self._poll.poll(0 if self.dropped else _PATIENCE_MS):
                start += os.write(self._handle, data[start : start + _PIECE])
        except OSError:  # gone, full, or the disk is
            pass
        if start == len(data):
            self._cut = False
            return True
        self._cut = self._cut or start > 0
        self.dropped += 1
        return False

    def close(self) -> None:
        """Close the descriptor if this sink opened it."""
        if self._owned:
            os.close(self._handle)
