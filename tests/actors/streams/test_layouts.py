"""Which regions there are for so many pictures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.streams.layouts import fluid, lecture, template_for, templates_of
from actors.words.streams import VideoFormat, VideoParameters
from actors.words.views import Area, Region, Template, TemplateBase, ViewVideo
from tests.support.examples import examples

VIEW = ViewVideo(VideoFormat("vp8"), VideoParameters())
SQUARES = (side**2 for side in range(1, 17))
BASES = st.sampled_from(list(TemplateBase))


def video(base: TemplateBase, most: int, *custom: Template) -> ViewVideo:
    return ViewVideo(VIEW.format, VIEW.parameters, most, base=base, custom=custom)


def sizes(templates: tuple[Template, ...]) -> list[int]:
    return [len(template) for template in templates]


def areas(template: Template) -> list[tuple[str, ...]]:
    return [
        tuple(str(length) for length in (it.area.left, it.area.top, it.area.width, it.area.height))
        for it in template
    ]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [1]),
        (2, [1, 4]),
        (4, [1, 4]),
        (5, [1, 4, 9]),
        (16, [1, 4, 9, 16]),
        (17, [1, 4, 9, 16, 25]),
    ],
)
def test_fluid_templates_are_grids_up_to_the_most_inputs(most: int, expected: list[int]) -> None:
    assert sizes(fluid(most)) == expected


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [1]),
        (2, [1, 6]),
        (6, [1, 6]),
        (7, [1, 6, 8]),
        (14, [1, 6, 8, 10, 12, 14]),
        (16, [1, 6, 8, 10, 12, 14, 17]),
        (20, [1, 6, 8, 10, 12, 14, 17, 21]),
        (256, [1, 6, 8, 10, 12, 14, 17, 21, 25]),
    ],
)
def test_lecture_templates_go_up_to_the_most_inputs(most: int, expected: list[int]) -> None:
    assert sizes(lecture(most)) == expected


def test_a_lecture_of_six_has_a_large_picture_and_a_rim_of_five() -> None:
    third, two = "1/3", "2/3"
    assert areas(lecture(6)[1]) == [
        ("0", "0", two, two),
        (two, "0", third, third),
        (two, third, third, third),
        (two, two, third, third),
        (third, two, third, third),
        ("0", two, third, third),
    ]


def test_a_grid_goes_row_by_row() -> None:
    half = "1/2"
    assert areas(fluid(4)[1]) == [
        ("0", "0", half, half),
        (half, "0", half, half),
        ("0", half, half, half),
        (half, half, half, half),
    ]
    assert [region.id for region in fluid(4)[1]] == ["1", "2", "3", "4"]


@given(BASES, st.integers(1, 256))
@settings(max_examples=examples(200))
def test_regions_tile_the_whole_and_nothing_twice(base: TemplateBase, most: int) -> None:
    for template in templates_of(video(base, most)):
        assert sum(it.area.width * it.area.height for it in template) == 1
        for index, one in enumerate(template):
            a = one.area
            assert a.left >= 0 <= a.top
            assert a.left + a.width <= 1 >= a.top + a.height
            for other in template[index + 1 :]:
                b = other.area
                apart = a.left + a.width <= b.left or b.left + b.width <= a.left
                above = a.top + a.height <= b.top or b.top + b.height <= a.top
                assert apart or above
        assert len({it.id for it in template}) == len(template)


@given(BASES, st.integers(1, 64), st.integers(0, 80))
@settings(max_examples=examples(300))
def test_the_smallest_template_that_is_large_enough_is_used(
    base: TemplateBase, most: int, pictures: int
) -> None:
    templates = templates_of(video(base, most))
    found = template_for(templates, pictures)
    enough = [len(it) for it in templates if len(it) >= pictures]
    if not pictures or not templates:
        assert found == ()
    else:
        assert len(found) == (min(enough) if enough else len(templates[-1]))


def test_a_template_of_its_own_replaces_that_of_the_same_size() -> None:
    whole = Area(Fraction(0), Fraction(0), Fraction(1), Fraction(1))
    four = tuple(Region(f"r{number}", whole) for number in range(4))
    two = (Region("a", whole), Region("b", whole))
    own = templates_of(video(TemplateBase.FLUID, 9, four, two, ()))
    assert sizes(own) == [1, 2, 4, 9]
    assert own[1:3] == (two, four)
    assert templates_of(video(TemplateBase.VOID, 9, two)) == (two,)
    assert templates_of(video(TemplateBase.VOID, 9)) == ()


@pytest.mark.parametrize("base", [fluid, lecture])
def test_hundreds_of_views_share_the_templates_of_their_base(
    base: Callable[[int], tuple[Template, ...]],
) -> None:
    first, second = base(256), base(25)
    assert all(one is other for one, other in zip(first, second, strict=False))
