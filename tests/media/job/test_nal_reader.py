"""H.264 as containers have it, cut into packets and put together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.contract.codec import Codec
from media.job.picture_packets import LONGEST_PAYLOAD, h264_payloads
from media.job.pulling.nal_reader import NalReader
from media.rtp.depayload import RtpPayload, depayloader_for
from media.rtp.h264 import configuration, with_lengths

# Of libx264, baseline, 320x240.
SPS_UNIT = bytes.fromhex("6742c00cd90141fa10000003001000000301e0f142a480")
PPS_UNIT = bytes.fromhex("68cb83cb20")

IDR_UNIT = b"\x65" + bytes(range(1, 200))


def test_both_ways_of_packing_are_read_alike():
    units = [b"\x41" + bytes([1] * 30), b"\x41\x02\x03"]
    by_length = NalReader(configuration(SPS_UNIT, PPS_UNIT))
    assert by_length.read(with_lengths(units)) == units
    by_code = NalReader(b"\0\0\0\1" + SPS_UNIT + b"\0\0\1" + PPS_UNIT)
    assert by_code.read(b"".join(b"\0\0\0\1" + unit for unit in units)) == units
    assert by_length.sets == by_code.sets == [SPS_UNIT, PPS_UNIT]


def test_the_newest_parameter_sets_stand_before_each_picture_to_begin_with():
    reader = NalReader(configuration(SPS_UNIT, PPS_UNIT))
    assert reader.complete([IDR_UNIT]) == [SPS_UNIT, PPS_UNIT, IDR_UNIT]
    assert reader.complete([b"\x41\x01"]) == [b"\x41\x01"]
    newer = SPS_UNIT[:-1] + bytes([SPS_UNIT[-1] ^ 1])
    units = reader.read(with_lengths([newer, PPS_UNIT, IDR_UNIT]))
    assert reader.complete(units) == [newer, PPS_UNIT, IDR_UNIT]
    assert reader.complete([IDR_UNIT]) == [newer, PPS_UNIT, IDR_UNIT]


def test_parameter_sets_without_end_are_not_kept():
    reader = NalReader(b"")
    for number in range(100):
        reader.read(b"\0\0\1\x68" + number.to_bytes(2, "little") + b"\x80")
    assert len(reader.sets) == 16


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_nothing_that_comes_raises(record: bytes, data: bytes):
    for beginning in (b"", b"\1\x64\0\x1f\xff"):
        reader = NalReader(beginning + record)
        reader.complete(reader.read(data))


@given(st.lists(st.integers(2, 5000), min_size=1, max_size=8))
def test_what_is_cut_into_packets_comes_together_again(sizes: list[int]):
    reader = NalReader(configuration(SPS_UNIT, PPS_UNIT))
    units = [b"\x65" + bytes([7]) * (size - 1) for size in sizes]
    payloads = h264_payloads(reader.complete(reader.read(with_lengths(units))))
    assert max(map(len, payloads)) <= LONGEST_PAYLOAD
    depayloader = depayloader_for(Codec("h264", 90_000, 96))
    last = len(payloads) - 1
    frames = [
        frame
        for number, payload in enumerate(payloads)
        for frame in depayloader.push(
            RtpPayload(number, 3000, number == last, payload, 0.0), whole=True
        )
    ]
    assert [frame.keyframe for frame in frames] == [True]
    assert frames[0].data.endswith(with_lengths(units))
