"""A recording in the tree: however it ends, its file is finalised and its owner is told."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import trio
from structlog.testing import capture_logs

from actors.core import (
    Actor,
    ActorCrashed,
    ActorSystem,
    ChildSpec,
    Message,
    Ref,
    Restart,
    Spawn,
    StopChild,
    open_system,
)
from actors.jobs.janitor import RecordingKeeper, Sweep
from actors.jobs.job import StopJob, Take
from actors.jobs.recording import (
    GetRecording,
    Recording,
    RecordingEnded,
    check_recording,
    recording_spec,
)
from actors.words.media_refusals import CannotRecord, CodecMismatch, MediaIdTaken, SourceGone
from media.contract.errors import MediaTimeout
from media.contract.recordings import Container, RecordingPlan, RecordingState
from media.local_engine import LocalEngine, open_local_engine
from media.recording import muxing
from media.recording.matroska import MatroskaWriter
from media.rtp.router import RtpSource
from media.webrtc.bridge import open_media_loop
from tests.support.actors import settle
from tests.support.media_file import errors_in, look_into
from tests.support.recording import frames_of, plan
from tests.support.rtp_stream import H264, OPUS, VP8, RtpStream
from tests.support.saboteur import Saboteur

SECONDS = 60.0  # more than any wait here takes
PATH = "/recording:test"
SOURCES = {"audio": "microphone", "video": "camera"}


@pytest.fixture(autouse=True)
def quick_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the thread of a recording wake up often: these tests wait for its turns."""
    monkeypatch.setattr(muxing, "BEAT_SECONDS", 0.02)


class Silent:
    """A sender that hears nothing."""

    def request_keyframe(self, ssrc: int) -> None: ...

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...


class Owner(Actor[Message]):
    """Hears how recordings end."""

    accepts = (RecordingEnded,)

    def __init__(self, ended: list[RecordingEnded], heard: trio.Event) -> None:
        self._ended = ended
        self._heard = heard

    async def handle(self, message: Message) -> object:
        assert isinstance(message, RecordingEnded)
        self._ended.append(message)
        self._heard.set()
        return None


@dataclass
class Studio:
    """A system, an engine with two sources, and an owner of recordings."""

    system: ActorSystem
    engine: LocalEngine
    folder: Path
    owner: Ref[Message]
    ended: list[RecordingEnded]
    heard: trio.Event

    async def record(self, recording_plan: RecordingPlan | None = None) -> Ref[Any]:
        wanted = recording_plan or plan(self.folder, Container.WEBM, (VP8, OPUS))
        spec = recording_spec(wanted, SOURCES, self.engine, self.owner)
        return await self.system.root.ask(Spawn(spec), within=SECONDS)  # type: ignore[no-any-return]

    async def send(self, recording: Ref[Any], seconds: float = 1.0) -> None:
        """Have both sources send, once the recording listens; wait until all is recorded."""
        await recording.ask(GetRecording(), within=SECONDS)
        for name, codec in (("camera", VP8), ("microphone", OPUS)):
            source = self.engine.router._sources[name]
            for at, packet in RtpStream(codec).pack_all(frames_of(codec, seconds)):
                source.feed(packet, time.monotonic() + at)
        turned = trio.Event()
        token = trio.lowlevel.current_trio_token()
        recorder = self.engine._recordings._running["test"].recorder
        recorder._muxing.post(0, token.run_sync_soon, turned.set)
        with trio.fail_after(SECONDS):
            await turned.wait()

    def facts(self) -> dict[str, Any]:
        cell = self.system.registry.cell_at(PATH)
        assert cell is not None
        return dict(cell.life.actor.snapshot())

    async def told(self) -> RecordingEnded:
        """Return what the owner was told of the one recording."""
        with trio.fail_after(SECONDS):
            await self.heard.wait()
        [ended] = self.ended
        return ended


