"""Frames of PeerJS, without a socket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.signalling.frames import ID_BYTES, RELAYED, decode, is_id, relayed, text
from api.peerjs.errors import BrokerRefusal
from api.peerjs.wire import error, expired

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary())
def test_any_bytes_are_a_frame_or_none(frame: bytes) -> None:
    decode(frame)


@given(st.sampled_from(sorted(RELAYED)), st.text(), st.text(min_size=1), JSON)
def test_what_is_relayed_says_what_was_said(kind: str, src: str, dst: str, payload: object) -> None:
    message = decode(json.dumps({"type": kind, "dst": dst, "payload": payload}).encode())
    if message is None:
        assert any("\ud800" <= letter <= "\udfff" for letter in json.dumps(payload) + dst) or (
            "\\ud" in json.dumps([payload, dst])
        )
        return
    frame = relayed(message.type, text(src), dst, message.payload)
    assert json.loads(frame) == {"type": kind, "src": src, "dst": dst, "payload": payload}


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
def test_depth_is_no_trouble(depth: int) -> None:
    for frame in (b"[" * depth, b'{"payload":' + b"[" * depth, b'{"type":' * depth):
        assert decode(frame) is None


def test_a_frame_without_a_payload_has_none() -> None:
    message = decode(b'{"type":"LEAVE","dst":"bob"}')
    assert message is not None
    assert relayed("LEAVE", b'"ann"', "bob", message.payload) == (
        b'{"type":"LEAVE","src":"ann","dst":"bob"}'
    )


def test_server_frames() -> None:
    assert expired("bob", 'a"b') == b'{"type":"EXPIRE","src":"bob","dst":"a\\"b"}'
    assert json.loads(error("no")) == {"type": "ERROR", "payload": {"msg": "no"}}
    assert json.loads(BrokerRefusal.TAKEN.value)["type"] == "ID-TAKEN"
    assert len({each.value for each in BrokerRefusal}) == len(BrokerRefusal)


@pytest.mark.parametrize(
    "good", ["a", "a b", "a_b-c", "a+b", "Jürgen", "😀", "x" * ID_BYTES, "/.."]
)
def test_ids_that_are_taken(good: str) -> None:
    assert is_id(good)


@pytest.mark.parametrize(
    "bad",
    ["", " ", " a", "a ", "a\nb", "\x00", "\ud800", "\u202ea", "x" * 257, "ü" * 129],
)
def test_ids_that_are_not(bad: str) -> None:
    assert not is_id(bad)
    assert not is_id("a\ufffd")  # could not be decoded
