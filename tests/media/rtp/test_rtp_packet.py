"""Reading and writing single RTP packets."""

from __future__ import annotations

from struct import pack

import pytest
from aiortc import rtp as theirs
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.rtp_packet import looks_like_rtcp, mid_extension, parse_packet, write_packet
from tests.support.rtp import rtp


def test_a_packet_is_read_field_by_field() -> None:
    packet = parse_packet(rtp(65535, 4_000_000_000, b"abc", ssrc=9, marker=True), 1.5)
    assert packet is not None
    assert (packet.sequence, packet.timestamp, packet.ssrc) == (65535, 4_000_000_000, 9)
    assert (packet.payload_type, packet.marker, packet.payload) == (96, 0x80, b"abc")
    assert packet.arrival == 1.5


def test_contributors_extensions_and_padding_are_no_payload() -> None:
    head = pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 96, 1, 2, 3)
    data = head + bytes(8) + bytes.fromhex("bede0001 10aa0000") + b"media" + b"\0\0\3"
    packet = parse_packet(data, 0.0)
    assert packet is not None
    assert packet.payload == b"media"


def test_a_packet_of_padding_alone_has_an_empty_payload() -> None:
    packet = parse_packet(rtp(1, payload=b"", padding=255), 0.0)
    assert packet is not None
    assert packet.payload == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        rtp(1)[:11],
        b"\x40" + rtp(1)[1:],  # version 1
        pack("!BBHII", 0x8F, 96, 1, 2, 3),  # fifteen contributors, none there
        pack("!BBHII", 0x90, 96, 1, 2, 3) + b"\xbe\xde",  # an extension cut short
        pack("!BBHII", 0x90, 96, 1, 2, 3) + b"\xbe\xde\x00\x02" + bytes(4),
        rtp(1, payload=b"", padding=3)[:-1] + b"\x09",  # more padding than packet
        rtp(1, payload=b"", padding=3)[:-1] + b"\x00",
        pack("!BBHI", 0x80, 200, 1, 2) + bytes(20),  # RTCP
    ],
)
def test_what_is_no_whole_packet_is_none(data: bytes) -> None:
    assert parse_packet(data, 0.0) is None


@given(st.binary(max_size=64))
def test_no_bytes_make_reading_raise(data: bytes) -> None:
    parse_packet(data, 0.0)
    looks_like_rtcp(data)


def test_what_is_written_reads_the_same_elsewhere() -> None:
    data = write_packet(100, 0x80, 65536 + 7, (1 << 32) + 8, 9, b"payload")
    packet = theirs.RtpPacket.parse(data)
    assert (packet.payload_type, packet.marker, packet.sequence_number) == (100, 1, 7)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (8, 9, b"payload")


@pytest.mark.parametrize("mid", ["0", "12", "audio0123456789x"])
def test_the_mid_reads_the_same_elsewhere(mid: str) -> None:
    extensions = theirs.HeaderExtensionsMap()
    extensions.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=4, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
            ]
        )
    )
    bare = rtp(1)
    data = bytes([bare[0] | 0x10]) + bare[1:12] + mid_extension(4, mid) + bare[12:]
    packet = theirs.RtpPacket.parse(data, extensions)
    assert (packet.extensions.mid, packet.payload) == (mid, b"media")


@pytest.mark.parametrize(("identifier", "mid"), [(0, "0"), (15, "0"), (4, ""), (4, "x" * 17)])
def test_a_mid_that_fits_no_extension_is_refused(identifier: int, mid: str) -> None:
    with pytest.raises(ValueError, match="1 to 16"):
        mid_extension(identifier, mid)
