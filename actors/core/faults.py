"""What may be told of a crash to people who must not see user data."""

from __future__ import annotations

import traceback
from pathlib import Path


def place_of(error: BaseException) -> str:
    """Return the type of an error and where it was raised, without its message.

    "ValueError in room.py:88 handle"; the message may hold chat text or secrets.
    """
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return kind
    last = frames[-1]
    return f"{kind} in {Path(last.filename).name}:{last.lineno} {last.name}"
