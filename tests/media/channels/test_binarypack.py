"""What binarypack packs is read, of any version; what it would not pack is refused, and cheaply."""

from __future__ import annotations

import math
import struct
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.channels.binarypack import MAX_DEPTH, NotPacked, pack_bytes, unpack


def text_of_1(text: str) -> bytes:
    """Pack short text as version 1.x does: it counts three bytes for half a character."""
    size = sum(6 if ord(c) > 0xFFFF else len(c.encode()) for c in text)
    head = bytes([0xB0 | size]) if size <= 0x0F else b"\xd8" + size.to_bytes(2, "big")
    return head + text.encode()


@pytest.mark.parametrize(
    ("packed", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", 127),
        (b"\xff", -1),
        (b"\xe0", -32),
        (b"\xc0", None),
        (b"\xc1", None),
        (b"\xc2", False),
        (b"\xc3", True),
        (b"\xcc\xff", 255),
        (b"\xcd\x01\x00", 256),
        (b"\xce\xff\xff\xff\xff", 2**32 - 1),
        (b"\xcf" + b"\xff" * 8, 2**64 - 1),
        (b"\xd0\x80", -128),
        (b"\xd1\x80\x00", -(2**15)),
        (b"\xd2\x80\x00\x00\x00", -(2**31)),
        (b"\xd3\x80" + b"\x00" * 7, -(2**63)),
        (b"\xca" + struct.pack(">f", 0.5), 0.5),
        (b"\xcb" + struct.pack(">d", 0.1), 0.1),
        (b"\xa0", b""),
        (b"\xa2\x00\xff", b"\x00\xff"),
        (b"\xda\x00\x01x", b"x"),
        (b"\xdb\x00\x00\x00\x01x", b"x"),
        (b"\xb0", ""),
        (b"\xb2\xc3\xbc", "ü"),
        (b"\xd8\x00\x01x", "x"),
        (b"\xd9\x00\x00\x00\x04\xf0\x9f\x98\x80", "😀"),
        (b"\xb2\xffx", "�x"),
        (b"\x90", []),
        (b"\x92\x01\xc0", [1, None]),
        (b"\xdc\x00\x01\x05", [5]),
        (b"\xdd\x00\x00\x00\x01\x05", [5]),
        (b"\x80", {}),
        (b"\x81\xb1a\xb6binary", {"a": "binary"}),
        (b"\xde\x00\x01\xb1a\x01", {"a": 1}),
        (b"\xdf\x00\x00\x00\x01\xb1a\x01", {"a": 1}),
        (text_of_1("😀"), "😀"),
        (b"\x92" + text_of_1("a😀ü") + b"\x07", ["a😀ü", 7]),
        (b"\x81" + text_of_1("😀") + text_of_1("x" * 20 + "😀😀"), {"😀": "x" * 20 + "😀😀"}),
    ],
)
def test_what_is_packed_is_read(packed: bytes, value: object):
    found = unpack(packed)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"hello",  # a number, and more
        b"\xc4\x00",
        b"\xc9",
        b"\xd4\x00",
        b"\xd7",
        b"\xa5abc",
        b"\xda\xff\xffabc",
        b"\xdb\xff\xff\xff\xff",
        b"\xd9\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff\x00",
        b"\xdf\xff\xff\xff\xff\x00",
        b"\xcd\x00",
        b"\xcb\x00",
        b"\x81\x01\x01",
        b"\x81\xa1x\x01",
        b"\x81\x90\x01",
        b"\x81\xb1a",
        b"\x91" * (MAX_DEPTH + 1) + b"\x00",
        b"\x81\xb1a" * (MAX_DEPTH + 1) + b"\x00",
        b"\xb8\xf0\x9f\x98\x80",
    ],
)
def test_what_nobody_packs_is_refused(wrong: bytes):
    with pytest.raises(NotPacked):
        unpack(wrong)


def test_as_deep_as_may_be():
    assert unpack(b"\x91" * MAX_DEPTH + b"\x00")


@given(st.binary(max_size=400))
def test_bytes_are_packed_as_they_are(data: bytes):
    assert unpack(pack_bytes(data)) == data


@pytest.mark.parametrize("size", [0, 15, 16, 65_535, 65_536, 70_000])
def test_bytes_of_any_size_are_packed(size: int):
    assert unpack(pack_bytes(bytes(size))) == bytes(size)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_refused(data: bytes):
    try:
        unpack(data)
    except NotPacked:
        return


heads = st.sampled_from([bytes([kind]) for kind in range(0x80, 0x100)])


@given(st.lists(heads | st.binary(max_size=4), max_size=60).map(b"".join))
def test_any_codes_are_a_value_or_refused(data: bytes):
    try:
        unpack(data)
    except NotPacked:
        return


@given(st.text(max_size=80))
def test_text_of_version_1_is_read(text: str):
    assert unpack(b"\x93" + text_of_1(text) + b"\x01\xc3") == [text, 1, True]


@given(st.text(max_size=80))
def test_text_of_version_2_is_read(text: str):
    data = text.encode()
    assert unpack(b"\x93\xd8" + len(data).to_bytes(2, "big") + data + b"\x01\xc3") == [
        text,
        1,
        True,
    ]


def test_a_number_that_is_none_is_one_all_the_same():
    found = unpack(b"\xcb\x7f\xf8" + bytes(6))
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "junk",
    [
        b"\xdc\xff\xf0" + b"\x90" * 65_520,
        b"\xdc\x7f\xf0" + b"\xb1\xf0" * 32_752,
        b"\xdc\x3f\xf0" + b"\x81\xb1a\x80" * 16_368 + b"\xf0",
    ],
)
def test_the_longest_junk_takes_no_long_time(junk: bytes):
    began = time.process_time()
    with suppress(NotPacked):
        unpack(junk)
    assert time.process_time() - began < 1.0
