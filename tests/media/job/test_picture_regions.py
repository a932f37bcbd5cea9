"""Places in fractions to pixels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.jobs import Place
from media.job.regions import Rectangle, fit, pixels_of
from tests.support.examples import examples

even = st.integers(1, 1000).map(lambda half: half * 2)
fraction = st.floats(0, 1)
sides = st.integers(1, 4096)


@pytest.mark.parametrize(
    ("place", "pixels"),
    [
        ((0, 0, 1, 1), (0, 0, 1280, 720)),
        ((0.5, 0.5, 0.5, 0.5), (640, 360, 640, 360)),
        ((0, 0, 1 / 3, 1 / 3), (0, 0, 426, 240)),
        ((1 / 3, 0, 1 / 3, 1 / 3), (426, 0, 428, 240)),
        ((0, 0, 2 / 3, 2 / 3), (0, 0, 854, 480)),
        ((0.9, 0.9, 0.5, 0.5), (1152, 648, 128, 72)),
        ((0.5, 0.5, 0, 0.5), None),
        ((0.5, 0.5, 0.0001, 0.5), None),
    ],
)
def test_a_place_has_even_pixels(place: tuple[float, ...], pixels: tuple[int, ...] | None) -> None:
    assert pixels_of(Place("a", *place), 1280, 720) == pixels


@given(fraction, fraction, fraction, fraction, even, even)
@settings(max_examples=examples(300))
def test_places_stay_inside(
    left: float, top: float, width: float, height: float, wide: int, high: int
) -> None:
    found = pixels_of(Place("a", left, top, width, height), wide, high)
    if found is not None:
        assert all(number % 2 == 0 for number in found)
        assert is_within(found, Rectangle(0, 0, wide, high))


@given(st.integers(1, 6), even, even)
@settings(max_examples=examples(200))
def test_places_that_meet_leave_no_gap_and_share_nothing(side: int, wide: int, high: int) -> None:
    places = [
        Place("a", x / side, y / side, 1 / side, 1 / side) for x in range(side) for y in range(side)
    ]
    found = [each for place in places if (each := pixels_of(place, wide, high))]
    assert sum(each.width * each.height for each in found) == wide * high
    assert not any(
        one.overlaps(other) for index, one in enumerate(found) for other in found[:index]
    )


def is_within(inner: Rectangle, outer: Rectangle) -> bool:
    return (
        inner.width > 0
        and inner.height > 0
        and outer.left <= inner.left
        and inner.left + inner.width <= outer.left + outer.width
        and outer.top <= inner.top
        and inner.top + inner.height <= outer.top + outer.height
    )


@given(st.tuples(sides, sides), even, even, st.booleans())
@settings(max_examples=examples(500))
def test_a_picture_is_shown_within_its_place(
    size: tuple[int, int], wide: int, high: int, crop: bool
) -> None:
    place = Rectangle(20, 30, wide, high)
    source, target = fit(size, place, crop=crop)
    assert is_within(source, Rectangle(0, 0, *size))
    assert is_within(target, place)
    assert all(number % 2 == 0 for number in target)
    if crop:
        assert target == place
        assert source[2:] == size or all(number % 2 == 0 for number in source)
    else:
        assert source == (0, 0, *size)


@pytest.mark.parametrize(
    ("size", "crop", "source", "target"),
    [
        ((640, 360), False, (0, 0, 640, 360), (0, 0, 320, 180)),
        ((641, 361), False, (0, 0, 641, 361), (0, 0, 320, 180)),  # no bar of a pixel
        ((640, 480), False, (0, 0, 640, 480), (40, 0, 240, 180)),
        ((640, 480), True, (0, 60, 640, 360), (0, 0, 320, 180)),
        ((360, 640), False, (0, 0, 360, 640), (108, 0, 102, 180)),
        ((360, 640), True, (0, 218, 360, 202), (0, 0, 320, 180)),
        ((1, 1), True, (0, 0, 1, 1), (0, 0, 320, 180)),
        ((16_000, 2), True, (7998, 0, 4, 2), (0, 0, 320, 180)),
    ],
)
def test_a_picture_keeps_its_shape(
    size: tuple[int, int], crop: bool, source: tuple[int, ...], target: tuple[int, ...]
) -> None:
    assert fit(size, Rectangle(0, 0, 320, 180), crop=crop) == (source, target)
