"""Rejected sections, which aiortc does not know (RFC 3264, section 6; RFC 8829, section 5.3.1).

It is told of an inactive section of that kind and mid instead; what it writes is changed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from media.contract.session import Direction
from media.rtp.codec_fit import H264_CONFIGURATIONS
from media.webrtc.descriptions import BUNDLE, TRANSPORT, MediaSection, SessionText, split

_H264 = dict(enumerate(H264_CONFIGURATIONS, 97))
_STAND_INS = {
    "audio": (
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtcp-mux",
    ),
    "video": (
        f"m=video 9 UDP/TLS/RTP/SAVPF 96 {' '.join(map(str, _H264))}",
        "a=rtpmap:96 VP8/90000",
        *(f"a=rtpmap:{number} H264/90000" for number in _H264),
        *(f"a=fmtp:{number} {fmtp}" for number, fmtp in _H264.items()),
        "a=rtcp-mux",
    ),
    "application": ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
}


def with_stand_ins(text: SessionText) -> SessionText:
    """Return a description that was read, with inactive sections in place of rejected ones."""
    sections = tuple(_stand_in(it) if it.rejected else it for it in text.sections)
    return replace(text, sections=sections)


def reject_rest(
    text: SessionText, wanted: Iterable[tuple[str, Direction]], kept: Set[str], *, data: bool
) -> SessionText:
    """Return an offer that was read, less the sections that no wanted kind and direction is for.

    Each wanted one stands for one section, the first in which media can go its way. `kept` are mids
    of sections that stay anyhow, and `data` tells whether those for data channels do.
    """
    left = list(wanted)
    sections: list[MediaSection] = []
    for section in text.sections:
        fits = [it for it in left if it[0] == section.kind and _goes(section, it[1])]
        if section.mid in kept or section.rejected or (data and section.kind == "application"):
            sections.append(section)
        elif fits:
            left.remove(fits[0])
            sections.append(section)
        else:
            sections.append(_rejected(section))
    return replace(text, sections=tuple(sections))


def _goes(section: MediaSection, direction: Direction) -> bool:
    """Tell whether what is offered and what we want have a way in common."""
    return (section.sends and direction in (Direction.RECEIVE, Direction.BOTH)) or (
        section.receives and direction in (Direction.SEND, Direction.BOTH)
    )


def reject(sdp: str, mids: Set[str]) -> str:
    """Return a description of ours with these sections rejected, and out of the bundle."""
    if not mids:
        return sdp
    text = split(sdp)
    head = tuple(_without(line, mids) if line.startswith(BUNDLE) else line for line in text.head)
    sections = tuple(
        _rejected(it).without(*TRANSPORT) if it.mid in mids else it for it in text.sections
    )
    return str(SessionText(head, sections))


def _stand_in(section: MediaSection) -> MediaSection:
    transport = tuple(line for line in section.lines if line.startswith(TRANSPORT))
    told = (f"a=mid:{section.mid}", "a=inactive")
    return MediaSection((*_STAND_INS[section.kind], *told, *transport))


def _rejected(section: MediaSection) -> MediaSection:
    kind, _, protocol, formats = section.lines[0].split(" ", 3)
    first = f"{kind} 0 {protocol} {formats}"
    told = ("c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", "a=inactive")
    transport = tuple(line for line in section.lines if line.startswith(TRANSPORT))
    return MediaSection((first, *told, *transport))


def _without(group: str, mids: Set[str]) -> str:
    return " ".join(word for word in group.split(" ") if word not in mids)
