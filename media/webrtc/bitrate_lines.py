"""Telling the other side how much it may send, as text: aiortc does not write that.

`b=AS` (RFC 8866, section 5.8) counts kbit/s with headers, and is what Chromium obeys; `b=TIAS` (RFC
3890) counts bit/s without, and is what Firefox does. Both stand for what whoever writes them takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from media.webrtc.descriptions import MediaSection, split


def with_bitrates(sdp: str, bitrates: Mapping[str, int]) -> str:
    """Return a description of ours that says what may be sent in these sections: kbit/s by mid.

    Only where we receive; 0 stands for no limit.
    """
    limited = {mid: limit for mid, limit in bitrates.items() if limit}
    if not limited:
        return sdp
    text = split(sdp)
    sections = tuple(
        _with_bitrate(section, limited[section.mid])
        if section.mid in limited and section.receives
        else section
        for section in text.sections
    )
    return str(replace(text, sections=sections))


def _with_bitrate(section: MediaSection, limit: int) -> MediaSection:
    """Put the lines where they belong: behind the title and the connection (i=, c=)."""
    lines = section.lines
    at = next((n for n, line in enumerate(lines[1:], 1) if line[0] not in "ic"), len(lines))
    told = (f"b=AS:{limit}", f"b=TIAS:{limit * 1000}")
    return MediaSection((*lines[:at], *told, *lines[at:]))
