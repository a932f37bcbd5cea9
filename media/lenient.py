"""Details of a description that aiortc's parser stumbles over, put as it reads them.

What RFCs allow, or what is left over when somebody edits a description, is no reason to refuse all
of it. Pure functions on lines; what says nothing to us is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

FREE_TEXT = ("i=", "u=", "e=", "p=")  # may hold anything, also what no other line may; as s=
RTPMAP = re.compile(r"a=rtpmap:([0-9]{1,3}) ", re.ASCII)
OF_A_FORMAT = re.compile(r"a=(?:fmtp|rtcp-fb):([0-9]{1,3}|\*) +(.+)", re.ASCII)
NUMBERS = frozenset(  # of parameters, which aiortc reads as such
    {"apt", "max-fr", "max-fs", "maxplaybackrate", "minptime", "stereo", "useinbandfec"}
)


def without_free_text(lines: Sequence[str]) -> list[str]:
    """Return lines of a description without what people write into it (RFC 8866, 5.3 to 5.6)."""
    kept = (line for line in lines if not line.startswith(FREE_TEXT))
    return ["s=-" if line.startswith("s=") else line for line in kept]


def tidied(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of a section as aiortc can read them."""
    mapped = {found[1] for line in lines if (found := RTPMAP.match(line))}
    return tuple(_tidied(lines, mapped))


def _tidied(lines: Sequence[str], mapped: set[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith("a=extmap:"):
            # Attributes of an extension may follow (RFC 8285, section 5).
            yield " ".join(line.split(" ")[:2])
        elif line.startswith(("a=fmtp:", "a=rtcp-fb:")):
            found = OF_A_FORMAT.fullmatch(line)
            if found is None or found[1] not in {*mapped, "*"}:
                continue  # of a format that is not there, or of none
            if line.startswith("a=rtcp-fb:"):
                yield line
            elif parameters := _parameters(found[2]):
                yield f"a=fmtp:{found[1]} {parameters}"
        elif line.startswith("a=ssrc:") and ":" not in line[7:]:
            yield f"{line}:"  # an attribute without a value (RFC 5576, section 4.1)
        else:
            yield line


def _parameters(text: str) -> str:
    """Return parameters of a format without spaces between them, names in lower case."""
    pairs = [part.strip().partition("=") for part in text.split(";") if part.strip()]
    told = [(name.strip().lower(), sign, value.strip()) for name, sign, value in pairs]
    kept = [it for it in told if it[0] not in NUMBERS or it[2].isdecimal()]
    return ";".join("".join(it) for it in kept)
