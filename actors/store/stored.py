"""What may be stored: sizes, and text that every database can hold.

Room names and the like come from strangers. PostgreSQL takes no NUL, no encoding takes a lone
surrogate, and no index takes a megabyte: such text is refused before a database sees it.
"""

from __future__ import annotations

import math

from actors.words.refusals import Unstorable

ID_BYTES = 128
TEXT_BYTES = 2048  # names are indexed: PostgreSQL's index takes 2704 bytes
KEY_BYTES = 16_384
FARTHEST = 2**31 - 1  # rows: no table holds more


def is_storable(text: str, most_bytes: int) -> bool:
    """Say whether every database can hold this text."""
    if "\0" in text or len(text) > most_bytes:
        return False
    try:
        return len(text.encode()) <= most_bytes
    except UnicodeEncodeError:
        return False


def check_text(text: str, most_bytes: int = TEXT_BYTES) -> None:
    """Raise Unstorable for text that not every database can hold."""
    if not is_storable(text, most_bytes):
        raise Unstorable


def check_document(document: bytes, most_bytes: int) -> None:
    """Raise Unstorable for a document that is too large."""
    if len(document) > most_bytes:
        raise Unstorable


def check_time(moment: float) -> None:
    """Raise Unstorable for what is no time."""
    if not math.isfinite(moment):
        raise Unstorable


def window(offset: int, limit: int | None) -> tuple[int, int]:
    """Return how many rows to skip and how many to take at most, in numbers a database takes."""
    most = FARTHEST if limit is None else limit
    return min(max(0, offset), FARTHEST), min(max(0, most), FARTHEST)
