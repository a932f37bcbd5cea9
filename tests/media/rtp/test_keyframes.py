"""Keyframes seen in bytes, and pictures renumbered."""

from __future__ import annotations

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.keyframes import keyframe_marker
from media.rtp.rtp_packet import RtpPacket, parse_packet
from media.rtp.vp8 import PictureNumbers, read_picture, renumber, starts_keyframe
from tests.support.rtp import rtp, vp8

SPS, PPS, IDR, SLICE, DELIMITER = b"\x67", b"\x68", b"\x65", b"\x41", b"\x09"


def aggregate(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


def fragment(unit: bytes, *, start: bool) -> bytes:
    return bytes([0x7C, (0x80 if start else 0) | unit[0] & 0x1F]) + b"data"


def packet(payload: bytes, timestamp: int = 0) -> RtpPacket:
    read = parse_packet(rtp(1, timestamp, payload), 0.0)
    assert read is not None
    return read


def marked(codec: str, *payloads: tuple[int, bytes]) -> list[bool]:
    """Return which of these (timestamp, payload) begin a keyframe."""
    mark = keyframe_marker(codec)
    assert mark is not None
    packets = [packet(payload, timestamp) for timestamp, payload in payloads]
    for each in packets:
        mark(each)
    return [each.keyframe for each in packets]


def test_a_vp8_keyframe_begins_with_its_first_packet_only() -> None:
    assert marked(
        "vp8",
        (0, vp8(1, keyframe=True)),
        (0, vp8(1, keyframe=True, start=False)),
        (3000, vp8(2)),
        (6000, b"\x10\x00rest"),  # no numbers at all
        (9000, b"\x90"),
    ) == [True, False, False, True, False]


@pytest.mark.parametrize(
    "start",
    [SPS, aggregate(SPS, PPS, IDR), aggregate(DELIMITER, SPS), fragment(SPS, start=True)],
)
def test_an_h264_keyframe_begins_with_its_parameters(start: bytes) -> None:
    assert marked("h264", (0, SLICE), (1, DELIMITER), (1, start), (1, PPS), (1, IDR)) == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_an_h264_keyframe_without_parameters_in_band_begins_with_its_picture() -> None:
    first = (1, fragment(IDR, start=True))
    rest = (1, fragment(IDR, start=False))
    assert marked("h264", (0, SLICE), first, rest, first) == [False, True, False, False]


def test_parameters_that_got_lost_are_waited_for_once() -> None:
    assert marked("h264", (0, SPS), (0, IDR), (1, IDR), (2, IDR), (3, SPS)) == [
        True,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@given(payload=st.binary(min_size=1, max_size=40))
def test_no_payload_makes_marking_raise(codec: str, payload: bytes) -> None:
    marked(codec, (0, payload))


@given(payload=st.binary(min_size=1, max_size=12), by=st.integers(-70_000, 70_000))
def test_renumbering_changes_the_numbers_and_nothing_else(payload: bytes, by: int) -> None:
    before = read_picture(payload)
    if before is None:
        return
    after = renumber(payload, before, by, by)
    picture = read_picture(after)
    assert picture is not None
    assert after[picture.header_bytes :] == payload[before.header_bytes :]
    assert starts_keyframe(after, picture) == starts_keyframe(payload, before)
    ours, _ = VpxPayloadDescriptor.parse(payload)
    theirs, _ = VpxPayloadDescriptor.parse(after)
    assert theirs.picture_id == (None if ours.picture_id is None else ours.picture_id + by & 0x7FFF)
    assert theirs.tl0picidx == (None if ours.tl0picidx is None else ours.tl0picidx + by & 0xFF)
    assert (theirs.tid, theirs.keyidx) == (ours.tid, ours.keyidx)


def test_picture_ids_of_any_width_grow_over_their_wraps() -> None:
    def wide(*payloads: bytes) -> list[int]:
        numbers = PictureNumbers()
        found = []
        for payload in payloads:
            picture = read_picture(payload)
            assert picture is not None
            numbers.widen(picture)
            found.append(picture.number)
        return [number - found[0] for number in found]

    def short(number: int) -> bytes:
        return bytes([0x90, 0x80, number, 0x01])

    def long(number: int) -> bytes:
        return bytes([0x90, 0x80]) + (0x8000 | number).to_bytes(2) + b"\x01"

    assert wide(short(126), short(127), short(0), short(1), short(127)) == [0, 1, 2, 3, 1]
    assert wide(long(32766), long(32767), long(0), long(32767)) == [0, 1, 2, 1]
    # One byte up to 127 and two from there on, as some senders do.
    assert wide(short(127), long(128), long(129), short(127)) == [0, 1, 2, 0]
    assert wide(long(32767), short(0), short(1)) == [0, 1, 2]
