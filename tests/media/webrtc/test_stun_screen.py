"""Which STUN is looked at: checks for us and answers to us, whatever else strangers make up."""

from __future__ import annotations

import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc.stun_screen import ATTRIBUTES, COOKIE, is_worth_reading

OURS = b"aB3d:"
ID = bytes(range(12))
NOBODY: frozenset[bytes] = frozenset()


def message(kind: int, *attributes: tuple[int, bytes], id_: bytes = ID) -> bytes:
    body = b"".join(
        struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes
    )
    return struct.pack("!HHI", kind, len(body), COOKIE) + id_ + body


def check(username: str = "aB3d:theirs", method: stun.Method = stun.Method.BINDING) -> bytes:
    """Return what aioice would send as a check."""
    made = stun.Message(method, stun.Class.REQUEST, transaction_id=ID)
    made.attributes["USERNAME"] = username
    made.attributes["PRIORITY"] = 1
    made.add_message_integrity(b"a password")
    return bytes(made)


USER = (6, b"aB3d:theirs")
SOFTWARE = (0x8022, b"x")


@pytest.mark.parametrize(
    "data",
    [
        check(),
        message(1, USER),
        message(1, (6, b"aB3d:")),
        message(1, SOFTWARE, (0xC057, b"1234"), USER),
        message(1, *[SOFTWARE] * (ATTRIBUTES - 1), USER),
    ],
)
def test_a_check_for_us_is_looked_at(data: bytes):
    assert is_worth_reading(data, OURS, NOBODY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        message(1),
        message(1)[:19],
        check("other:theirs"),
        check("aB3d"),
        check(method=stun.Method.ALLOCATE),
        message(1, (6, b"aB3dx:theirs")),
        message(1, (6, b"xaB3d:theirs")),
        message(1, (0x8022, b"aB3d:theirs")),
        message(1, (6, b"other:x"), USER),
        message(1, *[SOFTWARE] * ATTRIBUTES, USER),
        message(0x11, USER),  # an indication: it asks for nothing
        check() + b"\0\0\0\0",
        check()[:-4],
        check() + b"\0",
        check().replace(COOKIE.to_bytes(4, "big"), bytes(4), 1),
        message(1, USER)[:-14] + b"\xff\xff" + b"aB3d:theirs\0",
        message(0x101),
        message(0x111),
    ],
)
def test_what_is_nobodys_is_not(data: bytes):
    assert not is_worth_reading(data, OURS, NOBODY)


@pytest.mark.parametrize("kind", [0x101, 0x111])
def test_an_answer_is_looked_at_while_it_was_asked_for(kind: int):
    assert is_worth_reading(message(kind), OURS, {ID})
    assert not is_worth_reading(message(kind, id_=bytes(12)), OURS, {ID})


def test_what_only_was_asked_for_does_not_make_a_check_of_ours():
    assert not is_worth_reading(message(1), OURS, {ID})


@given(st.binary(max_size=200))
def test_anything_is_judged(data: bytes):
    assert is_worth_reading(data, OURS, NOBODY) in (True, False)


attributes = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=20)


@given(st.sampled_from([1, 3, 0x11, 0x101, 0x111, 0x3FFF]), attributes)
def test_what_is_looked_at_has_our_name_or_was_asked_for(kind: int, made: list[tuple[int, bytes]]):
    worth = is_worth_reading(message(kind, *made), OURS, {ID})
    names = [value for name, value in made[:ATTRIBUTES] if name == 6]
    named = bool(names) and names[0].startswith(OURS)
    assert worth == (kind in (0x101, 0x111) or (kind == 1 and named))


@given(
    st.text("abcXYZ09+/", min_size=4, max_size=40), st.text("abcXYZ09+/", min_size=4, max_size=40)
)
def test_every_check_that_aioice_takes_is_looked_at(ours: str, theirs: str):
    assert is_worth_reading(check(f"{ours}:{theirs}"), f"{ours}:".encode(), NOBODY)


@given(st.binary(max_size=300), st.integers(0, 300), st.binary(max_size=8))
def test_a_damaged_check_is_judged_too(tail: bytes, at: int, put: bytes):
    data = check() + tail
    damaged = data[:at] + put + data[at + len(put) :]
    assert is_worth_reading(damaged, OURS, NOBODY) in (True, False)
