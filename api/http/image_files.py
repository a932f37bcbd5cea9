"""What the file of a picture says of itself, before anybody decodes it: kind, size, scans, frames.
Pure.

A small file can claim a picture that fills the memory, or hundreds of passes over it. So JPEG
markers (ITU-T T.81, annex B), GIF blocks (GIF89a specification) and the PNG header are read here,
in one way through the file, and whoever decodes knows the work before he begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MOST_SEGMENTS = 16_384
"""Segments of a JPEG, chunks of a PNG: real ones have far fewer, and each costs a step."""

WINDOW = 1_048_576
"""Bytes that are searched at a time: the interpreter cannot turn to others while it searches."""

_PNG = b"\x89PNG\r\n\x1a\n"
_ENTROPY_CODED_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # TEM, RST0 to RST7, SOI
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
_METADATA = {*range(0xE1, 0xF0), 0xFE} - {0xEE}  # APP1 to APP15 without Adobe's colours, COM
_EXIF = b"Exif\0\0"
_BYTE_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_PICTURE_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class NotAnImageFile(ValueError):
    """The bytes are no JPEG, PNG or GIF, or one that ends too early."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """What a file says: its kind, the picture's size in pixels, how much work decoding it is.

    `clean` is the file without what is no part of the picture: comments, Exif data, profiles, data
    of applications, whatever follows the end. `orientation`: how it lies, 1 to 8, as Exif counts.
    `scans`: passes over the whole picture (JPEG). `frames` and `frame_pixels`: pictures of a GIF
    and the pixels of all of them.
    """

    kind: Literal["JPEG", "PNG", "GIF"]
    width: int
    height: int
    clean: bytes
    orientation: int = 1
    scans: int = 1
    frames: int = 1
    frame_pixels: int = 0


def read_image_file(data: bytes) -> ImageFile:
    """Read what a file says of its picture. Raises NotAnImageFile."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            found = _read_jpeg(data)
        elif data.startswith(_PNG) and data[12:16] == b"IHDR":
            found = _read_png(data)
        elif data.startswith((b"GIF87a", b"GIF89a")):
            found = _GifReader(data).read()
        else:
            raise NotAnImageFile("another kind of file")
    except IndexError as error:
        raise NotAnImageFile("ends too early") from error
    if not (found.width and found.height):
        raise NotAnImageFile("an empty picture")
    return found


def _read_jpeg(data: bytes) -> ImageFile:
    parts = _Parts(data)
    at, scans, markers, orientation = 2, 0, 0, 1
    size: tuple[int, int] | None = None
    while True:
        at = _after_marker(data, at)
        if not at:
            raise NotAnImageFile("ends too early")
        marker = data[at - 1]
        markers += 1
        if markers > MOST_SEGMENTS:
            raise NotAnImageFile("too many segments")
        if marker == _END_OF_IMAGE:
            break
        if marker in _STANDALONE:
            continue
        length = _big(data, at, 2)
        if length < 2:
            raise NotAnImageFile("a segment without length")
        if marker in _FRAMES:
            if size is not None:
                raise NotAnImageFile("two frames")
            size = _big(data, at + 5, 2), _big(data, at + 3, 2)
        scans += marker == _START_OF_SCAN
        if marker in _METADATA:
            if data.startswith(_EXIF, at + 2):
                orientation = _orientation(data[at + 2 + len(_EXIF) : at + length])
            parts.leave_out(at - 2, at + length)
        at += length
    if size is None or not scans:
        raise NotAnImageFile("no picture")
    return ImageFile("JPEG", *size, parts.kept_until(at), scans=scans, orientation=orientation)


