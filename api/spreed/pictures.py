"""Buddy pictures: what a status carries as a data URL becomes a small, clean picture of ours.

Whatever is uploaded is decoded, cropped to a square and encoded again in a worker thread; the bytes
of the upload are never served. What a file costs is looked at before it is decoded, and who uploads
waits in a line by address. One picture per session; both tables are bounded by bytes and forget
what was used least recently.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import secrets
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
import trio
from PIL import Image, ImageOps

from actors.words.refusals import Busy
from api.http.credentials import address_key
from api.http.fair_work import FairWork
from api.http.image_files import read_image_file

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
NAMES = {"PNG": "picture.png", "JPEG": "picture.jpg", "GIF": "picture.gif", "WEBP": "picture.webp"}
TYPES = {format_: type_ for type_, format_ in FORMATS.items()}
EXIF_ORIENTATION = 0x0112
SMALLEST, LARGEST = 16, 512
LONGEST_SIDE = 16_384  # pixels of an upload
SCANS = 24  # passes over a JPEG as large as it may be; real ones have ten. Of smaller ones more
COPIES = {"WEBP": 2}  # of all its pixels, at a time, more than others have in memory
MOST_SCANS = 500  # of any JPEG
DECODE_SECONDS = 10.0
Result = TypeVar("Result")
_DATA_URL = re.compile(r"data:([\w/+.-]*)((?:;[\w=-]+)*?);base64,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """A square picture of at most 512 pixels a side. `changed` is unix time in seconds."""

    data: bytes
    format: str
    change: str
    changed: float

    @property
    def content_type(self) -> str:
        return TYPES[self.format]


class NotAPicture(Exception):
    """The upload is no PNG, JPEG, GIF or WebP, is broken, or has too many pixels."""


class _ByteCache(OrderedDict[str, Picture]):
    """Pictures by name, the least recently used dropped beyond `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.bytes = 0

    def get_recent(self, key: str) -> Picture | None:
        picture = self.get(key)
        if picture is not None:
            self.move_to_end(key)
        return picture

    def put(self, key: str, picture: Picture) -> None:
        self.drop(key)
        self[key] = picture
        self.bytes += len(picture.data)
        while self.bytes > self.limit and self:
            self.drop(next(iter(self)))

    def drop(self, key: str) -> None:
        gone = self.pop(key, None)
        if gone is not None:
            self.bytes -= len(gone.data)


class Pictures:
    """The pictures of all sessions. `store_bytes` and `cache_bytes` bound originals and sizes."""

    def __init__(self, pixels: int, store_bytes: int, cache_bytes: int, turns: FairWork) -> None:
        self._pixels = pixels
        self._turns = turns
        self._kept = _ByteCache(store_bytes)
        self._sized = _ByteCache(cache_bytes)
        self._image_of: dict[str, str] = {}  # session id → image id
        self._uploads: dict[str, str] = {}  # image id → digest of the upload

    async def accept(self, session: str, url: str, address: str) -> str | None:
        """Keep the picture of a data URL; return the name that stands for it in a status.

        None when the URL is no base64 data URL, which then stays as it is. Raises NotAPicture,
        TooSlowError, and Busy where too many from that address wait.
        """
        match_ = _DATA_URL.match(url)
        if match_ is None:
            return None
        try:
            upload = base64.b64decode(url[match_.end() :], validate=True)
        except (binascii.Error, ValueError):
            return None
        if not upload:
            return None
        if match_[1] not in FORMATS:
            raise NotAPicture
        image = self._image_of.get(session) or secrets.token_urlsafe(15)
        digest = hashlib.sha256(upload).hexdigest()
        known = self._kept.get_recent(image)
        if known is None or self._uploads.get(image) != digest:
            known = await self._read(upload, address)
            self._image_of[session] = image
            self._uploads[image] = digest
            self._kept.put(image, known)
        return f"img:{image}/{known.change}/{NAMES[known.format]}"

    async def sized(self, image: str, size: int | None, address: str) -> Picture | None:
        """Return the picture at a size in pixels (None: as large as it is), or None if unknown.

        Raises TooSlowError, and Busy where too many from that address wait.
        """
        original = self._kept.get_recent(image)
        if original is None or size is None:
            return original
        size = max(SMALLEST, min(LARGEST, size))
        key = f"{image}/{original.change}/{size}"
        picture = self._sized.get_recent(key)
        if picture is None:
            work = partial(_resize, original.data, original.format, size)
            data = await self._in_thread(work, address, len(original.data))
            picture = Picture(data, original.format, original.change, original.changed)
            self._sized.put(key, picture)
        return picture

    def forget(self, session: str) -> None:
        """Drop the picture of a session that has ended."""
        image = self._image_of.pop(session, None)
        if image is not None:
            self._kept.drop(image)
            self._uploads.pop(image, None)

    async def _read(self, upload: bytes, address: str) -> Picture:
        clean = partial(_clean, upload, self._pixels)
        data, format_ = await self._in_thread(clean, address, len(upload))
        now = time.time_ns()
        change = base64.urlsafe_b64encode(now.to_bytes(9, "big")).decode()
        return Picture(data, format_, change, now / 1e9)

    async def _in_thread(self, work: Callable[[], Result], address: str, size: int) -> Result:
        with trio.fail_after(DECODE_SECONDS):
            return await self._turns.run(address_key(address), work, size)


async def with_kept_picture(pictures: Pictures, session: str, status: bytes, address: str) -> bytes:
    """Return a status document with the name of its picture in place of the picture.

    A picture that cannot be taken is replaced by ""; what is no picture at all stays as it is.
    """
    try:
        document = msgspec.json.decode(status)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return status
    if not isinstance(document, dict) or not isinstance(document.get("buddyPicture"), str):
        return status
    try:
        name = await pictures.accept(session, document["buddyPicture"], address)
    except (NotAPicture, Busy, trio.TooSlowError):
        name = ""
    if name is None:
        return status
    return msgspec.json.encode(document | {"buddyPicture": name})


def size_of_flags(flags: str) -> int | None:
    """Read the size out of flags such as "s46"; None when they name none."""
    match_ = re.fullmatch(r"s(\d{1,6})", flags, re.ASCII)
    return int(match_[1]) if match_ else None


def _clean(upload: bytes, pixels: int) -> tuple[bytes, str]:
    """Decode the first frame, crop it to a square of at most 512 pixels and encode it again."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=tuple(NAMES)) as image:
                format_ = image.format or ""
                _check_work(format_, image.size, _scans(upload, format_), pixels)
                side = min(LARGEST, max(SMALLEST, min(image.size)))
                if format_ == "JPEG":
                    image.draft(None, (2 * side, 2 * side))  # a half, fourth or eighth of the work
                square = _square(image, format_, side)
                square.getexif()[EXIF_ORIENTATION] = image.getexif().get(EXIF_ORIENTATION, 1)
                ImageOps.exif_transpose(square, in_place=True)
                return _encoded(square, format_), format_
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise NotAPicture from error
    except (IndexError, KeyError, TypeError, EOFError, ZeroDivisionError, OverflowError) as error:
        raise NotAPicture from error  # what decoders raise on crafted files


def _check_work(format_: str, size: tuple[int, int], scans: int, pixels: int) -> None:
    """Refuse what would take too much memory or time. Raises NotAPicture."""
    area = size[0] * size[1]
    if max(size) > LONGEST_SIDE or area > pixels // COPIES.get(format_, 1):
        raise NotAPicture
    if scans > MOST_SCANS or area * scans > SCANS * pixels:
        raise NotAPicture


def _scans(upload: bytes, format_: str) -> int:
    """Return how many times the whole picture is gone through: a small JPEG may ask for thousands.

    Raises NotAnImageFile, which is a ValueError.
    """
    return read_image_file(upload).scans if format_ == "JPEG" else 1


def _resize(data: bytes, format_: str, size: int) -> bytes:
    with Image.open(io.BytesIO(data), formats=(format_,)) as image:
        return _encoded(_square(image, format_, size), format_)


def _square(image: Image.Image, format_: str, side: int) -> Image.Image:
    """Crop and scale; in the colours it has where that can be done, for a copy less of it all."""
    image.load()
    scalable = image.mode in ("RGB", "RGBA", "L")
    mode = "RGB" if format_ == "JPEG" else "RGBA"
    source = image if scalable else image.convert(mode)
    return ImageOps.fit(source, (side, side), Image.Resampling.LANCZOS).convert(mode)


def _encoded(square: Image.Image, format_: str) -> bytes:
    square.info.clear()  # profiles, comments: savers would write them back as they came
    out = io.BytesIO()
    square.save(out, format_)
    return out.getvalue()
