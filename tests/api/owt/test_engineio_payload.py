"""Bodies of the polling transport: lengths as JavaScript counts, and whatever strangers send."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.owt.socketio.payload import PACKETS, BadPacket, decode, encode
from tests.support.socketio import body_of, packets_of

# JSON text, and so every packet, is free of control characters.
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e"), min_size=1)


@pytest.mark.parametrize(
    ("body", "version", "packets"),
    [
        (b"2:40", 3, [b"40"]),
        (b"2:402:40", 3, [b"40", b"40"]),
        (b'27:420["login",{"a":"tokenn"}]', 3, [b'420["login",{"a":"tokenn"}]']),
        ("5:é😀42".encode(), 3, ["é😀42".encode()]),
        ("3:4é😀".encode()[:-4] + b"1" + "2:😀".encode(), 3, ["4é1".encode(), "😀".encode()]),
        (b"002:40", 3, [b"40"]),
        (b"40", 4, [b"40"]),
        (b"40\x1e2\x1e42[]", 4, [b"40", b"2", b"42[]"]),
        ("4é\x1e4😀".encode(), 4, ["4é".encode(), "4😀".encode()]),
    ],
)
def test_bodies_come_apart(body: bytes, version: int, packets: list[bytes]) -> None:
    assert decode(body, version) == packets


def test_the_measured_length_counts_utf16_code_units() -> None:
    packet = b'42["text",{"to":"all","message":"' + "é😀".encode() + b'"}]'
    assert encode([packet], 3).partition(b":")[0] == b"%d" % (len(packet) - 2 - 4 + 1 + 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"40",
        b":40",
        b"3:40",
        b"0:",
        b"-1:40",
        b"+2:40",
        b" 2:40",
        b"2;40",
        b"1e1:4",
        b"99999999999:4",
        b"9" * 100_000 + b":4",
        b"2:401",
        b"b4AAAA",
        "1:😀".encode(),
        "٢:40".encode(),
        "ı:40é".encode(),
        "㨱㨀é".encode(),
        b"2:\xff\xff",
        b"3:4\xed\xa0\x80",
        b"1:4" * (PACKETS + 1),
    ],
)
def test_broken_bodies_of_version_3_are_refused(body: bytes) -> None:
    with pytest.raises(BadPacket):
        decode(body, 3)


@pytest.mark.parametrize(
    "body", [b"", b"\x1e", b"40\x1e", b"40\x1e\x1e2", b"4\xff", b"2\x1e" * (PACKETS + 1) + b"2"]
)
def test_broken_bodies_of_version_4_are_refused(body: bytes) -> None:
    with pytest.raises(BadPacket):
        decode(body, 4)


@pytest.mark.parametrize("version", [3, 4])
@settings(deadline=None)
@given(packets=st.lists(text, min_size=1, max_size=20))
def test_what_goes_in_comes_out(version: int, packets: list[str]) -> None:
    encoded = [packet.encode() for packet in packets]
    body = encode(encoded, version)
    assert decode(body, version) == encoded
    assert body == body_of(tuple(packets), version).encode()
    assert packets_of(body.decode(), version) == packets


@pytest.mark.parametrize("version", [3, 4])
@settings(deadline=None)
@given(body=st.binary() | st.from_regex(rb"\d{1,3}:[\x00-\xff]{0,20}", fullmatch=True))
def test_no_bytes_crash_the_reader(version: int, body: bytes) -> None:
    try:
        packets = decode(body, version)
    except BadPacket:
        return
    assert packets
    for packet in packets:
        packet.decode()
