"""Which input a process works on, where its server can read it once the process has died.

It is one number in memory that both have: to set it costs next to nothing, and what a crash leaves
there stays. A server reads it by the descriptor: a process that has gone wild cannot harm it.
"""

from __future__ import annotations

import mmap
import os

NOTHING = 0  # no input's SSRC
BYTES = 4


def open_mark() -> int:
    """Return the descriptor of a new mark, at NOTHING, to be closed. Raises OSError."""
    descriptor = os.memfd_create("job")
    try:
        os.ftruncate(descriptor, BYTES)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_mark(descriptor: int) -> int:
    """Return the SSRC that was set last, or NOTHING."""
    try:
        return int.from_bytes(os.pread(descriptor, BYTES, 0), "little")
    except OSError:
        return NOTHING


class InputMark:
    """The mark as the process has it; the descriptor is closed here."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, BYTES)
        os.close(descriptor)

    def set(self, ssrc: int) -> None:
        """Note the input that is worked on from now on, or NOTHING."""
        self._memory[:] = ssrc.to_bytes(BYTES, "little")
