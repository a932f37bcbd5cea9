"""Whole messages unpacked past the library: the same as the library would have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from api.http.carriers.frames import LONGEST_CONTROL, frame_end, payload_of, payload_start
from api.http.carriers.large_frame import LargeFrame

LIMIT = 1_048_576
SIZES = [0, 1, 125, 126, 65_535, 65_536]


def masked(payload: bytes, opcode: Opcode = Opcode.BINARY) -> bytes:
    """Return a client's frame as the library makes it."""
    return Frame(opcode, payload).serialize(mask=True)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_of_any_length_is_found_and_unpacked(size: int) -> None:
    payload = bytes(index & 0xFF for index in range(size))
    before, behind = b"xyz", masked(b"next")
    data = before + masked(payload) + behind
    end = frame_end(data, len(before), LIMIT)
    assert end == len(data) - len(behind)
    assert payload_of(data, len(before), end) == payload


@given(st.binary(max_size=70_000), st.integers(0))
def test_the_end_of_a_cut_frame_lies_beyond_its_data_and_never_beyond_the_frame(
    payload: bytes, cut: int
) -> None:
    data = masked(payload)
    part = data[: cut % len(data)]
    assert len(part) < frame_end(part, 0, LIMIT) <= len(data)


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_may_be_as_long_as_the_limit_and_no_longer(size: int) -> None:
    data = masked(bytes(size))
    assert frame_end(data, 0, size) == len(data)
    assert frame_end(data, 0, size - 1) == -1


def test_the_length_of_a_frame_is_judged_before_its_payload_is_here() -> None:
    head = masked(bytes(LIMIT + 1))[:10]
    assert frame_end(head, 0, LIMIT) == -1


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_without_a_mask_is_not_waited_for(size: int) -> None:
    assert frame_end(Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)[:2], 0, LIMIT) == -1


def test_the_longest_control_frame_is_what_the_constant_says() -> None:
    assert len(masked(bytes(125), Opcode.PONG)) == LONGEST_CONTROL


@given(st.binary(min_size=20), st.integers(0, 6), st.lists(st.integers(1, 40)), st.binary())
def test_a_large_frame_is_unmasked_as_it_comes(
    payload: bytes, more: int, cuts: list[int], behind: bytes
) -> None:
    frame = masked(payload, Opcode.TEXT)
    first = payload_start(frame, 0) + more
    large = LargeFrame(frame[:first], 0, len(frame))
    stream, rest, at = frame + behind, b"", first
    for cut in [*cuts, len(stream)]:
        rest += large.add(stream[at : at + cut])
        at += cut
    assert large.complete
    assert large.message() == (payload, True)
    assert rest == behind
