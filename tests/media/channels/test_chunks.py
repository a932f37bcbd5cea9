"""Messages in chunks become whole; what never does is bounded, and counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.channels.chunks import (
    LONGEST_MESSAGE,
    MAX_BYTES,
    MAX_UNFINISHED,
    Chunks,
    Unsendable,
)

CHUNK = 16_300  # of `peerjs`


def cut(data: bytes, number: int = 1, size: int = CHUNK) -> list[dict[str, Any]]:
    """Return the chunks of a message."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [
        {"__peerData": number, "n": place, "data": part, "total": len(parts)}
        for place, part in enumerate(parts)
    ]


def test_the_last_chunk_makes_the_message_whole():
    chunks, data = Chunks(), bytes(range(256)) * 255
    *first, last = cut(data)
    assert [chunks.take("one", chunk) for chunk in first] == [None] * len(first)
    assert chunks.take("one", last) == data
    assert (len(chunks), chunks.held, chunks.lost) == (0, 0, 0)


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_order_does_not_matter_nor_do_other_channels(mine: list[int], others: list[int]):
    chunks, data, other = Chunks(), bytes(range(60)), bytes(range(100, 160))
    found = []
    for one, two in zip(mine, others, strict=True):
        found.append(chunks.take("one", cut(data, size=10)[one]))
        found.append(chunks.take("two", cut(other, size=10)[two]))
    assert found[-2:] == [data, other]
    assert found[:-2] == [None] * 10
    assert (len(chunks), chunks.held) == (0, 0)


def test_the_longest_message_is_taken_and_one_longer_is_refused_once():
    chunks = Chunks()
    assert chunks.take("one", cut(bytes(CHUNK))[0]) == bytes(CHUNK)
    for chunk in cut(bytes(LONGEST_MESSAGE)):
        found = chunks.take("one", chunk)
    assert found == bytes(LONGEST_MESSAGE)
    found = [chunks.take("one", chunk) for chunk in cut(bytes(LONGEST_MESSAGE + 1), 2)]
    assert [it for it in found if it is not None] == [Unsendable.TOO_LARGE]
    assert (len(chunks), chunks.held, chunks.lost) == (0, 0, 0)


def test_a_message_that_must_be_too_large_is_refused_at_once():
    chunks = Chunks()
    found = [chunks.take("one", chunk) for chunk in cut(bytes(10 * CHUNK))]
    assert found == [Unsendable.TOO_LARGE] + [None] * 9
    assert chunks.take("one", cut(b"x", 2)[0]) == b"x"
    assert chunks.take("one", cut(b"x" * (LONGEST_MESSAGE + 1), size=1)[0]) is Unsendable.TOO_LARGE
    assert chunks.held == 0


def test_of_too_many_unfinished_messages_the_oldest_is_dropped():
    chunks = Chunks()
    for number in range(1, MAX_UNFINISHED + 4):
        assert chunks.take("one", cut(b"ab", number, 1)[0]) is None
    assert (len(chunks), chunks.lost) == (MAX_UNFINISHED, 3)
    assert chunks.take("one", cut(b"ab", MAX_UNFINISHED, 1)[1]) == b"ab"
    assert chunks.take("one", cut(b"ab", 1, 1)[1]) is None  # its other half is gone


def test_of_too_many_bytes_the_oldest_is_dropped():
    chunks = Chunks()
    for number in range(1, 9):
        for chunk in cut(bytes(LONGEST_MESSAGE), number)[:-1]:
            chunks.take("one", chunk)
            assert chunks.held <= MAX_BYTES
    assert chunks.lost == 8 - len(chunks)
    assert 3 <= len(chunks) <= 4
    chunks.forget("one")
    assert (len(chunks), chunks.held) == (0, 0)


def test_a_number_that_is_used_again_begins_another_message():
    chunks = Chunks()
    assert chunks.take("one", cut(b"abc", 1, 1)[0]) is None
    assert chunks.take("one", cut(b"xyz", 1, 1)[0]) is None
    assert chunks.take("one", cut(b"pq", 1, 1)[0]) is None
    assert chunks.lost == 2
    assert chunks.take("one", cut(b"pq", 1, 1)[1]) == b"pq"


def test_a_closed_channel_keeps_nothing():
    chunks = Chunks()
    chunks.take("one", cut(b"ab", 1, 1)[0])
    chunks.take("two", cut(b"ab", 1, 1)[0])
    chunks.forget("one")
    assert len(chunks) == 1
    assert chunks.take("two", cut(b"ab", 1, 1)[1]) == b"ab"


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": -1},
        {"n": 2},
        {"n": None},
        {"n": 0.0},
        {"n": True},
        {"total": 0},
        {"total": "2"},
        {"data": "text"},
        {"data": b""},
        {"data": None},
        {"__peerData": "x"},
        {"__peerData": [1]},
        {"__peerData": {"type": "open"}},
    ],
)
def test_what_is_no_chunk_is_malformed(wrong: dict[str, Any]):
    chunks = Chunks()
    assert chunks.take("one", cut(b"ab", 1, 1)[0] | wrong) is Unsendable.MALFORMED
    assert len(chunks) == 0


anything = st.fixed_dictionaries(
    {
        "__peerData": st.integers(1, 30),
        "n": st.integers(-1, 12) | st.none(),
        "total": st.sampled_from([0, 1, 2, 3, 10, 2**53]),
        "data": st.sampled_from([b"", b"x", bytes(CHUNK), bytes(60_000)]) | st.text(max_size=2),
    }
)


@given(st.lists(st.tuples(st.sampled_from("ab"), anything), max_size=120))
def test_whatever_comes_what_is_kept_is_bounded(taken: list[tuple[str, dict[str, Any]]]):
    chunks = Chunks()
    for channel, chunk in taken:
        whole = chunks.take(channel, chunk)
        assert not isinstance(whole, bytes) or len(whole) <= LONGEST_MESSAGE
        assert len(chunks) <= MAX_UNFINISHED
        assert 0 <= chunks.held <= MAX_BYTES
    chunks.forget("a")
    chunks.forget("b")
    assert (len(chunks), chunks.held) == (0, 0)
