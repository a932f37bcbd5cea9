"""Packets of Socket.IO: what is read, what is refused, what is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.owt.socketio import packets as socketio
from api.owt.socketio.packets import Ack, Connect, Disconnect, Event, Packet
from api.owt.socketio.payload import BadPacket

plain = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | plain,
    lambda inner: st.lists(inner) | st.dictionaries(plain, inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("message", "packet"),
    [
        (b"0", Connect("/")),
        (b'0{"token":"x"}', Connect("/")),
        (b"0/,", Connect("/")),
        (b"0/?token=1", Connect("/")),
        (b"0/admin", Connect("/admin")),
        (b"0/admin,", Connect("/admin")),
        (b'0/admin?a=1,{"x":1}', Connect("/admin")),
        (b"1", Disconnect("/")),
        (b"1/admin,", Disconnect("/admin")),
        (b'2["text"]', Event("/", "text", ())),
        (b'20["login",{"token":"t"}]', Event("/", "login", ({"token": "t"},), 0)),
        (b'2/,7["a",1,[2],null]', Event("/", "a", (1, [2], None), 7)),
        (b'2/x,["a"]', Event("/x", "a", ())),
        (b"35[]", Ack("/", 5, ())),
        (b'3/,12["ok"]', Ack("/", 12, ("ok",))),
    ],
)
def test_packets_are_read(message: bytes, packet: Packet) -> None:
    assert socketio.decode(message) == packet


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"7",
        b"x",
        b"2",
        b"2{}",
        b"2[]",
        b"2[1]",
        b'2"text"',
        b'2["text"',
        b'2["text"]x',
        b'2["text",NaN]',
        b'2["text",1e999]',
        b'2["\\ud800"]',
        b'2["\\udc00\\ud800"]',
        b'2["\xed\xa0\x80"]',
        b'2["\xff"]',
        b'2["a\x00b"]',
        b"2" + b"[" * 200_000,
        b'2["a",' + b'{"a":' * 200_000,
        b'2["a",' + b"9" * 6000 + b"]",
        b'2' + b"9" * 16 + b'["a"]',
        b"3[]",
        b"3",
        b"4",
        b'4"no"',
        b'51-["file",{"_placeholder":true,"num":0}]',
        b'5["file"]',
        b'21-["file"]',
        b'61-1["file"]',
        b"0/" + b"x" * 300,
        b"0/\xff",
    ],
)  # fmt: skip
def test_what_is_no_packet_or_binary_is_refused(message: bytes) -> None:
    with pytest.raises(BadPacket):
        socketio.decode(message)


@settings(deadline=None)
@given(st.binary() | st.from_regex(rb"[0-6](\d-)?(/[a-z]*,)?\d*[\[\]{}\x22a,:1]*", fullmatch=True))
def test_no_bytes_crash_the_reader(message: bytes) -> None:
    try:
        socketio.decode(message)
    except BadPacket:
        return


@settings(deadline=None)
@given(plain, st.lists(values), st.none() | st.integers(0, 10**14))
def test_what_javascript_writes_is_read(name: str, args: list[object], number: int | None) -> None:
    digits = "" if number is None else str(number)
    for ascii_only in (True, False):
        text = json.dumps([name, *args], ensure_ascii=ascii_only)
        packet = socketio.decode(f"2{digits}{text}".encode())
        assert packet == Event("/", name, tuple(args), number)


@settings(deadline=None)
@given(plain, st.lists(values))
def test_what_is_written_is_read(name: str, args: list[object]) -> None:
    event = socketio.event(name, tuple(args))
    assert event[:2] == b"42"
    assert socketio.decode(event[1:]) == Event("/", name, tuple(args))
    answer = socketio.ack(3, tuple(args))
    assert socketio.decode(answer[1:]) == Ack("/", 3, tuple(args))


def test_bytes_are_json_already() -> None:
    assert socketio.event("a", (b'{"b": 1}', "c")) == b'42["a",{"b": 1},"c"]'


def test_what_is_no_json_is_told_to_its_author() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        socketio.event("a", ("\ud83d",))
    with pytest.raises(TypeError):
        socketio.event("a", (object(),))


@pytest.mark.parametrize(
    ("version", "welcome", "refusal"),
    [
        (3, b"40", b'44/admin,"Invalid namespace"'),
        (4, b'40{"sid":"abc"}', b'44/admin,{"message":"Invalid namespace"}'),
    ],
)
def test_each_version_has_its_own_welcome_and_refusal(
    version: int, welcome: bytes, refusal: bytes
) -> None:
    assert socketio.connected(version, "abc") == welcome
    assert socketio.no_such_namespace(version, "/admin") == refusal
