"""Details of a description that aiortc's parser stumbles over, put as it reads them.

What RFCs allow, or what is left over when somebody edits a description, is no reason to refuse all
of it. Pure functions on lines; what says nothing to us is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

FREE_TEXT = ("i=", "u=", "e=", "p=")  # may hold anything, also what no other line may; as s=
RTPMAP = re.compile(r"a=rtpmap:([0-9]{1,3}) [^/]+/[0-9]{1,10}(/[0-9]{1,3})? *", re.ASCII)
OF_A_FORMAT = re.compile(r"a=(?:fmtp|rtcp-fb):([0-9]{1,3}|\*) +(.+)", re.ASCII)
EXTENSION = re.compile(r"a=extmap:([0-9]{1,3})(/[a-z]+)?", re.ASCII)
EXTENSION_IDS = range(1, 256)  # RFC 8285, section 4.3
NUMBER = re.compile(r"[0-9]{1,7}", re.ASCII)
NUMBERS = frozenset(  # of parameters: those that aiortc reads as such, and those we hand on
    {
        "apt", "cbr", "level-asymmetry-allowed", "max-fr", "max-fs", "maxaveragebitrate",
        "maxplaybackrate", "minptime", "stereo", "usedtx", "useinbandfec",
    }
)  # fmt: skip
DECISIVE = {  # parameters without which a format would be another one
    "packetization-mode": re.compile(r"[0-9]", re.ASCII),
    "profile-level-id": re.compile(r"[0-9A-Fa-f]{6}", re.ASCII),
}
READABLE = {  # attributes that aiortc reads numbers of, whatever they are good for
    "a=rtpmap:": RTPMAP,
    "a=rtcp:": re.compile(r"a=rtcp:[0-9]{1,5}( .*)?", re.ASCII),
    "a=ssrc:": re.compile(r"a=ssrc:[0-9]{1,10} .+", re.ASCII),
    "a=ssrc-group:": re.compile(r"a=ssrc-group:[^ ]+( [0-9]{1,10})*", re.ASCII),
    "a=sctpmap:": re.compile(r"a=sctpmap:[0-9]{1,5} .+", re.ASCII),
    "a=max-message-size:": re.compile(r"a=max-message-size:[0-9]{1,10}", re.ASCII),
}


def without_free_text(lines: Sequence[str]) -> list[str]:
    """Return lines of a description without what people write into it (RFC 8866, 5.3 to 5.6)."""
    kept = (line for line in lines if not line.startswith(FREE_TEXT))
    return ["s=-" if line.startswith("s=") else line for line in kept]


def tidied(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of a section as aiortc can read them."""
    lines = list(_with_numbers(lines))
    mapped = {found[1] for line in lines if (found := RTPMAP.match(line))}
    return tuple(_tidied(lines, mapped))


def _with_numbers(lines: Sequence[str]) -> Iterator[str]:
    """Leave out what has no number, or one without end, where there must be one."""
    for line in lines:
        kind = f"{line.partition(':')[0]}:"
        if kind == "a=extmap:":
            # Attributes of an extension may follow (RFC 8285, section 5).
            words = line.split(" ")[:2]
            found = EXTENSION.fullmatch(words[0])
            if found is not None and int(found[1]) in EXTENSION_IDS and words[1:] > [""]:
                yield " ".join(words)
        elif kind not in READABLE or READABLE[kind].fullmatch(line):
            yield line


def _tidied(lines: Sequence[str], mapped: set[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith(("a=fmtp:", "a=rtcp-fb:")):
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
    kept = [it for it in told if it[0] not in NUMBERS or NUMBER.fullmatch(it[2])]
    return ";".join(f"{name}{sign}{_decided(name, value)}" for name, sign, value in kept)


def _decided(name: str, value: str) -> str:
    """Return a parameter's value, one that no codec has in place of one that nobody can read."""
    form = DECISIVE.get(name)
    return value if form is None or form.fullmatch(value) else "none"
