"""Telephone calls over the management API: bodies, answers and errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from actors.words.calls import ChangeCall, EndCall, StartCall
from actors.words.facts import Presence
from actors.words.permission import Abilities, Permission
from actors.words.streams import (
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    VideoParameters,
    VideoWanted,
)
from api.owt.management import views
from api.owt.management.answers import SipCallAnswer
from api.owt.management.bodies_sip_calls import SipCallRequest, SipCallUpdates
from tests.api.owt.test_rest_live import Scene, trouble
from tests.support.owt import SUPER, owt_server
from tests.support.scripted_calls import CALL, CALLER

URI = "sip:ann:sesame@sip.example.org;transport=tcp"
SOUND: dict[str, Any] = {
    "peerURI": URI,
    "mediaIn": {"audio": True, "video": False},
    "mediaOut": {"audio": {"from": "1"}, "video": False},
}
PICTURE: dict[str, Any] = {
    "peerURI": URI,
    "mediaIn": {"audio": True, "video": True},
    "mediaOut": {
        "audio": {"from": "1"},
        "video": {
            "from": "2",
            "parameters": {
                "resolution": {"width": 352, "height": 288},
                "framerate": 15,
                "bitrate": "x0.8",
                "keyFrameInterval": 2,
            },
        },
    },
}
SHOWN = {
    "id": CALLER,
    "type": "dial-in",
    "peer": "sip:+49301234@sip.example.org",
    "output": {
        "id": "161803",
        "media": {
            "audio": {"from": "room-common"},
            "video": {
                "from": "room-common",
                "parameters": {"resolution": {"width": 352, "height": 288}, "framerate": 15},
            },
        },
    },
    "digits": [{"digit": "4", "milliseconds": 120}, {"digit": "#", "milliseconds": 80}],
}
UPDATES: list[dict[str, Any]] = [
    {"op": "replace", "path": "/output/media/audio/from", "value": "3"},
    {"op": "replace", "path": "/output/media/video/from", "value": "4"},
    {
        "op": "replace",
        "path": "/output/media/video/parameters/resolution",
        "value": {"width": 320, "height": 240},
    },
    {"op": "replace", "path": "/output/media/video/parameters/framerate", "value": 15},
    {"op": "replace", "path": "/output/media/video/parameters/bitrate", "value": "x0.6"},
    {"op": "replace", "path": "/output/media/video/parameters/keyFrameInterval", "value": 5},
]
CHANGES = (
    SourceChange("audio", "3"),
    SourceChange("video", "4"),
    ParametersChange(VideoParameters(Resolution(320, 240))),
    ParametersChange(VideoParameters(framerate=15)),
    ParametersChange(VideoParameters(bitrate="x0.6")),
    ParametersChange(VideoParameters(keyframe_interval=5)),
)
ANYBODY = Presence("SipOut1")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with owt_server(tmp_path) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        found = Scene(server, manager, f"/rooms/{room}")
        await server.live(room, found.room)
        yield found


def strict(document: Any) -> Any:
    """Read a call as a client that knows these keys only."""
    TypeAdapter(SipCallAnswer).validate_python(document)
    return document


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a body with another value at a path ("mediaIn.audio")."""
    copy = json.loads(json.dumps(body))
    *above, last = path.split(".")
    place = copy
    for step in above:
        place = place[step]
    place[last] = value
    return copy  # type: ignore[no-any-return]


# --- bodies


def test_what_a_call_out_asks_the_room_for() -> None:
    parameters = VideoParameters(Resolution(352, 288), 15, "x0.8", 2)
    assert SipCallRequest.model_validate(PICTURE).order(ANYBODY) == StartCall(
        URI, ANYBODY, True, AudioWanted("1"), VideoWanted("2", None, parameters)
    )
    assert SipCallRequest.model_validate(SOUND).order(ANYBODY) == StartCall(
        URI, ANYBODY, False, AudioWanted("1"), None
    )


