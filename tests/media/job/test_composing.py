"""Pictures put together: colours stand where they belong."""

from __future__ import annotations

import av
import msgspec
import numpy as np
import pytest

from media.contract.jobs import Composition, Place, VideoTarget
from media.job.composing import Composer, colour_of, planes_of
from tests.support.picture_jobs import BLACK, BLUE, GREEN, RED, WHITE, Colour, looks, picture_of

TARGET = VideoTarget("vp8", 640, 360, 24.0, 800)
QUARTERS = tuple(
    Place(id, x, y, 0.5, 0.5)
    for id, x, y in (("a", 0, 0), ("b", 0.5, 0), ("c", 0, 0.5), ("d", 0.5, 0.5))
)
LEFT = (Place("a", 0, 0, 0.5, 1.0),)


def composer(
    places: tuple[Place, ...], background: Colour = BLACK, *, crop: bool = False
) -> Composer:
    return Composer(Composition(TARGET, places, background, crop))


def test_colours_stand_in_their_regions() -> None:
    made = composer(QUARTERS, WHITE).compose(
        {
            "a": picture_of((320, 180), RED),
            "b": picture_of((640, 360), GREEN),
            "c": picture_of((161, 91), BLUE),
        }
    )
    assert looks(made, 0.25, 0.25, RED)
    assert looks(made, 0.75, 0.25, GREEN)
    assert looks(made, 0.25, 0.75, BLUE)
    assert looks(made, 0.75, 0.75, WHITE)  # nothing came
    assert looks(made, 0.48, 0.48, RED)  # no bars


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((0, 0, 255), (41, 240, 110)),
    ],
)
def test_a_background_is_what_video_calls_it(rgb: Colour, yuv: Colour) -> None:
    assert colour_of(*rgb) == yuv
    made = composer((), rgb).compose({})
    assert [int(plane.min()) for plane in planes_of(made)] == list(yuv)
    assert [int(plane.max()) for plane in planes_of(made)] == list(yuv)


