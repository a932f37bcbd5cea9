"""The plug-in that sees what moves: by the blocks of a picture that changed since the last one."""

from __future__ import annotations

from typing import Any

import numpy as np

from media.analysis.builtin.blocks import Grey, Means, means_of
from media.analysis.plugin import Emit, Frames, PictureWants, Wants

CHANGED = 6.0  # levels of 255 by which the mean of a block differs
LEAST_SHARE = 0.01  # of all blocks: two of 144
EVERYTHING = 0.9  # of all blocks: a cut, or a light that was switched, is no motion
AGAIN_SECONDS = 1.0  # between two events while it goes on
STILL_SECONDS = 2.0  # without motion until it is over


class MotionRule:
    """Takes pictures with their moments, returns the event that each gives, if any. Pure."""

    def __init__(self) -> None:
        self._before: Means | None = None
        self._moved_at: float | None = None  # None while nothing moves
        self._told_at = 0.0

    def look(self, picture: Grey, moment: float) -> tuple[str, dict[str, Any]] | None:
        """Return "motion" with the share that changed and its bounds as fractions, or "still"."""
        means = means_of(picture)
        before, self._before = self._before, means
        if before is None or before.shape != means.shape:
            return None
        changed = np.abs(means - before) > CHANGED
        share = float(changed.mean())
        if not LEAST_SHARE <= share <= EVERYTHING:
            if self._moved_at is None or moment - self._moved_at < STILL_SECONDS:
                return None
            self._moved_at = None
            return "still", {}
        goes_on, self._moved_at = self._moved_at is not None, moment
        if goes_on and moment - self._told_at < AGAIN_SECONDS:
            return None
        self._told_at = moment
        return "motion", {"share": round(share, 4), **_bounds(changed)}


class Motion:
    """Tells `motion` when something begins to move and each second while it goes on: `share` of
    the picture, and where: `left`, `top`, `width`, `height`; and `still` two seconds after it.
    """

    wants = Wants(PictureWants(160, 90, rate=5.0, format="gray"))

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        rule = MotionRule()
        async for frame in frames:
            event = rule.look(frame.data, frame.moment)  # type: ignore[arg-type]  # a picture
            if event is not None:
                emit(*event)


def _bounds(changed: Any) -> dict[str, float]:
    rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
    height, width = changed.shape
    return {
        "left": round(float(columns[0]) / width, 4),
        "top": round(float(rows[0]) / height, 4),
        "width": round(float(columns[-1] + 1 - columns[0]) / width, 4),
        "height": round(float(rows[-1] + 1 - rows[0]) / height, 4),
    }
