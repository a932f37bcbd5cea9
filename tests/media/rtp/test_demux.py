"""Which stream of a session a packet belongs to."""

from __future__ import annotations

import struct
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.demux import KEPT_SSRCS, MAX_SSRCS, Demux, KnownStream, read_extension

AUDIO = KnownStream("audio", b"0", 1, 111, None)
VIDEO = KnownStream("video", b"1", 1, 96, None)
SECOND = KnownStream("second", b"2", 1, 96, None)


def packet(ssrc: int, payload_type: int, extension: bytes = b"") -> bytes:
    flags = 0x90 if extension else 0x80
    return struct.pack("!BBHII", flags, payload_type | 0x80, 1, 2, ssrc) + extension + b"payload"


def one_byte(*elements: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes([number << 4 | len(v) - 1]) + v for number, v in elements)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0xBEDE, len(body) // 4) + body


def two_bytes(*elements: tuple[int, bytes]) -> bytes:
    body = b"".join(bytes([number, len(v)]) + v for number, v in elements)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0x1000, len(body) // 4) + body


def demux(*entries: KnownStream[str]) -> Demux[str]:
    made: Demux[str] = Demux()
    made.set(entries)
    return made


def test_an_announced_ssrc_is_known_at_once():
    assert demux(KnownStream("video", b"1", 0, 96, 5)).stream(packet(5, 100)) == "video"


def test_a_payload_type_of_one_section_tells_its_ssrc():
    table = demux(AUDIO, VIDEO)
    assert table.stream(packet(7, 96)) == "video"
    assert table.stream(packet(8, 111)) == "audio"


def test_a_shared_payload_type_tells_nothing_until_a_mid_did():
    table = demux(VIDEO, SECOND)
    assert table.stream(packet(7, 96)) is None
    assert table.stream(packet(7, 96, one_byte((3, b"abc"), (1, b"2")))) == "second"
    assert table.stream(packet(7, 96)) == "second"


def test_a_mid_is_read_in_the_long_form_too():
    assert demux(VIDEO, SECOND).stream(packet(7, 96, two_bytes((4, b""), (1, b"2")))) == "second"


def test_what_was_learnt_of_a_stream_goes_with_it():
    table = demux(AUDIO, VIDEO)
    assert table.stream(packet(7, 96)) == "video"
    table.set((AUDIO,))
    assert table.stream(packet(7, 96)) is None
    table.set((AUDIO, SECOND))
    assert table.stream(packet(7, 96)) == "second"


def test_there_is_an_end_to_what_is_learnt():
    table = demux(AUDIO, VIDEO)
    for ssrc in range(MAX_SSRCS):
        assert table.stream(packet(ssrc, 96)) == "video"
    assert table.stream(packet(1_000, 96)) is None
    assert table.stream(packet(3, 96)) == "video"


def test_announcing_others_each_time_grows_nothing_and_leaves_room_to_learn():
    table = demux(AUDIO, VIDEO)
    for ssrc in range(1_000):
        table.set((AUDIO, replace(VIDEO, ssrc=ssrc)))
    assert len(table._by_ssrc) == KEPT_SSRCS
    assert table.stream(packet(999, 111)) == "video"
    assert table.stream(packet(5_000, 111)) == "audio"


@given(st.binary(min_size=12, max_size=60), st.integers(1, 15))
def test_no_packet_is_malformed_enough_to_raise(data: bytes, identifier: int):
    read_extension(data, identifier)
    demux(AUDIO, VIDEO).stream(data)


@given(st.binary(max_size=40))
def test_no_extension_is_malformed_enough_to_raise(body: bytes):
    for profile in (0xBEDE, 0x1000):
        data = packet(1, 96, struct.pack("!HH", profile, len(body) // 4) + body)
        found = read_extension(data, 3)
        assert found is None or found in data
