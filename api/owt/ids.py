"""Ids as the original's database made them: 24 hex digits, sorting in the order of their making."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from itertools import count

OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
LIVE_ID = re.compile(r"[0-9a-zA-Z\-_]{1,128}")  # of participants, streams and recordings


class ObjectIds:
    """Makes the ids of one process: the second, five random bytes of the process, a counter."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._process = secrets.token_hex(5)
        self._counter = count(secrets.randbelow(2**23))

    def new(self) -> str:
        return f"{int(self._clock()):08x}{self._process}{next(self._counter) % 2**24:06x}"
