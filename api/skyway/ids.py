"""Ids as the published API has them: two letters, a dash and a UUID, 39 characters. Pure rules.

Whatever has another shape is no id of anything here.
"""

from __future__ import annotations

import re
import secrets
import string
from uuid import uuid4

_SHAPE = re.compile(
    r"(pt|da|dc|vi|au|rc|mc)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
_LETTERS = string.ascii_letters + string.digits
PEER_ID_LENGTH = 16


def new_id(prefix: str) -> str:
    """Return a new id of a token ("pt"), socket ("da", "vi", "au", "rc") and so on."""
    return f"{prefix}-{uuid4()}"


def is_of(value: str, *prefixes: str) -> bool:
    """Tell whether that is an id with one of the prefixes."""
    return _SHAPE.fullmatch(value) is not None and value[:2] in prefixes


def new_peer_id() -> str:
    """Return an id for a peer whose program has named none."""
    return "".join(secrets.choice(_LETTERS) for _ in range(PEER_ID_LENGTH))
