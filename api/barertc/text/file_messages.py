"""A message that carries a file: found and read without holding up the loop. No sockets.

A browser sends the bytes of a file as a JSON array of numbers, a bot as text in base64, up to 40
MiB of either (fact sheet section 2.3). To decode that at once would hold the loop for a fifth of a
second and make ten million numbers. So `split_file_message` only looks for where the value of
`bytes` begins and ends, by the interpreter's own searches for one character, and cuts the small
rest out; `file_content` then decodes slices of 64 KiB, with a checkpoint after each. Nothing large
is copied but the result.

What is refused, always by MalformedFile, is no JSON, or has: two values of `bytes`; numbers that
are no whole ones from 0 to 255 (1.0, -1, 256, 01, true, null, "1"), lists in the list; more than 64
KiB of white space between two of them; base64 that is not the standard alphabet with padding (line
ends may stand in it); more than `rest_bytes` besides the file. BareRTC's own clients send none of
these. Such a message is no message: it is ignored, like everything that is no JSON.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

SLICE = 65_536
"""Bytes of a message that are decoded at a time."""
REST_BYTES = 65_536
"""Bytes of a message besides its file, unless told otherwise."""

_SPACE = re.compile(rb"[ \t\n\r]*+")
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_WORD = re.compile(rb"[-+.0-9A-Za-z]++")  # a number, true, false or null
_INNER = re.compile(rb'["\[\]{}]')
_NUMBERS = msgspec.json.Decoder(list[int])
_ESCAPE = 6  # bytes of the longest escape, \uXXXX
_LINE_ENDS = b"\r\n"


class MalformedFile(ValueError):
    """The message is no JSON object, or its file is written in a way that no client uses."""


@dataclass(frozen=True, slots=True)
class FileMessage:
    """A message in two parts: `rest`, its JSON with null for the file; and where the file is.

    The file's value is `raw[start:end]`: what stands between the brackets of an array, or between
    the quotation marks of a text if `is_text`. None of it has been checked yet.
    """

    rest: bytes
    raw: bytes
    start: int
    end: int
    is_text: bool

    @property
    def most_bytes(self) -> int:
        """What its content has at most, for who reserves memory: at least one character each."""
        length = self.end - self.start
        return length * 3 // 4 if self.is_text else (length + 1) // 2


def split_file_message(
    raw: bytes, *, within: str | None = None, rest_bytes: int = REST_BYTES
) -> FileMessage | None:
    """Return where the file of a message is; None if it has none (`bytes` missing or null).

    `raw` is a JSON object as it came, of any size. `within` names the member whose object has the
    file, where it is not the outer one: "msg" for a body of /poll. Takes a few milliseconds for 40
    MiB.

    Raises MalformedFile, also for what is too large without being a file.
    """
    spans = list(_Walk(raw, rest_bytes).files(within))
    if len(spans) > 1:
        raise MalformedFile("two values of bytes")
    if not spans:
        if len(raw) > rest_bytes:
            raise MalformedFile("too large for a message without a file")
        return None
    [(start, end)] = spans
    if len(raw) - (end - start) > rest_bytes:
        raise MalformedFile("too large besides its file")
    rest = b"".join((raw[:start], b"null", raw[end:]))
    return FileMessage(rest, raw, start + 1, end - 1, is_text=raw[start] == ord('"'))


async def file_content(message: FileMessage) -> bytearray:
    """Return the bytes of a message's file, a slice at a time with a checkpoint after each.

    Raises MalformedFile.
    """
    content = bytearray()
    for piece in slices(message):
        content += piece
        await trio.lowlevel.checkpoint()
    return content


def slices(message: FileMessage) -> Iterator[bytes]:
    """Yield the bytes of a message's file, by slices of the message. Raises MalformedFile."""
    try:
        yield from _of_text(message) if message.is_text else _of_numbers(message)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise MalformedFile("no bytes") from error


def small_file(value: Any) -> bytes:
    """Return the bytes of a file that was decoded with its message. Raises MalformedFile."""
    try:
        if isinstance(value, str):
            return binascii.a2b_base64(value, strict_mode=True)
        if isinstance(value, list) and all(type(each) is int for each in value):
            return bytes(value)
    except ValueError as error:
        raise MalformedFile("no bytes") from error
    raise MalformedFile("no bytes")


