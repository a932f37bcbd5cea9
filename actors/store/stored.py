"""What may be stored: sizes, and text that every database can hold.

Room names and the like come from strangers. PostgreSQL takes no NUL, no encoding takes a lone
surrogate, and no index takes a megabyte: such text is refused before a database sees it.
"""

from __future__ import annotations

import math

from actors.store.messages import Document, KindLimits, ListDocumentIds, ListDocuments
from actors.words.refusals import Unstorable

# Kind, id and owner, or kind and name, are one entry of PostgreSQL's index, which takes 2704 bytes.
KIND_BYTES = 32
ID_BYTES = 256
TEXT_BYTES = 2048
FARTHEST = 2**31 - 1  # rows: no table holds more


def is_storable(text: str, most_bytes: int) -> bool:
    """Say whether every database can hold this text."""
    if "\0" in text or len(text) > most_bytes:
        return False
    try:
        return len(text.encode()) <= most_bytes
    except UnicodeEncodeError:
        return False


def is_key(kind: str, id: str) -> bool:
    """Say whether there can be a document of this kind and id."""
    return is_storable(kind, KIND_BYTES) and is_storable(id, ID_BYTES)


def is_page(asked: ListDocuments | ListDocumentIds) -> bool:
    """Say whether a list that is asked for can have anything in it."""
    owned = asked.owner is None or is_storable(asked.owner, TEXT_BYTES)
    return owned and is_key(asked.kind, asked.after or "")


def check_text(text: str, most_bytes: int = TEXT_BYTES) -> None:
    """Raise Unstorable for text that not every database can hold."""
    if not is_storable(text, most_bytes):
        raise Unstorable


def check_document(document: Document, limits: KindLimits, now: float) -> None:
    """Raise Unstorable for what is too large, no text of a database, or no time."""
    check_text(document.kind, KIND_BYTES)
    check_text(document.id, ID_BYTES)
    check_text(document.owner)
    check_text(document.name or "")
    if len(document.body) > limits.document_bytes:
        raise Unstorable
    if not math.isfinite(now) or not math.isfinite(document.expires_at or 0.0):
        raise Unstorable


def window(offset: int, limit: int | None) -> tuple[int, int]:
    """Return how many rows to skip and how many to take at most, in numbers a database takes."""
    most = FARTHEST if limit is None else limit
    return min(max(0, offset), FARTHEST), min(max(0, most), FARTHEST)
