"""How many frames come, and what is begun, for a carrier that leaves the frames to others."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.carriers.frame_flow import AT_ONCE, FrameFlow
from tests.support.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

BEGUN = frame(TEXT, b"x", fin=False)


def counted(flow: FrameFlow, data: bytes) -> int:
    return sum(frames for _, frames in flow.pieces(data))


@pytest.mark.parametrize(
    ("data", "frames", "whole", "unfinished"),
    [
        (b"", 0, 0, False),
        (frame(TEXT, b"{}"), 0, 1, False),
        (frame(BINARY, b"x" * 200), 0, 1, False),
        (frame(BINARY, b"x" * 70_000), 0, 1, False),
        (frame(TEXT, b"{}") * 100, 0, 100, False),
        (frame(PING) + frame(PONG) + frame(CLOSE, b"\x03\xe8"), 3, 0, False),
        (BEGUN, 1, 0, True),
        (BEGUN + frame(PING), 2, 0, True),
        (BEGUN + frame(CONTINUATION, fin=False), 2, 0, True),
        (BEGUN + frame(CONTINUATION, b"y"), 2, 1, False),
        (BEGUN + frame(PING) + frame(CONTINUATION) + frame(TEXT), 3, 2, False),
        (frame(TEXT, b"{}")[:-1], 0, 1, True),
        (frame(TEXT, b"{}")[:1], 0, 0, True),
        (frame(BINARY, b"x" * 200)[:3], 0, 0, True),
        (frame(BINARY, b"x" * 70_000)[:9], 0, 0, True),
        (frame(PING, masked=False) * 9, 0, 0, False),  # the carrier ends it
    ],
)
def test_frames_are_counted(data: bytes, frames: int, whole: int, unfinished: bool):
    flow = FrameFlow()
    assert counted(flow, data) == frames
    assert (flow.whole, flow.unfinished) == (whole, unfinished)


@given(st.integers(0, 200), st.sampled_from([PING, PONG, CLOSE]))
def test_a_piece_has_so_many_frames_and_no_more(count: int, kind: int):
    pieces = list(FrameFlow().pieces(frame(kind) * count))
    assert [len(piece) for piece, _ in pieces] == [6 * frames for _, frames in pieces]
    assert all(frames == AT_ONCE for _, frames in pieces[:-1])


frames = st.lists(
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=200) | st.sampled_from([bytes(126), bytes(65_536)]),
        fin=st.booleans(),
    ),
    max_size=30,
).map(b"".join)
cuts = st.lists(st.integers(0, 5000), max_size=8)


@given(frames | st.binary(max_size=300), cuts)
def test_where_it_is_cut_makes_no_difference_and_no_byte_is_lost(data: bytes, at: list[int]):
    whole, cut = FrameFlow(), FrameFlow()
    expected = list(whole.pieces(data))
    found: list[tuple[bytes, int]] = []
    edges = [0, *sorted(min(each, len(data)) for each in at), len(data)]
    for start, end in pairwise(edges):
        found += cut.pieces(data[start:end])
    assert b"".join(piece for piece, _ in expected) == data
    assert b"".join(piece for piece, _ in found) == data
    assert sum(count for _, count in found) == sum(count for _, count in expected)
    assert (cut.whole, cut.unfinished) == (whole.whole, whole.unfinished)
