"""A stream gives the same messages however it is cut; what cannot be cut ends it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sip.framing import MOST_PONGS, FramingError, StreamFramer

SHORT = b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n"
LONG = (
    b"INVITE sip:a SIP/2.0\r\nX: 1\r\n l: 9\r\nCONTENT-length :\r\n  13\r\nY: 2\r\n\r\n"
    b"v=0\r\n\r\nl: 3\r\n"
)
STREAM = SHORT + LONG + b"\r\n\r\n" + LONG + b"\r\n" + SHORT + b"\r\n\r\n\r\n" + SHORT
WHOLE = [SHORT, LONG, LONG, SHORT, SHORT]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_however_a_stream_is_cut_the_same_messages_come_out(cuts: list[int]) -> None:
    framer = StreamFramer()
    places = [0, *sorted(cuts), len(STREAM)]
    found = []
    for start, end in pairwise(places):
        found += framer.feed(STREAM[start:end])
    assert found == WHOLE
    assert framer.take_pongs() == b"\r\n" * 2


def test_byte_by_byte() -> None:
    framer = StreamFramer()
    found = [each for byte in STREAM for each in framer.feed(bytes([byte]))]
    assert found == WHOLE


@given(st.binary(max_size=300), st.lists(st.integers(0, 600), max_size=10))
def test_random_bytes_end_alike_however_they_are_cut(junk: bytes, cuts: list[int]) -> None:
    data = SHORT + junk + b"\r\n\r\n" + LONG

    def cut(places: list[int]) -> tuple[list[bytes], bool]:
        framer, found = StreamFramer(limit=400), []
        for start, end in pairwise(places):
            try:
                found += framer.feed(data[start:end])
            except FramingError as broken:
                return [*found, *broken.whole], True
        return found, False

    ends = sorted(min(at, len(data)) for at in cuts)
    assert cut([0, len(data)]) == cut([0, *ends, len(data)])


@pytest.mark.parametrize(
    "head",
    [
        b"X: 1",
        b"l: -1",
        b"l:",
        b"l: 1 2",
        b"l: 1\r\nContent-Length: 2",
        b"l: 99999",
        b"l: 9999999999999999999999",
        b"l: \xd9\xa3",
    ],
)
def test_a_length_that_cannot_be_read_breaks_the_stream_for_good(head: bytes) -> None:
    framer = StreamFramer()
    with pytest.raises(FramingError) as broken:
        framer.feed(SHORT + b"BYE sip:a SIP/2.0\r\n" + head + b"\r\n\r\n")
    assert broken.value.whole == [SHORT]
    with pytest.raises(FramingError):
        framer.feed(SHORT)


def test_headers_without_an_end_break_the_stream() -> None:
    framer = StreamFramer()
    with pytest.raises(FramingError):
        for _ in range(100):
            framer.feed(b"x" * 1000)


def test_a_ping_is_answered_and_a_pong_is_not() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.take_pongs() == b""
    framer.feed(b"\r\n")
    assert framer.take_pongs() == b"\r\n"
    assert framer.take_pongs() == b""


def test_whoever_sends_many_pings_gets_few_pongs() -> None:
    framer = StreamFramer()
    framer.feed(b"\r\n\r\n" * 10_000)
    assert framer.take_pongs() == b"\r\n" * MOST_PONGS
