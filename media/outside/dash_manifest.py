"""Manifests of DASH (ISO/IEC 23009-1): read, and written without the segments that are missing.

Those of FFmpeg's muxer with its defaults: one Period, and in each Representation a SegmentTemplate
with a SegmentTimeline. A number there is counted from `startNumber`, so that no segment amid others
can be left out. After one that is missing the manifest begins anew behind it, in all
Representations at the same time; until something comes behind it, the manifest ends before it.
Either way it says what a live manifest always says: these segments are there now. A Period for each
piece would keep the older ones, but not every player takes such manifests.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from itertools import groupby, takewhile
from xml.etree import ElementTree

from media.outside.listing import (
    MAX_LISTING_BYTES,
    MAX_SEGMENTS,
    BadListing,
    ShownListing,
    plain_name,
)

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
OF_LIVE = (  # attributes of a manifest that will go on
    "availabilityStartTime",
    "minimumUpdatePeriod",
    "publishTime",
    "suggestedPresentationDelay",
    "timeShiftBufferDepth",
)

_PLACEHOLDER = re.compile(r"\$(RepresentationID|Number|Time)(?:%0(\d)d)?\$")

ElementTree.register_namespace("", NAMESPACE)


@dataclass(frozen=True, slots=True)
class DashSegment:
    """One segment: its number, and its time and length in units of `scale` a second."""

    name: str
    number: int
    time: int
    length: int
    scale: int

    @property
    def begin(self) -> float:
        return self.time / self.scale

    @property
    def middle(self) -> float:
        return (self.time + self.length / 2) / self.scale

    @property
    def end(self) -> float:
        return (self.time + self.length) / self.scale


@dataclass(frozen=True, slots=True)
class DashRepresentation:
    """One stream of a manifest: what it begins with, and its segments, none at first."""

    header: str
    entries: tuple[DashSegment, ...]


@dataclass(frozen=True, slots=True)
class DashManifest:
    """A manifest; `ended` says that it is "static"."""

    data: bytes
    representations: tuple[DashRepresentation, ...]
    ended: bool

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(each.name for one in self.representations for each in one.entries)

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.header for each in self.representations))

    @property
    def seconds(self) -> float:
        return max(
            (
                one.entries[-1].end - one.entries[0].begin
                for one in self.representations
                if one.entries
            ),
            default=0.0,
        )


def read_manifest(data: bytes) -> DashManifest:
    """Read a manifest of a muxer of ours. Raises BadListing."""
    root = _parsed(data)
    try:
        found = tuple(_representation(each) for each in root.iterfind(_path("Representation")))
    except (ValueError, OverflowError):
        raise BadListing("it is damaged") from None
    names = [entry.name for each in found for entry in each.entries]
    if not found or len(root.findall(_tag("Period"))) != 1:
        raise BadListing("it has not one Period with Representations")
    if len(root.findall(_path("SegmentTemplate"))) != len(found):
        raise BadListing("it has a SegmentTemplate of no Representation")
    if len(set(names)) < len(names):
        raise BadListing("it names a segment twice")
    return DashManifest(data, found, root.get("type") == "static")


def _parsed(data: bytes) -> ElementTree.Element:
    # What makes XML dangerous are entities. Nobody but our muxer writes here, and it has none.
    if len(data) > MAX_LISTING_BYTES or b"<!" in data:
        raise BadListing("it is too long, or declares something")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError, LookupError):
        raise BadListing("it is damaged") from None
    if root.tag != _tag("MPD"):
        raise BadListing("it is no manifest")
    return root


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _path(name: str) -> str:
    return f".//{_tag(name)}"


def _representation(element: ElementTree.Element) -> DashRepresentation:
    template = element.find(_tag("SegmentTemplate"))
    timeline = None if template is None else template.find(_tag("SegmentTimeline"))
    if template is None or timeline is None:
        raise BadListing("it has a Representation without SegmentTimeline")
    scale, number = int(template.get("timescale", "1")), int(template.get("startNumber", "1"))
    if scale <= 0 or number < 0:
        raise BadListing("it has a wrong timescale or startNumber")
    identity, media = element.get("id", ""), template.get("media", "")
    entries: list[DashSegment] = []
    time = 0
    for each in timeline:
        time = int(each.get("t", time))
        length, times = int(each.get("d", "0")), int(each.get("r", "0")) + 1
        if length <= 0 or time < 0 or not 0 < times <= MAX_SEGMENTS - len(entries):
            raise BadListing("it has a wrong SegmentTimeline")
        for _ in range(times):
            name = _filled(media, RepresentationID=identity, Number=number, Time=time)
            entries.append(DashSegment(name, number, time, length, scale))
            number, time = number + 1, time + length
    header = _filled(template.get("initialization", ""), RepresentationID=identity)
    return DashRepresentation(header, tuple(entries))


def _filled(template: str, **values: str | int) -> str:
    """Return the name that a template of section 5.3.9.4.4 makes."""

    def value(found: re.Match[str]) -> str:
        known = values.get(found[1], "$")
        return f"{known:0{found[2]}d}" if found[2] and isinstance(known, int) else str(known)

    return plain_name(_PLACEHOLDER.sub(value, template))


class DashManifests:
    """Says what is shown of the manifests that a muxer writes."""

    def read(self, data: bytes) -> DashManifest:
        """As Listings has it."""
        return read_manifest(data)

    def shown(
        self, listing: DashManifest, taken: Set[str], dropped: Set[str], *, ended: bool
    ) -> ShownListing | None:
        """As Listings has it. One that has ended is shown when nothing of it is open any more."""
        complete = taken | dropped >= set(listing.segments)
        over = ended and complete
        if not taken >= set(listing.headers) or (listing.ended and not over):
            return None
        oldest = {each.entries[0] for each in listing.representations if each.entries}
        runs = [_newest_run(each.entries, taken, dropped) for each in listing.representations]
        begin = max((run[0].begin for run in runs if run and run[0] not in oldest), default=0.0)
        runs = [tuple(each for each in run if each.middle >= begin) for run in runs]
        if not all(runs):
            return None
        names = {each.name for run in runs for each in run}
        same = names == set(listing.segments) and listing.ended == over
        data = listing.data if same else _written(listing, runs, over=over)
        return ShownListing(data, frozenset(names | set(listing.headers)), complete)


def _newest_run(
    entries: tuple[DashSegment, ...], taken: Set[str], dropped: Set[str]
) -> tuple[DashSegment, ...]:
    """Return the last segments in a row that are all there, before the first that may come."""
    run: tuple[DashSegment, ...] = ()
    decided = takewhile(lambda each: each.name in taken or each.name in dropped, entries)
    for is_there, group in groupby(decided, lambda each: each.name in taken):
        if is_there:
            run = tuple(group)
    return run


def _written(listing: DashManifest, runs: list[tuple[DashSegment, ...]], *, over: bool) -> bytes:
    root = _parsed(listing.data)
    for element, run in zip(root.iterfind(_path("SegmentTemplate")), runs, strict=True):
        element.set("startNumber", str(run[0].number))
        for timeline in element.iterfind(_tag("SegmentTimeline")):
            timeline[:] = [_timed(each) for each in run]
    if over and not listing.ended:
        root.set("type", "static")
        for name in OF_LIVE:
            root.attrib.pop(name, None)
        seconds = max(run[-1].end for run in runs)
        root.set("mediaPresentationDuration", f"PT{seconds:.3f}S")
    text = ElementTree.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _timed(segment: DashSegment) -> ElementTree.Element:
    return ElementTree.Element(_tag("S"), t=str(segment.time), d=str(segment.length))
