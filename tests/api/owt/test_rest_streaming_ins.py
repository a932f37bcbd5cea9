"""The management API for streams from outside, over real rooms on a fake engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from pydantic import ValidationError

from api.owt.management.bodies_streaming import StreamingInRequest
from media.contract.jobs import IngestWanted
from media.contract.streaming import (
    OutsideTrouble,
    PulledAudio,
    PulledVideo,
    SourceFound,
    SourceLost,
)
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.mixes import running
from tests.support.owt import Manager, OwtServer, owt_server, owt_settings
from tests.support.owt_portal import guest

URL = "rtsp://admin:pass-word@camera.example:8554/path-token?key=query-token"
SECRETS = ("pass-word", "path-token", "query-token", "admin:")
BODY = {"connection": {"url": URL}, "media": {"audio": "auto", "video": True}}
CAMERA = SourceFound(
    PulledAudio("pcm_mulaw", 8000, 1, passes=True),
    PulledVideo("h264", 1280, 720, 25.0, passes=True, profile="CB"),
)
FULL = {
    "type": "streaming",
    "connection": {"url": URL, "transportProtocol": "udp", "bufferSize": 65_536},
    "media": {"audio": True, "video": "auto"},
    "attributes": {"name": "door"},
}


def trouble(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


@dataclass
class Scene:
    server: OwtServer
    engine: FakeEngine
    manager: Manager
    room: str

    async def ask(
        self, method: str, path: str, body: Any = None, version: str = "v1.1"
    ) -> httpx.Response:
        where = f"/{version}/rooms/{self.room}{path}"
        return await self.manager.ask(method, where, body)

    async def job(self) -> str:
        """Wait for the one process that pulls."""
        with trio.fail_after(30):
            while not (found := list(running(self.engine, IngestWanted))):
                await trio.sleep(0.005)
        return found[0][0]

    async def gone(self) -> None:
        with trio.fail_after(30):
            while list(running(self.engine, IngestWanted)):
                await trio.sleep(0.005)

    async def pulled(
        self, event: SourceFound | SourceLost = CAMERA, body: Any = BODY, version: str = "v1.1"
    ) -> httpx.Response:
        """Ask for a stream, and have its source tell this."""
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await self.ask("POST", "/streaming-ins", body, version))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            self.engine.tell_of_job(await self.job(), event)
        return answers[0]


@asynccontextmanager
async def opened(tmp_path: Path, **sections: Any) -> AsyncIterator[Scene]:
    engine = FakeEngine()
    async with owt_server(tmp_path, settings=owt_settings(**sections), engine=engine) as server:
        manager = server.manager()
        yield Scene(server, engine, manager, (await manager.create_room())["_id"])


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(tmp_path) as found:
        yield found


async def test_a_stream_is_pulled_into_a_room_that_nobody_is_in(scene: Scene) -> None:
    with logged() as lines:
        answer = await scene.pulled(body=FULL)
        assert answer.status_code == 200, answer.text
        stream = answer.json()
        assert stream["type"] == "forward"
        assert stream["info"] == {
            "owner": "admin", "type": "streaming", "inViews": [], "attributes": {"name": "door"},
        }  # fmt: skip
        audio, video = stream["media"]["audio"], stream["media"]["video"]
        assert (audio["status"], audio["source"], audio["format"]["codec"]) == (
            "active", "streaming", "pcmu",
        )  # fmt: skip
        (original,) = video["original"]
        assert original["format"] == {"codec": "h264", "profile": "CB"}
        assert original["parameters"] == {
            "resolution": {"width": 1280, "height": 720}, "framerate": 25.0,
        }  # fmt: skip
        ((_, wanted),) = running(scene.engine, IngestWanted)
        assert (wanted.transport, wanted.buffer_bytes) == ("udp", 65_536)
        for path in ("/streaming-ins", "/streams"):
            listed = (await scene.ask("GET", path)).json()
            assert stream in listed
            assert "camera.example" not in str(listed)
        ended = await scene.ask("DELETE", f"/streaming-ins/{stream['id']}")
        assert (ended.status_code, ended.text) == (200, "")
        assert not list(running(scene.engine, IngestWanted)), "it is pulled no more by then"
        assert (await scene.ask("GET", "/streaming-ins")).json() == []
    assert not any(secret in str(lines) for secret in SECRETS)


async def test_both_versions_have_their_own_form(scene: Scene) -> None:
    video = (await scene.pulled(version="v1")).json()["media"]["video"]
    assert video["format"] == {"codec": "h264", "profile": "CB"}
    assert video["parameters"]["framerate"] == 25
    assert "original" not in video


async def test_people_in_the_room_see_it_come_change_and_go(scene: Scene) -> None:
    async with guest(scene.server, scene.room) as ann:
        stream = (await scene.pulled()).json()
        added = await ann.told("stream", id=stream["id"], status="add")
        assert added["data"] == stream
        lost = SourceLost(OutsideTrouble.SILENT, "nothing came for 10 s")
        scene.engine.tell_of_job(await scene.job(), lost)
        for kind in ("video", "audio"):
            told = await ann.told("stream", id=stream["id"], status="update")
            assert told["data"] == {"field": f"{kind}.status", "value": "inactive"}
        scene.engine.tell_of_job(await scene.job(), CAMERA)
        for kind in ("video", "audio"):
            told = await ann.told("stream", id=stream["id"], status="update")
            assert told["data"] == {"field": f"{kind}.status", "value": "active"}
        into = [{"op": "add", "path": "/info/inViews", "value": "common"}]
        changed = await scene.ask("PATCH", f"/streams/{stream['id']}", into)
        assert changed.json()["info"]["inViews"] == ["common"]
        told = await ann.told("stream", id=stream["id"], status="update")
        assert told["data"]["value"] == changed.json()
        await ann.told("stream", id=f"{scene.room}-common", status="update")
        assert (await scene.ask("DELETE", f"/streams/{stream['id']}")).status_code == 200
        await ann.told("stream", id=stream["id"], status="remove")
        await scene.gone()


async def test_it_may_take_longer_than_other_requests(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"ask_seconds": 0.3}) as scene:
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await scene.ask("POST", "/streaming-ins", BODY))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            job = await scene.job()
            await trio.sleep(0.7)
            assert answers == []
            scene.engine.tell_of_job(job, CAMERA)
        assert answers[0].status_code == 200, answers[0].text


@pytest.mark.parametrize(
    ("reason", "detail", "message"),
    [
        (
            OutsideTrouble.UNAUTHORISED, "it answers 401 Unauthorized",
            "Operation failed: it answers 401 Unauthorized",
        ),
        (OutsideTrouble.NOT_FOUND, "", "Operation failed: the source has no such stream"),
        (
            OutsideTrouble.UNREADABLE, "the source has no media",
            "Operation failed: the source has no media",
        ),
    ],
)  # fmt: skip
async def test_a_source_that_answers_otherwise(
    scene: Scene, reason: OutsideTrouble, detail: str, message: str
) -> None:
    answer = await scene.pulled(SourceLost(reason, detail))
    assert trouble(answer) == (500, 1301)
    assert answer.json()["error"]["message"] == message
    await scene.gone()


async def test_a_source_without_the_picture_that_is_wanted(scene: Scene) -> None:
    answer = await scene.pulled(SourceFound(CAMERA.audio, None))
    assert trouble(answer) == (500, 1301)
    assert answer.json()["error"]["message"].endswith("the source has no picture")


def without(document: dict[str, Any], *path: str) -> dict[str, Any]:
    head, *rest = path
    if rest:
        return {**document, head: without(document[head], *rest)}
    return {key: value for key, value in document.items() if key != head}


def having(document: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    head, *rest = path
    return {**document, head: having(document[head], value, *rest) if rest else value}


NO_BODIES = {
    "nothing": {},
    "a list": [],
    "no connection": without(FULL, "connection"),
    "no media": without(FULL, "media"),
    "no url": without(FULL, "connection", "url"),
    "no audio": without(FULL, "media", "audio"),
    "no video": without(FULL, "media", "video"),
    "audio null": having(FULL, None, "media", "audio"),
    "audio is 1": having(FULL, 1, "media", "audio"),
    "audio is a word": having(FULL, "yes", "media", "audio"),
    "neither": having(FULL, {"audio": False, "video": False}, "media"),
    "url null": having(FULL, None, "connection", "url"),
    "url is a number": having(FULL, 5, "connection", "url"),
    "sctp": having(FULL, "sctp", "connection", "transportProtocol"),
    "no buffer": having(FULL, 0, "connection", "bufferSize"),
    "large buffer": having(FULL, 2**40, "connection", "bufferSize"),
    "something else in connection": having(FULL, 1, "connection", "more"),
    "another type": having(FULL, "webrtc", "type"),
    "attributes": having(FULL, "door", "attributes"),
    "many attributes": having(FULL, {"name": "x" * 100_000}, "attributes"),
    "scheme": having(FULL, "udp://239.0.0.1:1234", "connection", "url"),
    "protocols of FFmpeg": having(FULL, "concat:/etc/passwd|b", "connection", "url"),
    "path": having(FULL, "/etc/passwd", "connection", "url"),
    "file": having(FULL, "file:///etc/passwd", "connection", "url"),
}


@pytest.mark.parametrize("body", [pytest.param(it, id=name) for name, it in NO_BODIES.items()])
async def test_no_such_request(scene: Scene, body: Any) -> None:
    answer = await scene.ask("POST", "/streaming-ins", body)
    assert trouble(answer) == (400, 1201), answer.text
    assert not scene.engine.jobs.jobs
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize(
    "path", [("type",), ("attributes",), ("connection", "transportProtocol"),
             ("connection", "bufferSize")],
)  # fmt: skip
def test_a_null_is_a_key_that_was_left_out(path: tuple[str, ...]) -> None:
    one = StreamingInRequest.model_validate(having(FULL, None, *path))
    assert one.order(1000) == StreamingInRequest.model_validate(without(FULL, *path)).order(1000)


def test_defaults_and_unknown_keys() -> None:
    order = StreamingInRequest.model_validate(BODY | {"more": 1}).order(1000)
    assert order is not None
    assert (order.transport, order.buffer_bytes, order.audio, order.video) == (
        "tcp", 8192, None, True,
    )  # fmt: skip
    assert not any(secret in repr(order) for secret in SECRETS)


def test_what_is_wrong_with_a_body_names_no_credentials() -> None:
    with pytest.raises(ValidationError) as caught:
        StreamingInRequest.model_validate(BODY | {"media": {}})
    assert caught.value.error_count() == 2


async def test_where_there_is_no_capacity(scene: Scene) -> None:
    scene.engine.jobs.places = 0
    answer = await scene.ask("POST", "/streaming-ins", BODY)
    assert trouble(answer) == (503, 2001)
    assert answer.json()["error"]["message"] == "Server is busy: ingest"


async def test_no_more_streams_than_the_room_takes(scene: Scene) -> None:
    await scene.ask("PUT", "", {"inputLimit": 0})
    answer = await scene.ask("POST", "/streaming-ins", BODY)
    assert trouble(answer) == (500, 1301)
    assert answer.json()["error"]["message"] == "Operation failed: Too many inputs"


async def test_a_caller_that_leaves_ends_what_it_began(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.ask, "POST", "/streaming-ins", BODY)
        await scene.job()
        nursery.cancel_scope.cancel()
    await scene.gone()
    assert (await scene.ask("GET", "/streaming-ins")).json() == []


@pytest.mark.parametrize("live", [False, True])
async def test_what_is_not_pulled_cannot_be_ended(scene: Scene, live: bool) -> None:
    if live:
        await scene.pulled()
    assert trouble(await scene.ask("DELETE", "/streaming-ins/5")) == (500, 1301)
    assert trouble(await scene.ask("DELETE", "/streaming-ins/a b")) == (500, 1301)
    assert trouble(await scene.ask("PATCH", "/streaming-ins/5", [])) == (500, 1301)


async def test_a_room_that_is_deleted_meanwhile(scene: Scene) -> None:
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await scene.ask("POST", "/streaming-ins", BODY))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await scene.job()
        assert (await scene.ask("DELETE", "")).status_code == 200
    assert trouble(answers[0]) == (500, 1301)
    assert not scene.engine.jobs.jobs


async def test_another_service_pulls_nothing_into_a_room(scene: Scene) -> None:
    stranger = scene.server.manager(key="another")
    answer = await stranger.ask("POST", f"/v1/rooms/{scene.room}/streaming-ins", BODY)
    assert answer.status_code == 401
    nowhere = f"/v1/rooms/{'f' * 24}/streaming-ins"
    assert trouble(await scene.manager.ask("POST", nowhere, BODY)) == (404, 1003)
