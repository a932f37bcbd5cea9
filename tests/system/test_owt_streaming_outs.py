"""Streams out of a real server, as a real RTMP target and a real web server have got them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import httpx
import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.cameras import rtsp_camera
from tests.support.dav import dav_server
from tests.support.jobs import alive, children
from tests.support.media_file import copied, errors_in, look_into
from tests.support.mixed_rooms import MEDIA, SECONDS, mixed_room, pictures_in
from tests.support.owt import KEYS, SAMPLE
from tests.support.picture_jobs import BLACK, GREEN, RED
from tests.support.ports import free_port
from tests.support.process import launched
from tests.support.programs import need
from tests.support.signals import EVERY, looks_like
from tests.support.stream_targets import nginx

ROOT = Path(__file__).parents[2]
HERE = '[streaming]\nallow = ["127.0.0.0/8"]\n'
QUARTERS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
SECRET = "sesame"
WORK = "data/streaming"


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


def shows(file: Path, *colours: tuple[int, int, int]) -> bool:
    """Tell whether some picture has these colours in its quarters."""
    return any(
        all(looks_like(it, *at, colour) for at, colour in zip(QUARTERS, colours, strict=True))
        for it in pictures_in(file)
    )


@contextmanager
def rtmp_target(file: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Take one RTMP stream into a file, as it comes; return the address."""
    url = f"rtmp://127.0.0.1:{free_port()}/live/show"
    taking = [need("ffmpeg"), "-nostdin", "-v", "error", "-f", "flv", "-listen", "1", "-i", url]
    with subprocess.Popen([*taking, "-c", "copy", "-flush_packets", "1", str(file)]) as process:
        try:
            yield url, process
        finally:
            process.kill()


def newest_last(folder: Path) -> list[Path]:
    return sorted(folder.glob("show-*.flv"), key=lambda it: it.stat().st_mtime)


async def until_it_ends_with(
    folder: Path, colour: tuple[int, int, int], size: tuple[int, int]
) -> None:
    """Wait until the newest connection to a target of RTMP shows this by now."""
    with trio.fail_after(SECONDS):
        while True:
            with suppress(av.FFmpegError, IndexError):  # it has only just begun
                newest = newest_last(folder)[-1]
                pictures = (await trio.to_thread.run_sync(pictures_in, newest))[-10:]
                sizes = {(it.width, it.height) for it in pictures}
                if sizes == {size} and any(looks_like(it, 0.5, 0.5, colour) for it in pictures):
                    return
            await trio.sleep(0.2)


async def until_there_are(folder: Path, pattern: str, count: int) -> None:
    with trio.fail_after(SECONDS):
        while len(list(folder.glob(pattern))) < count:  # noqa: ASYNC240  it is local
            await trio.sleep(0.1)


async def until_it_grows_to(file: Path, size: int) -> None:
    with trio.fail_after(SECONDS):
        while not file.exists() or file.stat().st_size < size:  # noqa: ASYNC240  it is local
            await trio.sleep(0.1)


async def test_a_mix_goes_to_an_rtmp_target(tmp_path: Path, loop: MediaLoop) -> None:
    file = tmp_path / "taken.flv"
    async with mixed_room(tmp_path, loop, RED, GREEN, config=HERE) as scene:
        with rtmp_target(file) as (url, process):
            source = {"from": scene.common}
            body = {"url": url, "media": {"audio": source, "video": source}}
            out = await scene.ok("POST", "/streaming-outs", body)
            assert (out["protocol"], out["url"]) == ("rtmp", url)
            assert await scene.ok("GET", "/streaming-outs") == [out]
            await until_it_grows_to(file, 100_000)
            await scene.ok("DELETE", f"/streaming-outs/{out['id']}")
            with trio.fail_after(SECONDS):
                await trio.to_thread.run_sync(process.wait)
        assert await scene.ok("GET", "/streaming-outs") == []
        with trio.fail_after(SECONDS):
            while children(scene.process.process.pid):
                await trio.sleep(0.1)
    found = look_into(file)
    assert set(found.packets) == {"h264", "aac"}
    assert found.sizes == {"h264": (640, 480)}
    assert errors_in(file) == ""
    assert shows(file, RED, GREEN, BLACK, BLACK)


async def test_what_an_rtmp_target_gets_changes_at_work(tmp_path: Path, loop: MediaLoop) -> None:
    port = free_port()
    async with mixed_room(tmp_path, loop, RED, GREEN, mixes=False, config=HERE) as scene:
        # nginx's worker is nobody, who may not look into a folder of pytest.
        with TemporaryDirectory() as taken, nginx(folder := Path(taken), port):
            red, green = scene.streams
            url = f"rtmp://127.0.0.1:{port}/live/show"
            media = {"audio": {"from": red}, "video": {"from": red}}
            out = await scene.ok("POST", "/streaming-outs", {"url": url, "media": media})
            await until_it_ends_with(folder, RED, (320, 240))
            for changes, size in (
                ({"audio/from": green, "video/from": green}, (320, 240)),
                ({"video/parameters/resolution": {"width": 160, "height": 120}}, (160, 120)),
            ):
                asked = [
                    {"op": "replace", "path": f"/media/{path}", "value": value}
                    for path, value in changes.items()
                ]
                start = trio.current_time()
                shown = await scene.ok("PATCH", f"/streaming-outs/{out['id']}", asked)
                assert {shown["media"][kind]["from"] for kind in ("audio", "video")} == {green}
                await until_it_ends_with(folder, GREEN, size)
                print(f"changed within {trio.current_time() - start:.1f} s")
            assert shown["media"]["video"]["parameters"]["resolution"]["width"] == 160
            await scene.ok("DELETE", f"/streaming-outs/{out['id']}")
            for file in newest_last(folder):
                assert set(look_into(file).packets) == {"h264", "aac"}
                assert errors_in(file) == ""