def _of_numbers(message: FileMessage) -> Iterator[bytes]:
    raw, start, end = message.raw, message.start, message.end
    if not raw[start : min(end, start + SLICE)].strip(b" \t\n\r") and end - start <= SLICE:
        return
    while start <= end:
        stop = end if end - start <= SLICE else raw.rfind(b",", start, start + SLICE)
        if stop < 0:
            raise MalformedFile("no number in a whole slice")
        numbers = _NUMBERS.decode(b"[%b]" % raw[start:stop])
        if not numbers:
            raise MalformedFile("a comma without a number")
        yield bytes(numbers)
        start = stop + 1


def _of_text(message: FileMessage) -> Iterator[bytes]:
    raw, start, end = message.raw, message.start, message.end
    left = b""
    while start < end:
        stop = min(end, start + SLICE)
        piece = raw[start:stop]
        if b"\\" in piece:
            cut = piece.rfind(b"\\", -_ESCAPE)
            if cut > 0 and stop < end:  # an escape may be cut: leave it to the next slice
                stop = start + cut
                piece = piece[:cut]
            piece = msgspec.json.decode(b'"%b"' % piece, type=str).encode("ascii")
        start = stop
        left += piece.translate(None, _LINE_ENDS)
        whole = len(left) if start >= end else len(left) - (len(left) % 4 or 4)
        if start < end and b"=" in left[:whole]:
            raise MalformedFile("more after the padding")
        yield binascii.a2b_base64(left[:whole], strict_mode=True) if whole > 0 else b""
        left = left[max(0, whole) :]


class _Walk:
    """Through the members of a JSON object, over values without decoding them."""

    def __init__(self, raw: bytes, rest_bytes: int) -> None:
        self._raw = raw
        self._at = 0
        self._limit = rest_bytes  # how far it may come, moved on by the length of each file

    def files(self, within: str | None) -> Iterator[tuple[int, int]]:
        """Yield where values of `bytes` are that are lists or texts, with brackets or quotes."""
        yield from self._object(within)
        if self._next():
            raise MalformedFile("more after the object")

    def _object(self, within: str | None) -> Iterator[tuple[int, int]]:
        self._expect(b"{")
        if self._next() == b"}":
            self._at += 1
            return
        while True:
            key = self._key()
            self._expect(b":")
            begin = self._next()
            if key == within and begin == b"{":
                yield from self._object(None)
            elif key == "bytes" and within is None and begin in (b"[", b'"'):
                yield self._file(begin)
            else:
                self._value(begin)
            if self._next() != b",":
                break
            self._at += 1
        self._expect(b"}")

    def _file(self, begin: bytes) -> tuple[int, int]:
        start = self._at
        last = self._raw.find(b"]" if begin == b"[" else b'"', start + 1)
        if last < 0 or self._raw[last - 1] == ord("\\"):  # base64 has no quotation mark
            raise MalformedFile("a file without end")
        self._at = last + 1
        self._limit += self._at - start
        return start, self._at

    def _key(self) -> str:
        self._next()
        start = self._at
        self._text()
        try:
            return msgspec.json.decode(self._raw[start : self._at], type=str)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise MalformedFile("no key") from error

    def _value(self, begin: bytes) -> None:
        """Go beyond a small value; whether it is right JSON is seen when the rest is decoded."""
        if begin not in (b"{", b"[", b'"'):
            self._at = self._match(_WORD).end()
            return
        depth = 0
        while True:
            match = _INNER.search(self._raw, self._at, self._limit)
            if match is None:
                raise MalformedFile("too large besides its file")
            self._at = match.start()
            if match[0] == b'"':
                self._text()
            else:
                depth += 1 if match[0] in (b"[", b"{") else -1
                self._at += 1
            if depth == 0:
                return

    def _text(self) -> None:
        self._at = self._match(_TEXT).end()

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        match = pattern.match(self._raw, self._at, self._limit)
        if match is None:
            raise MalformedFile("no JSON, or too large besides its file")
        return match

    def _next(self) -> bytes:
        """Stand at the next character that is no white space, and return it; b"" at the end."""
        self._at = self._match(_SPACE).end()
        return self._raw[self._at : min(self._at + 1, self._limit)]

    def _expect(self, character: bytes) -> None:
        if self._next() != character:
            raise MalformedFile("no JSON object")
        self._at += 1
