"""Layouts of mixed views: which regions there are for so many pictures. Pure.

Templates go by their number of regions; for n pictures the smallest one with at least n is used.
All areas are exact fractions of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import ceil, sqrt

from actors.words.views import Area, Region, Template, TemplateBase, ViewVideo

# One large picture above and left of a rim of small ones, in a grid of so many by so many: how wide
# the rim is. Of the first ones it is one picture wide, of the last two.
LECTURES = ((3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (5, 2), (6, 2), (7, 2))


def templates_of(video: ViewVideo) -> tuple[Template, ...]:
    """Return the templates of a view, those with fewer regions first.

    Its own replace those of its base that have as many regions.
    """
    match video.base:
        case TemplateBase.FLUID:
            base = fluid(video.max_input)
        case TemplateBase.LECTURE:
            base = lecture(video.max_input)
        case TemplateBase.VOID:
            base = ()
    by_size = {len(template): template for template in base}
    by_size |= {len(template): template for template in video.custom if template}
    return tuple(by_size[size] for size in sorted(by_size))


def template_for(templates: Sequence[Template], pictures: int) -> Template:
    """Return the template for so many pictures: the largest one where none has enough regions.

    It is empty where there is no picture, or no template.
    """
    if not pictures or not templates:
        return ()
    fits = (template for template in templates if len(template) >= pictures)
    return next(fits, templates[-1])


def fluid(max_input: int) -> tuple[Template, ...]:
    """Return grids of 1, 4, 9, … equal regions, until so many pictures have their place."""
    return tuple(_grid(side) for side in range(1, ceil(sqrt(max_input)) + 1))


def lecture(max_input: int) -> tuple[Template, ...]:
    """Return layouts of one large region and small ones around it: of 1, 6, 8, … up to 25."""
    templates = [_grid(1)]
    for side, rim in LECTURES:
        if len(templates[-1]) >= max_input:
            break
        templates.append(_lecture(side, rim))
    return tuple(templates)


# Both are made once, all sixteen and eight of them: rooms may have hundreds of views.
@cache
def _grid(side: int) -> Template:
    cells = [(column, row) for row in range(side) for column in range(side)]
    return _regions([(column, row, 1) for column, row in cells], side)


@cache
def _lecture(side: int, rim: int) -> Template:
    """Return a large region, the cells right of it from the top, those below it from the right."""
    large = side - rim
    cells = [
        *((column, row, 1) for row in range(large) for column in range(large, side)),
        *((column, row, 1) for row in range(large, side) for column in reversed(range(side))),
    ]
    return _regions([(0, 0, large), *cells], side)


def _regions(squares: Sequence[tuple[int, int, int]], side: int) -> Template:
    """Make regions of squares: column, row and length, in cells of a grid."""
    return tuple(
        Region(
            str(number),
            Area(
                Fraction(column, side),
                Fraction(row, side),
                Fraction(length, side),
                Fraction(length, side),
            ),
        )
        for number, (column, row, length) in enumerate(squares, 1)
    )
