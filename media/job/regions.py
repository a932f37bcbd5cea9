"""Where pictures go, in pixels. Pure.

Everything is even: of a picture's colours there is one sample for two pixels each way.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from media.contract.jobs import Place

_THIN = 2  # pixels; a bar of no more is not worth its line: the picture is stretched over it


class Rectangle(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def overlaps(self, other: Rectangle) -> bool:
        """Tell whether there is a pixel in both."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


class Fit(NamedTuple):
    """Which part of a picture is shown, and where."""

    source: Rectangle
    target: Rectangle


def pixels_of(place: Place, width: int, height: int) -> Rectangle | None:
    """Return the pixels of a place in a picture of this even size; None where there are none.

    Places that meet in fractions meet in pixels.
    """
    left, right = (_edge(at, width) for at in (place.left, place.left + place.width))
    top, bottom = (_edge(at, height) for at in (place.top, place.top + place.height))
    if right <= left or bottom <= top:
        return None
    return Rectangle(left, top, right - left, bottom - top)


def fit(size: tuple[int, int], into: Rectangle, *, crop: bool) -> Fit:
    """Return how a picture of this size is shown in a rectangle, in its own shape.

    With `crop` it fills the rectangle and loses its edges, without it is seen as a whole. The part
    of it that is shown is either all, or even.
    """
    width, height = size
    whole = Rectangle(0, 0, width, height)
    if not crop:
        return Fit(whole, _inside(width, height, into))
    left, top, wide, high = part = _inside(into.width, into.height, whole)
    if part == whole or width < 2 or height < 2:  # a line of pixels has no even part
        return Fit(whole, into)
    return Fit(Rectangle(left, top, wide // 2 * 2, high // 2 * 2), into)


def _inside(width: int, height: int, frame: Rectangle) -> Rectangle:
    """Return the largest rectangle of this shape in the middle of a frame."""
    wide = min(frame.width, max(2, _even(width * frame.height / height)))
    high = min(frame.height, max(2, _even(height * frame.width / width)))
    if frame.width - wide <= _THIN:
        wide = frame.width
    if frame.height - high <= _THIN:
        high = frame.height
    return Rectangle(
        frame.left + (frame.width - wide) // 4 * 2,
        frame.top + (frame.height - high) // 4 * 2,
        wide,
        high,
    )


def _edge(fraction: float, size: int) -> int:
    # A little more: sums of fractions that are one edge differ in their last bits.
    return min(max(_even(fraction * size + 1e-6), 0), size)


def _even(pixels: float) -> int:
    """Return the nearest even number."""
    return 2 * floor(pixels / 2 + 0.5)
