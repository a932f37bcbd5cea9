"""The plug-ins that see a picture which is black, or does not change any more."""

from __future__ import annotations

import numpy as np
import trio

from media.analysis.builtin.blocks import Grey, means_of
from media.analysis.plugin import Emit, Frame, Frames, PictureWants, Wants

BLACK_LEVEL = 24.0  # of 255: the mean of every block is below
BLACK_SECONDS = 1.0
SAME_MEAN, SAME_BLOCK = 1.0, 3.0  # levels: of all pixels, and of the mean of each block
FROZEN_SECONDS = 3.0
LOOK_SECONDS = 0.5  # between two looks where no picture comes


class BlackRule:
    """Takes pictures with their moments, returns the name of an event, or None. Pure."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def look(self, picture: Grey, moment: float) -> str | None:
        """Return "black" once that has lasted, and "seen" when it is over."""
        if float(means_of(picture).max(initial=0.0)) >= BLACK_LEVEL:
            told, self._told, self._since = self._told, False, None
            return "seen" if told else None
        if self._since is None:
            self._since = moment
        if self._told or moment - self._since < BLACK_SECONDS:
            return None
        self._told = True
        return "black"


class FrozenRule:
    """As BlackRule. What coding leaves of noise is no change; nor is that no picture comes."""

    def __init__(self) -> None:
        self._first: Grey | None = None  # of those that are the same
        self._since = 0.0
        self._told = False

    def look(self, picture: Grey, moment: float) -> str | None:
        """Return "frozen" once that has lasted, and "moving" when it is over."""
        if self._first is not None and _same(self._first, picture):
            return self.wait(moment)
        self._first, self._since = picture, moment
        told, self._told = self._told, False
        return "moving" if told else None

    def wait(self, moment: float) -> str | None:
        """Return the event of a moment at which there is no other picture."""
        if self._first is None or self._told or moment - self._since < FROZEN_SECONDS:
            return None
        self._told = True
        return "frozen"


class Black:
    """Tells `black` when the picture has been so for a second, and `seen` when it is not."""

    wants = Wants(PictureWants(160, 90, rate=5.0, format="gray"))

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        rule = BlackRule()
        async for frame in frames:
            name = rule.look(frame.data, frame.moment)  # type: ignore[arg-type]  # a picture
            if name is not None:
                emit(name)


class Frozen:
    """Tells `frozen` when the picture has not changed for three seconds, or no other one came,
    and `moving` when it does. A scene in which nothing moves is taken for one, too.
    """

    wants = Wants(PictureWants(160, 90, rate=5.0, format="gray"))

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        rule = FrozenRule()
        while True:
            frame: Frame | None = None
            with trio.move_on_after(LOOK_SECONDS):
                frame = await anext(frames)
            if frame is None:
                name = rule.wait(trio.current_time() + self._ahead)
            else:
                self._ahead = frame.moment - trio.current_time()  # of Trio's clock
                name = rule.look(frame.data, frame.moment)  # type: ignore[arg-type]  # a picture
            if name is not None:
                emit(name)

    _ahead = 0.0


def _same(one: Grey, other: Grey) -> bool:
    if one.shape != other.shape:
        return False
    if float(np.abs(one.astype(np.int16) - other).mean()) > SAME_MEAN:
        return False
    return float(np.abs(means_of(one) - means_of(other)).max(initial=0.0)) <= SAME_BLOCK
