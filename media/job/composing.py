"""Pictures put together into one, in planes of I420.

What stands stays: a region is drawn again when its picture is another one, and a picture is scaled
only where its size is not that of its region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from av import FFmpegError, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from media.contract.jobs import Composition
from media.job.regions import Fit, Rectangle, fit, pixels_of

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Planes = tuple[Plane, ...]
FORMAT = "yuv420p"
_AS_THEY_ARE = (2, 5, 6)  # matrices as in H.273: none is said, and BT.601
_OTHERS = (1, 4, 7, 9)  # that FFmpeg can change


def planes_of(frame: VideoFrame) -> Planes:
    """Return the planes of an I420 frame without the padding of their lines; they share memory."""
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    )


def colour_of(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """Return a colour as video has it: luma and two differences (ITU-R BT.601, 16 to 235)."""
    return (
        round(16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255),
        round(128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255),
        round(128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255),
    )


class Composer:
    """Makes the pictures of one composition. The frame it returns is its own, and always the same.

    So whoever encodes it does so before the next one is made. `mark` is told whose picture is
    worked on (see media.job.work.Outside).
    """

    def __init__(
        self, composition: Composition, mark: Callable[[str], None] = lambda _: None
    ) -> None:
        self._mark = mark
        target = composition.target
        self._colour = colour_of(*composition.background)
        self._frame = VideoFrame(target.width, target.height, FORMAT)
        self._planes = planes_of(self._frame)
        _paint(self._planes, self._colour)
        self._tiles: list[_Tile] = []
        for place in composition.places:
            pixels = pixels_of(place, target.width, target.height)
            if pixels is not None:
                self._tiles.append(_Tile(place.input, pixels, self._planes, crop=composition.crop))
        self._overlapping = any(
            tile.pixels.overlaps(other.pixels)
            for index, tile in enumerate(self._tiles)
            for other in self._tiles[:index]
        )

    def compose(self, pictures: Mapping[str, VideoFrame]) -> VideoFrame:
        """Return the whole picture, with the background where an input has none to show.

        A picture must be another object than the one before, if it is another picture.
        """
        changed = []
        for tile in self._tiles:
            self._mark(tile.input or "")
            if tile.take(pictures.get(tile.input or "")):
                changed.append(tile)
        self._mark("")
        everything = bool(changed) and self._overlapping
        for tile in self._tiles if everything else changed:
            tile.draw(self._colour, over_others=everything)
        return self._frame


class _Tile:
    """One place: what is shown there, and the pixels of the whole that it has."""

    def __init__(self, input: str | None, pixels: Rectangle, whole: Planes, *, crop: bool) -> None:
        self.input = input
        self.pixels = pixels
        self._crop = crop
        self._whole = whole
        self._region = _part(whole, pixels)
        self._inner = self._region  # without bars
        self._fitting = _Fitting()
        self._fit = Fit(pixels, pixels)
        self._size = (0, 0)
        self._picture: VideoFrame | None = None
        self._planes: Planes | None = None  # of the picture, as they are drawn
        self._bare = False  # the region holds more than the picture covers
        self._bars_due = False

    def take(self, picture: VideoFrame | None) -> bool:
        """Take what is shown from now on; tell whether it is another picture than before."""
        if picture is self._picture:
            return False
        self._picture = picture
        if picture is None:
            self._clear()
            return True
        if (picture.width, picture.height) != self._size:
            self._size = (picture.width, picture.height)
            self._fit = fit(self._size, self.pixels, crop=self._crop)
            self._inner = _part(self._whole, self._fit.target)
            self._bare = self._bars_due = self._fit.target != self.pixels
        try:
            self._planes = self._fitting.planes(picture, self._fit)
        except FFmpegError:  # what swscale cannot do, such as a line of 16,383 pixels
            self._clear()
        return True

    def _clear(self) -> None:
        self._planes = None
        self._bare = self._bars_due = True
        self._size = (0, 0)

    def draw(self, background: tuple[int, int, int], *, over_others: bool) -> None:
        """Draw what was taken last; `over_others` says that somebody else drew there, too."""
        if self._bars_due or (over_others and self._bare):
            _paint(self._region, background)
            self._bars_due = False
        if self._planes is not None:
            for region, plane in zip(self._inner, self._planes, strict=True):
                np.copyto(region, plane)


class _Fitting:
    """Cuts and scales the pictures of one place; keeps what scaling prepares for a size."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def planes(self, frame: VideoFrame, wanted: Fit) -> Planes:
        """Return the planes of a picture in the size of its target."""
        source, target = wanted
        whole = (source.width, source.height) == (frame.width, frame.height)
        fits = (source.width, source.height) == (target.width, target.height)
        if fits or not whole:
            frame = self._scaled(frame, frame.width, frame.height)  # only its format, if any
        if not whole:
            part = _part(planes_of(frame), source)
            if fits:
                return part
            frame = _copied(part, source.width, source.height)
        return planes_of(frame if fits else self._scaled(frame, target.width, target.height))

    def _scaled(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        return self._scaler.reformat(
            frame,
            width,
            height,
            FORMAT,
            interpolation=Interpolation.BILINEAR,
            threads=1,
            **_colours_to_change(frame),
        )


def _colours_to_change(frame: VideoFrame) -> dict[str, int]:
    """Return how the colours of a frame become those of `colour_of`, nothing where they are.

    H.264 may say that it has others, as that of browsers does for what is no camera. What says
    nothing is taken to have these.
    """
    matrix, wide = frame.colorspace, frame.color_range == ColorRange.JPEG
    if not wide and matrix in _AS_THEY_ARE:
        return {}
    return {
        "src_colorspace": matrix if matrix in _OTHERS else Colorspace.ITU601,
        "dst_colorspace": Colorspace.ITU601,
        "src_color_range": ColorRange.JPEG if wide else ColorRange.MPEG,
        "dst_color_range": ColorRange.MPEG,
    }


def _copied(planes: Planes, width: int, height: int) -> VideoFrame:
    frame = VideoFrame(width, height, FORMAT)
    for mine, theirs in zip(planes_of(frame), planes, strict=True):
        np.copyto(mine, theirs)
    return frame


def _part(planes: Planes, pixels: Rectangle) -> Planes:
    """Return the part of each plane that an even rectangle covers."""
    left, top, width, height = pixels
    return tuple(
        plane[top // by : (top + height) // by, left // by : (left + width) // by]
        for plane, by in zip(planes, (1, 2, 2), strict=True)
    )


def _paint(planes: Planes, colour: tuple[int, int, int]) -> None:
    for plane, value in zip(planes, colour, strict=True):
        plane.fill(value)
