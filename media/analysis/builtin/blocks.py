"""A grey picture as the means of square blocks, in which the noise of a camera is small. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 10  # pixels of a side

Grey = npt.NDArray[np.uint8]
Means = npt.NDArray[np.float32]


def means_of(picture: Grey) -> Means:
    """Return the mean of each block, in rows; what is left at the right and below is cut off."""
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    cut = picture[: rows * BLOCK, : columns * BLOCK].astype(np.float32)
    means: Means = cut.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3), dtype=np.float32)
    return means
