"""The limits that actors obey, as plain values.

`api/process/composition.py` takes them from the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ActorLimits:
    """Counts of messages, rooms and peers; `ask_seconds` is the budget of one inner request.

    Of the rooms made from one address so many may be empty (0: any number) for it to make another.
    """

    mailbox_messages: int = 1024
    rooms: int = 10_000
    peers: int = 20_000
    empty_rooms_per_address: int = 20
    ask_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How many records of each kind may be stored, and the bytes of a document."""

    services: int = 1000
    conferences: int = 10_000
    tokens: int = 20_000
    document_bytes: int = 2_097_152


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
    limits: StoreLimits = StoreLimits()


@dataclass(frozen=True, slots=True)
class RecordingsFolder:
    """Where recordings lie, and after how many days one is removed (0: never).

    A recording ends after `max_seconds` (0: no limit), and when the disk has less than
    `min_free_bytes` free.
    """

    path: Path
    retention_days: float = 0.0
    max_seconds: float = 0.0
    min_free_bytes: int = 0
