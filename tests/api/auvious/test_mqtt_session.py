"""A session without a socket: who speaks when, whose topics, and what is on its way."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.endpoint.rules import Owner
from api.auvious.mqtt.claims import Claims, EndpointClaim
from api.auvious.mqtt.listener import MqttListener
from api.auvious.mqtt.packets import Connect, Packet, PingReq, PubAck, Version
from api.auvious.mqtt.primitives import PacketReader
from api.auvious.mqtt.reasons import Reason
from api.auvious.mqtt.session import MqttSession, MqttSessionEnded
from api.auvious.mqtt.topics import Subscription, endpoint_of
from api.auvious.mqtt.window import Window
from tests.support import mqtt


def opened(version: int = 4, **options: Any) -> MqttSession[str]:
    """Return a session that has been let in."""
    session: MqttSession[str] = MqttSession(1024, 3)
    [connect] = session.receive(mqtt.connect(version=version, **options))
    assert isinstance(connect, Connect)
    session.check(connect)
    [answer] = mqtt.read(session.welcome(connect), version)
    assert answer.codes == (0,)
    return session


def end_of(session: MqttSession[str], data: bytes) -> MqttSessionEnded:
    with pytest.raises(MqttSessionEnded) as caught:
        list(session.receive(data))
    return caught.value


def subscription(**qos_of: int) -> Subscription:
    found = Subscription()
    for topic, qos in qos_of.items():
        found.add(topic, qos)
    return found


def test_the_first_packet_must_be_connect() -> None:
    for data in (mqtt.PINGREQ, mqtt.subscribe("a"), mqtt.publish(), mqtt.GOODBYE):
        end = end_of(MqttSession(1024, 3), data)
        assert (end.reason, end.answer) == (Reason.PROTOCOL_ERROR, None)


def test_a_second_connect_ends_the_session() -> None:
    end = end_of(opened(5), mqtt.connect(version=5))
    assert mqtt.read(end.answer or b"", 5) == [mqtt.Said(mqtt.DISCONNECT, (0x82,))]


def test_clients_may_not_publish() -> None:
    assert end_of(opened(4), mqtt.publish()).answer is None
    end = end_of(opened(5), mqtt.publish())
    assert mqtt.read(end.answer or b"", 5) == [mqtt.Said(mqtt.DISCONNECT, (0x87,))]


def test_what_came_before_a_mistake_is_still_heard() -> None:
    heard: list[Packet] = []
    with pytest.raises(MqttSessionEnded):
        for packet in opened().receive(mqtt.PINGREQ + mqtt.puback(3) + b"\x00\x00"):
            heard.append(packet)
    assert heard == [PingReq(), PubAck(3)]


@pytest.mark.parametrize(
    ("options", "version", "code"),
    [
        ({"client_id": "", "clean": False}, 4, 2),
        ({"client_id": ""}, 3, 2),
        ({"will": b"\0\x01a\0\0"}, 4, 5),
        ({"will": b"\0\0\x01a\0\0"}, 5, 0x87),
        ({"properties": b"\x15\0\x05SCRAM"}, 5, 0x8C),
    ],
)
def test_what_nobody_may_ask_for_is_refused(
    options: dict[str, Any], version: int, code: int
) -> None:
    session: MqttSession[str] = MqttSession(1024, 3)
    [connect] = session.receive(mqtt.connect(version=version, **options))
    assert isinstance(connect, Connect)
    with pytest.raises(MqttSessionEnded) as caught:
        session.check(connect)
    [answer] = mqtt.read(caught.value.answer or b"", version)
    assert (answer.kind, answer.codes) == (mqtt.CONNACK, (code,))


@pytest.mark.parametrize(
    ("level", "answer"), [(3, b"\x20\x02\x00\x01"), (6, b"\x20\x03\x00\x84\0")]
)
def test_an_unknown_version_is_answered(level: int, answer: bytes) -> None:
    assert end_of(MqttSession(1024, 3), mqtt.connect(version=level, name="MQTT")).answer == answer


def test_an_empty_client_id_is_replaced() -> None:
    opened(4, client_id="")
    session: MqttSession[str] = MqttSession(1024, 3)
    [connect] = session.receive(mqtt.connect(version=5, client_id=""))
    assert isinstance(connect, Connect)
    assert b"\x12\x00\x18quintet-" in session.welcome(connect)


def test_a_session_is_said_to_end_with_its_connection() -> None:
    session: MqttSession[str] = MqttSession(1024, 3)
    [connect] = session.receive(mqtt.connect(version=5, properties=b"\x11\0\0\x01\0"))
    assert isinstance(connect, Connect)
    assert b"\x11\0\0\0\0" in session.welcome(connect)


def test_a_client_is_told_that_it_may_publish_at_no_higher_quality() -> None:
    """The standard has a server say so that takes no PUBLISH of QoS 1 or 2 (3.2.2.3.4)."""
    session: MqttSession[str] = MqttSession(1024, 3)
    [connect] = session.receive(mqtt.connect(version=5))
    assert isinstance(connect, Connect)
    properties = PacketReader(session.welcome(connect)[4:])
    body = PacketReader(properties.raw(properties.length()))
    found: dict[int, bytes] = {}
    while body.left:
        name = body.byte()
        found[name] = body.raw(4 if name == 0x27 else 1)
    assert found[0x24] == b"\0"


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("user/alice/e-1", "e-1"),
        ("users/endpoints/e-1", "e-1"),
        ("users/endpoints/a/b", "a/b"),
        ("user/bob/e-1", Reason.NOT_AUTHORIZED),
        ("user/alice/", Reason.NOT_AUTHORIZED),
        ("users/endpoints/", Reason.NOT_AUTHORIZED),
        ("/user/alice/e-1", Reason.NOT_AUTHORIZED),
        ("USER/alice/e-1", Reason.NOT_AUTHORIZED),
        ("$SYS/broker", Reason.NOT_AUTHORIZED),
        ("user/alice/+", Reason.WILDCARDS_NOT_SUPPORTED),
        ("users/endpoints/#", Reason.WILDCARDS_NOT_SUPPORTED),
        ("#", Reason.WILDCARDS_NOT_SUPPORTED),
        ("$share/g/user/alice/e-1", Reason.SHARED_NOT_SUPPORTED),
    ],
)
def test_topics_lead_to_own_endpoints_only(topic: str, found: str | Reason) -> None:
    assert endpoint_of(topic, "alice") == found


@pytest.mark.parametrize("user", ["ann+work@acme.example", "ann#1", "a/b", "+", "#"])
def test_a_users_name_is_taken_as_it_is(user: str) -> None:
    assert endpoint_of(f"user/{user}/e-1", user) == "e-1"
    assert endpoint_of(f"user/{user}/+", user) is Reason.WILDCARDS_NOT_SUPPORTED
    assert endpoint_of(f"user/{user}/e-1", "bob") in (
        Reason.NOT_AUTHORIZED, Reason.WILDCARDS_NOT_SUPPORTED,
    )  # fmt: skip


def test_of_two_names_the_better_one_is_used() -> None:
    both = subscription(first=1, second=1)
    assert (both.topic, both.qos) == (b"\0\x05first", 1)
    assert both.add("first", 0) == 0
    assert (both.topic, both.qos) == (b"\0\x06second", 1)
    assert both.add("third", 2) == 1
    assert both.remove("second")
    assert both.topic == b"\0\x05third"
    assert both.remove("third")
    assert not both.remove("first")


def sent(session: MqttSession[str], to: Subscription, number: int, qos: int, **more: Any) -> Any:
    return session.publish("e", to, number, b"{}", qos, **({"again": False} | more))


@pytest.mark.parametrize(
    ("qos", "granted", "as_qos", "settled"),
    [(0, 0, 0, False), (0, 1, 0, False), (1, 0, 0, True), (1, 1, 1, False)],
)
def test_the_lower_quality_of_service_is_used(
    qos: int, granted: int, as_qos: int, settled: bool
) -> None:
    outgoing = sent(opened(), subscription(t=granted), 1, qos)
    [said] = mqtt.read(outgoing.packet)
    assert (said.qos, said.topic, said.payload) == (as_qos, "t", b"{}")
    assert outgoing.settled is settled


def test_the_window_holds_back_what_is_to_be_acknowledged_only() -> None:
    session, to = opened(), subscription(t=1)
    ids = [mqtt.read(sent(session, to, number, 1).packet)[0].packet_id for number in range(3)]
    assert session.is_full
    assert sent(session, to, 3, 1) is None
    assert sent(session, to, 4, 0) is not None
    assert session.acknowledge(ids[1]) == ("e", 1)
    assert session.acknowledge(ids[1]) is None
    assert session.acknowledge(999) is None
    assert sent(session, to, 3, 1, again=True).packet[0] == 0x3A


def test_the_receive_maximum_of_the_client_counts() -> None:
    session, to = opened(5, properties=b"\x21\0\x01"), subscription(t=1)
    assert sent(session, to, 1, 1) is not None
    assert sent(session, to, 2, 1) is None


def test_packets_larger_than_the_client_takes_count_as_delivered() -> None:
    session, to = opened(5, properties=b"\x27\0\0\0\x14"), subscription(t=1)
    fits = session.publish("e", to, 1, b"x" * 12, 1, again=False)
    assert fits is not None
    assert len(fits.packet) == 20
    large = session.publish("e", to, 2, b"x" * 13, 1, again=False)
    assert large is not None
    assert (large.packet, large.settled) == (b"", True)


@given(st.integers(1, 70_000), st.lists(st.booleans(), max_size=200))
def test_packet_identifiers_are_never_shared(size: int, steps: list[bool]) -> None:
    window: Window[int] = Window(size)
    on_the_way: dict[int, int] = {}
    for number, is_sent in enumerate(steps):
        if is_sent and not window.is_full:
            packet_id = window.send(number)
            assert 0 < packet_id <= 65_535
            assert packet_id not in on_the_way
            on_the_way[packet_id] = number
        elif on_the_way:
            packet_id, expected = on_the_way.popitem()
            assert window.acknowledge(packet_id) == expected
        assert len(window) == len(on_the_way)


def test_a_claim_is_held_by_the_last_who_took_it() -> None:
    claims, claim = Claims(), EndpointClaim(Owner("acme", "alice"), "phone", "e")
    first, second = (MqttListener("e", cast("Any", None), cast("Any", None)) for _ in range(2))
    assert claims.take(claim, first) is None
    assert claims.take(claim, second) is first
    claims.give_up(claim, first)
    assert len(claims) == 1
    claims.give_up(claim, second)
    assert len(claims) == 0


def test_packet_identifiers_begin_again_after_the_last() -> None:
    window: Window[int] = Window(70_000)
    assert window.send(0) == 1
    for number in range(65_534):
        window.send(number)
    assert window.is_full
    assert window.acknowledge(7) is not None
    assert window.send(1) == 7


CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [mqtt.PINGREQ, mqtt.puback(1), mqtt.subscribe("a"), mqtt.unsubscribe("a"), mqtt.GOODBYE]
        ),
    ),
    max_size=8,
)


@given(st.sampled_from(list(Version)), CHUNKS)
def test_whatever_comes_a_session_goes_on_or_ends_with_a_reason(
    version: Version, chunks: list[bytes]
) -> None:
    session, ends = opened(version), []
    try:
        for chunk in chunks:
            list(session.receive(chunk))
    except MqttSessionEnded as error:
        ends.append(error)
    for end in ends:
        assert end.reason in Reason
        assert end.why
        assert (end.answer is not None) == (version is Version.V5)


def test_a_second_connect_of_an_unknown_version_ends_the_session() -> None:
    end = end_of(opened(5), mqtt.connect(version=6))
    assert mqtt.read(end.answer or b"", 5) == [mqtt.Said(mqtt.DISCONNECT, (0x82,))]


def test_what_was_not_sent_is_taken_back_while_an_acknowledgement_is_due() -> None:
    session, to = opened(), subscription(topic=1)
    first, second = (session.publish("e", to, n, b"{}", 1, again=False) for n in (1, 2))
    assert first is not None
    assert second is not None
    assert session.take_back(second.packet_id)
    assert session.acknowledge(second.packet_id) is None
    assert not session.take_back(first.packet_id), "nothing else would ever make room"
    assert session.acknowledge(first.packet_id) == ("e", 1)
