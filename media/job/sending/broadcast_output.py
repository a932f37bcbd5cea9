"""What a target is to who sends to it: opened with its formats, told units, closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import av

from media.job.sending.coded_unit import CodedUnit, Formats

ERRORS = (av.FFmpegError, OSError, ValueError)
"""What an output raises where its target, or the disk, does not take it."""


class BroadcastOutput(Protocol):
    """One go at a target. All but `abort` is for the thread that sends, and may block."""

    formats: Formats

    @property
    def flows(self) -> bool:
        """Whether the target is known to take what is sent."""

    def open(self) -> None:
        """Reach the target. Raises NotReachable and ERRORS."""

    def write(self, unit: CodedUnit) -> None:
        """Send a unit of a kind in `formats`. Raises as `open`."""

    def close(self, *, last: bool) -> None:
        """End; `last`: in order, and nothing more will come. Raises as `open`."""

    def abort(self) -> None:
        """Have whatever blocks raise soon; for any thread."""


MakeOutput = Callable[[Formats, float, bool], BroadcastOutput]
"""Makes an output of these formats, from a moment on; whether pictures are reordered."""
