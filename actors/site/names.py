"""Names of people: when two are one, and which one a guest gets instead of one that is taken.

Nobody may look like somebody else: guests, bans and rules are compared by `name_key`. Whoever is
proven (by a token) has the name that it says, and is compared exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

SERVER = "ChatServer"
"""Who speaks for the server; clients know it by this name."""

LONGEST_NAME = 300
"""Characters that a name has at most, whatever wire it came in on: nobody has a longer one."""

_UNSEEN = re.compile(  # default ignorable code points that are letters or marks
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def name_key(name: str) -> str:
    """Return what names that count as one share: NFKC, without case and the unseen."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", folded))
    seen = "".join(char for char in seen if unicodedata.category(char) != "Cf")
    return " ".join(seen.split())


RESERVED = frozenset(name_key(name) for name in (SERVER, "Server", "System"))
"""Keys of names that no guest has."""


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
