"""A mixed view: who is shown where, as streams come, go, are moved and speak."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.core import Refused
from actors.streams.layouts import fluid
from actors.streams.view_state import PRIMARY_SECONDS, ViewState
from actors.words.conference_refusals import LayoutImpossible, RegionUnknown, StreamNotInView
from actors.words.streams import AudioFormat, VideoFormat, VideoParameters
from actors.words.views import (
    Area,
    PlacedRegion,
    Region,
    SetRegionEffect,
    TemplateBase,
    ViewRules,
    ViewVideo,
)
from tests.support.examples import examples

VIDEO = ViewVideo(VideoFormat("vp8"), VideoParameters(), max_input=4)
INSERT = SetRegionEffect.INSERT
WHOLE = Area(Fraction(0), Fraction(0), Fraction(1), Fraction(1))


def view(*streams: str, **other: object) -> ViewState:
    video = replace(VIDEO, **other)  # type: ignore[arg-type]
    it = ViewState(ViewRules("common", "room-common", AudioFormat("opus"), video))
    for stream in streams:
        it.add(stream, picture=True)
    return it


def shown(it: ViewState) -> list[str | None]:
    return [placed.stream for placed in it.layout]


def placed(*streams: str | None) -> tuple[PlacedRegion, ...]:
    return tuple(PlacedRegion(Region(f"r{n}", WHOLE), it) for n, it in enumerate(streams))


def test_pictures_take_regions_in_order_of_coming_and_close_gaps() -> None:
    it = view()
    assert it.layout == ()
    it.add("a", picture=True)
    assert shown(it) == ["a"]
    it.add("sound", picture=False)
    assert shown(it) == ["a"]
    it.add("b", picture=True)
    it.add("c", picture=True)
    assert shown(it) == ["a", "b", "c", None]
    it.remove("a")
    assert shown(it) == ["b", "c", None, None]
    it.remove("b")
    assert shown(it) == ["c"]
    assert list(it.inputs) == ["sound", "c"]


def test_who_is_one_too_many_is_shown_once_another_goes() -> None:
    it = view("a", "b", "c", "d", "e")
    assert shown(it) == ["a", "b", "c", "d"]
    assert "e" in it.inputs
    it.remove("b")
    assert shown(it) == ["a", "c", "d", "e"]


def test_a_view_without_templates_shows_nobody() -> None:
    it = view("a", "b", base=TemplateBase.VOID)
    assert it.layout == ()
    with pytest.raises(StreamNotInView):
        it.region_of("a")


def test_an_explicit_layout_holds_until_a_picture_comes_or_goes() -> None:
    it = view("a", "b", "c")
    it.lay_out(placed("c", "a", None))
    assert shown(it) == ["c", "a", None]
    it.add("sound", picture=False)
    assert shown(it) == ["c", "a", None]
    it.add("d", picture=True)
    assert shown(it) == ["c", "a", "b", "d"]
    assert it.layout[0].region == fluid(4)[1][0]


@pytest.mark.parametrize(
    ("layout", "why"),
    [
        (placed(None, "a"), "hole"),
        (placed("a", None, "b"), "hole"),
        (placed("a", "a"), "Stream ID is duplicated"),
        ((*placed("a"), *placed("b")), "Region ID is duplicated"),
        (placed("a", "nobody"), "Invalid input"),
        (placed("sound"), "Invalid input"),
        (placed("a", *[None] * 256), "too many"),
    ],
)
def test_layouts_that_make_no_sense_change_nothing(
    layout: tuple[PlacedRegion, ...], why: str
) -> None:
    it = view("a", "b")
    it.add("sound", picture=False)
    before = it.layout
    with pytest.raises(LayoutImpossible, match=why):
        it.lay_out(layout)
    assert it.layout == before


def test_a_layout_shows_no_more_than_the_most_inputs() -> None:
    it = view(*"abcde")
    with pytest.raises(LayoutImpossible, match="too many"):
        it.lay_out(placed(*"abcde"))
    it.lay_out(placed(*"edcb", None))
    assert shown(it) == [*"edcb", None]


@pytest.mark.parametrize(
    ("index", "stream", "after"),
    [
        (0, "c", ["c", "b", "a", None]),
        (1, "b", ["a", "b", "c", None]),
        (3, "a", None),
        (4, "a", None),
        (-1, "a", None),
        (0, "nobody", None),
    ],
)
def test_a_stream_is_put_into_a_region_by_its_index(
    index: int, stream: str, after: list[str | None] | None
) -> None:
    it = view("a", "b", "c")
    if after is None:
        after = shown(it)
        with pytest.raises(LayoutImpossible):
            it.show_at(index, stream)
    else:
        it.show_at(index, stream)
    assert shown(it) == after


@pytest.mark.parametrize(
    ("effect", "stream", "region", "after"),
    [
        (SetRegionEffect.EXCHANGE, "d", "1", ["d", "b", "c", "a"]),
        (SetRegionEffect.EXCHANGE, "e", "2", ["a", "e", "c", "d"]),
        (INSERT, "d", "1", ["d", "a", "b", "c"]),
        (INSERT, "a", "3", ["b", "c", "a", "d"]),
        (INSERT, "e", "2", ["a", "e", "b", "c"]),
    ],
)
def test_setting_a_region_exchanges_or_inserts(
    effect: SetRegionEffect, stream: str, region: str, after: list[str]
) -> None:
    it = view("a", "b", "c", "d", "e", effect=effect)
    it.set_region(stream, region)
    assert shown(it) == after
    assert it.region_of(stream) == region


@pytest.mark.parametrize("effect", SetRegionEffect)
def test_no_region_is_set_that_is_not_there_or_would_leave_a_hole(effect: SetRegionEffect) -> None:
    it = view("a", "b", effect=effect)
    for region in ("5", "4", "nowhere"):
        with pytest.raises(RegionUnknown):
            it.set_region("a", region)
    with pytest.raises(StreamNotInView):
        it.set_region("nobody", "1")
    assert shown(it) == ["a", "b", None, None]


def test_who_speaks_comes_into_the_first_region_once_in_three_seconds() -> None:
    it = view("a", "b", "c", keep_active_primary=True)
    assert it.speak("c", 10.0)
    assert shown(it) == ["c", "b", "a", None]
    assert not it.speak("b", 11.0)
    assert it.active == "b"
    assert it.move_due(11.0) == pytest.approx(PRIMARY_SECONDS - 1)
    assert not it.move(12.9)
    assert it.move(13.0)
    assert shown(it) == ["b", "c", "a", None]
    assert it.move_due(13.0) is None
    assert not it.speak(None, 20.0)
    assert (it.active, it.move_due(20.0)) == (None, None)


def test_who_speaks_stays_where_that_is_not_wanted_or_he_has_no_picture() -> None:
    it = view("a", "b")
    assert not it.speak("b", 1.0)
    assert (it.active, shown(it)[0], it.move_due(9.0)) == ("b", "a", None)
    it = view("a", "b", keep_active_primary=True)
    it.add("sound", picture=False)
    assert not it.speak("sound", 1.0)
    assert not it.speak("stranger", 1.0)
    assert it.active is None


def test_a_speaker_who_leaves_is_none_any_more() -> None:
    it = view("a", "b", keep_active_primary=True)
    it.speak("a", 1.0)
    it.speak("b", 1.5)
    it.remove("b")
    assert (it.active, it.move_due(9.0)) == (None, None)


NAMES = st.sampled_from([*"abcdefgh"])
REGIONS = st.sampled_from([str(number) for number in range(1, 12)])


class AnyView(RuleBasedStateMachine):
    """Whatever is done to a view: nobody is shown twice, there is no hole, places are used."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.it = view(max_input=5, keep_active_primary=True)
        self.pictures: dict[str, bool] = {}
        self.laid_out = False

    def attempt(self, step: object) -> None:
        before = self.it.layout
        try:
            step()  # type: ignore[operator]
        except Refused:
            assert self.it.layout == before

    @rule(name=NAMES, picture=st.booleans())
    def add(self, name: str, picture: bool) -> None:
        self.laid_out &= not (picture and name not in self.pictures)
        self.it.add(name, picture=picture)
        self.pictures.setdefault(name, picture)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.laid_out &= not self.pictures.get(name, False)
        self.it.remove(name)
        self.pictures.pop(name, None)

    @rule(names=st.lists(st.none() | NAMES, max_size=6))
    def lay_out(self, names: list[str | None]) -> None:
        layout = placed(*names)
        self.attempt(lambda: self.it.lay_out(layout))
        self.laid_out |= self.it.layout == layout

    @rule(name=NAMES, index=st.integers(-1, 6))
    def show_at(self, name: str, index: int) -> None:
        self.attempt(lambda: self.it.show_at(index, name))

    @rule(name=NAMES, region=REGIONS)
    def set_region(self, name: str, region: str) -> None:
        self.attempt(lambda: self.it.set_region(name, region))

    @rule(name=st.none() | NAMES, seconds=st.floats(0, 5))
    def speak(self, name: str | None, seconds: float) -> None:
        self.now += seconds
        self.it.speak(name, self.now)

    @invariant()
    def it_makes_sense(self) -> None:
        streams = shown(self.it)
        there = [stream for stream in streams if stream is not None]
        assert streams == there + [None] * (len(streams) - len(there))
        assert len(set(there)) == len(there)
        assert all(self.pictures.get(stream) for stream in there)
        assert dict(self.it.inputs) == self.pictures
        if not self.laid_out:
            assert len(there) == min(5, sum(self.pictures.values()))
        assert self.it.active is None or self.it.active in self.pictures


TestAnyView = AnyView.TestCase
TestAnyView.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
