"""Agreeing on transport-wide feedback, as text: aiortc does not know it.

Only sections that we receive and do not send in take part: who may send such feedback no longer
says what it can take (REMB), and what our receivers say is what we pass on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from media.webrtc.descriptions import NUMBER, MediaSection, SessionText, split

NUMBERS = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK = "transport-cc"
OFFERED_ID = 4  # of the header extension in offers of ours; aiortc takes 1 to 3
ONE_BYTE_IDS = range(1, 15)  # RFC 8285; nothing larger is agreed on
SENDS = ("", "sendonly", "sendrecv")  # RFC 8285, section 5: the direction of one extension


def numbered(theirs: SessionText, received: Mapping[str, int]) -> tuple[int, frozenset[str]]:
    """Find the sections whose packets the other side numbers for our feedback.

    `received` holds the payload type by mid of those in which we only receive. Returns the id of
    the header extension, 0 for none, and their mids; sections under other ids stay without it.
    """
    ids = {
        section.mid: identifier
        for section in theirs.sections
        if section.mid in received and (identifier := _agreed_id(section, received[section.mid]))
    }
    first = next(iter(ids.values()), 0)
    return first, frozenset(mid for mid, identifier in ids.items() if identifier == first)


def accept_feedback(offer: SessionText, answer: str) -> str:
    """Add to our answer what the offer says of transport-wide feedback, where we take it up."""
    text = split(answer)
    received = {s.mid: _payload_types(s)[0] for s in text.sections if _only_receives(s)}
    identifier, mids = numbered(offer, received)
    return str(_with_feedback(text, identifier, mids))


def offer_feedback(offer: str) -> str:
    """Add transport-wide feedback to an offer of ours, where we only receive."""
    text = split(offer)
    return str(
        _with_feedback(text, OFFERED_ID, {s.mid for s in text.sections if _only_receives(s)})
    )


def _with_feedback(
    text: SessionText, identifier: int, mids: set[str] | frozenset[str]
) -> SessionText:
    sections = tuple(
        MediaSection((*section.lines, *_lines(section, identifier)))
        if section.mid in mids
        else section
        for section in text.sections
    )
    return replace(text, sections=sections)


def _lines(section: MediaSection, identifier: int) -> list[str]:
    rtx = {
        value.split(" ", 1)[0]
        for value in section.values("a=rtpmap:")
        if value.partition(" ")[2].lower().startswith("rtx/")
    }
    types = [kind for kind in _payload_types(section) if f"{kind}" not in rtx]
    feedback = [f"a=rtcp-fb:{payload_type} {FEEDBACK}" for payload_type in types]
    return [f"a=extmap:{identifier} {NUMBERS}", *feedback]


def _only_receives(section: MediaSection) -> bool:
    live = section.kind != "application" and not section.rejected
    return live and "a=recvonly" in section.lines


def _payload_types(section: MediaSection) -> list[int]:
    return [int(word) for word in section.lines[0].split(" ")[3:] if NUMBER.fullmatch(word)]


def _agreed_id(section: MediaSection, payload_type: int) -> int:
    """Return the extension's id in a section of theirs, 0 if they offer it not or only one half."""
    wanted = {f"{payload_type} {FEEDBACK}", f"* {FEEDBACK}"}
    if wanted.isdisjoint(section.values("a=rtcp-fb:")):
        return 0
    for value in section.values("a=extmap:"):
        words = value.split(" ")
        number, _, direction = words[0].partition("/")
        if words[1:2] == [NUMBERS] and NUMBER.fullmatch(number) and direction in SENDS:
            return int(number) if int(number) in ONE_BYTE_IDS else 0
    return 0
