"""What clients may ask of the portal, as orders; and what is wrong with what they may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core import Refused
from actors.words.orders import (
    ControlStream,
    ControlSubscription,
    GetRegion,
    Offer,
    Order,
    Publish,
    Say,
    SetRegion,
    Subscribe,
    Trickle,
)
from actors.words.streams import (
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from api.owt.portal import orders
from api.owt.portal import requests as wire
from api.owt.portal.requests import BadRequest, read
from media.contract.candidates import Candidate


def publish(data: object) -> Order:
    return orders.publish(read(wire.PublishRequest, data), 1000)


def subscribe(data: object) -> Order:
    return orders.subscribe(read(wire.SubscribeRequest, data))


def text(data: object) -> Order:
    return orders.say(read(wire.Text, data))


def soac(data: object) -> Order | None:
    return orders.signalling(read(wire.Soac, data), "192.0.2.1")


def stream_control(data: object) -> Order:
    return orders.control_stream(wire.read_stream_control(data))


def subscription_control(data: object) -> Order:
    return orders.control_subscription(wire.read_subscription_control(data))


Reader = Callable[[object], Order | None]
READERS: list[Reader] = [publish, subscribe, text, soac, stream_control, subscription_control]

HD = {"resolution": {"width": 1280, "height": 720}, "framerate": 30}
GOOD: list[tuple[Reader, Any, Order | None]] = [
    (text, {"to": "all", "message": "hi"}, Say("hi", echoed=True)),
    (text, {"to": "Bob-1", "message": ""}, Say("", "Bob-1", echoed=True)),
    (
        publish,
        {
            "media": {
                "audio": {"source": "mic"},
                "video": {"source": "screen-cast", "parameters": HD},
            },
            "attributes": {"a": [1]},
            "transport": {"type": "webrtc"},
        },
        Publish(
            "mic", "screen-cast",
            VideoParameters(Resolution(1280, 720), 30.0), b'{"a":[1]}',
        ),
    ),
    (publish, {"media": {"audio": False, "video": False}}, Publish(None, None)),
    (
        subscribe,
        {"media": {"audio": {"from": "1"}, "video": {"from": "2", "simulcastRid": "h"}}},
        Subscribe(AudioWanted("1"), VideoWanted("2", rid="h")),
    ),
    (
        subscribe,
        {
            "media": {
                "audio": False,
                "video": {
                    "from": "2",
                    "format": {"codec": "H264", "profile": "CB"},
                    "parameters": {**HD, "bitrate": "x0.8", "keyFrameInterval": 2},
                },
            }
        },
        Subscribe(
            None,
            VideoWanted(
                "2",
                VideoFormat("h264", "CB"),
                VideoParameters(Resolution(1280, 720), 30.0, "x0.8", 2.0),
            ),
        ),
    ),
    (
        subscribe,
        {"media": {"audio": False, "video": {"from": "2", "parameters": {"bitrate": "x1"}}}},
        Subscribe(None, VideoWanted("2", parameters=VideoParameters(bitrate="x1"))),
    ),
    (
        soac,
        {"id": "5", "signaling": {"type": "offer", "sdp": "v=0"}},
        Offer("5", "v=0", "192.0.2.1"),
    ),
    (
        soac,
        {
            "id": "5",
            "signaling": {
                "type": "candidate",
                "candidate": {
                    "candidate": "a=candidate:1 1 UDP …", "sdpMid": "0", "sdpMLineIndex": 0,
                },
            },
        },
        Trickle("5", (Candidate("a=candidate:1 1 UDP …", "0", 0),)),
    ),
    (soac, {"id": "5", "signaling": {"type": "removed-candidates", "candidates": [{}]}}, None),
    (
        stream_control,
        {"id": "1", "operation": "pause", "data": "av"},
        ControlStream("1", (StatusChange("audio", False), StatusChange("video", False))),
    ),
    (
        stream_control,
        {"id": "1", "operation": "play", "data": "video"},
        ControlStream("1", (StatusChange("video", True),)),
    ),
    (
        subscription_control,
        {"id": "1", "operation": "pause", "data": "audio"},
        ControlSubscription("1", (StatusChange("audio", False),)),
    ),
    (
        subscription_control,
        {
            "id": "1",
            "operation": "update",
            "data": {
                "audio": {"from": "2"},
                "video": {"from": "3", "parameters": {"bitrate": 500}},
            },
        },
        ControlSubscription(
            "1",
            (
                SourceChange("audio", "2"),
                SourceChange("video", "3"),
                ParametersChange(VideoParameters(bitrate=500)),
            ),
        ),
    ),
]  # fmt: skip

ID = r'should match pattern "^[0-9a-zA-Z\-]+$" "^[0-9a-zA-Z\\-]+$"'
MIC = {"source": "mic"}
WRONG: list[tuple[Reader, Any, str]] = [
    (
        publish,
        {"media": {"audio": MIC}},
        "request.media should have required property 'video' \"video\"",
    ),
    (
        publish,
        {"media": {}},
        "request.media should have required property 'audio' \"audio\","
        "request.media should have required property 'video' \"video\"",
    ),
    (publish, {}, "request should have required property 'media' \"media\""),
    (publish, None, 'request should be object "object"'),
    (
        publish,
        {"media": {"audio": {"source": "radio"}, "video": False}},
        "request.media.audio.source should be equal to one of the allowed values "
        '["mic", "screen-cast", "raw-file", "encoded-file"]',
    ),
    (
        publish,
        {"media": {"audio": True, "video": False}},
        'request.media.audio should be object "object"',
    ),
    (
        publish,
        {"media": {"audio": MIC, "video": False}, "attributes": "x" * 2000},
        "The attributes are too large",
    ),
    (
        publish,
        {"media": {"audio": MIC, "video": False}, "attributes": json.loads("[" * 65 + "]" * 65)},
        "The attributes are too large",
    ),
    (
        subscribe,
        {"media": {"audio": {"from": 3}, "video": False}},
        'request.media.audio.from should be string "string"',
    ),
    (text, {"to": "", "message": "x"}, "Invalid receiver"),
    (text, {"to": "all"}, "request should have required property 'message' \"message\""),
    (soac, {"id": "a_b", "signaling": {"type": "offer", "sdp": ""}}, f"request.id {ID}"),
    (soac, {"id": "1\n", "signaling": {"type": "offer", "sdp": ""}}, f"request.id {ID}"),
    (soac, {"id": "1", "signaling": {"type": "answer", "sdp": ""}}, "Invalid signaling type"),
    (soac, {"id": "1", "signaling": {"type": "hello"}}, "Invalid signaling type"),
    (
        soac,
        {"id": "1", "signaling": {"type": "candidate", "candidate": {}}},
        "request.signaling.candidate should have required property 'candidate' \"candidate\"",
    ),
    (
        stream_control,
        {"id": "1", "operation": "pause", "data": "smell"},
        'request.data should be equal to one of the allowed values ["audio", "video", "av"]',
    ),
    (
        stream_control,
        {"id": "1", "operation": "explode"},
        "request should match exactly one schema in oneOf null",
    ),
    (
        subscription_control,
        {"id": "1", "operation": "update"},
        "request should have required property 'data' \"data\"",
    ),
]


@pytest.mark.parametrize(("reader", "data", "order"), GOOD)
def test_a_request_becomes_an_order(reader: Reader, data: object, order: Order | None) -> None:
    assert reader(data) == order


@pytest.mark.parametrize(("reader", "data", "words"), WRONG)
def test_what_is_wrong_is_said_in_words(reader: Reader, data: object, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        reader(data)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("operation", "data", "order"),
    [
        ("mix", "common", ControlStream("1", (ViewChange("common", member=True),))),
        ("unmix", "common", ControlStream("1", (ViewChange("common", member=False),))),
        ("get-region", "common", GetRegion("1", "common")),
        ("set-region", {"view": "common", "region": "2"}, SetRegion("1", "common", "2")),
    ],
)
def test_what_is_asked_of_views(operation: str, data: object, order: Order) -> None:
    assert stream_control({"id": "1", "operation": operation, "data": data}) == order


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
LEAVES = st.sampled_from([json.dumps(data) for _, data, _ in GOOD])


@given(st.sampled_from(READERS), LEAVES, JSON, st.integers(0, 20))
def test_whatever_comes_is_an_order_or_refused(
    reader: Reader, text: str, junk: object, place: int
) -> None:
    """A good request with something in it replaced."""
    for data in (junk, _replaced(json.loads(text), junk, place)):
        with suppress(BadRequest, Refused):
            reader(data)


def _replaced(data: Any, junk: object, place: int) -> Any:
    places: list[tuple[Any, str]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                places.append((node, key))
                walk(value)

    walk(data)
    node, key = places[place % len(places)]
    node[key] = junk
    return data
