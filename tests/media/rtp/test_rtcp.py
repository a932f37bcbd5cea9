"""RTCP, held against aiortc's reading and writing of the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiortc import rtp as theirs
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import rtcp

BLOCK = rtcp.ReportBlock(7, 64, -3, 70_000, 90, 0x12345678, 65536)
REPORT = rtcp.SenderReport(1, 0xE000000080000000, 90_000, 10, 1000)


def test_a_sender_report_reads_the_same_elsewhere() -> None:
    report, description = theirs.RtcpPacket.parse(rtcp.write_sender_report(REPORT, "me"))
    info = report.sender_info
    assert (report.ssrc, info.ntp_timestamp, info.rtp_timestamp) == (1, REPORT.ntp, 90_000)
    assert (info.packet_count, info.octet_count) == (10, 1000)
    assert description.chunks[0].items == [(1, b"me")]


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "a name of twenty-two", "é" * 200])
def test_a_name_of_any_length_leaves_a_whole_packet(cname: str) -> None:
    assert rtcp.parse_rtcp(rtcp.write_sender_report(REPORT, cname)) == [REPORT]


def test_a_receiver_report_reads_the_same_elsewhere_and_here() -> None:
    data = rtcp.write_receiver_report(1, (BLOCK,), "me")
    report, _ = theirs.RtcpPacket.parse(data)
    block = report.reports[0]
    assert (block.ssrc, block.fraction_lost, block.packets_lost) == (7, 64, -3)
    assert (block.highest_sequence, block.jitter, block.lsr) == (70_000, 90, 0x12345678)
    assert rtcp.parse_rtcp(data) == [rtcp.ReceiverReport(1, (BLOCK,))]


def test_the_count_of_the_lost_stays_within_its_field() -> None:
    data = rtcp.write_receiver_report(1, (replace(BLOCK, lost=1 << 30),), "me")
    assert rtcp.parse_rtcp(data) == [rtcp.ReceiverReport(1, (replace(BLOCK, lost=0x7FFFFF),))]


@given(st.sets(st.integers(-40, 600), min_size=1, max_size=80))
def test_every_packet_in_a_nack_is_found_again(offsets: set[int]) -> None:
    lost = [65_000 + offset & 0xFFFF for offset in sorted(offsets)]
    data = rtcp.write_nack(1, 7, lost)
    (feedback,) = theirs.RtcpPacket.parse(data)
    # aiortc lets the numbers of a NACK run over the wrap.
    assert sorted(number & 0xFFFF for number in feedback.lost) == sorted(lost)
    assert rtcp.parse_rtcp(data) == [rtcp.Nack(7, tuple(lost))]


def test_neighbours_share_one_field_of_a_nack() -> None:
    assert len(rtcp.write_nack(1, 7, range(100, 117))) == 16


def test_a_keyframe_request_reads_the_same_elsewhere() -> None:
    (feedback,) = theirs.RtcpPacket.parse(rtcp.write_pli(1, 7))
    assert (feedback.fmt, feedback.media_ssrc) == (theirs.RTCP_PSFB_PLI, 7)
    assert rtcp.parse_rtcp(rtcp.write_pli(1, 7)) == [rtcp.KeyframeRequest(7)]


def test_a_fir_asks_each_of_its_streams_by_number() -> None:
    entries = bytes.fromhex("00000007 05000000 00000008 06000000")
    data = bytes(theirs.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=entries))
    assert rtcp.parse_rtcp(data) == [rtcp.KeyframeRequest(7, 5), rtcp.KeyframeRequest(8, 6)]


@pytest.mark.parametrize("limit", [0, 1, 262_143, 262_144, 2_500_000, 1_000_000_000])
def test_a_limit_reads_the_same_elsewhere(limit: int) -> None:
    data = rtcp.write_remb(1, (7, 8), limit)
    (feedback,) = theirs.RtcpPacket.parse(data)
    read, ssrcs = theirs.unpack_remb_fci(feedback.fci)
    assert ssrcs == [7, 8]
    assert limit - limit // 1000 <= read <= limit
    assert rtcp.parse_rtcp(data) == [rtcp.BitrateLimit((7, 8), read)]


def test_an_end_is_read() -> None:
    assert rtcp.parse_rtcp(rtcp.write_bye(7)) == [rtcp.Bye((7,))]


def test_padding_belongs_to_no_message() -> None:
    bye = rtcp.write_bye(7)
    padded = bytes([bye[0] | 0x20, bye[1], 0, 2]) + bye[4:] + b"\0\0\0\4"
    assert rtcp.parse_rtcp(padded) == [rtcp.Bye((7,))]


def test_what_is_of_no_use_is_passed_over() -> None:
    unknown = bytes([0x80, 207, 0, 1]) + bytes(4)
    assert rtcp.parse_rtcp(unknown + rtcp.write_pli(1, 7)) == [rtcp.KeyframeRequest(7)]


def test_a_compound_cut_short_is_nothing_at_all() -> None:
    report = rtcp.write_receiver_report(1, (BLOCK,), "me")
    whole = report + rtcp.write_remb(1, (7,), 1000)
    borders = {32, len(report), len(whole)}
    for cut in range(len(whole) + 1):
        assert (rtcp.parse_rtcp(whole[:cut]) is not None) == (cut in borders), cut


@given(st.binary(max_size=120))
def test_no_bytes_make_reading_raise(data: bytes) -> None:
    rtcp.parse_rtcp(data)


@given(
    kind=st.integers(198, 208),
    count=st.integers(0, 63),
    body=st.binary(max_size=15).map(lambda words: words * 4),
)
def test_no_body_of_any_kind_makes_reading_raise(kind: int, count: int, body: bytes) -> None:
    head = bytes([0x80 | count, kind]) + (len(body) // 4).to_bytes(2)
    rtcp.parse_rtcp(head + body)


def test_a_nack_asks_for_no_more_than_anyone_keeps() -> None:
    asked = [number * 17 for number in range(340)]
    packet = bytearray(rtcp.write_nack(1, 2, asked))
    packet[14::4] = packet[15::4] = b"\xff" * 340  # and for the sixteen behind each
    [nack] = rtcp.parse_rtcp(bytes(packet)) or []
    assert isinstance(nack, rtcp.Nack)
    assert nack.lost == tuple(range(512))
