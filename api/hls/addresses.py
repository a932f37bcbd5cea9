"""What is asked for below `/hls/<room>/`. Pure.

A view is called what its room calls it, so its name may hold anything, slashes too. The last
segment of the path says what is wanted of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

PREFIX = "/hls"
PLAYLIST = "index.m3u8"
KINDS = {
    "ts": "video/mp2t",
    "m4s": "video/mp4",
    "mp4": "video/mp4",
    "aac": "audio/aac",
}
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(ts|m4s|mp4|aac)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is asked for: `file` is "" for the page, PLAYLIST, or the name of a segment.

    `slash` tells whether the address of a page ends with one.
    """

    view: str
    file: str
    slash: bool = True


def asked_for(rest: str) -> Watched:
    """Read what follows `/hls/<room>/`, with its escapes undone."""
    view, slash, name = rest.rpartition("/")
    if slash and not name:
        return Watched(view, "")
    if slash and (name == PLAYLIST or is_segment(name)):
        return Watched(view, name)
    return Watched(rest, "", slash=False)


def is_segment(name: str) -> bool:
    """Tell whether a file of this name may be served: it leads nowhere else."""
    return _SEGMENT.fullmatch(name) is not None


def kind_of(segment: str) -> str:
    """Return the media type of a segment, by its name."""
    return KINDS[segment.rpartition(".")[2]]


def path_of_room(room: str) -> str:
    """Return the path of all that is served of a room, also that of its cookies."""
    return f"{PREFIX}/{quote(room, safe='')}/"


def path_of_view(room: str, view: str) -> str:
    """Return the path of a view's page; what belongs to it lies below."""
    return f"{path_of_room(room)}{quote(view, safe='')}/"
