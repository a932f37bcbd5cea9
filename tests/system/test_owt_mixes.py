"""Mixed and transcoded streams of a real server, as its recordings show them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.encoded import beeps_in, flashes_in
from tests.support.jobs import alive, children
from tests.support.levels import OPERATOR_TOKEN, Operator
from tests.support.media_file import errors_in, look_into
from tests.support.mixed_rooms import (
    SECONDS,
    MixedRoom,
    mixed_room,
    pictures_in,
    until_it_holds,
)
from tests.support.owt import KEYS, SAMPLE
from tests.support.picture_jobs import BLACK, BLUE, GREEN, RED
from tests.support.signals import EVERY, Signals, looks_like

ROOT = Path(__file__).parents[2]
PAUSE = 0.25  # seconds without a picture: the machine stood still
IN_STEP = 0.16  # seconds between a flash and its beep: a busy machine sends late what it publishes;
# tests/media/recording/test_job_recording.py holds 0.08, by a clock of its own
HALF = {"width": 160, "height": 120}
QUARTERS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


def assert_in_step(file: Path, most: float = IN_STEP) -> None:
    """The flashes of a file have their beeps, most of them: a machine that is busy sends some late.

    The first second is left out, in which nobody has reported yet.
    """
    flashes, beeps = flashes_in(file), beeps_in(file)
    pairs = [(it, min(beeps, key=lambda beep: abs(beep - it))) for it in flashes if it > 1.0]
    near = sorted(abs(flash - beep) for flash, beep in pairs if abs(flash - beep) < EVERY / 2)
    assert len(near) >= 2, (flashes, beeps)
    assert near[(len(near) - 1) // 2] < most, pairs


def shows(file: Path, *colours: tuple[int, int, int]) -> bool:
    """Tell whether some picture has these colours in its quarters."""
    return any(
        all(looks_like(it, *at, colour) for at, colour in zip(QUARTERS, colours, strict=True))
        for it in pictures_in(file)
    )


async def until_processes(scene: MixedRoom, number: int) -> set[int]:
    with trio.fail_after(SECONDS):
        while len(found := children(scene.process.process.pid)) != number:
            await trio.sleep(0.05)
    return found


async def test_a_mix_is_recorded_with_all_who_are_in_it(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN, BLUE) as scene:
        source = {"from": scene.common}
        recording, file = await scene.record(audio=source, video=source)
        await until_it_holds(file, 5 * EVERY)
        await scene.stop(recording)
        await until_processes(scene, 0)  # ten seconds after the last taker
    assert errors_in(file) == ""
    assert look_into(file).sizes == {"vp8": (640, 480)}
    assert shows(file, RED, GREEN, BLUE, BLACK)
    assert len(beeps_in(file)) > 2  # three encoders in our own process are not in step themselves


async def test_audio_and_video_are_recorded_from_different_streams(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN) as scene:
        one, two = scene.streams
        pairs = [(one, scene.common), (scene.common, two), (one, two)]
        made = [
            await scene.record(audio={"from": audio}, video={"from": video})
            for audio, video in pairs
        ]
        for recording, file in made:
            await until_it_holds(file, 2 * EVERY)
            await scene.stop(recording)
            assert errors_in(file) == ""
            assert set(look_into(file).packets) == {"opus", "vp8"}
    assert shows(made[0][1], RED, GREEN, BLACK, BLACK)
    for _, file in made[1:]:
        assert shows(file, GREEN, GREEN, GREEN, GREEN)


async def test_a_recording_has_the_parameters_it_asks_for(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED) as scene:
        (stream,) = scene.streams
        smaller = {"from": stream, "parameters": {"resolution": HALF, "framerate": 12}}
        half = {"resolution": {"width": 320, "height": 240}, "bitrate": "x0.6"}
        mixed = {"from": scene.common, "parameters": half}
        refused = {"from": stream, "parameters": {"resolution": {"width": 123, "height": 45}}}
        answer = await scene.ask(
            "POST", "/recordings", {"media": {"audio": False, "video": refused}}
        )
        assert answer.status_code == 500
        assert "resolution" in answer.json()["error"]["message"]
        made = [
            (await scene.record(audio={"from": source["from"]}, video=source), size)
            for source, size in ((smaller, (160, 120)), (mixed, (320, 240)))
        ]
        for (recording, file), size in made:
            await until_it_holds(file, 3 * EVERY)
            await scene.stop(recording)
            assert errors_in(file) == ""
            assert look_into(file).sizes == {"vp8": size}
            assert_in_step(file, IN_STEP + 1 / 12)
    times = look_into(made[0][0][1]).packets["vp8"]
    steps = [later - earlier for earlier, later in pairwise(times)]
    steps = [step for step in steps if step < PAUSE]
    assert len(steps) > EVERY * 12
    assert len(steps) / sum(steps) == pytest.approx(12, abs=2)


async def test_a_running_recording_takes_from_elsewhere_and_in_another_size(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN) as scene:
        one, two = scene.streams
        recording, file = await scene.record(audio={"from": one}, video={"from": one})
        changes = [
            ("/media/video/from", two),
            ("/media/video/parameters/resolution", HALF),
            ("/media/video/from", scene.common),
        ]
        for path, value in changes:
            before = file.with_name(f"{file.name}.part")
            await until_it_holds(file, EVERY)
            last = look_into(before).packets["vp8"][-1]
            change = [{"op": "replace", "path": path, "value": value}]
            changed = await scene.ok("PATCH", f"/recordings/{recording}", change)
            assert changed["media"]["audio"]["from"] == one
            await until_it_holds(file, last + 2 * EVERY)
        odd = {"width": 123, "height": 45}
        wrong = [{"op": "replace", "path": "/media/video/parameters/resolution", "value": odd}]
        answer = await scene.ask("PATCH", f"/recordings/{recording}", wrong)
        assert answer.status_code == 500
        assert "resolution" in answer.json()["error"]["message"]
        await scene.stop(recording)
    assert errors_in(file) == ""
    pictures = pictures_in(file)
    sizes = list(dict.fromkeys((it.width, it.height) for it in pictures))
    assert sizes == [(320, 240), (160, 120)]
    seen = [
        (it.width, left)
        for it in pictures
        for left in (RED, GREEN)
        if (looks_like(it, 0.25, 0.25, left) and looks_like(it, 0.75, 0.25, GREEN))
        or (left is RED and looks_like(it, 0.75, 0.25, RED))
    ]
    assert list(dict.fromkeys(seen)) == [(320, RED), (320, GREEN), (160, GREEN), (160, RED)]


async def test_a_mix_whose_process_is_killed_begins_again_in_the_same_recording(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with mixed_room(tmp_path, loop, RED) as scene:
        source = {"from": scene.common}
        recording, file = await scene.record(audio=source, video=source)
        await until_it_holds(file, 2 * EVERY)
        (pid,) = children(scene.process.process.pid)
        before = look_into(file.with_name(f"{file.name}.part"))
        os.kill(pid, signal.SIGKILL)
        ended = await scene.process.wait_for("job.ended")
        assert ended["reason"] == "killed"
        last = max(before.packets["vp8"])
        await until_it_holds(file, last + 3 * EVERY)
        assert await until_processes(scene, 1) != {pid}
        await scene.stop(recording)
    assert errors_in(file) == ""
    found = look_into(file).packets
    for codec, times in before.packets.items():
        assert found[codec][: len(times)] == times, "what was there is gone"
        assert sum(time > last for time in found[codec]) > 20
    assert_in_step(file)


@pytest.mark.parametrize("end", ["room", "server"])
async def test_no_process_outlives_its_room_or_server(
    tmp_path: Path, loop: MediaLoop, end: str
) -> None:
    async with mixed_room(tmp_path, loop, RED) as scene:
        half = {"from": scene.common, "parameters": {"resolution": {"width": 320, "height": 240}}}
        _, file = await scene.record(audio={"from": scene.common}, video=half)
        await until_it_holds(file, EVERY)
        pids = await until_processes(scene, 2)
        if end == "room":
            await scene.ok("DELETE", "")
            await until_processes(scene, 0)
            assert errors_in(file) == ""
        else:
            scene.process.send(signal.SIGKILL)
            await scene.process.end()
        with trio.fail_after(SECONDS):
            while any(map(alive, pids)):
                await trio.sleep(0.02)


async def test_who_comes_and_goes_is_seen_to(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN) as scene:
        source = {"from": scene.common}
        recording, file = await scene.record(audio=source, video=source)
        await until_it_holds(file, EVERY)
        extra = await scene.callers[0].send(Signals(BLUE), "video")
        await scene.mix(extra)
        await until_it_holds(file, 3 * EVERY)
        await scene.callers[0].guest.ok("logout")
        await until_it_holds(file, 5 * EVERY)
        await scene.stop(recording)
    assert errors_in(file) == ""
    assert shows(file, RED, GREEN, BLACK, BLACK)
    assert shows(file, RED, GREEN, BLUE, BLACK)
    assert shows(file, GREEN, GREEN, GREEN, GREEN)


async def test_a_mix_as_mp4_has_its_sound_as_aac(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN) as scene:
        h264 = {"codec": "h264", "profile": "CB"}
        recording, file = await scene.record(
            "mp4",
            audio={"from": scene.common, "format": {"codec": "aac"}},
            video={"from": scene.common, "format": h264},
        )
        await until_it_holds(file, 4 * EVERY)
        await scene.stop(recording)
    assert errors_in(file) == ""
    assert set(look_into(file).packets) == {"aac", "h264"}
    assert shows(file, RED, GREEN, BLACK, BLACK)
    assert_in_step(file)


BUSY = (503, 2001)


def trouble(answer: httpx.Response) -> tuple[int, int, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


async def test_what_there_is_no_room_for_is_refused_and_what_runs_goes_on(
    tmp_path: Path, loop: MediaLoop
) -> None:
    config = f'operator = {{ token = "{OPERATOR_TOKEN}" }}\n[jobs]\nwarm = 0\nprocesses = 1\n'
    async with mixed_room(tmp_path, loop, RED, config=config) as scene:
        recording, file = await scene.record(video={"from": scene.common})
        await until_it_holds(file, 1.0)
        pids = children(scene.process.process.pid)
        smaller = {"from": scene.streams[0], "parameters": {"resolution": HALF}}
        body = {"media": {"audio": False, "video": smaller}}
        *codes, words = trouble(await scene.ask("POST", "/recordings", body))
        assert tuple(codes) == BUSY
        assert words == "Server is busy: transcode"
        person = scene.callers[0].guest
        refused = await person.refused("subscribe", body)
        assert refused == "Server is busy: transcode"
        line = await scene.process.wait_for("job.refused")
        assert line["kind"] == "transcode"
        async with httpx.AsyncClient(base_url=scene.process.url, timeout=60.0) as http:
            samples = await Operator(http).samples()
        assert samples["quintet_media_jobs_refused_total", "transcode"] == 2
        assert samples["quintet_media_jobs", "mix"] == 1
        await until_it_holds(file, look_into(file.with_name(f"{file.name}.part")).duration + 2.0)
        assert children(scene.process.process.pid) == pids
        await scene.stop(recording)
    assert errors_in(file) == ""


async def test_without_processing_power_a_mix_is_refused_and_publishing_is_not(
    tmp_path: Path, loop: MediaLoop
) -> None:
    config = "[jobs]\nwarm = 0\ncpu_share = 0.001\n"
    async with mixed_room(tmp_path, loop, RED, config=config) as scene:
        body = {"media": {"audio": {"from": scene.common}, "video": False}}
        *codes, words = trouble(await scene.ask("POST", "/recordings", body))
        assert tuple(codes) == BUSY
        assert words == "Server is busy: mix"
        refused = await scene.callers[0].guest.refused("subscribe", body)
        assert refused == "Server is busy: mix"
        _, file = await scene.record(video={"from": scene.streams[0]})
        await until_it_holds(file, 1.0)
        assert children(scene.process.process.pid) == set()


async def test_without_jobs_there_is_no_mixed_stream(tmp_path: Path, loop: MediaLoop) -> None:
    config = "[jobs]\nprocesses = 0\n"
    async with mixed_room(tmp_path, loop, RED, config=config) as scene:
        listed = await scene.ok("GET", "/streams")
        assert [it["id"] for it in listed] == scene.streams
        assert scene.callers[0].guest.welcome["room"]["streams"] == []
        body = {"media": {"audio": {"from": scene.common}, "video": False}}
        *codes, words = trouble(await scene.ask("POST", "/recordings", body))
        assert (codes, words[-8:]) == ([500, 1301], ": stream")
        refused = await scene.callers[0].guest.refused("subscribe", body)
        assert refused == "Target audio stream does NOT satisfy:Requested audio stream"


async def test_nobody_is_there_to_be_recorded(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop) as scene:
        body = {"media": {"audio": {"from": scene.common}, "video": False}}
        *codes, words = trouble(await scene.ask("POST", "/recordings", body))
        assert codes == [500, 1301]
        assert words.endswith(": nobody is in the room")


async def test_the_example_mixes_and_records_a_room(tmp_path: Path, loop: MediaLoop) -> None:
    async with mixed_room(tmp_path, loop, RED, GREEN, mixes=False) as scene:
        name = (await scene.ok("GET", ""))["name"]
        seconds = str(4 * EVERY)
        program = [sys.executable, str(ROOT / "examples" / "owt_record.py")]
        with trio.fail_after(SECONDS):
            done = await trio.run_process(
                [*program, scene.process.url, SAMPLE, name, "--seconds", seconds],
                env={**os.environ, "QUINTET_SERVICE_KEY": KEYS[SAMPLE]},
                capture_stdout=True,
            )
    file = Path(done.stdout.decode().strip())
    assert errors_in(file) == ""
    assert shows(file, RED, GREEN, BLACK, BLACK)


async def test_a_view_that_changes_its_size_changes_in_the_recording(
    tmp_path: Path, loop: MediaLoop
) -> None:
    async with mixed_room(tmp_path, loop, RED) as scene:
        source = {"from": scene.common}
        recording, file = await scene.record(audio=source, video=source)
        await until_it_holds(file, EVERY)
        path = "/views/0/video/parameters/resolution"
        change = [{"op": "replace", "path": path, "value": {"width": 320, "height": 240}}]
        pids = children(scene.process.process.pid)
        await scene.ok("PATCH", "", change)
        last = look_into(file.with_name(f"{file.name}.part")).packets["vp8"][-1]
        await until_it_holds(file, last + EVERY)
        assert children(scene.process.process.pid) == pids
        await scene.ok("PATCH", "", [{"op": "remove", "path": "/views/0"}])
        await scene.process.wait_for("recording.ended")
        assert await scene.ok("GET", "/recordings") == []
        assert recording
    assert errors_in(file) == ""
    sizes = [(it.width, it.height) for it in pictures_in(file)]
    assert list(dict.fromkeys(sizes)) == [(640, 480), (320, 240)]
