"""The serialization of npm `peerjs` connections called "binary", as `peerjs-js-binarypack` has it.

It is MessagePack of before that had types for text: bytes are its "raw", and text has codes of its
own. Everything that versions 1.x and 2.x make is read; of what can be written, only bytes are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from struct import Struct

MAX_DEPTH = 64
HEAD_BYTES = 5  # the longest one of bytes
MAX_UNITS = 600  # UTF-16 units of text whose length 1.x says wrong where a character takes two
SURROGATES_BYTES = 6  # what 1.x takes such a character for; it has four bytes
FIRST_OF_FOUR = 0xF0  # the first byte of a character that takes two units

Packed = None | bool | int | float | str | bytes | list["Packed"] | dict[str, "Packed"]
"""A value of JavaScript. `undefined` is null, a Date the text of it."""

U8, U16, U32, U64 = Struct(">B"), Struct(">H"), Struct(">I"), Struct(">Q")
S8, S16, S32, S64 = Struct(">b"), Struct(">h"), Struct(">i"), Struct(">q")
F32, F64 = Struct(">f"), Struct(">d")
NUMBERS = {
    0xCA: F32, 0xCB: F64,
    0xCC: U8, 0xCD: U16, 0xCE: U32, 0xCF: U64,
    0xD0: S8, 0xD1: S16, 0xD2: S32, 0xD3: S64,
}  # fmt: skip
CONSTANTS = {0xC0: None, 0xC1: None, 0xC2: False, 0xC3: True}
STRING16, STRING32, RAW16, RAW32 = 0xD8, 0xD9, 0xDA, 0xDB
ARRAY16, ARRAY32, MAP16, MAP32 = 0xDC, 0xDD, 0xDE, 0xDF


class NotPacked(Exception):
    """The bytes are not what binarypack makes of one value."""


class _NotText(NotPacked):
    """It is text whose bytes are not UTF-8, and may be all right apart from that."""


def pack_bytes(data: bytes) -> bytes:
    """Return bytes as binarypack packs them."""
    size = len(data)
    if size <= 0x0F:
        return bytes([0xA0 | size]) + data
    if size <= 0xFFFF:
        return bytes([RAW16]) + U16.pack(size) + data
    return bytes([RAW32]) + U32.pack(size) + data


def unpack(data: bytes) -> Packed:
    """Return the one value that is packed in `data`. Raises NotPacked.

    Version 1.x says of short text with characters beyond the 65,536th that it is longer than it
    is: what does not come out even is read that way, too. In text that is not UTF-8 at all, each
    wrong byte is a U+FFFD.
    """
    try:
        return _Unpacker(data).whole()
    except NotPacked as error:
        wrong = error
    if max(data, default=0) >= FIRST_OF_FOUR:
        with suppress(NotPacked):
            return _Unpacker(data, of_1=True).whole()
    if isinstance(wrong, _NotText):
        return _Unpacker(data, errors="replace").whole()
    raise wrong


class _Unpacker:
    def __init__(self, data: bytes, *, of_1: bool = False, errors: str = "strict") -> None:
        self._data = data
        self._at = 0
        self._errors = errors
        self._text: Callable[[int], str] = self._text_of_1 if of_1 else self._text_of_2

    def whole(self) -> Packed:
        value = self._value(MAX_DEPTH)
        if self._at != len(self._data):
            raise NotPacked("more than one value")
        return value

    def _value(self, depth: int) -> Packed:
        if self._at >= len(self._data):
            raise NotPacked("cut off")
        kind = self._data[self._at]
        self._at += 1
        if kind < 0x80:
            return kind
        if kind >= 0xE0:
            return kind - 0x100
        if kind in CONSTANTS:
            return CONSTANTS[kind]
        if kind in NUMBERS:
            return self._of(NUMBERS[kind])
        return self._sized(kind, depth)

    def _sized(self, kind: int, depth: int) -> Packed:
        """Read what begins with its size."""
        if kind < 0xC0:
            size, kind = kind & 0x0F, kind & 0xF0
        elif kind >= STRING16:
            size = self._number(U32 if kind & 1 else U16)
        match kind:
            case 0xA0 | 0xDA | 0xDB:
                return self._bytes(size)
            case 0xB0 | 0xD8 | 0xD9:
                return self._text(size)
            case 0x90 | 0xDC | 0xDD:
                self._check_room(size, depth)
                return [self._value(depth - 1) for _ in range(size)]
            case 0x80 | 0xDE | 0xDF:
                self._check_room(2 * size, depth)
                return dict(self._entry(depth - 1) for _ in range(size))
        raise NotPacked(f"no value begins with {kind:#x}")

    def _entry(self, depth: int) -> tuple[str, Packed]:
        key = self._value(0)
        if not isinstance(key, str):
            raise NotPacked("a key that is no text")
        return key, self._value(depth)

    def _check_room(self, least: int, depth: int) -> None:
        """Refuse what cannot fit, before room is made for it."""
        if depth == 0:
            raise NotPacked(f"deeper than {MAX_DEPTH}")
        if self._at + least > len(self._data):
            raise NotPacked("cut off")

    def _bytes(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise NotPacked("cut off")
        return self._data[begin : self._at]

    def _text_of_2(self, size: int) -> str:
        try:
            return self._bytes(size).decode(errors=self._errors)
        except UnicodeDecodeError as error:
            raise _NotText("text that is not UTF-8") from error

    def _text_of_1(self, size: int) -> str:
        """Read text, whose `size` counts what takes two units as if each took three bytes."""
        begin, end, counted, units = self._at, self._at, 0, 0
        while counted < size and units <= MAX_UNITS and end < len(self._data):
            first = self._data[end]
            length = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            end += length
            counted += SURROGATES_BYTES if length == 4 else length
            units += 2 if length == 4 else 1
        return self._text_of_2(end - begin if counted == size and units <= MAX_UNITS else size)

    def _number(self, form: Struct) -> int:
        return int(self._of(form))

    def _of(self, form: Struct) -> int | float:
        found: int | float
        (found,) = form.unpack(self._bytes(form.size))
        return found
