"""What an offer for a publication or subscription must hold, looked at before media takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actors.words.streams import SessionEnd
from media.contract.errors import BadDescription
from media.contract.session import Direction, TrackWanted
from media.webrtc.descriptions import MediaSection, read

STATIC = {"0": "pcmu", "8": "pcma", "9": "g722"}  # RFC 3551: these need no rtpmap
MISSING = {"audio": SessionEnd.AUDIO_MISSING, "video": SessionEnd.VIDEO_MISSING}
UNWANTED = {"audio": SessionEnd.AUDIO_UNWANTED, "video": SessionEnd.VIDEO_UNWANTED}
NO_CODEC = {"audio": SessionEnd.NO_AUDIO_CODEC, "video": SessionEnd.NO_VIDEO_CODEC}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an offer cannot be taken; `detail` says it more closely, without user data."""

    why: SessionEnd
    detail: str = ""


def tracks_for(
    offer: str,
    codecs: Mapping[str, Sequence[str]],
    direction: Direction,
    fmtp: Mapping[str, str] | None = None,
) -> tuple[TrackWanted, ...] | Unfit:
    """Return the tracks to want for an offer, or why it cannot be taken.

    `codecs` says which kinds are wanted, one section each, and what each may carry. Of these, the
    other side's first choice comes first. Sections in which nothing goes that way are passed over,
    and so are data channels, which nobody here would read: the engine rejects them. `fmtp` are the
    parameters of what will be sent, by kind.
    """
    receives = direction is Direction.RECEIVE
    try:
        live = [section for section in read(offer).sections if not section.rejected]
    except BadDescription as error:
        return Unfit(SessionEnd.BAD_OFFER, str(error))
    sections = [section for section in live if (section.sends if receives else section.receives)]
    tracks = []
    for kind in ("audio", "video"):
        offered = [section for section in sections if section.kind == kind]
        if len(offered) > (kind in codecs):
            return Unfit(UNWANTED[kind])
        if kind not in codecs:
            continue
        if not offered:
            return Unfit(MISSING[kind])
        common = tuple(name for name in _names(offered[0]) if name in codecs[kind])
        if not common:
            return Unfit(NO_CODEC[kind])
        sent = (fmtp or {}).get(kind, "")
        tracks.append(TrackWanted(kind, direction, tuple(dict.fromkeys(common)), sent))
    return tuple(tracks)


def _names(section: MediaSection) -> list[str]:
    """Return the names of the formats of a section, in its order."""
    formats = section.lines[0].split(" ")[3:]
    named = dict(STATIC)
    for value in section.values("a=rtpmap:"):
        number, _, encoding = value.partition(" ")
        named[number] = encoding.split("/")[0].lower()
    return [named[number] for number in formats if number in named]
