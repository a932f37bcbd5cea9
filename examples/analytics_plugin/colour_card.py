"""A plug-in for Quintet's analytics: tells when a red, green or blue card is held into a camera.

The whole module is the plug-in: it says what it wants to see, and has `analyse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from media.analysis import Emit, Frames, PictureWants, Wants

wants = Wants(PictureWants(width=160, height=90, rate=5.0, format="rgb"))

CHANNELS = ("red", "green", "blue")
BRIGHT, AHEAD = 120, 60  # levels: of the card's colour, and before both others
LEAST_SHARE = 0.03  # of the picture


async def analyse(frames: Frames, emit: Emit) -> None:
    """Tell `card` with its colour when one comes, and `no-card` when it is gone."""
    shown: str | None = None
    async for frame in frames:
        colour, share = card_in(frame.data)
        if colour != shown:
            shown = colour
            if colour is None:
                emit("no-card")
            else:
                emit("card", {"colour": colour, "share": round(share, 3)})


def card_in(picture: np.ndarray[Any, Any]) -> tuple[str | None, float]:
    """Return the colour that has the largest part of a picture, and its share; None for none."""
    levels = picture.astype(np.int16)
    best: tuple[str | None, float] = (None, 0.0)
    for number, name in enumerate(CHANNELS):
        own = levels[..., number]
        others = np.delete(levels, number, axis=2).max(axis=2)
        share = float(((own > BRIGHT) & (own - others > AHEAD)).mean())
        if share >= LEAST_SHARE and share > best[1]:
            best = (name, share)
    return best
