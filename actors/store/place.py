"""Where a store is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StorePlace:
    """The database, and how it is used: `file` is SQLite's, `url` PostgreSQL's unless empty.

    `connections` are for reading, one more writes. A request is given up after `answer_seconds`,
    and refused while `waiting` others wait. `url` may hold a password.
    """

    file: Path
    url: str = field(default="", repr=False)
    connections: int = 4
    answer_seconds: float = 3.0
    waiting: int = 256
