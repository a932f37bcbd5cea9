"""Agreeing on retransmissions in a stream of their own (RTX, RFC 4588), as text beside aiortc.

What we send again is then a packet of its own, with a number and a time of sending of its own. The
old packet with its old time would upset the receiver's estimate: it counts to the burst that it was
lost from, which then seems to have taken a round trip longer. Only sections that we send and do not
receive in take part, and only in answers: lost packets that come to us come as they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from media.webrtc.descriptions import MediaSection, SessionText, split

APT = re.compile(r"([0-9]{1,3}) (?:.*;)? *apt=([0-9]{1,3})(?:;.*)?", re.ASCII)
DYNAMIC_TYPES = frozenset({*range(35, 64), *range(96, 128)})  # not taken for RTCP (RFC 5761)
FORMAT = "rtx/90000"


def retransmission_types(theirs: SessionText, sent: Mapping[str, int]) -> dict[str, int]:
    """Find the payload type, by mid, under which the other side takes retransmissions.

    `sent` holds the payload type of the media itself by mid, of sections in which we only send.
    """
    found: dict[str, int] = {}
    for section in theirs.sections:
        formats = set(section.values("a=rtpmap:"))
        for value in section.values("a=fmtp:"):
            match = APT.fullmatch(value)
            if match is None or f"{match[1]} {FORMAT}" not in formats:
                continue
            ours, media = int(match[1]), int(match[2])
            if sent.get(section.mid) == media and ours != media and ours in DYNAMIC_TYPES:
                found.setdefault(section.mid, ours)
    return found


def accept_retransmissions(answer: str, agreed: Mapping[str, tuple[int, int]]) -> str:
    """Add to our answer the payload types and SSRCs, by mid, that retransmissions come under."""
    text = split(answer)
    sections = tuple(
        _with_format(section, *agreed[section.mid]) if section.mid in agreed else section
        for section in text.sections
    )
    return str(replace(text, sections=sections))


def _with_format(section: MediaSection, payload_type: int, ssrc: int) -> MediaSection:
    first, *rest = section.lines
    media = first.split(" ")[3]
    told = section.value("a=ssrc:").split(" ", 1)  # its own SSRC and its name
    lines = [f"a=rtpmap:{payload_type} {FORMAT}", f"a=fmtp:{payload_type} apt={media}"]
    if len(told) == 2:
        lines += [f"a=ssrc-group:FID {told[0]} {ssrc}", f"a=ssrc:{ssrc} {told[1]}"]
    return MediaSection((f"{first} {payload_type}", *rest, *lines))