@asynccontextmanager
async def studio(folder: Path, strays: int = 0) -> AsyncIterator[Studio]:
    ended: list[RecordingEnded] = []
    heard = trio.Event()
    async with open_media_loop() as loop, open_local_engine(loop) as engine:
        for name, kind, codec in (("camera", "video", VP8), ("microphone", "audio", OPUS)):
            engine.router.add_source(RtpSource(name, kind, codec, 1, Silent()))
        async with open_system([ChildSpec("owner", lambda: Owner(ended, heard))]) as system:
            owner = system.registry.find("/owner")
            assert owner is not None
            yield Studio(system, engine, folder, owner, ended, heard)
        assert not engine.router._taps
        assert (await engine.stats()).recordings == 0
    assert loop.stray_errors == strays


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_stopped_recording_answers_when_its_file_is_there(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        assert here.facts()["state"] == "starting"
        await here.send(recording)
        assert (await recording.ask(GetRecording(), within=SECONDS)).state is RecordingState.RUNNING
        assert here.facts()["state"] == "running"
        status = await recording.ask(StopJob(), within=SECONDS)
        assert (status.state, status.reason) == (RecordingState.FINALISED, "stopped")
        assert status.path == tmp_path / "test.webm"
        assert errors_in(status.path) == ""
        assert {name: len(times) for name, times in look_into(status.path).packets.items()} == {
            "vp8": 30,
            "opus": 50,
        }
        assert await here.told() == RecordingEnded("test", status)
        assert here.system.registry.find(PATH) is None


async def test_everyone_who_stops_a_recording_is_answered(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
        answers = []

        async def stop(reason: str) -> None:
            answers.append(await recording.ask(StopJob(reason), within=SECONDS))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop, "one")
            nursery.start_soon(stop, "other")
        assert len(answers) == 2
        assert answers[0] == answers[1]


async def test_a_recording_is_finalised_when_the_system_stops(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
    assert names_in(tmp_path) == ["test.webm"]
    assert errors_in(tmp_path / "test.webm") == ""


async def test_a_recording_stopped_from_above_is_finalised(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        await here.send(await here.record())
        await here.system.root.ask(StopChild("recording:test", "room_closed"), within=SECONDS)
        status = (await here.told()).status
        assert (status.state, status.reason) == (RecordingState.FINALISED, "room_closed")


async def test_a_crash_while_recording_finalises_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, Recording, PATH)
    with capture_logs() as log:
        async with studio(tmp_path) as here:
            await here.send(await here.record())
            saboteur.crash("handle")
            status = (await here.told()).status
    assert status.state is RecordingState.FINALISED
    assert status.reason == "crashed: Boom"
    assert errors_in(tmp_path / "test.webm") == ""
    assert [line["event"] for line in log].count("actor.crashed") == 1


async def test_a_bug_in_the_thread_ends_the_recording_and_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(self: MatroskaWriter) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(MatroskaWriter, "finish", buggy)
    with capture_logs() as log:
        async with studio(tmp_path, strays=1) as here:
            recording = await here.record()
            await here.send(recording)
            status = await recording.ask(StopJob(), within=SECONDS)
            assert (await here.told()).status == status
    assert (status.state, status.reason) == (RecordingState.PARTIAL, "crashed")
    assert errors_in(tmp_path / "test.partial.webm") == ""
    assert [line["error"] for line in log if line["event"] == "media.stray_error"] == [
        "RuntimeError"
    ]


async def test_a_recording_ends_by_itself_at_its_limit(tmp_path: Path) -> None:
    limited = plan(tmp_path, Container.WEBM, (VP8, OPUS), max_seconds=0.5)
    async with studio(tmp_path) as here:
        await here.send(await here.record(limited))
        status = (await here.told()).status
        assert (status.state, status.reason) == (RecordingState.FINALISED, "max_seconds")


async def test_trouble_with_the_disk_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with studio(tmp_path) as here:
        await here.record(plan(tmp_path / "file", Container.WEBM, (VP8, OPUS)))
        status = (await here.told()).status
        assert (status.state, status.reason) == (RecordingState.FAILED, "folder_not_writable")
        assert here.system.counters.crashes == 0


async def test_a_disk_that_does_not_get_done_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object) -> NoReturn:
        raise MediaTimeout("the file was not finalised in time")

    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
        with monkeypatch.context() as patched:
            patched.setattr(here.engine, "stop_recording", stuck)
            status = await recording.ask(StopJob(), within=SECONDS)
            assert (status.state, status.reason) == (RecordingState.PARTIAL, "disk_too_slow")
            assert (await here.told()).status == status
        await here.engine.stop_recording("test")


async def test_what_cannot_be_recorded_fails_without_a_crash(tmp_path: Path) -> None:
    wanted = plan(tmp_path, Container.WEBM, (OPUS, VP8))
    h264 = plan(tmp_path, Container.MP4, (OPUS, H264))
    mp4 = replace(wanted, container=Container.MP4)
    for tried, refusal in ((mp4, CannotRecord), (h264, CodecMismatch), (wanted, SourceGone)):
        async with studio(tmp_path) as here:
            if refusal is SourceGone:
                here.engine.router.remove_source("camera")
            with pytest.raises(refusal):
                await check_recording(here.engine, tried, SOURCES)
            await here.record(tried)
            status = (await here.told()).status
            assert (status.state, status.reason) == (RecordingState.FAILED, refusal.code)
            assert here.system.counters.crashes == 0
    assert names_in(tmp_path) == []


async def test_what_can_be_recorded_is_not_refused(tmp_path: Path) -> None:
    wanted = plan(tmp_path, Container.WEBM, (OPUS, VP8))
    async with studio(tmp_path) as here:
        await check_recording(here.engine, wanted, SOURCES)
        recording = await here.record(wanted)
        assert (
            await recording.ask(GetRecording(), within=SECONDS)
        ).state is RecordingState.STARTING
        with pytest.raises(MediaIdTaken):
            await check_recording(here.engine, wanted, SOURCES)


async def test_another_source_is_recorded_from_now_on_and_a_track_pauses(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
        other = RtpSource("other", "video", VP8, 1, Silent())
        here.engine.router.add_source(other)
        recording.tell(Take({"video": ("other", True), "audio": ("microphone", False)}))
        await settle()
        assert here.facts()["sources"] == {"audio": "microphone", "video": "other"}
        assert here.facts()["paused"] == ["audio"]
        for at, packet in RtpStream(VP8).pack_all(frames_of(VP8, 1.0)):
            other.feed(packet, time.monotonic() + at)
        await here.send(recording)  # of which nothing is recorded
        recording.tell(Take({"video": ("other", True), "audio": ("microphone", True)}))
        await settle()
        assert here.facts()["paused"] == []
        status = await recording.ask(StopJob(), within=SECONDS)
        assert errors_in(status.path) == ""
        counts = {name: len(times) for name, times in look_into(status.path).packets.items()}
        assert counts == {"vp8": 60, "opus": 50}
        assert status.lost_packets == 0


async def test_a_track_goes_on_where_it_cannot_take_what_it_should(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record(plan(tmp_path, Container.WEBM, (VP8,)))
        for source, reason in (("microphone", "CodecMismatch"), ("nobody", "SourceGone")):
            with capture_logs() as logs:
                recording.tell(Take({"video": (source, True), "audio": (source, True)}))
                await settle()
            [line] = [line for line in logs if line["event"] == "recording.not_changed"]
            assert (line["recording"], line["reason"]) == ("test", reason)
        await here.send(recording)
        status = await recording.ask(StopJob(), within=SECONDS)
        assert status.state is RecordingState.FINALISED


async def test_an_ended_source_does_not_end_the_recording(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
        here.engine.router.remove_source("camera")
        assert (await recording.ask(GetRecording(), within=SECONDS)).state is RecordingState.RUNNING
        status = await recording.ask(StopJob(), within=SECONDS)
        assert status.state is RecordingState.FINALISED


async def test_recordings_say_in_the_log_how_they_went(tmp_path: Path) -> None:
    with capture_logs() as log:
        async with studio(tmp_path) as here:
            recording = await here.record()
            await here.send(recording)
            await recording.ask(StopJob(), within=SECONDS)
    started, ended = [line for line in log if line["event"].startswith("recording.")]
    assert started["event"] == "recording.started"
    assert (ended["event"], ended["state"], ended["reason"]) == (
        "recording.ended",
        "finalised",
        "stopped",
    )


async def test_the_keeper_rescues_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / "a.webm.part").write_bytes(b"media")
    with capture_logs() as log:
        async with open_system([ChildSpec("keeper", lambda: RecordingKeeper(tmp_path, 0))]):
            assert names_in(tmp_path) == ["a.partial.webm"]
    [line] = [line for line in log if line["event"] == "recording.rescued"]
    assert (line["file"], line["bytes"]) == ("a.partial.webm", 5)


async def test_the_keeper_removes_what_is_too_old(tmp_path: Path) -> None:
    keeper = ChildSpec("keeper", lambda: RecordingKeeper(tmp_path, 7))
    async with open_system([keeper]) as system:
        for name in ("old.webm", "new.webm"):
            (tmp_path / name).touch()
        os.utime(tmp_path / "old.webm", (0, 0))
        ref = system.registry.find("/keeper")
        assert ref is not None
        assert await ref.ask(Sweep(), within=SECONDS) == 1
        assert names_in(tmp_path) == ["new.webm"]


async def test_a_keeper_that_crashes_leaves_alone_what_is_being_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, RecordingKeeper, "/keeper")
    keeper = ChildSpec("keeper", lambda: RecordingKeeper(tmp_path, 7), Restart.PERMANENT)
    async with open_system([keeper]) as system:
        (tmp_path / "running.webm.part").write_bytes(b"media")
        ref = system.registry.find("/keeper")
        assert ref is not None
        saboteur.crash("handle")
        with pytest.raises(ActorCrashed):
            await ref.ask(Sweep(), within=SECONDS)
        assert await ref.ask(Sweep(), within=SECONDS) == 0
        assert names_in(tmp_path) == ["running.webm.part"]


async def test_the_keeper_outlives_a_folder_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path, pattern: str) -> list[Path]:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(Path, "glob", denied)
    with capture_logs() as log:
        async with open_system([ChildSpec("keeper", lambda: RecordingKeeper(tmp_path, 7))]):
            pass
    monkeypatch.undo()
    assert [line["event"] for line in log if "code" in line] == ["recording.folder_failed"] * 2
