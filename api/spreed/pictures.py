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
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
import trio

from actors.words.refusals import Busy
from api.http.credentials import address_key
from api.http.fair_work import FairWork

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
NAMES = {"PNG": "picture.png", "JPEG": "picture.jpg", "GIF": "picture.gif", "WEBP": "picture.webp"}
TYPES = {format_: type_ for type_, format_ in FORMATS.items()}
SMALLEST, LARGEST = 16, 512  # pixels of a side
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
            work = partial(_resized, original.data, original.format, size)
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
        clean = partial(_cleaned, upload, self._pixels)
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


def _cleaned(upload: bytes, pixels: int) -> tuple[bytes, str]:
    from api.spreed.squares import cleaned  # loads Pillow, which most servers never need

    return cleaned(upload, pixels)


def _resized(data: bytes, format_: str, size: int) -> bytes:
    from api.spreed.squares import resized

    return resized(data, format_, size)
