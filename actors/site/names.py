"""Names of people: when two are the same, and which one a guest gets instead of one that is taken.

Whoever is proven (by a token) is compared exactly; guests, bans and rules by `name_key`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

SERVER = "ChatServer"
"""In whose name the server speaks; no guest has it."""


def name_key(name: str) -> str:
    """Return what is equal for names that look alike: NFKC, no case, nothing invisible."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return " ".join(seen.split())


def next_free(name: str, taken: Callable[[str], bool]) -> str:
    """Return the name itself, or with the least number from 2 behind it that is not taken.

    `taken` is asked with keys.
    """
    if not taken(name_key(name)):
        return name
    number = 2
    while taken(name_key(f"{name} {number}")):
        number += 1
    return f"{name} {number}"


RESERVED = frozenset({name_key(SERVER)})
