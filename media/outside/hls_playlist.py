"""Media playlists of HLS (RFC 8216): read, and written without the segments that are missing.

A segment that is left out leaves a discontinuity. Each of the others keeps one media sequence
number and one discontinuity sequence number in all playlists that name it, as sections 6.2.1 and
6.2.2 ask for: left-out segments have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import takewhile

from media.outside.listing import (
    MAX_LISTING_BYTES,
    MAX_SEGMENTS,
    BadListing,
    ShownListing,
    plain_name,
)

BEGIN = "#EXTM3U"
SEQUENCE = "#EXT-X-MEDIA-SEQUENCE:"
DISCONTINUITY_SEQUENCE = "#EXT-X-DISCONTINUITY-SEQUENCE:"
DISCONTINUITY = "#EXT-X-DISCONTINUITY"
MAP = "#EXT-X-MAP:"
LENGTH = "#EXTINF:"
END = "#EXT-X-ENDLIST"
OF_A_SEGMENT = (LENGTH, "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-BITRATE:")
NOT_READ = ("#EXT-X-KEY:", "#EXT-X-BYTERANGE:", "#EXT-X-STREAM-INF:", "#EXT-X-PART:")

_MAP_NAME = re.compile(r'(?:^|[:,])URI="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PlaylistEntry:
    """One segment: its media sequence number, its tags, and the EXT-X-MAP that holds for it."""

    number: int
    name: str
    seconds: float
    tags: tuple[str, ...]
    discontinuous: bool
    map: str


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist; `head` are the tags that hold for all of it, but for its numbers."""

    head: tuple[str, ...]
    entries: tuple[PlaylistEntry, ...]
    number: int
    ended: bool

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.entries)

    @property
    def headers(self) -> tuple[str, ...]:
        maps = dict.fromkeys(entry.map for entry in self.entries if entry.map)
        return tuple(map(_map_name, maps))

    @property
    def seconds(self) -> float:
        return sum(entry.seconds for entry in self.entries)


def read_playlist(data: bytes) -> MediaPlaylist:
    """Read a media playlist of a muxer of ours: one file a segment, no keys. Raises BadListing."""
    if len(data) > MAX_LISTING_BYTES:
        raise BadListing("it is too long")
    try:
        lines = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
        return _playlist(lines)
    except ValueError:
        raise BadListing("it is damaged") from None


def _playlist(lines: list[str]) -> MediaPlaylist:
    if not lines or lines[0] != BEGIN:
        raise BadListing("it is no playlist")
    head: list[str] = []
    entries: list[PlaylistEntry] = []
    tags: list[str] = []
    number, ended, discontinuous, map_tag = 0, False, False, ""
    for line in lines[1:]:
        if line.startswith(NOT_READ):
            raise BadListing("it has tags that are not known here")
        if line.startswith(SEQUENCE):
            number = int(line.removeprefix(SEQUENCE))
        elif line == END:
            ended = True
        elif line == DISCONTINUITY:
            discontinuous = True
        elif line.startswith(MAP):
            map_tag = line
            _map_name(line)
        elif line.startswith(OF_A_SEGMENT):
            tags.append(line)
        elif line.startswith(DISCONTINUITY_SEQUENCE):
            pass  # counted anew
        elif line.startswith("#"):
            (tags if entries else head).append(line)
        else:
            entries.append(_segment(number + len(entries), line, tags, discontinuous, map_tag))
            tags, discontinuous = [], False
    if number < 0 or len(entries) > MAX_SEGMENTS:
        raise BadListing("it has too many segments")
    if len({entry.name for entry in entries}) < len(entries):
        raise BadListing("it names a segment twice")
    return MediaPlaylist(tuple(head), tuple(entries), number, ended)


def _segment(
    number: int, name: str, tags: list[str], discontinuous: bool, map_tag: str
) -> PlaylistEntry:
    lengths = [tag.removeprefix(LENGTH) for tag in tags if tag.startswith(LENGTH)]
    if len(lengths) != 1:
        raise BadListing("it has a segment without a length")
    seconds = float(lengths[0].partition(",")[0])
    if not 0 <= seconds < float("inf"):
        raise BadListing("it has a segment without a length")
    return PlaylistEntry(number, plain_name(name), seconds, tuple(tags), discontinuous, map_tag)


def _map_name(tag: str) -> str:
    found = _MAP_NAME.search(tag.removeprefix(MAP))
    return plain_name(found[1] if found else "")


class HlsPlaylists:
    """Says what is shown of the playlists that a muxer writes, whose numbers only go up."""

    def __init__(self) -> None:
        self._newest = 0  # the media sequence number of the last one read
        self._lost: set[int] = set()  # segments left out, by their numbers, of late
        self._lost_before = 0  # how many there were before those
        self._marks: dict[int, bool] = {}  # which that were shown begin with a discontinuity
        self._marks_before = 0  # how many of those are gone

    def read(self, data: bytes) -> MediaPlaylist:
        """As Listings has it."""
        playlist = read_playlist(data)
        if playlist.number < self._newest:
            raise BadListing("its numbers go back")
        self._newest = playlist.number
        return playlist

    def shown(
        self, listing: MediaPlaylist, taken: Set[str], dropped: Set[str], *, ended: bool
    ) -> ShownListing | None:
        """As Listings has it."""
        known = taken | dropped
        decided = list(takewhile(lambda each: each.name in known, listing.entries))
        kept = [entry for entry in decided if entry.name not in dropped]
        self._lost |= {entry.number for entry in decided if entry.name in dropped}
        headers = {_map_name(entry.map) for entry in kept if entry.map}
        if not kept or not taken >= headers:
            return None
        self._forget(before=listing.number, shown_before=kept[0].number)
        for entry in kept:
            after_lost = entry.number - 1 in self._lost
            self._marks.setdefault(entry.number, entry.discontinuous or after_lost)
        complete = len(decided) == len(listing.entries)
        lines = [*self._head(listing, kept[0]), *self._body(kept)]
        if ended and complete:
            lines.append(END)
        names = frozenset(entry.name for entry in kept) | headers
        return ShownListing("\n".join([*lines, ""]).encode(), names, complete)

    def _forget(self, *, before: int, shown_before: int) -> None:
        """Count what cannot come again; of lost segments the last is kept, for its mark."""
        gone = [each for each in self._marks if each < shown_before]
        self._marks_before += sum(self._marks.pop(each) for each in gone)
        old = {each for each in self._lost if each < before - 1}
        self._lost -= old
        self._lost_before += len(old)

    def _head(self, listing: MediaPlaylist, first: PlaylistEntry) -> Iterator[str]:
        yield BEGIN
        yield from listing.head
        before = self._lost_before + sum(each < first.number for each in self._lost)
        yield f"{SEQUENCE}{first.number - before}"
        if self._marks_before:
            yield f"{DISCONTINUITY_SEQUENCE}{self._marks_before}"

    def _body(self, kept: list[PlaylistEntry]) -> Iterator[str]:
        map_tag = ""
        for entry in kept:
            if self._marks[entry.number]:
                yield DISCONTINUITY
            if entry.map != map_tag:
                map_tag = entry.map
                yield map_tag
            yield from entry.tags
            yield entry.name
