"""What is cut into payloads is put together again as it was."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.codec import Codec
from media.job.picture_packets import (
    LONGEST_PAYLOAD,
    Vp8Packets,
    h264_payloads,
    payload_maker,
    units_of,
)
from media.rtp import vp8
from media.rtp.depayload import Frame, H264Depayloader, RtpPayload, depayloader_for
from media.rtp.h264 import with_lengths, with_start_codes
from tests.support.examples import examples

SPS = bytes.fromhex("6742c01fda014016e9b808080a0000030002000003007908")
PPS = bytes.fromhex("68ce3c80")
VP8_KEYFRAME = b"\x00\x00\x00\x9d\x01\x2a\x00\x05\xd0\x02"

sizes = st.one_of(st.integers(0, 40), st.integers(1180, 1210), st.integers(0, 40_000))


def put_together(codec: str, payloads: list[bytes]) -> Frame:
    depayloader = depayloader_for(Codec(codec, 90_000, 96))
    frames = [
        frame
        for number, payload in enumerate(payloads)
        for frame in depayloader.push(
            RtpPayload(number, 5, payload is payloads[-1], payload, 0.0), whole=True
        )
    ]
    assert len(frames) == 1
    return frames[0]


@given(st.binary(max_size=50), sizes)
@settings(max_examples=examples(200))
def test_a_picture_of_vp8_comes_back(start: bytes, size: int) -> None:
    picture = VP8_KEYFRAME + start + bytes(size)
    payloads = Vp8Packets()(picture)
    assert put_together("vp8", payloads).data == picture
    assert max(map(len, payloads)) <= LONGEST_PAYLOAD
    assert max(map(len, payloads)) - min(map(len, payloads)) <= 1


def test_pictures_of_vp8_are_numbered_in_fifteen_bits() -> None:
    cut = Vp8Packets()
    numbers = []
    for _ in range(32_770):
        [payload] = cut(VP8_KEYFRAME)
        read = vp8.read_picture(payload)
        assert read is not None
        assert read.starts_frame
        assert read.width == 2
        numbers.append(read.number)
    assert numbers == [*range(32_768), 0, 1]


units = st.builds(
    lambda kind, start, size: bytes((0x60 | kind,)) + start + bytes([9]) * size,
    st.integers(1, 4),
    st.binary(min_size=1, max_size=20).map(lambda data: data + b"\1"),
    sizes,
)


@given(st.lists(units, min_size=1, max_size=12))
@settings(max_examples=examples(200))
def test_units_of_h264_come_back(some: list[bytes]) -> None:
    picture = [SPS, PPS, b"\x65\x88\x80\x10", *some]
    payloads = h264_payloads(picture)
    assert put_together("h264", payloads).data == with_lengths(picture)
    assert max(map(len, payloads)) <= LONGEST_PAYLOAD


@given(st.integers(1, 5000))
@settings(max_examples=examples(100))
def test_a_fragment_begins_and_ends_once(size: int) -> None:
    payloads = h264_payloads([b"\x65" + bytes([7]) * size])
    if len(payloads) > 1:
        assert [payload[1] >> 6 for payload in payloads] == [2, *[0] * (len(payloads) - 2), 1]


def test_a_byte_stream_is_taken_apart_and_put_together() -> None:
    parts = [SPS, PPS, b"\x65\1\2\0\3"]
    assert units_of(with_start_codes(with_lengths(parts))) == parts
    assert units_of(b"\0\0\1" + PPS + b"\0\0\0\1" + SPS + b"\0\0") == [PPS, SPS]
    assert units_of(b"") == []


def test_what_no_decoder_needs_is_left_out() -> None:
    stream = with_start_codes(with_lengths([b"\x09\x10", b"\x06\5\4abcd\x80", SPS, PPS, b"\x65\1"]))
    depayloader = H264Depayloader()
    payloads = payload_maker("h264")(stream)
    [frame] = [
        frame
        for number, payload in enumerate(payloads)
        for frame in depayloader.push(RtpPayload(number, 5, True, payload, 0.0), whole=True)
    ]
    assert frame.data == with_lengths([SPS, PPS, b"\x65\1"])
