"""What people may be called, and when two names are one. Pure.

Guests choose their names, so nobody may look like somebody else: names are compared without case
and in Unicode's compatibility form (NFKC), without characters that nobody sees. The subject of a
token is chosen by the site that signs it: it is taken as it is and compared exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count

ANONYMOUS = "anonymous"
"""Who says no name."""
SERVER = "ChatServer"
"""Who speaks for the server; clients know it by this name."""
LONGEST = 64
"""Characters of a guest's name; a number that we add comes on top."""
LONGEST_SUBJECT = 256

_UNSEEN = re.compile(  # default ignorable code points that are letters or marks
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NOT_IN_NAMES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class NameRefused(Exception):
    """A guest may not be called so; the text says why, in words for him."""


class NameBanned(NameRefused):
    """Somebody of this name is banned."""


def name_key(name: str) -> str:
    """Return what names that count as one share: NFKC, without case and the unseen."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", folded))
    return " ".join(seen.split())


RESERVED = frozenset(name_key(name) for name in (SERVER, "Server", "System"))
"""Keys of names that no person has."""


def guest_name(wanted: str, taken: Container[str], banned: Container[str] = ()) -> str:
    """Return the name of a guest who asks for `wanted`.

    `taken` and `banned` are keys, as `name_key` makes them. No name at all is "anonymous"; a taken
    one gets the next number that is free: `name 2`, `name 3` (fact sheet section 2.1).

    Raises NameBanned, or NameRefused for a reserved name, one that is too long, one with characters
    that nobody can see, and one with "@" before it, which stands for a direct message.
    """
    name = unicodedata.normalize("NFC", wanted.strip())
    if any(unicodedata.category(character) in _NOT_IN_NAMES for character in name):
        raise NameRefused("Your name has characters that cannot be shown. Please choose another.")
    name = " ".join(name.split())
    if len(name) > LONGEST:
        raise NameRefused(f"Your name is too long: it may have {LONGEST} characters.")
    key = name_key(name)
    if not key:
        name, key = ANONYMOUS, name_key(ANONYMOUS)
    if key.startswith("@"):
        raise NameRefused("Your name may not begin with @. Please choose another.")
    if key in RESERVED:
        raise NameRefused("This name is reserved. Please choose another.")
    if key in banned:
        raise NameBanned("You are currently banned from entering the chat room.")
    if key not in taken:
        return name
    return next(
        numbered
        for numbered in (f"{name} {number}" for number in count(2))
        if (key := name_key(numbered)) not in taken and key not in banned
    )


def is_subject(subject: str) -> bool:
    """Tell whether the subject of a token can be a name: it is not changed, only taken or not.

    Not: an empty or overlong one, one with control characters, one that is reserved.
    """
    return (
        0 < len(subject) <= LONGEST_SUBJECT
        and not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in subject)
        and bool(name_key(subject))
        and name_key(subject) not in RESERVED
    )
