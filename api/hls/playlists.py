"""A media playlist that names no more bytes than it may (RFC 8216). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from api.hls.addresses import is_segment

SEQUENCE = "#EXT-X-MEDIA-SEQUENCE:"
DISCONTINUITIES = "#EXT-X-DISCONTINUITY-SEQUENCE:"
DISCONTINUITY = "#EXT-X-DISCONTINUITY"
OF_A_SEGMENT = ("#EXTINF:", DISCONTINUITY, "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-BYTERANGE:")
LEAST = 1  # segments that are named, however large


class BadPlaylist(Exception):
    """It names what is no segment of ours, or is no media playlist."""


@dataclass(frozen=True, slots=True)
class BoundedPlaylist:
    """`dropped` are segments that it names no more; `bytes` are those of the others."""

    text: str
    dropped: tuple[str, ...]
    bytes: int


@dataclass(slots=True)
class _Segment:
    name: str
    lines: list[str] = field(default_factory=list)


def bounded(text: str, size_of: Callable[[str], int], most: int) -> BoundedPlaylist:
    """Return a playlist without its oldest segments, so that the others have `most` bytes.

    The newest one stays. `size_of` returns the bytes of a segment by its name. What is said once
    before the first segment, such as an EXT-X-MAP, stays. Raises BadPlaylist.
    """
    head, segments, tail = _parts(text)
    left, total = 0, 0
    for segment in reversed(segments):
        size = size_of(segment.name)
        if left >= LEAST and total + size > most:
            break
        left, total = left + 1, total + size
    dropped, kept = segments[: len(segments) - left], segments[len(segments) - left :]
    if not dropped:
        return BoundedPlaylist(text, (), total)
    breaks = sum(line == DISCONTINUITY for segment in dropped for line in segment.lines)
    lines = _moved_on(head, len(dropped), breaks)
    lines += [line for segment in kept for line in segment.lines]
    names = tuple(segment.name for segment in dropped)
    return BoundedPlaylist("\n".join([*lines, *tail]) + "\n", names, total)


def _parts(text: str) -> tuple[list[str], list[_Segment], list[str]]:
    """Return the head, the segments with the lines that are theirs, and what follows them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise BadPlaylist("not a playlist")
    head: list[str] = []
    segments: list[_Segment] = []
    own: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            if not is_segment(line):
                raise BadPlaylist("names a strange file")
            segments.append(_Segment(line, [*own, line]))
            own = []
        else:
            theirs = line.startswith(OF_A_SEGMENT) and not line.startswith(DISCONTINUITIES)
            (own if theirs or own or segments else head).append(line)
    return head, segments, own


def _moved_on(head: list[str], dropped: int, breaks: int) -> list[str]:
    """Return the head of a playlist whose first segments are gone."""
    found = {line.partition(":")[0] + ":": line.partition(":")[2] for line in head}
    try:
        number = int(found.get(SEQUENCE, "0")) + dropped
        number_of_breaks = int(found.get(DISCONTINUITIES, "0")) + breaks
    except ValueError:
        raise BadPlaylist("has no number") from None
    lines = [line for line in head if not line.startswith((SEQUENCE, DISCONTINUITIES))]
    lines.append(f"{SEQUENCE}{number}")
    if number_of_breaks:
        lines.append(f"{DISCONTINUITIES}{number_of_breaks}")
    return lines
