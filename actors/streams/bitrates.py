"""How many kbit/s a picture usually has, where nobody says. Pure.

The table is that of the original: at 30 frames a second, by number of points, straight lines in
between.
"""

from __future__ import annotations

from itertools import pairwise

from actors.words.streams import Resolution

POINTS = (
    (0, 0),
    (320 * 240, 400),
    (640 * 480, 800),
    (1280 * 720, 2000),
    (1920 * 1080, 4000),
    (3840 * 2160, 16_000),
)
TABLE_FRAMERATE = 30.0
USUAL_MOTION = 0.8
LEAST = 30  # of which an encoder can make anything
MOST = 100_000  # that is encoded, whatever is asked for


def usual_bitrate(size: Resolution, framerate: float, motion: float = USUAL_MOTION) -> int:
    """Return the kbit/s for a picture of this size and rate; `motion` scales them."""
    points = size.width * size.height
    kbits = POINTS[-1][1] * points / POINTS[-1][0]  # beyond the table
    for (less, low), (more, high) in pairwise(POINTS):
        if points <= more:
            kbits = low + (high - low) * (points - less) / (more - less)
            break
    return int(max(LEAST, min(MOST, kbits * framerate / TABLE_FRAMERATE * motion)))