def _read_png(data: bytes) -> ImageFile:
    parts = _Parts(data)
    at, chunks, orientation, kind = 8, 0, 1, b""
    while kind != b"IEND":
        length, kind = _big(data, at, 4), data[at + 4 : at + 8]
        end = at + 12 + length
        chunks += 1
        if end > len(data) or chunks > MOST_SEGMENTS:
            raise NotAnImageFile("ends too early, or has too many chunks")
        if kind == b"eXIf":
            orientation = _orientation(data[at + 8 : end - 4])
        if kind not in _PICTURE_CHUNKS:
            parts.leave_out(at, end)
        at = end
    width, height = _big(data, 16, 4), _big(data, 20, 4)
    return ImageFile("PNG", width, height, parts.kept_until(at), orientation=orientation)


def _orientation(exif: bytes) -> int:
    """Return how a picture lies, 1 to 8, from its Exif data (a TIFF header and directory)."""
    order = _BYTE_ORDERS.get(exif[:4])
    if order is None:
        return 1
    start = int.from_bytes(exif[4:8], order)
    entries = int.from_bytes(exif[start : start + 2], order)
    for at in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        if int.from_bytes(exif[at : at + 2], order) == 0x0112:
            value = int.from_bytes(exif[at + 8 : at + 10], order)
            return value if 1 <= value <= 8 else 1
    return 1


class _Parts:
    """A file with some of its parts left out."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._kept: list[memoryview] = []
        self._start = 0

    def leave_out(self, start: int, end: int) -> None:
        self._kept.append(self._data[self._start : start])
        self._start = end

    def kept_until(self, end: int) -> bytes:
        return b"".join((*self._kept, self._data[self._start : end]))


def _after_marker(data: bytes, at: int) -> int:
    """Return the place after the next marker, beyond pixels and fill bytes; 0 if there is none."""
    while at < len(data):
        match = _ENTROPY_CODED_END.search(data, at, at + WINDOW)
        if match is not None:
            return match.end()
        at += WINDOW - 1  # a marker may lie across the end
    return 0


class _GifReader:
    """Through the blocks of a GIF, keeping what belongs to the picture."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 13
        self._width, self._height = _little(data, 6), _little(data, 8)
        self._kept: list[memoryview] = []
        self._frames = self._frame_pixels = 0

    def read(self) -> ImageFile:
        self._at += _colours(self._data[10])
        self._keep(0)
        while (block := self._data[self._at]) != 0x3B:  # the trailer
            if block == 0x2C:
                self._frame()
            elif block == 0x21:
                self._extension()
            else:
                raise NotAnImageFile("no block of a GIF")
        if not self._frames:
            raise NotAnImageFile("no picture")
        return ImageFile(
            "GIF",
            self._width,
            self._height,
            b"".join((*self._kept, b";")),
            frames=self._frames,
            frame_pixels=self._frame_pixels,
        )

    def _frame(self) -> None:
        start = self._at
        self._frames += 1
        left, top, width, height = (_little(self._data, start + at) for at in (1, 3, 5, 7))
        if left + width > self._width or top + height > self._height:
            raise NotAnImageFile("a frame beyond the picture")  # readers would make it larger
        self._frame_pixels += width * height
        self._at += 10 + _colours(self._data[start + 9]) + 1  # and the code size
        self._over_sub_blocks()
        self._keep(start)

    def _extension(self) -> None:
        start, label = self._at, self._data[self._at + 1]
        self._at += 2
        self._over_sub_blocks()
        loops = label == 0xFF and self._data[start + 3 : start + 14] in _LOOPS
        if (loops and self._at - start == 19) or (label == 0xF9 and self._at - start == 8):
            self._keep(start)

    def _over_sub_blocks(self) -> None:
        while size := self._data[self._at]:
            self._at += 1 + size
        self._at += 1

    def _keep(self, start: int) -> None:
        if self._at > len(self._data):
            raise NotAnImageFile("ends too early")
        self._kept.append(memoryview(self._data)[start : self._at])


def _colours(flags: int) -> int:
    """Return the bytes of the colour table that flags of a GIF announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _big(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise NotAnImageFile("ends too early")
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8
