"""Recordings of a real server's conferences: they play back, however they came to their end."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.media_file import errors_in, look_into
from tests.support.owt_media import Caller, calling
from tests.support.owt_portal import CONFIG, Elsewhere, guest
from tests.support.process import RunningProcess, launched

MEDIA = CONFIG + 'ice = { listen_ips = ["127.0.0.1"] }\n'
RECORDED_SECONDS = 4.0
LOST_SECONDS = 2.0  # what a kill may cost
BEGIN_SECONDS = 60.0


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


@dataclass
class Scene:
    """A server where somebody publishes."""

    process: RunningProcess
    server: Elsewhere
    room: str
    caller: Caller
    stream: str

    @property
    def path(self) -> str:
        return f"/v1/rooms/{self.room}"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.server.manager().ask(method, f"{self.path}{path}", body)
        assert answer.status_code == 200, answer.text
        return answer

    async def record(self, container: str, *, audio: bool = True) -> tuple[str, Path]:
        """Start a recording of what is published; return its id, and the file to be, once it grows.

        It begins by itself, at first with a head that says what will come, which may take a while.
        """
        source = {"from": self.stream}
        media = {"audio": source if audio else False, "video": source}
        body = {"container": container, "media": media}
        found = (await self.ask("POST", "/recordings", body)).json()
        file = Path(found["storage"]["file"])
        growing = trio.Path(f"{file}.part")
        sizes: set[int] = {0}
        with trio.fail_after(BEGIN_SECONDS):
            while len(sizes) < 3:  # nothing, the head, and more
                await trio.sleep(0.02)
                if await growing.exists():
                    sizes.add((await growing.stat()).st_size)
        return found["id"], file


@asynccontextmanager
async def published(
    folder: Path,
    loop: MediaLoop,
    codecs: tuple[str, ...] = ("opus", "vp8"),
    options: dict[str, Any] | None = None,
) -> AsyncIterator[Scene]:
    async with launched(folder, MEDIA) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room(**options or {}))["_id"]
        async with guest(server, room) as ann, calling(ann, loop) as caller:
            stream = await caller.publish(codecs=codecs)
            await ann.told("stream", id=stream, status="add")
            yield Scene(process, server, room, caller, stream)


def assert_plays(file: Path, seconds: float, *codecs: str) -> None:
    """These are there for so long, and can be decoded."""
    assert errors_in(file) == ""
    found = look_into(file)
    assert set(found.packets) == set(codecs)
    for times in found.packets.values():
        assert times[-1] > seconds, found.duration


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "video"), [("mkv", "vp8"), ("webm", "vp8"), ("auto", "h264")]
)
async def test_a_recording_that_is_stopped_plays_back(
    tmp_path: Path, loop: MediaLoop, container: str, video: str
) -> None:
    async with published(tmp_path, loop, ("opus", video)) as scene:
        recording, file = await scene.record(container)
        await trio.sleep(RECORDED_SECONDS)
        [listed] = (await scene.ask("GET", "/recordings")).json()
        assert listed["id"] == recording
        await scene.ask("DELETE", f"/recordings/{recording}")
        assert_plays(file, RECORDED_SECONDS - 1.0, "opus", video)
        assert (await scene.ask("GET", "/recordings")).json() == []
        assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.slow
async def test_a_recording_has_keyframes_as_often_as_it_wants(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with published(tmp_path, loop) as scene:
        video = {"from": scene.stream, "parameters": {"keyFrameInterval": 2}}
        body = {"container": "mkv", "media": {"audio": {"from": scene.stream}, "video": video}}
        made = (await scene.ask("POST", "/recordings", body)).json()
        assert made["media"]["video"]["parameters"] == {"keyFrameInterval": 2}
        path = f"/recordings/{made['id']}"
        began = trio.current_time()
        await trio.sleep(2 * RECORDED_SECONDS)
        pace = "/media/video/parameters/keyFrameInterval"
        update = [{"op": "replace", "path": pace, "value": 30}]
        changed = (await scene.ask("PATCH", path, update)).json()
        assert changed["media"]["video"]["parameters"] == {"keyFrameInterval": 30}
        await scene.ask("DELETE", path)
        every_two_seconds = (trio.current_time() - began) / 2
        with av.open(made["storage"]["file"]) as file:
            keyframes = [it for it in file.demux(video=0) if it.is_keyframe and it.size]
        assert 4 <= len(keyframes) <= every_two_seconds + 2
        manager = scene.server.manager()
        nowhere = {"from": f"{scene.room}-nowhere"}
        for kinds in ({"audio": nowhere, "video": False}, {"audio": False, "video": nowhere}):
            refused = await manager.ask("POST", f"{scene.path}/recordings", {"media": kinds})
            assert refused.status_code == 500
            assert refused.json()["error"]["message"].endswith(": stream")


@pytest.mark.slow
async def test_an_mp4_has_its_sound_as_aac(tmp_path: Path, loop: MediaLoop) -> None:
    async with published(tmp_path, loop, ("opus", "h264")) as scene:
        started = [await scene.record("mp4", audio=audio) for audio in (True, False)]
        await trio.sleep(RECORDED_SECONDS)
        for recording, _ in started:
            await scene.ask("DELETE", f"/recordings/{recording}")
        (_, both), (_, picture) = started
        assert_plays(both, RECORDED_SECONDS - 1.0, "aac", "h264")
        assert_plays(picture, RECORDED_SECONDS - 1.0, "h264")


@pytest.mark.slow
async def test_an_mp4_without_transcoding_has_no_sound(tmp_path: Path, loop: MediaLoop) -> None:
    as_it_comes = {"transcoding": {"audio": False}}
    async with published(tmp_path, loop, ("opus", "h264"), as_it_comes) as scene:
        source = {"from": scene.stream}
        both = {"container": "mp4", "media": {"audio": source, "video": source}}
        manager = scene.server.manager()
        refused = await manager.ask("POST", f"{scene.path}/recordings", both)
        assert (refused.status_code, refused.json()["error"]["code"]) == (500, 1301)


@pytest.mark.slow
async def test_deleting_the_room_finalises_its_recordings(tmp_path: Path, loop: MediaLoop) -> None:
    async with published(tmp_path, loop) as scene:
        files = [(await scene.record(container))[1] for container in ("mkv", "webm")]
        await trio.sleep(RECORDED_SECONDS)
        await scene.ask("DELETE", "")
        for file in files:
            assert_plays(file, RECORDED_SECONDS - 1.0, "opus", "vp8")


@pytest.mark.slow
async def test_a_stop_of_the_server_finalises_its_recordings(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with published(tmp_path, loop) as scene:
        files = [(await scene.record(container))[1] for container in ("mkv", "webm")]
        await trio.sleep(RECORDED_SECONDS)
        scene.process.send(signal.SIGTERM)
        code, _ = await scene.process.end()
        assert code == 0
        for file in files:
            assert_plays(file, RECORDED_SECONDS - 1.0, "opus", "vp8")


@pytest.mark.slow
async def test_a_publisher_who_leaves_ends_the_recording_whole(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with published(tmp_path, loop) as scene:
        _, file = await scene.record("mkv")
        await trio.sleep(RECORDED_SECONDS)
        await scene.caller.guest.ok("logout")
        await scene.process.wait_for("recording.ended")
        assert_plays(file, RECORDED_SECONDS - 1.0, "opus", "vp8")


@pytest.mark.slow
async def test_a_kill_costs_a_recording_two_seconds_at_most(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with published(tmp_path, loop) as scene:
        files = [(await scene.record(container))[1] for container in ("mkv", "webm")]
        began = trio.current_time()
        await trio.sleep(RECORDED_SECONDS + LOST_SECONDS)
        recorded = trio.current_time() - began
        scene.process.send(signal.SIGKILL)
        await scene.process.end()
        assert {each.suffix for each in files[0].parent.iterdir()} == {".part"}
    async with launched(tmp_path, MEDIA) as process:
        rescued = {line["file"] for line in process.log if line["event"] == "recording.rescued"}
        left = [file.with_suffix(f".partial{file.suffix}") for file in files]
        assert rescued == {each.name for each in left}
        for file in left:
            assert_plays(file, recorded - LOST_SECONDS, "opus", "vp8")
        manager = Elsewhere(process.url).manager()
        for path in ("recordings", "streams", "participants"):
            answer = await manager.ask("GET", f"{scene.path}/{path}")
            assert (answer.status_code, answer.json()) == (200, [])
