"""A mixed view as it is: what is in it, where each picture is shown, who is heard most. Pure.

Pictures take the regions of a template in order. They keep their order as others come, and close
the gap when one goes; a layout that somebody asked for holds until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import inf

from actors.streams.layouts import template_for, templates_of
from actors.words.conference_refusals import LayoutImpossible, RegionUnknown, StreamNotInView
from actors.words.views import PlacedRegion, Region, SetRegionEffect, Template, ViewRules

REGIONS = 256  # of one layout
PRIMARY_SECONDS = 3.0  # between two who are brought into the first region because they speak

Layout = tuple[PlacedRegion, ...]


@dataclass(slots=True)
class ViewState:
    """`inputs` are the streams that are mixed, in order of coming: whether they have a picture.

    Of those with pictures, `max_input` at most have a place; the next one waits for it, and is
    heard all the same.
    """

    rules: ViewRules
    inputs: dict[str, bool] = field(default_factory=dict)
    layout: Layout = ()
    active: str | None = None
    _moved: float = -inf  # when somebody was brought into the first region
    _templates: tuple[Template, ...] = ()

    def __post_init__(self) -> None:
        if self.rules.video is not None:
            self._templates = templates_of(self.rules.video)

    @property
    def shown(self) -> list[str]:
        """Return the streams that have a region, in the order of these."""
        return [placed.stream for placed in self.layout if placed.stream is not None]

    def under(self, rules: ViewRules) -> ViewState:
        """Return the same view under other rules: laid out anew if its layouts are others."""
        view = ViewState(rules, dict(self.inputs), self.layout, self.active if rules.vad else None)
        view._moved = self._moved
        most = [0 if it.video is None else it.video.max_input for it in (rules, self.rules)]
        if view._templates != self._templates or most[0] != most[1]:
            view._lay_out()
        return view

    def add(self, stream: str, *, picture: bool) -> None:
        """Mix a stream, from now on; nothing where it is mixed already."""
        if stream not in self.inputs:
            self.inputs[stream] = picture
            if picture:
                self._lay_out()

    def remove(self, stream: str) -> None:
        """Mix a stream no more; nothing where it is not."""
        if self.active == stream:
            self.active = None
        if self.inputs.pop(stream, False):
            self._lay_out()

    def lay_out(self, layout: Sequence[PlacedRegion]) -> None:
        """Show it like this. Raises LayoutImpossible."""
        streams = [placed.stream for placed in layout]
        first_empty = streams.index(None) if None in streams else len(streams)
        if any(streams[first_empty:]):
            raise LayoutImpossible("Stream ID hole is not allowed")
        if len(set(streams[:first_empty])) < first_empty:
            raise LayoutImpossible("Stream ID is duplicated")
        if len({placed.region.id for placed in layout}) < len(layout):
            raise LayoutImpossible("Region ID is duplicated")
        if not all(self.inputs.get(stream) for stream in streams if stream is not None):
            raise LayoutImpossible("Invalid input stream id")
        video = self.rules.video
        if len(layout) > REGIONS or first_empty > (0 if video is None else video.max_input):
            raise LayoutImpossible("There are too many regions")
        self.layout = tuple(layout)

    def show_at(self, index: int, stream: str) -> None:
        """Show a stream in the region of this index; what is there goes where the stream was.

        Raises LayoutImpossible.
        """
        if not self.inputs.get(stream):
            raise LayoutImpossible("Invalid input stream id")
        if not 0 <= index < len(self.layout):
            raise LayoutImpossible("Invalid region")
        if not self._exchange(index, stream):
            raise LayoutImpossible("Stream ID hole is not allowed")

    def region_of(self, stream: str) -> str:
        """Return the id of a stream's region. Raises StreamNotInView."""
        for placed in self.layout:
            if placed.stream == stream:
                return placed.region.id
        raise StreamNotInView(stream)

    def set_region(self, stream: str, region: str) -> None:
        """Show a stream in a region, with the effect that is configured.

        Raises StreamNotInView, RegionUnknown: also of one further on than the first that is empty.
        """
        if not self.inputs.get(stream):
            raise StreamNotInView(stream)
        ids = [placed.region.id for placed in self.layout]
        if region not in ids:
            raise RegionUnknown(region)
        index, video = ids.index(region), self.rules.video
        insert = video is not None and video.effect is SetRegionEffect.INSERT
        if not (self._insert(index, stream) if insert else self._exchange(index, stream)):
            raise RegionUnknown(region)

    def speak(self, stream: str | None, now: float) -> bool:
        """Note who is heard most, None for nobody; return whether the layout has changed by it.

        Where it is due later, `move_due` says when to call `move`.
        """
        self.active = stream if stream in self.inputs else None
        return self.move(now)

    def move_due(self, now: float) -> float | None:
        """Return in how many seconds who speaks is to be moved, None if not at all."""
        return max(0.0, self._moved + PRIMARY_SECONDS - now) if self._is_to_move() else None

    def move(self, now: float) -> bool:
        """Bring who speaks into the first region, if that is due; return whether it was."""
        if self.active is None or self.move_due(now) != 0.0:
            return False
        self._moved = now
        return self._exchange(0, self.active)

    # --- inside

    def _is_to_move(self) -> bool:
        video, active, shown = self.rules.video, self.active, self.shown
        keeps = video is not None and video.keep_active_primary
        return keeps and active in shown and shown[0] != active

    def _lay_out(self) -> None:
        """Place the pictures anew: those that have a place first, in the order they have."""
        video = self.rules.video
        pictures = dict.fromkeys(stream for stream, picture in self.inputs.items() if picture)
        before = dict.fromkeys(stream for stream in self.shown if stream in pictures)
        shown = list(before | pictures)
        most = 0 if video is None else video.max_input
        self.layout = placed(template_for(self._templates, min(len(shown), most)), shown[:most])

    def _exchange(self, index: int, stream: str) -> bool:
        """Return whether that leaves no hole."""
        shown = self.shown
        if stream in shown:
            if index >= len(shown):
                return False
            other = shown.index(stream)
            shown[index], shown[other] = shown[other], shown[index]
        elif index < len(shown):
            shown[index] = stream
        elif index == len(shown):
            shown.append(stream)
        else:
            return False
        self._show(shown)
        return True

    def _insert(self, index: int, stream: str) -> bool:
        """Return whether that leaves no hole."""
        shown = [each for each in self.shown if each != stream]
        if index > len(shown):
            return False
        shown.insert(index, stream)
        self._show(shown)
        return True

    def _show(self, streams: Sequence[str]) -> None:
        """Show these in the regions that there are; whoever has none left waits."""
        self.layout = placed([each.region for each in self.layout], streams)


def placed(regions: Sequence[Region], streams: Sequence[str]) -> Layout:
    """Return regions with the streams that are shown there, in order; further ones are empty."""
    pairs = zip_longest(regions, streams[: len(regions)])
    return tuple(PlacedRegion(region, stream) for region, stream in pairs)
