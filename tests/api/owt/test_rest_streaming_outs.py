"""Streams out over the management API: bodies, answers and errors; and a room that sends one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from pydantic import ValidationError

from actors.words.broadcasts import ChangeBroadcast, EndBroadcast, Outlet, StartBroadcast
from actors.words.keys import RoomKey
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    VideoParameters,
    VideoWanted,
)
from api.owt.management.bodies_streaming_out import StreamingOutRequest, guessed
from media.contract.jobs import BroadcastWanted
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from tests.api.owt.test_rest_live import Scene, trouble
from tests.fakes.media import FakeEngine
from tests.support.mixes import running
from tests.support.owt import owt_server, owt_settings
from tests.support.owt_portal import connection, token

BOTH = {"audio": {"from": "123456"}, "video": {"from": "123456"}}
RTMP = {"url": "rtmp://ann:sesame@203.0.113.7/live/key?token=sesame", "media": BOTH}
HLS_PARAMETERS = {"method": "POST", "hlsTime": 4, "hlsListSize": 3}
DASH_PARAMETERS = {"method": "PUT", "dashSegDuration": 1.5, "dashWindowSize": 9}
SHOWN = {
    "audio": {
        "from": "123456",
        "format": {"codec": "aac", "sampleRate": 48000, "channelNum": 2},
    },
    "video": {
        "from": "123456",
        "format": {"codec": "h264", "profile": "CB"},
        "parameters": {"framerate": 15},
    },
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with owt_server(tmp_path) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        found = Scene(server, manager, f"/rooms/{room}")
        await server.live(room, found.room)
        yield found


# --- bodies


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("rtmp://h/a.m3u8", "rtmp"),
        ("RTMPS://h/a", "rtmp"),
        ("rtsp://h/a.mpd", "rtsp"),
        ("rtsps://h/a", "rtsp"),
        ("https://h/a.m3u8?x=.mpd", "hls"),
        ("/srv/a.M3U8", "hls"),
        ("file:///srv/a.mpd", "dash"),
        ("http://h/a.mp4", None),
        ("a", None),
    ],
)
def test_an_address_says_its_protocol(url: str, protocol: str | None) -> None:
    assert guessed(url) == protocol


@pytest.mark.parametrize(
    ("body", "outlet"),
    [
        ({"url": "rtmp://h/a"}, Outlet("rtmp", "rtmp://h/a")),
        ({"url": "rtmp://h/a", "protocol": None}, Outlet("rtmp", "rtmp://h/a")),
        (
            {"url": "http://h/a.m3u8", "parameters": None},
            Outlet("hls", "http://h/a.m3u8", "PUT", 2.0, 5),
        ),
        (
            {"url": "http://h/a.m3u8", "parameters": HLS_PARAMETERS},
            Outlet("hls", "http://h/a.m3u8", "POST", 4.0, 3),
        ),
        (
            {"url": "a/b", "protocol": "dash", "parameters": DASH_PARAMETERS},
            Outlet("dash", "a/b", "PUT", 1.5, 9),
        ),
    ],
)
def test_what_is_left_out_has_its_usual_value(body: dict[str, Any], outlet: Outlet) -> None:
    assert StreamingOutRequest.model_validate({**body, "media": BOTH}).outlet == outlet


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": None},
        {"url": "http://h/a.mp4"},
        {"url": "rtmp://h/a", "protocol": "hls"},
        {"url": "http://h/a", "protocol": "rtmp"},
        {"url": "/a", "protocol": "rtsp"},
        {"url": "rtmp://h/a", "protocol": "webrtc"},
        {"url": "rtmp:///a"},
        {"url": "rtmp://h:99999/a"},
        {"url": "rtmp://[h/a"},
        {"url": "rtmp://h/a b"},
        {"url": "rtmp://h/a\r\nx"},
        {"url": "ftp://h/a.m3u8"},
        {"url": "concat:a.m3u8|file:///etc/b.m3u8"},
        {"url": "http://h/", "protocol": "hls"},
        {"url": "http://h/..", "protocol": "hls"},
        {"url": "rtmp://h/" + "a" * 5000},
        {"url": "rtmp://h/a", "parameters": HLS_PARAMETERS},
        {"url": "http://h/a.mpd", "parameters": HLS_PARAMETERS},
        {"url": "http://h/a.m3u8", "parameters": {}},
        *(
            {
                "url": "http://h/a.m3u8",
                "parameters": {k: v for k, v in HLS_PARAMETERS.items() if k != name},
            }
            for name in HLS_PARAMETERS
        ),
        *(
            {"url": "http://h/a.m3u8", "parameters": HLS_PARAMETERS | change}
            for change in (
                {"method": "GET"}, {"hlsTime": 0}, {"hlsTime": 61}, {"hlsTime": "2"},
                {"hlsListSize": 0}, {"hlsListSize": 101}, {"hlsListSize": 2.5}, {"other": 1},
                {"method": None},
            )
        ),
        {"url": "rtmp://h/a", "media": {"audio": False}},
        {"url": "rtmp://h/a", "media": None},
        {"url": "rtmp://h/a", "media": {"audio": {"from": "1", "format": None}, "video": False}},
    ],
)  # fmt: skip
def test_what_cannot_be_a_stream_out(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StreamingOutRequest.model_validate({"media": BOTH, **body})


# --- the API


async def test_streams_out(scene: Scene) -> None:
    shown = {
        "id": "654",
        "protocol": "hls",
        "url": "https://203.0.113.7/a/b.m3u8",
        "parameters": {"method": "PUT", "hlsTime": 2, "hlsListSize": 5},
        "media": SHOWN,
    }
    assert (await scene.ask("GET", "/streaming-outs")).json() == [shown]
    body = {**RTMP, "media": {"audio": {"from": "123456", "format": {"codec": "AAC"}}}}
    body["media"]["video"] = {"from": "123456", "parameters": {"framerate": 15}}
    answer = await scene.ask("POST", "/streaming-outs", body)
    url = "rtmp://203.0.113.7/live/key"
    assert answer.json() == {"id": "654", "protocol": "rtmp", "url": url, "media": SHOWN}
    assert scene.room.asked[-1] == StartBroadcast(
        Outlet("rtmp", RTMP["url"]),
        AudioWanted("123456", AudioFormat("aac")),
        VideoWanted("123456", None, VideoParameters(framerate=15)),
    )
    updates = [
        {"op": "replace", "path": "/media/audio/from", "value": "1"},
        {
            "op": "replace",
            "path": "/media/video/parameters/resolution",
            "value": {"width": 320, "height": 240},
        },
        {"op": "replace", "path": "/media/video/parameters/framerate", "value": 15},
        {"op": "replace", "path": "/media/video/parameters/bitrate", "value": "x0.8"},
        {"op": "replace", "path": "/media/video/parameters/keyFrameInterval", "value": 2},
    ]
    assert (await scene.ask("PATCH", "/streaming-outs/654", updates)).json() == shown
    assert scene.room.asked[-1] == ChangeBroadcast(
        "654",
        (
            SourceChange("audio", "1"),
            ParametersChange(VideoParameters(Resolution(320, 240))),
            ParametersChange(VideoParameters(framerate=15)),
            ParametersChange(VideoParameters(bitrate="x0.8")),
            ParametersChange(VideoParameters(keyframe_interval=2)),
        ),
    )
    answer = await scene.ask("DELETE", "/streaming-outs/654")
    assert (answer.status_code, answer.text) == (200, "")
    assert scene.room.asked[-1] == EndBroadcast("654")


@pytest.mark.parametrize(
    ("source", "expected", "message"),
    [
        ("1", (500, 1301), "RPC:addServerSideSubscription failed: nobody answers there"),
        ("full", (503, 2001), "The server is busy, try again"),
    ],
)
async def test_what_does_not_start_says_why(
    scene: Scene, source: str, expected: tuple[int, int], message: str
) -> None:
    body = {**RTMP, "media": {"audio": {"from": source}, "video": False}}
    answer = await scene.ask("POST", "/streaming-outs", body)
    assert trouble(answer) == expected
    assert answer.json()["error"]["message"] == message


async def test_without_processing_power_it_is_busy(scene: Scene) -> None:
    scene.room.has_capacity = False
    answer = await scene.ask("POST", "/streaming-outs", RTMP)
    assert trouble(answer) == (503, 2001)
    assert answer.json()["error"]["message"] == "Server is busy: broadcast"


@pytest.mark.parametrize(
    "update",
    [
        {"op": "replace", "path": "/media/audio/status", "value": "inactive"},
        {"op": "replace", "path": "/media/video/parameters/framerate", "value": 7},
        {"op": "add", "path": "/media/audio/from", "value": "1"},
        {"op": "replace", "path": "/url", "value": "rtmp://h/a"},
        None,
    ],
)
async def test_changes_that_cannot_be(scene: Scene, update: Any) -> None:
    answer = await scene.ask("PATCH", "/streaming-outs/654", [update])
    assert trouble(answer) == (500, 1301)
    assert not any(isinstance(it, ChangeBroadcast) for it in scene.room.asked)


async def test_a_room_that_nobody_is_in_has_nothing_but_its_views(tmp_path: Path) -> None:
    async with owt_server(tmp_path) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        for body, expected in ((RTMP, (500, 1301)), ({"url": "rtmp://h/a"}, (400, 1201))):
            answer = await manager.ask("POST", f"/v1/rooms/{room}/streaming-outs", body)
            assert trouble(answer) == expected


# --- rooms on a fake engine


async def the_job(engine: FakeEngine) -> str:
    await until(lambda: bool(list(running(engine, BroadcastWanted))))
    ((job, _),) = running(engine, BroadcastWanted)
    return job


async def until(so: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not so():
            await trio.sleep(0.01)


async def test_a_room_sends_its_mix_until_it_is_told_to_end(tmp_path: Path) -> None:
    engine, answers = FakeEngine(), list[httpx.Response]()
    settings = owt_settings(limits={"ask_seconds": 0.5})
    async with owt_server(tmp_path, settings=settings, engine=engine) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        outs, mix = f"/v1/rooms/{room}/streaming-outs", {"from": f"{room}-common"}
        body = {**RTMP, "media": {"audio": mix, "video": mix}}
        async with connection(server) as ann:
            await ann.login(await token(server, room))

            async def post() -> None:
                answers.append(await manager.ask("POST", outs, body))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(post)
                job = await the_job(engine)
                await trio.sleep(0.7)  # it may take longer than other requests
                assert answers == []
                engine.tell_of_job(job, TargetFlows())
            (answer,) = answers
            assert answer.status_code == 200, answer.text
            assert answer.json()["media"]["audio"]["format"]["codec"] == "aac"
            assert "sesame" not in answer.text
        assert (await manager.ask("GET", outs)).json() == [answer.json()]
        one = f"{outs}/{answer.json()['id']}"
        assert (await manager.ask("DELETE", one)).status_code == 200
        assert not list(running(engine, BroadcastWanted))
        assert trouble(await manager.ask("DELETE", one)) == (500, 1301)


async def test_a_view_goes_out_of_a_room_that_nobody_is_in_until_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.owt.rooms.IDLE_SECONDS", 0.5)
    engine, answers = FakeEngine(), list[httpx.Response]()
    async with owt_server(tmp_path, engine=engine) as server:
        manager = server.manager()
        room, other = [(await manager.create_room())["_id"] for _ in range(2)]
        outs, mix = f"/v1/rooms/{room}/streaming-outs", {"from": f"{room}-common"}

        async def post() -> None:
            body = {**RTMP, "media": {"audio": mix, "video": mix}}
            answers.append(await manager.ask("POST", outs, body))

        async def expired(id: str) -> None:
            with trio.fail_after(30):
                while await server.services.directory.room(RoomKey("owt", id)) is not None:
                    await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(post)
            engine.tell_of_job(await the_job(engine), TargetFlows())
        assert answers[0].status_code == 200, answers[0].text
        refused = await manager.ask("POST", f"/v1/rooms/{other}/streaming-outs", RTMP)
        assert trouble(refused) == (500, 1301)
        await expired(other)  # it was begun later, and nothing goes out of it
        assert (await manager.ask("GET", outs)).json() == [answers[0].json()]
        ended = await manager.ask("DELETE", f"{outs}/{answers[0].json()['id']}")
        assert (ended.status_code, ended.text) == (200, "")
        assert not list(running(engine, BroadcastWanted))
        await expired(room)


async def test_a_caller_that_leaves_ends_what_it_began(tmp_path: Path) -> None:
    engine = FakeEngine()
    async with owt_server(tmp_path, engine=engine) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        mix = {"from": f"{room}-common"}
        body = {**RTMP, "media": {"audio": mix, "video": mix}}
        async with connection(server) as ann:
            await ann.login(await token(server, room))
            with trio.CancelScope() as leaving:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(
                        manager.ask, "POST", f"/v1/rooms/{room}/streaming-outs", body
                    )
                    await the_job(engine)
                    leaving.cancel()
            await until(lambda: not list(running(engine, BroadcastWanted)))


async def test_a_target_that_refuses_is_told_in_words(tmp_path: Path) -> None:
    engine, answers = FakeEngine(), list[httpx.Response]()
    async with owt_server(tmp_path, engine=engine) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        mix = {"from": f"{room}-common"}
        body = {**RTMP, "media": {"audio": False, "video": mix}}
        async with connection(server) as ann:
            await ann.login(await token(server, room))

            async def post() -> None:
                answers.append(await manager.ask("POST", f"/v1/rooms/{room}/streaming-outs", body))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(post)
                lost = TargetLost(OutsideTrouble.UNAUTHORISED, "it wants other credentials")
                engine.tell_of_job(await the_job(engine), lost)
        assert trouble(answers[0]) == (500, 1301)
        message = answers[0].json()["error"]["message"]
        assert message == "RPC:addServerSideSubscription failed: it wants other credentials"