async def test_local_files_of_hls_and_dash_play(tmp_path: Path, loop: MediaLoop) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    config = f'[streaming]\nfolder = "{folder}"\n'
    async with mixed_room(tmp_path, loop, RED, config=config) as scene:
        media = {kind: {"from": scene.common} for kind in ("audio", "video")}
        answers: list[httpx.Response] = []

        async def post(url: str) -> None:
            answers.append(await scene.ask("POST", "/streaming-outs", {"url": url, "media": media}))

        playlists = folder / "a" / "show.m3u8", folder / "a" / "show.mpd"
        async with trio.open_nursery() as nursery:
            for url in ("a/show.m3u8", playlists[0].as_uri(), "a/show.mpd"):
                nursery.start_soon(post, url)
        refused = [it.json()["error"]["message"] for it in answers if it.status_code != 200]
        assert len(refused) == 1, answers
        assert refused[0].endswith("another stream is sent into this file")
        await until_there_are(folder / "a", "*.ts", 2)
        await until_there_are(folder / "a", "chunk-*.m4s", 4)
        for out in await scene.ok("GET", "/streaming-outs"):
            await scene.ok("DELETE", f"/streaming-outs/{out['id']}")
        again = await scene.ask("POST", "/streaming-outs", {"url": "a/show.m3u8", "media": media})
        assert again.json()["error"]["message"].endswith("the file is there already")
    for playlist in playlists:
        found = look_into(playlist)
        assert set(found.packets) == {"h264", "aac"}
        assert found.sizes == {"h264": (640, 480)}
        assert errors_in(playlist) == ""
        assert any(looks_like(it, 0.5, 0.5, RED) for it in pictures_in(copied(playlist)))


async def test_a_camera_goes_out_as_it_comes_and_a_killed_server_leaves_nothing(
    tmp_path: Path, loop: MediaLoop
) -> None:
    work = tmp_path / WORK
    async with mixed_room(tmp_path, loop, config=HERE) as scene:
        pid, log = scene.process.process.pid, scene.process.log

        def begun() -> Counter[str]:
            started = (it for it in log if it["event"] == "job.started" and "pid" in it)
            return Counter(it["kind"] for it in started)

        with rtsp_camera() as camera, dav_server(tmp_path / "site") as (url, files):
            wanted = {"connection": {"url": camera.url}, "media": {"audio": True, "video": True}}
            source = {"from": (await scene.ok("POST", "/streaming-ins", wanted))["id"]}
            for name, audio in (("seen", False), ("heard", source)):
                media = {"audio": audio, "video": source}
                body = {"url": f"{url}/live/{name}.m3u8", "media": media}
                await scene.ok("POST", "/streaming-outs", body)
                await until_there_are(files / "live", f"{name}-*.ts", 2)
                encoders = {"transcode": 1} if audio else {}  # its G.711 becomes AAC
                outs = 2 if audio else 1
                assert begun() == {"ingest": 1, "broadcast": outs} | encoders
                assert len(children(pid)) == 1 + outs + len(encoders)
            processes = children(pid)
            assert len(list(work.iterdir())) == 2
            scene.process.send(signal.SIGKILL)
            await scene.process.end()
            with trio.fail_after(SECONDS):
                while any(map(alive, processes)):
                    await trio.sleep(0.05)
            segment = sorted((files / "live").glob("heard-*.ts"))[-1]
            assert look_into(segment).sizes == {"h264": (320, 240)}
            assert set(look_into(segment).packets) == {"h264", "aac"}
    assert len(list(work.iterdir())) == 2
    async with launched(tmp_path, MEDIA + HERE):
        assert list(work.iterdir()) == []


async def test_the_example_sends_a_room_onto_hls(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN, mixes=False, config=HERE) as scene:
        with dav_server(tmp_path / "site") as (url, files):
            address = url.replace("://", f"://ann:{SECRET}@") + f"/live/show.m3u8?token={SECRET}"
            name = (await scene.ok("GET", ""))["name"]
            program = [sys.executable, str(ROOT / "examples" / "owt_broadcast.py")]
            program += [scene.process.url, SAMPLE, name, address, "--seconds", str(6 * EVERY)]
            with trio.fail_after(SECONDS):
                done = await trio.run_process(
                    program,
                    env={**os.environ, "QUINTET_SERVICE_KEY": KEYS[SAMPLE]},
                    capture_stdout=True,
                )
            assert done.stdout.decode().strip() == f"sent by hls to {url}/live/show.m3u8"
            playlist = files / "live" / "show.m3u8"
            lines = playlist.read_text().splitlines()
            named = {line for line in lines if not line.startswith("#")}
            assert lines[-1] == "#EXT-X-ENDLIST"
            assert named <= {each.name for each in playlist.parent.iterdir()}
            found = look_into(playlist)
            assert set(found.packets) == {"h264", "aac"}
            assert errors_in(playlist) == ""
            assert shows(playlist, RED, GREEN, BLACK, BLACK)
            closed = {"url": f"{url}/closed/a.m3u8?t={SECRET}"}
            media = {"audio": False, "video": {"from": scene.common}}
            answer = await scene.ask("POST", "/streaming-outs", {**closed, "media": media})
            assert answer.status_code == 500
            assert SECRET not in answer.text
        with trio.fail_after(SECONDS):
            while list((tmp_path / WORK).iterdir()):
                await trio.sleep(0.05)
        assert SECRET not in str(scene.process.log)