@pytest.mark.parametrize("size", [(320, 360), (640, 720), (640, 360)])  # scaled, and with bars
def test_other_colours_are_those_of_all_pictures(size: tuple[int, int]) -> None:
    red, green, blue = (each / 255 for each in RED)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # ITU-R BT.709, from 0 to 255
    found = (luma, 0.5 + (blue - luma) / 1.8556, 0.5 + (red - luma) / 1.5748)
    frame = av.VideoFrame(*size, "yuvj420p")
    for plane, value in zip(planes_of(frame), found, strict=True):
        plane.fill(round(255 * value))
    frame.colorspace, frame.color_range = 1, 2
    made = composer(LEFT).compose({"a": frame})
    assert looks(made, 0.25, 0.5, RED)
    middle = [int(plane[plane.shape[0] // 2, plane.shape[1] // 4]) for plane in planes_of(made)]
    assert max(abs(a - b) for a, b in zip(middle, colour_of(*RED), strict=True)) <= 3


@pytest.mark.parametrize("matrix", [*range(16), 255])
@pytest.mark.parametrize("colour_range", [0, 1, 2])
def test_whatever_colours_a_picture_says_it_has_it_is_shown(matrix: int, colour_range: int) -> None:
    frame = picture_of((160, 180), WHITE)
    frame.colorspace, frame.color_range = matrix, colour_range
    made = planes_of(composer(LEFT).compose({"a": frame}))
    assert made[0][180, 160] > 200
    assert all(abs(int(plane[90, 80]) - 128) < 3 for plane in made[1:])


def test_another_shape_stands_between_bars() -> None:
    made = composer(LEFT, GREEN).compose({"a": picture_of((320, 180), RED)})
    assert looks(made, 0.25, 0.5, RED)
    assert looks(made, 0.25, 0.1, GREEN)
    assert looks(made, 0.25, 0.9, GREEN)


def test_with_crop_it_fills_its_place() -> None:
    picture = picture_of((322, 180), RED)
    for plane, value in zip(planes_of(picture), colour_of(*BLUE), strict=True):
        plane[:, : plane.shape[1] // 8] = value  # an edge that is cut off
    made = composer(LEFT, GREEN, crop=True).compose({"a": picture})
    for x, y in ((0.02, 0.05), (0.25, 0.5), (0.48, 0.95), (0.25, 0.02)):
        assert looks(made, x, y, RED)
    assert looks(made, 0.75, 0.5, GREEN)


def test_bars_go_where_the_shape_changes() -> None:
    whole = composer(LEFT, GREEN)
    whole.compose({"a": picture_of((160, 180), RED)})
    made = whole.compose({"a": picture_of((320, 180), BLUE)})
    assert looks(made, 0.25, 0.1, GREEN)
    assert looks(made, 0.25, 0.5, BLUE)
    made = whole.compose({"a": picture_of((160, 180), RED)})
    assert looks(made, 0.25, 0.1, RED)


def test_who_goes_leaves_the_background() -> None:
    whole = composer(QUARTERS, WHITE)
    whole.compose({"a": picture_of((320, 180), RED), "b": picture_of((320, 180), GREEN)})
    made = whole.compose({"b": picture_of((320, 180), GREEN)})
    assert looks(made, 0.25, 0.25, WHITE)
    assert looks(made, 0.75, 0.25, GREEN)


@pytest.mark.parametrize("changes", ["under", "over"])
def test_later_places_are_over_earlier_ones_whoever_changes(changes: str) -> None:
    whole = composer((Place("under", 0, 0, 1, 1), Place("over", 0.6, 0.6, 0.3, 0.3)))
    pictures = {"under": picture_of((640, 360), RED), "over": picture_of((320, 180), GREEN)}
    whole.compose(pictures)
    pictures[changes] = picture_of((640, 360), BLUE)
    made = whole.compose(pictures)
    assert looks(made, 0.2, 0.2, BLUE if changes == "under" else RED)
    assert looks(made, 0.75, 0.75, BLUE if changes == "over" else GREEN)


def test_one_input_may_stand_in_two_places() -> None:
    places = (Place("a", 0, 0, 0.5, 0.5), Place("a", 0.5, 0, 0.5, 0.5), Place(None, 0, 0.5, 1, 0.5))
    made = composer(places, WHITE).compose({"a": picture_of((320, 180), RED)})
    assert looks(made, 0.25, 0.25, RED)
    assert looks(made, 0.75, 0.25, RED)
    assert looks(made, 0.5, 0.75, WHITE)


@pytest.mark.parametrize("layout", ["yuv420p10le", "yuv444p", "yuvj420p", "nv12"])
@pytest.mark.parametrize("crop", [False, True])
def test_other_formats_become_ours(layout: str, crop: bool) -> None:
    picture = picture_of((400, 360), RED).reformat(format=layout)
    made = composer(LEFT, GREEN, crop=crop).compose({"a": picture})
    assert looks(made, 0.25, 0.5, RED)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 400), (400, 1), (3, 3), (2, 2), (2000, 2), (639, 359)]
)
@pytest.mark.parametrize("crop", [False, True])
def test_odd_sizes_are_shown(size: tuple[int, int], crop: bool) -> None:
    made = composer((Place("a", 0, 0, 1, 1),), GREEN, crop=crop).compose(
        {"a": picture_of(size, RED)}
    )
    assert looks(made, 0.5, 0.5, RED) or min(size) == 1 or size == (2000, 2)


def test_a_picture_that_stands_is_not_drawn_again() -> None:
    whole = composer(QUARTERS)
    picture = picture_of((320, 180), RED)
    made = whole.compose({"a": picture})
    planes_of(made)[0][:10, :10] = 99
    assert np.all(planes_of(whole.compose({"a": picture}))[0][:10, :10] == 99)
    assert isinstance(made, av.VideoFrame)


@pytest.mark.parametrize("size", [(16_383, 1), (1, 16_383)])
def test_a_shape_that_cannot_be_scaled_leaves_the_background(size: tuple[int, int]) -> None:
    whole = Composer(
        Composition(
            msgspec.structs.replace(TARGET, width=1280, height=720),
            (Place("a", 0, 0, 0.1, 0.1), Place("b", 0.5, 0, 0.5, 0.5)),
            WHITE,
            crop=True,
        )
    )
    whole.compose({"a": picture_of((320, 180), RED), "b": picture_of((320, 180), GREEN)})
    made = whole.compose({"a": picture_of(size, RED), "b": picture_of((640, 360), BLUE)})
    assert looks(made, 0.05, 0.05, WHITE)
    assert looks(made, 0.75, 0.25, BLUE)
    made = whole.compose({"a": picture_of((320, 180), RED)})
    assert looks(made, 0.05, 0.05, RED)
