"""Cameras in a room of a real server, as its recordings show them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.cameras import media_file, rtmp_camera, rtsp_camera
from tests.support.jobs import children
from tests.support.media_file import errors_in, look_into
from tests.support.mixed_rooms import SECONDS, MixedRoom, mixed_room, until_it_holds

NEAR = '[streaming]\nallow = ["127.0.0.0/8"]\n'
WHO = ("joe", "pass-word")


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


async def pull(scene: MixedRoom, url: str, audio: Any = "auto", video: Any = "auto") -> Any:
    body = {"connection": {"url": url}, "media": {"audio": audio, "video": video}}
    return await scene.ok("POST", "/streaming-ins", body)


async def until_status(scene: MixedRoom, stream: str, status: str) -> None:
    with trio.fail_after(SECONDS):
        while True:
            found = await scene.ok("GET", f"/streams/{stream}")
            if found["media"]["video"]["status"] == status:
                return
            await trio.sleep(0.1)


async def test_a_camera_is_recorded_as_it_comes_and_ends(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, config=NEAR) as scene:
        with rtsp_camera(credentials=WHO) as camera:
            wrong = camera.url.replace(WHO[1], "guessed-word")
            body = {"connection": {"url": wrong}, "media": {"audio": "auto", "video": True}}
            refused = await scene.ask("POST", "/streaming-ins", body)
            assert refused.status_code == 500, refused.text
            assert "401" in refused.json()["error"]["message"]

            stream = await pull(scene, camera.url, audio=True, video=True)
            assert stream["media"]["audio"]["format"]["codec"] == "pcma"
            (original,) = stream["media"]["video"]["original"]
            assert original["format"]["codec"] == "h264"
            assert original["parameters"]["resolution"] == {"width": 320, "height": 240}
            source = {"from": stream["id"]}
            recording, file = await scene.record(audio=source, video=source)
            await until_it_holds(file, 3.0)
            await scene.stop(recording)
            camera.kill()
            await until_status(scene, stream["id"], "inactive")
        await scene.ok("DELETE", f"/streaming-ins/{stream['id']}")
        with trio.fail_after(SECONDS):
            while children(scene.process.process.pid):
                await trio.sleep(0.05)
        said = "\n".join(map(str, scene.process.log))
    found = look_into(file)
    assert found.sizes == {"h264": (320, 240)}
    assert set(found.packets) == {"h264", "pcm_s16le"}
    assert errors_in(file) == ""
    for event in ("started", "lost", "ended"):
        assert f"streaming_in.{event}" in said
    for secret in (*WHO, "guessed-word", "/live"):
        assert secret not in said


async def test_a_camera_that_dies_is_the_same_stream_when_it_is_back(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with mixed_room(tmp_path, loop, config=NEAR) as scene:
        with rtmp_camera() as camera:
            stream = await pull(scene, camera.url)
            await until_status(scene, stream["id"], "active")
            camera.kill()
            await until_status(scene, stream["id"], "inactive")
        with rtmp_camera(port=urlsplit(camera.url).port or 0):
            start = trio.current_time()
            await until_status(scene, stream["id"], "active")
            took = trio.current_time() - start
            print(f"active {took:.1f} s after the camera was back")
            assert took < 20
            assert [it["id"] for it in await scene.ok("GET", "/streaming-ins")] == [stream["id"]]
            source = {"from": stream["id"]}
            recording, file = await scene.record(audio=source, video=source)
            await until_it_holds(file, 1.0)
            await scene.stop(recording)
    assert errors_in(file) == ""


async def test_a_film_of_another_codec_is_mixed(tmp_path: Path, loop: MediaLoop) -> None:
    film = media_file(tmp_path / "film.mkv", "mpeg4", "aac", seconds=20.0)
    near = f'[streaming]\nfolder = "{tmp_path}"\n'
    async with mixed_room(tmp_path, loop, config=near) as scene:
        stream = await pull(scene, film.as_uri())
        assert stream["media"]["audio"]["format"]["codec"] == "opus"
        (original,) = stream["media"]["video"]["original"]
        assert original["format"] == {"codec": "h264", "profile": "CB"}
        await scene.mix(stream["id"])
        source = {"from": scene.common}
        recording, file = await scene.record(audio=source, video=source)
        await until_it_holds(file, 3.0)
        await scene.stop(recording)
    assert errors_in(file) == ""
    assert look_into(file).sizes == {"vp8": (640, 480)}
