"""The bytes of MQTT: read with every rule kept, written as the standard has them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.auvious.mqtt import encoding, primitives
from api.auvious.mqtt.decoding import UnknownVersion, decode
from api.auvious.mqtt.framing import Framing
from api.auvious.mqtt.packets import (
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PubAck,
    Publish,
    Subscribe,
    Unsubscribe,
    Version,
    Wish,
    hidden,
)
from api.auvious.mqtt.primitives import MalformedPacket, PacketReader
from api.auvious.mqtt.properties import Property, read_properties, write_properties
from api.auvious.mqtt.reasons import Reason
from tests.support import mqtt

VERSIONS = st.sampled_from(list(Version))
MOST = 1024


def said(data: bytes, version: Version = Version.V3_1_1) -> Packet:
    """Decode the one packet in `data`."""
    [(first, body)] = Framing(MOST).take(data)
    return decode(first, body, version)


@pytest.mark.parametrize("version", list(Version))
def test_connect_of_every_version_is_read(version: Version) -> None:
    data = mqtt.connect("alice", b"secret", version=version, client_id="me", keep_alive=55)
    assert said(data) == Connect(version, "me", True, 55, "alice", hidden(b"secret"))


def test_properties_of_connect_are_read() -> None:
    properties = (
        b"\x11\0\0\0\x0a" b"\x21\0\x07" b"\x27\0\0\x10\0" b"\x22\0\x05" b"\x17\x01"
        b"\x26\0\x01a\0\x01b" b"\x26\0\x01a\0\x01c"
    )  # fmt: skip
    found = said(mqtt.connect(version=5, properties=properties))
    assert isinstance(found, Connect)
    assert (found.session_seconds, found.receive_maximum, found.packet_bytes) == (10, 7, 4096)


def test_a_will_is_noticed_in_every_version() -> None:
    plain = primitives.text("topic") + primitives.binary(b"bye")
    for version, will in ((3, plain), (4, plain), (5, b"\x05\x18\0\0\0\x01" + plain)):
        found = said(mqtt.connect(version=version, will=will, flags=0x28))
        assert isinstance(found, Connect)
        assert found.has_will
        assert found.user == "alice"


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(said(mqtt.connect(password=b"secret")))


@pytest.mark.parametrize(
    ("data", "version", "packet"),
    [
        (mqtt.PINGREQ, 4, PingReq()),
        (mqtt.GOODBYE, 4, Disconnect()),
        (b"\xe0\x01\x04", 5, Disconnect()),
        (b"\xe0\x07\x00\x05\x11\0\0\0\x01", 5, Disconnect()),
        (mqtt.puback(7), 4, PubAck(7)),
        (b"\x40\x03\0\x07\x10", 5, PubAck(7)),
        (b"\x40\x08\0\x07\x80\x04\x1f\0\x01x", 5, PubAck(7)),
        (mqtt.publish(), 4, Publish()),
        (b"\x3b\x01\xff", 5, Publish()),
        (
            mqtt.subscribe("a/b", "c", qos=2, packet_id=9),
            4,
            Subscribe(9, (Wish("a/b", 2), Wish("c", 2))),
        ),
        (b"\x8a" + mqtt.subscribe("a")[1:], 3, Subscribe(1, (Wish("a", 1),))),
        (b"\x82\x07\0\x01\0\0\x01a\x2d", 5, Subscribe(1, (Wish("a", 1),))),
        (b"\x82\x09\0\x01\x02\x0b\x05\0\x01a\x00", 5, Subscribe(1, (Wish("a", 0),), True)),
        (mqtt.unsubscribe("a", "b", packet_id=3, version=5), 5, Unsubscribe(3, ("a", "b"))),
    ],
)
def test_packets_of_a_client_are_read(data: bytes, version: int, packet: Packet) -> None:
    assert said(data, Version(version)) == packet


@pytest.mark.parametrize(
    ("data", "version", "code"),
    [
        (b"\x00\x00", 4, 0x82),  # no such packet
        (b"\x20\x02\x00\x00", 4, 0x82),  # a server's
        (b"\x50\x02\x00\x01", 4, 0x82),  # QoS 2, which was never granted
        (b"\xf0\x00", 5, 0x82),  # AUTH
        (b"\xc1\x00", 4, 0x81),  # flags
        (b"\x80" + mqtt.subscribe("a")[1:], 4, 0x81),
        (b"\x8a" + mqtt.subscribe("a")[1:], 4, 0x81),
        (b"\xc0\x01\x00", 4, 0x81),  # more than belongs there
        (b"\x40\x01\x00", 4, 0x81),  # less
        (b"\x40\x03\x00\x01\x00", 4, 0x81),
        (mqtt.puback(0), 4, 0x82),
        (mqtt.subscribe("a", packet_id=0), 4, 0x82),
        (mqtt.subscribe(), 4, 0x82),
        (mqtt.unsubscribe(), 4, 0x82),
        (mqtt.subscribe(""), 4, 0x81),
        (mqtt.subscribe("a", qos=3), 4, 0x81),
        (mqtt.subscribe("a", qos=4), 4, 0x81),
        (mqtt.subscribe("a", qos=0x30, version=5), 5, 0x81),
        (mqtt.subscribe("a\0b"), 4, 0x81),
        (b"\x82\x06\0\x01\0\x01\xff\x00", 4, 0x81),  # not UTF-8
        (mqtt.subscribe(*"a" * 129), 4, 0x97),
        (b"\x82\x08\0\x01\x02\x0b\0\0\x01a\0", 5, 0x82),  # subscription identifier 0
        (b"\x82\x0b\0\x01\x05\x11\0\0\0\x01\0\x01a\0", 5, 0x81),  # a property of CONNECT
        (mqtt.connect(flags=1), 4, 0x81),
        (mqtt.connect(flags=0x08), 4, 0x81),  # QoS of no will
        (mqtt.connect(will=b"\0\x01a\0\0", flags=0x18), 4, 0x81),
        (mqtt.connect(user=None), 4, 0x81),  # a password without a user
        (mqtt.connect(name="HTTP"), 4, 0x81),
        (mqtt.connect(version=5, properties=b"\x21\0\0"), 4, 0x82),
        (mqtt.connect(version=5, properties=b"\x17\x02"), 4, 0x82),
        (mqtt.connect(version=5, properties=b"\x22\0\x01\x22\0\x01"), 4, 0x82),
        (mqtt.connect(version=5, properties=b"\x99\x01"), 4, 0x81),
        (mqtt.connect(version=5, properties=b"\x11\0"), 4, 0x81),
    ],
)
def test_what_breaks_a_rule_is_malformed(data: bytes, version: int, code: int) -> None:
    with pytest.raises(MalformedPacket) as caught:
        said(data, Version(version))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("level", "name", "like"),
    [(3, "MQTT", 4), (0, "MQTT", 4), (6, "MQTT", 5), (4, "MQIsdp", 4), (0x84, "MQTT", 5)],
)
def test_an_unknown_version_is_told_in_the_nearest_one(level: int, name: str, like: int) -> None:
    with pytest.raises(UnknownVersion) as caught:
        said(mqtt.connect(version=level, name=name))
    assert caught.value.like == like


def test_packets_are_written_as_the_standard_has_them() -> None:
    v3, v5 = Version.V3_1_1, Version.V5
    topic = encoding.written_topic("a/b")
    assert encoding.connack(v3, Reason.BAD_CREDENTIALS, {}) == b"\x20\x02\x00\x04"
    assert encoding.connack(v3, Reason.NOT_AUTHORIZED, {}) == b"\x20\x02\x00\x05"
    assert encoding.connack(v3, Reason.BAD_AUTHENTICATION_METHOD, {}) is None
    assert encoding.connack(v5, Reason.BAD_CREDENTIALS, {}) == b"\x20\x03\x00\x86\x00"
    assert (
        encoding.suback(v3, 258, [1, 0, Reason.NOT_AUTHORIZED]) == b"\x90\x05\x01\x02\x01\x00\x80"
    )
    assert encoding.suback(v5, 1, [1, Reason.NOT_AUTHORIZED]) == b"\x90\x05\x00\x01\x00\x01\x87"
    assert encoding.unsuback(v3, 1, [Reason.SUCCESS]) == b"\xb0\x02\x00\x01"
    assert encoding.unsuback(v5, 1, [Reason.SUCCESS]) == b"\xb0\x04\x00\x01\x00\x00"
    assert encoding.publish(v3, topic, b"{}") == b"\x30\x07\x00\x03a/b{}"
    assert encoding.publish(v3, topic, b"{}", 5) == b"\x32\x09\x00\x03a/b\x00\x05{}"
    assert encoding.publish(v5, topic, b"{}", 5, again=True) == b"\x3a\x0a\x00\x03a/b\x00\x05\x00{}"
    assert encoding.publish(v5, topic, b"{}", again=True) == b"\x30\x08\x00\x03a/b\x00{}"
    assert encoding.disconnect(v3, Reason.NOT_AUTHORIZED) is None
    assert encoding.disconnect(v5, Reason.NOT_AUTHORIZED, "x") == b"\xe0\x06\x87\x04\x1f\x00\x01x"


@given(st.integers(0, primitives.MOST_LENGTH))
@example(127)
@example(128)
@example(16_383)
@example(2_097_152)
def test_lengths_come_back_as_they_were_written(value: int) -> None:
    data = primitives.length(value)
    reader = PacketReader(data)
    assert reader.length() == value
    reader.finish()
    assert encoding.packet_bytes(value) == 1 + len(data) + value


def test_properties_come_back_as_they_were_written() -> None:
    properties = {Property.SESSION_EXPIRY_INTERVAL: 5, Property.MAXIMUM_PACKET_SIZE: 77}
    data = write_properties(properties)
    assert read_properties(PacketReader(data), frozenset(properties)) == properties


@given(st.integers(0, 255), st.binary(max_size=64), VERSIONS)
def test_no_bytes_at_all_crash_the_decoder(first: int, body: bytes, version: Version) -> None:
    try:
        decode(first, body, version)
    except MalformedPacket as error:
        Reason(error.code)


@given(st.data(), VERSIONS)
def test_no_damage_to_a_good_packet_crashes_the_decoder(
    data: st.DataObject, version: Version
) -> None:
    """Random bytes never get past the first few fields; damaged packets do."""
    good = data.draw(
        st.sampled_from(
            [
                mqtt.connect(version=version, properties=b"\x21\0\x05\x26\0\x01a\0\x01b"),
                mqtt.subscribe("user/alice/e", "users/endpoints/e", version=version),
                mqtt.unsubscribe("users/endpoints/e", version=version),
                b"\x40\x08\0\x07\x80\x04\x1f\0\x01x",
            ]
        )
    )
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        for first, body in Framing(MOST).take(bytes(damaged)):
            decode(first, body, version)
    except MalformedPacket as error:
        Reason(error.code)


PACKETS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=6)


@given(PACKETS, st.lists(st.integers(1, 50), min_size=1))
def test_packets_survive_any_cut_into_frames(
    packets: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(mqtt.packet(first, body) for first, body in packets)
    framing, found, index, given = Framing(MOST), [], 0, 0
    while data:
        piece, data = data[: cuts[index % len(cuts)]], data[cuts[index % len(cuts)] :]
        given += len(piece)
        found += list(framing.take(piece))
        taken = sum(len(mqtt.packet(first, body)) for first, body in found)
        assert framing.kept == given - taken
        index += 1
    assert found == packets


def test_a_packet_is_refused_for_its_announced_length() -> None:
    framing = Framing(100)
    assert list(framing.take(b"\xc0\x00\x30\x64")) == [(0xC0, b"")]
    framing = Framing(100)
    taken = framing.take(b"\xc0\x00\x30\x65")
    assert next(taken) == (0xC0, b"")
    with pytest.raises(MalformedPacket) as caught:
        next(taken)
    assert caught.value.code == Reason.PACKET_TOO_LARGE


def test_a_length_of_five_bytes_is_malformed() -> None:
    with pytest.raises(MalformedPacket):
        list(Framing(100).take(b"\x30\x80\x80\x80\x80\x01"))
    with pytest.raises(MalformedPacket):
        list(Framing(100).take(b"\x30\xff\xff\xff\xff"))
    assert list(Framing(100).take(b"\x30\x80\x80")) == []
