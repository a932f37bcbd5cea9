"""What people may be called. Pure. When two names are one is in `actors/site/names.py`.

Guests choose their names, so nobody may look like somebody else. The subject of a token is chosen
by the site that signs it: it is taken as it is and compared exactly.
"""

from __future__ import annotations

import re
import unicodedata

from actors.site.names import RESERVED, name_key

ANONYMOUS = "anonymous"
"""Who says no name."""
LONGEST = 64
"""Characters of a guest's name; a number that we add comes on top."""
LONGEST_SUBJECT = 256

_NOT_IN_NAMES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {0x200C: None, 0x200D: None}
"""Within words of Persian or Hindi, and within emoji; names that differ in them alone are one."""
_AT_THE_ENDS = re.compile(r"^[\s\u200c\u200d]+|[\s\u200c\u200d]+$")


class NameRefused(Exception):
    """A guest may not be called so; the text says why, in words for him."""


def guest_name(wanted: str) -> str:
    """Return the name of a guest who asks for `wanted`; the site numbers it where it is taken.

    No name at all is "anonymous".

    Raises NameRefused for a reserved name, one that is too long, one with characters that nobody
    can see, and one with "@" before it, which stands for a direct message.
    """
    name = unicodedata.normalize("NFC", _AT_THE_ENDS.sub("", wanted))
    seen = name.translate(_JOINERS)
    if any(unicodedata.category(character) in _NOT_IN_NAMES for character in seen):
        raise NameRefused("Your name has characters that cannot be shown. Please choose another.")
    name = " ".join(name.split())
    if len(name) > LONGEST:
        raise NameRefused(f"Your name is too long: it may have {LONGEST} characters.")
    key = name_key(name)
    if not key:
        return ANONYMOUS
    if key.startswith("@"):
        raise NameRefused("Your name may not begin with @. Please choose another.")
    if key in RESERVED:
        raise NameRefused("This name is reserved. Please choose another.")
    return name


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
