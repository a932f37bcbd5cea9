"""What an RTMP server answers: read along, in whatever pieces, and never held up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.streaming import OutsideTrouble
from media.outside.rtmp_answers import HANDSHAKE, MAX_CHANNELS, MAX_MESSAGE, RtmpAnswers

HELLO = bytes(HANDSHAKE)
CHUNK = 128  # bytes, unless the server says so


def message(
    kind: int, body: bytes, *, chunk: int = CHUNK, channel: int = 3, time: int = 0
) -> bytes:
    """Return a message in chunks (section 5.3.1), whose channel is below 64, or above 319."""
    basic, more = (channel, b"") if channel < 64 else (1, (channel - 64).to_bytes(2, "little"))
    late = time.to_bytes(4) if time >= 0xFFFFFF else b""
    head = min(time, 0xFFFFFF).to_bytes(3) + len(body).to_bytes(3) + bytes([kind]) + bytes(4)
    parts = [bytes([basic]) + more + head + late + body[:chunk]]
    for at in range(chunk, len(body), chunk):
        parts.append(bytes([0xC0 | basic]) + more + late + body[at : at + chunk])
    return b"".join(parts)


def status(code: str, level: str = "status", description: str = "") -> bytes:
    """Return an onStatus, or what answers a connect, in AMF0."""
    said = {"level": level, "code": code, "description": description}
    fields = b"".join(
        len(name).to_bytes(2) + name.encode() + b"\2" + len(value).to_bytes(2) + value.encode()
        for name, value in said.items()
    )
    return b"\2\0\x08onStatus\0" + bytes(8) + b"\5\3" + fields + b"\0\0\t"


def fed(data: bytes, *cuts: int) -> RtmpAnswers:
    answers = RtmpAnswers()
    for begin, end in pairwise([0, *sorted(cuts), len(data)]):
        assert answers.feed(data[begin:end]) == data[begin:end]
    return answers


WINDOW = message(5, bytes(4), channel=2)
CONNECTED = message(20, status("NetConnection.Connect.Success", description="x" * 300))
PUBLISHED = message(20, status("NetStream.Publish.Start", description="y" * 200), channel=5)


@given(st.lists(st.integers(0, 4000), max_size=20))
def test_a_server_that_agrees_is_understood_however_it_is_split(cuts: list[int]) -> None:
    stream = HELLO + WINDOW + CONNECTED + PUBLISHED + b"and what follows"
    answers = fed(stream, *(min(cut, len(stream)) for cut in cuts))
    assert answers.takes
    assert answers.refusal() is None


@pytest.mark.parametrize(
    "stream",
    [
        message(1, (4096).to_bytes(4), channel=2)
        + message(20, status("NetStream.Publish.Start", description="z" * 500), chunk=4096),
        message(17, b"\0" + status("NetStream.Publish.Start")),
        message(20, status("NetStream.Publish.Start", description="z" * 200), channel=400),
        message(20, status("NetStream.Publish.Start", description="z" * 200), time=0xFFFFFF),
    ],
    ids=["large chunks", "AMF3", "a channel above 319", "a late time"],
)
def test_all_ways_of_chunks_are_read(stream: bytes) -> None:
    assert fed(HELLO + stream).takes


def test_headers_that_are_left_out_are_those_of_before() -> None:
    first = message(20, b"x" * 300)
    body = status("NetStream.Publish.Start").ljust(300, b"\0")
    again = b"\xc3".join(body[at : at + CHUNK] for at in range(0, 300, CHUNK))
    assert fed(HELLO + first + b"\xc3" + again).takes
    assert fed(HELLO + first + b"\x83\0\0\1" + again).takes


@pytest.mark.parametrize(
    ("code", "description", "reason"),
    [
        ("NetStream.Publish.BadName", "in use", OutsideTrouble.REFUSED),
        ("NetConnection.Connect.Rejected", "code=403 need auth", OutsideTrouble.UNAUTHORISED),
        ("NetConnection.Connect.Rejected", "go away", OutsideTrouble.REFUSED),
        ("NetConnection.Connect.InvalidApp", "", OutsideTrouble.NOT_FOUND),
        ("NetStream.Play.StreamNotFound", "", OutsideTrouble.NOT_FOUND),
    ],
)
def test_a_refusal_says_why(code: str, description: str, reason: OutsideTrouble) -> None:
    answers = fed(HELLO + CONNECTED + message(20, status(code, "error", description)))
    assert not answers.takes
    refusal = answers.refusal()
    assert refusal is not None
    assert refusal.reason is reason
    assert not description or description not in refusal.detail


def test_what_a_server_does_not_know_is_no_refusal() -> None:
    unknown = message(20, status("NetConnection.Call.Failed", "error"))
    assert fed(HELLO + unknown).refusal() is None
    assert fed(HELLO + unknown + PUBLISHED).takes


def test_one_that_plays_takes_nothing_and_is_read_no_further() -> None:
    playing = message(20, status("NetStream.Play.Start"))
    assert not fed(HELLO + playing + PUBLISHED).takes
    assert not fed(HELLO + message(9, b"picture") + PUBLISHED).takes


def test_what_would_take_memory_is_read_no_further() -> None:
    large = b"\3" + bytes(3) + (MAX_MESSAGE + 1).to_bytes(3) + b"\x14" + bytes(4)
    many = b"".join(message(5, bytes(200), channel=320 + n)[:80] for n in range(MAX_CHANNELS + 1))
    for stream in (large, many):
        answers = fed(HELLO + stream + bytes(1_000_000))
        assert len(answers._data) + len(answers._channels) < MAX_MESSAGE


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=5))
def test_junk_passes_as_it_is(junk: bytes, cuts: list[int]) -> None:
    fed(HELLO + junk, *(min(cut, len(junk)) + HANDSHAKE for cut in cuts))
