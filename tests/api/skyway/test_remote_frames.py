"""What a peer asks of a broker elsewhere, and what it makes of what that says."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.device.events import Trouble
from actors.device.line import LineDown, LineEvent, LineFrame, LineRefused, LineUnreached, LineUp
from api.skyway.remote_frames import FRAME_BYTES, broker_address, meaning

LEFT = '{"type":"LEAVE","src":"ann","dst":"me"}'
TAKEN = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}'
OFFER = '{"type":"OFFER","src":"ann","dst":"robot","payload":{"sdp":1}}'


@pytest.mark.parametrize(
    ("url", "host", "port", "secure", "path", "named"),
    [
        ("wss://a.example", "a.example", 443, True, "/peerjs", "a.example"),
        ("wss://a.example/", "a.example", 443, True, "/peerjs", "a.example"),
        ("ws://a.example/x/y", "a.example", 80, False, "/x/y/peerjs", "a.example"),
        ("ws://a.example:9000/x/", "a.example", 9000, False, "/x/peerjs", "a.example:9000"),
        ("wss://[::1]:9000", "::1", 9000, True, "/peerjs", "[::1]:9000"),
        ("wss://bücher.example/ä", "xn--bcher-kva.example", 443, True, "/%C3%A4/peerjs", None),
    ],
)
def test_the_address_is_built_as_published_clients_do(
    url: str, host: str, port: int, secure: bool, path: str, named: str | None
) -> None:
    found = broker_address(url, "key", "a+b c", "to&ken")
    assert (found.host, found.port, found.secure) == (host, port, secure)
    assert found.named == (named or host)
    parts = urlsplit(found.resource)
    assert parts.path == path
    assert parse_qs(parts.query) == {
        "key": ["key"], "id": ["a+b c"], "token": ["to&ken"], "version": ["1.5.5"],
    }  # fmt: skip
    assert "to&ken" not in repr(found)
    assert "to%26ken" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "https://a.example", "wss://", "wss:///path", "ws://a b/", "ws://a:x/",
        "ws://a:99999/", "ws://me@a/", "ws://a/?key=1", "ws://a/#x", "ws://a\x7f/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_broker_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        broker_address(url, "key", "id", "token")


def error(words: object) -> str:
    return json.dumps({"type": "ERROR", "payload": {"msg": words}})


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ('{"type":"OPEN"}', LineUp()),
        (OFFER, LineFrame(OFFER.encode())),
        (LEFT, LineFrame(LEFT.encode())),
        ('{"type":"EXPIRE","src":"ann","dst":"me"}', LineUnreached("ann")),
        (TAKEN, LineRefused(Trouble.UNAVAILABLE_ID)),
        (error("Invalid key provided"), LineRefused(Trouble.INVALID_KEY)),
        (error("Invalid id provided"), LineRefused(Trouble.INVALID_ID)),
        (error("Server has reached its concurrent user limit"), LineDown(Trouble.SERVER_ERROR)),
        (error(7), LineDown(Trouble.SERVER_ERROR)),
        ('{"type":"ERROR"}', LineDown(Trouble.SERVER_ERROR)),
        ('{"type":"OFFER","dst":"me","payload":1}', None),
        ('{"type":"OFFER","src":" ","dst":"me","payload":1}', None),
        ('{"type":"EXPIRE","dst":"me"}', None),
        ('{"type":"EXPIRE","src":5}', None),
        ('{"type":"HEARTBEAT"}', None),
        ('{"type":5}', None),
        ("[]", None),
        ("", None),
        ("[" * 100_000, None),
        ("\ud800", None),
        (OFFER.encode(), None),
        (OFFER.replace("1", '"' + "x" * FRAME_BYTES + '"'), None),
    ],
)  # fmt: skip
def test_what_a_broker_says_means_this(message: str | bytes, event: LineEvent | None) -> None:
    assert meaning(message) == event


@given(st.one_of(st.text(), st.binary()))
def test_junk_means_nothing(message: str | bytes) -> None:
    assert meaning(message) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["type", "src", "dst", "payload", "msg"]), inner)
        ),
    ),
    st.sampled_from(["OPEN", "OFFER", "EXPIRE", "ERROR", "ID-TAKEN", "HEARTBEAT", ""]),
)
def test_frames_of_wrong_types_raise_nothing(value: object, kind: str) -> None:
    meaning(json.dumps(value))
    meaning(json.dumps({"type": kind, "src": value, "payload": value}))