@pytest.mark.parametrize(
    "path",
    [
        "mediaOut.video.parameters",
        "mediaOut.video.parameters.resolution",
        "mediaOut.video.parameters.framerate",
        "mediaOut.video.parameters.bitrate",
        "mediaOut.video.parameters.keyFrameInterval",
    ],
)
def test_a_null_is_left_out(path: str) -> None:
    body = changed(PICTURE, path, None)
    above, _, last = path.rpartition(".")
    without = json.loads(json.dumps(PICTURE))
    place = without
    for step in above.split("."):
        place = place[step]
    del place[last]
    read = SipCallRequest.model_validate
    assert read(body).order(ANYBODY) == read(without).order(ANYBODY)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("peerURI", None), ("peerURI", ""), ("peerURI", 5), ("peerURI", "a" * 1025),
        ("mediaIn", None), ("mediaIn", {"audio": True}), ("mediaIn", {"video": True}),
        ("mediaIn.audio", False), ("mediaIn.video", False),
        ("mediaIn.video", "auto"), ("mediaIn.other", True),
        ("mediaOut", None), ("mediaOut.audio", False), ("mediaOut.audio", None),
        ("mediaOut.audio", {}), ("mediaOut.audio.format", {"codec": "pcmu"}),
        ("mediaOut.audio.from", ""), ("mediaOut.audio.from", "1" * 257),
        ("mediaOut.video", None), ("mediaOut.video", True), ("mediaOut.video", False),
        ("mediaOut.video.from", None), ("mediaOut.video.parameters.framerate", "15"),
        ("mediaOut.video.parameters.other", 1), ("mediaOut.other", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_a_call(path: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        SipCallRequest.model_validate(changed(PICTURE, path, value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PIECES = JSON | st.sampled_from([True, False, {"from": "1"}, "1", {"audio": True, "video": False}])
BODIES = st.dictionaries(
    st.sampled_from(["peerURI", "mediaIn", "mediaOut", "x"]),
    PIECES | st.dictionaries(st.sampled_from(["audio", "video"]), PIECES),
)


@given(BODIES)
def test_any_body_is_an_order_or_refused(body: dict[str, Any]) -> None:
    try:
        order = SipCallRequest.model_validate(body).order(ANYBODY)
    except ValidationError:
        return
    assert order.uri == body["peerURI"]
    assert order.video == (order.sees is not None)
    assert URI not in repr(order)


@given(st.lists(st.fixed_dictionaries({"op": JSON, "path": JSON, "value": JSON})) | JSON)
def test_any_updates_are_changes_or_refused(body: Any) -> None:
    try:
        changes = SipCallUpdates.model_validate(body).changes
    except ValidationError:
        return
    assert len(changes) == len(body)


# --- the API


@pytest.mark.parametrize("end", ["", "/"])
async def test_calls_are_listed(scene: Scene, end: str) -> None:
    for version in ("v1", "v1.1"):
        (call,) = (await scene.ask("GET", f"/sipcalls{end}", None, version)).json()
        sent = strict(call).pop("input")
        assert call == SHOWN
        assert sent["info"] == {"owner": CALLER, "type": "sip", "inViews": []}
        assert sent["media"]["audio"]["format"]["codec"] == "pcmu"
        assert ("original" in sent["media"]["video"]) == (version == "v1.1")


def test_what_a_call_does_not_have_is_not_shown() -> None:
    bare = replace(CALL, stream=None, audio=None, video=None, digits=())
    shown = strict(views.sip_call(bare, "1.1"))
    assert "input" not in shown
    assert shown["output"]["media"] == {"audio": False, "video": False}
    assert shown["digits"] == []


@pytest.mark.parametrize(("body", "end"), [(SOUND, ""), (PICTURE, "/")])
async def test_a_call_out(scene: Scene, body: dict[str, Any], end: str) -> None:
    answer = await scene.ask("POST", f"/sipcalls{end}", body)
    assert answer.status_code == 200, answer.text
    call = strict(answer.json())
    order = scene.room.asked[-1]
    assert isinstance(order, StartCall)
    both = Abilities(audio=True, video=True)
    assert order.presence == Presence(
        call["id"], "ann", role="sip", permission=Permission(both, both)
    )
    assert order == SipCallRequest.model_validate(body).order(order.presence)
    assert (call["id"][:6], call["type"], call["peer"]) == ("SipOut", "dial-out", URI)
    assert call["output"]["media"] == body["mediaOut"]


async def test_each_call_has_its_own_id(scene: Scene) -> None:
    ids = {(await scene.ask("POST", "/sipcalls", SOUND)).json()["id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("busy", (500, 1301), "RPC:makeSipCall failed: busy"),
        ("line", (500, 1301), "RPC:makeSipCall failed: nobody has answered"),
        ("full", (500, 1301), "RPC:makeSipCall failed: room full"),
        ("later", (503, 2001), "The server is busy, try again"),
        ("no-cpu", (503, 2001), "Server is busy: call"),
    ],
)
async def test_what_does_not_come_about_says_why(
    scene: Scene, name: str, expected: tuple[int, int], words: str
) -> None:
    answer = await scene.ask("POST", "/sipcalls", SOUND | {"peerURI": f"sip:{name}@h"})
    assert trouble(answer) == expected
    assert answer.json()["error"]["message"] == words


async def test_a_room_without_a_role_for_telephones_calls_nobody(scene: Scene) -> None:
    await scene.ask("PUT", "", {"roles": [{"role": "viewer"}]})
    answer = await scene.ask("POST", "/sipcalls", SOUND)
    assert trouble(answer) == (500, 1301)
    assert not any(isinstance(it, StartCall) for it in scene.room.asked)


@pytest.mark.parametrize("body", [{}, [], SOUND | {"mediaIn": {"audio": True, "video": True}}])
async def test_a_body_of_the_wrong_form(scene: Scene, body: Any) -> None:
    assert trouble(await scene.ask("POST", "/sipcalls", body)) == (400, 1201)
    assert scene.room.asked == []


async def test_a_call_is_changed(scene: Scene) -> None:
    for path in (f"/sipcalls/{CALLER}", f"/sipcalls/{CALLER}/"):
        answer = await scene.ask("PATCH", path, UPDATES)
        assert strict(answer.json())["id"] == CALLER
        assert scene.room.asked[-1] == ChangeCall(CALLER, CHANGES)


@pytest.mark.parametrize(
    "update",
    [
        {"op": "replace", "path": "/media/audio/from", "value": "1"},
        {"op": "replace", "path": "/output/media/audio/status", "value": "inactive"},
        {"op": "replace", "path": "/output/media/video/parameters/framerate", "value": 7},
        {"op": "add", "path": "/output/media/audio/from", "value": "1"},
        {"op": "replace", "path": "/output/media/audio/from", "value": None},
        {"op": "replace", "path": "/output/media/audio/from"},
        {"op": "replace", "path": "/input", "value": "1"},
        None,
    ],
)
async def test_updates_that_cannot_be(scene: Scene, update: Any) -> None:
    assert trouble(await scene.ask("PATCH", f"/sipcalls/{CALLER}", [update])) == (500, 1301)
    assert scene.room.asked == []


@pytest.mark.parametrize(
    ("id", "source", "words"),
    [
        ("SipIn1", "1", "Operation failed: call unknown"),
        (CALLER, "nothing", "Operation failed: audio: stream"),
    ],
)
async def test_a_change_that_is_refused_says_why(
    scene: Scene, id: str, source: str, words: str
) -> None:
    updates = [{**UPDATES[0], "value": source}]
    answer = await scene.ask("PATCH", f"/sipcalls/{id}", updates)
    assert trouble(answer) == (500, 1301)
    assert answer.json()["error"]["message"] == words


@pytest.mark.parametrize("end", ["", "/"])
async def test_a_call_is_ended(scene: Scene, end: str) -> None:
    answer = await scene.ask("DELETE", f"/sipcalls/{CALLER}{end}")
    assert (answer.status_code, answer.text) == (200, "")
    assert scene.room.asked[-1] == EndCall(CALLER)
    assert trouble(await scene.ask("DELETE", f"/sipcalls/SipIn1{end}")) == (500, 1301)
    assert trouble(await scene.ask("DELETE", "/sipcalls/%20")) == (500, 1301)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/sipcalls", None),
        ("POST", "/sipcalls", SOUND),
        ("PATCH", f"/sipcalls/{CALLER}", UPDATES),
        ("DELETE", f"/sipcalls/{CALLER}", None),
    ],
)
async def test_another_service_has_no_such_room(
    scene: Scene, method: str, path: str, body: Any
) -> None:
    stranger = scene.server.manager(SUPER)
    assert trouble(await stranger.ask(method, f"/v1{scene.base}{path}", body)) == (404, 1003)
    assert scene.room.asked == []
