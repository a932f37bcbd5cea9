"""Wakes the loop of a process from its threads."""

from __future__ import annotations

import os
from contextlib import suppress


class Waker:
    """Readable for a selector once `wake` was called, until `clear`. Close it at the end."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        return self._read

    def wake(self) -> None:
        """Neither waits nor raises; any thread may call it."""
        with suppress(OSError):  # full: it is awake, then
            os.write(self._write, b"!")

    def clear(self) -> None:
        """Go to sleep again."""
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)
