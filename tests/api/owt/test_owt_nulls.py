"""A JSON null in a request: the table of the README, field by field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from actors.words.broadcasts import Outlet
from actors.words.orders import Publish, Trickle
from api.owt.management.bodies import (
    OutputUpdates,
    PermissionUpdates,
    RecordingRequest,
    StreamUpdates,
)
from api.owt.management.bodies_streaming_out import StreamingOutRequest, StreamingOutUpdates
from api.owt.portal import orders
from api.owt.portal import requests as wire
from api.owt.portal.requests import BadRequest, read
from api.owt.rooms import read_room
from media.contract.candidates import Candidate
from tests.support.owt import Manager, owt_server
from tests.support.owt_portal import AGENT, connection, token

TO_PUBLISH = {
    "media": {
        "audio": {"source": "mic"},
        "video": {
            "source": "camera",
            "parameters": {"resolution": {"width": 640, "height": 480}, "framerate": 30},
        },
    }
}
TO_SUBSCRIBE = {
    "media": {
        "audio": {"from": "1", "format": {"codec": "opus", "sampleRate": 48000, "channelNum": 2}},
        "video": {
            "from": "1",
            "format": {"codec": "h264", "profile": "CB"},
            "parameters": {
                "resolution": {"width": 640, "height": 480},
                "framerate": 30,
                "bitrate": "x0.8",
                "keyFrameInterval": 2,
            },
            "simulcastRid": "f",
        },
    }
}
TO_UPDATE = {
    "id": "1",
    "operation": "update",
    "data": {
        "audio": {"from": "1"},
        "video": {"from": "1", "parameters": {"framerate": 30, "bitrate": 500}},
    },
}
TO_RECORD = {
    "container": "mkv",
    "media": {
        "audio": TO_SUBSCRIBE["media"]["audio"],
        "video": {k: v for k, v in TO_SUBSCRIBE["media"]["video"].items() if k != "simulcastRid"},
    },
}

TO_SEND_OUT = {
    "protocol": "hls",
    "url": "https://h/a.m3u8",
    "parameters": {"method": "PUT", "hlsTime": 2, "hlsListSize": 5},
    "media": {
        "audio": {"from": "1", "format": {"codec": "aac", "sampleRate": 48000, "channelNum": 2}},
        "video": TO_RECORD["media"]["video"],  # type: ignore[index]
    },
}


def with_nulls(document: Any) -> list[tuple[str, Any]]:
    """Return where each property is, and the document with a null in its place."""
    found = []
    for key, value in document.items():
        found.append((key, {**document, key: None}))
        if isinstance(value, dict):
            found += [
                (f"{key}.{path}", {**document, key: inner}) for path, inner in with_nulls(value)
            ]
    return found


def named(cases: list[tuple[str, Any]]) -> list[Any]:
    return [pytest.param(path, document, id=path) for path, document in cases]


# --- the portal


def test_the_examples_are_good() -> None:
    read(wire.PublishRequest, TO_PUBLISH)
    read(wire.SubscribeRequest, TO_SUBSCRIBE)
    wire.read_subscription_control(TO_UPDATE)
    RecordingRequest.model_validate(TO_RECORD)
    StreamingOutRequest.model_validate(TO_SEND_OUT)


@pytest.mark.parametrize(("path", "data"), named(with_nulls(TO_PUBLISH)))
def test_no_property_of_a_publication_is_null(path: str, data: Any) -> None:
    with pytest.raises(BadRequest, match=rf"^request\.{path} should "):
        read(wire.PublishRequest, data)


@pytest.mark.parametrize(("path", "data"), named(with_nulls(TO_SUBSCRIBE)))
def test_no_property_of_a_subscription_is_null(path: str, data: Any) -> None:
    with pytest.raises(BadRequest, match=rf"^request\.{path} should "):
        read(wire.SubscribeRequest, data)


@pytest.mark.parametrize(("path", "data"), named(with_nulls(TO_UPDATE)))
def test_no_property_of_an_update_is_null(path: str, data: Any) -> None:
    with pytest.raises(BadRequest, match=r"^request"):
        wire.read_subscription_control(data)


def test_the_words_are_those_of_the_type() -> None:
    data = {"media": {"audio": False, "video": {"source": "camera", "parameters": None}}}
    with pytest.raises(BadRequest) as caught:
        read(wire.PublishRequest, data)
    assert str(caught.value) == 'request.media.video.parameters should be object "object"'


@pytest.mark.parametrize(
    "model", [wire.PublishRequest, wire.Text, wire.Soac, wire.Named, wire.Login]
)
def test_no_request_is_null(model: type[Any]) -> None:
    with pytest.raises(BadRequest, match='request should be object "object"'):
        read(model, None)


def test_attributes_are_any_json_and_null_is_none() -> None:
    order = orders.publish(read(wire.PublishRequest, {**TO_PUBLISH, "attributes": None}), 1000)
    assert isinstance(order, Publish)
    assert order.attributes is None
    inner = {**TO_PUBLISH, "attributes": {"mood": None}}
    assert orders.publish(read(wire.PublishRequest, inner), 1000).attributes == b'{"mood":null}'


def test_a_candidate_is_as_browsers_write_it() -> None:
    """RTCIceCandidateInit: `sdpMid` and `sdpMLineIndex` are nullable."""
    found = {"candidate": "candidate:1 1 UDP …", "sdpMid": None, "sdpMLineIndex": None}
    request = {"id": "5", "signaling": {"type": "candidate", "candidate": found}}
    order = orders.signalling(read(wire.Soac, request), "192.0.2.1")
    assert order == Trickle("5", (Candidate("candidate:1 1 UDP …", None, None),))
    broken = {"type": "candidate", "candidate": {**found, "candidate": None}}
    with pytest.raises(BadRequest):
        read(wire.Soac, {"id": "5", "signaling": broken})


async def test_a_login_with_nulls(tmp_path: Path) -> None:
    async with owt_server(tmp_path) as server:
        room = (await server.manager().create_room())["_id"]
        async with connection(server) as ann:
            agent = AGENT | {"sdk": {"type": None, "version": None}, "runtime": None, "os": None}
            await ann.login(await token(server, room), userAgent=agent)
        async with connection(server) as bob:
            request = {"token": await token(server, room), "userAgent": AGENT, "protocol": None}
            assert await bob.refused("login", request) == "Unknown client protocol"


# --- the management API


@pytest.mark.parametrize(("path", "data"), named(with_nulls(TO_RECORD)))
def test_no_property_of_a_recording_is_null(path: str, data: Any) -> None:
    with pytest.raises(ValidationError):
        RecordingRequest.model_validate(data)


@pytest.mark.parametrize(("path", "data"), named(with_nulls(TO_SEND_OUT)))
def test_of_a_stream_out_protocol_and_parameters_may_be_null(path: str, data: Any) -> None:
    if path in ("protocol", "parameters"):
        assert StreamingOutRequest.model_validate(data).outlet == Outlet("hls", "https://h/a.m3u8")
        return
    with pytest.raises(ValidationError):
        StreamingOutRequest.model_validate(data)


@pytest.mark.parametrize(
    ("model", "update"),
    [
        (PermissionUpdates, {"op": "replace", "path": "/permission/publish/audio", "value": True}),
        (StreamUpdates, {"op": "add", "path": "/info/inViews", "value": "common"}),
        (StreamUpdates, {"op": "replace", "path": "/media/audio/status", "value": "active"}),
        (OutputUpdates, {"op": "replace", "path": "/media/audio/from", "value": "1"}),
        (StreamingOutUpdates, {"op": "replace", "path": "/media/audio/from", "value": "1"}),
    ],
)
def test_no_property_of_a_change_is_null(model: type[Any], update: dict[str, Any]) -> None:
    model.model_validate([update])
    for _, broken in with_nulls(update):
        with pytest.raises(ValidationError):
            model.model_validate([broken])
    with pytest.raises(ValidationError):
        model.model_validate([None])


def test_nulls_are_taken_out_of_a_room_at_every_depth() -> None:
    options: dict[str, Any] = {
        "name": "blue",
        "inputLimit": None,
        "roles": None,
        "views": [None, {"label": "one", "video": {"maxInput": None, "layout": None}}],
        "mediaIn": {"audio": [{"codec": "opus", "sampleRate": None}], "video": None},
    }
    room, plain = read_room(options).as_json(), read_room({"name": "blue"}).as_json()
    assert (room["inputLimit"], room["roles"]) == (-1, plain["roles"])
    assert room["views"] == [{**plain["views"][0], "label": "one"}]
    assert room["mediaIn"] == {"audio": [{"codec": "opus"}], "video": []}


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Manager]:
    async with owt_server(tmp_path) as server:
        yield server.manager()


async def test_rooms_and_tokens_with_nulls(manager: Manager) -> None:
    made = await manager.ask("POST", "/v1/rooms", {"name": "blue", "options": None})
    room = f"/v1/rooms/{made.json()['_id']}"
    assert trouble(await manager.ask("POST", "/v1/rooms", {"name": None})) == (400, 1201)
    changed = await manager.ask("PUT", room, {"inputLimit": 5, "participantLimit": 7})
    assert changed.json()["inputLimit"] == 5
    changed = await manager.ask("PUT", room, {"inputLimit": None})
    assert (changed.json()["inputLimit"], changed.json()["participantLimit"]) == (-1, 7)
    patch: list[Any] = [{"op": "replace", "path": "/participantLimit", "value": None}]
    assert (await manager.ask("PATCH", room, patch)).json()["participantLimit"] == -1
    for broken in (
        [{"op": "move", "path": "/name", "from": None}],
        [{"op": "copy", "path": "/name", "from": None}],
        [{"op": None, "path": "/name", "value": "x"}],
        [{"op": "add", "path": None, "value": "x"}],
        [None],
    ):
        assert trouble(await manager.ask("PATCH", room, broken)) == (400, 1201), broken
    good = {"user": "ann", "role": "presenter"}
    for preference in (None, {"isp": None, "region": None}):
        body = {**good, "preference": preference}
        assert (await manager.ask("POST", f"{room}/tokens", body)).status_code == 200
    for name in good:
        answer = await manager.ask("POST", f"{room}/tokens", {**good, name: None})
        assert trouble(answer) == (400, 1201)
    nobody = {"user": None, "role": None}
    header = manager.header("ann", "presenter")
    answer = await manager.ask("POST", f"{room}/tokens", nobody, header=header)
    assert answer.status_code == 200, "the header says who it is for"


@pytest.mark.parametrize("text", ["null", " null ", "5", '"x"', "true"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/rooms"),
        ("PUT", ""),
        ("PATCH", ""),
        ("POST", "/tokens"),
        ("POST", "/recordings"),
    ],
)
async def test_a_body_is_an_object_or_a_list(
    manager: Manager, method: str, path: str, text: str
) -> None:
    room = f"/v1/rooms/{(await manager.create_room())['_id']}"
    headers = {"Authorization": manager.header(), "Content-Type": "application/json"}
    where = path if path.startswith("/v1") else room + path
    async with httpx.AsyncClient(base_url=manager.url) as http:
        answer = await http.request(method, where, headers=headers, content=text)
    error = {"code": 1201, "message": "Failed to parse JSON body"}
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def trouble(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]
