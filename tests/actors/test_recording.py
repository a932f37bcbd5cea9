"""A recording in the tree: however it ends, its file is finalised and its owner is told."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

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
from actors.recording import (
    GetRecording,
    Recording,
    RecordingEnded,
    StopRecording,
    recording_spec,
)
from actors.recording_keeper import RecordingKeeper, Sweep
from media.container import Container
from media.matroska import MatroskaWriter
from media.muxing import State
from media.recorder import RecordingPlan
from media.router import Router, RtpSource
from tests.support.actors import Saboteur
from tests.support.media_file import errors_in, look_into
from tests.support.recording import frames_of, plan
from tests.support.rtp_stream import OPUS, VP8, RtpStream

SECONDS = 10.0  # more than any wait here takes
PATH = "/recording:test"


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
    """A system, a router with two sources, and an owner of recordings."""

    system: ActorSystem
    router: Router
    folder: Path
    owner: Ref[Message]
    ended: list[RecordingEnded]
    heard: trio.Event

    async def record(self, recording_plan: RecordingPlan | None = None) -> Ref[Any]:
        wanted = recording_plan or plan(self.folder, Container.WEBM, (VP8, OPUS))
        sources = {"audio": "microphone", "video": "camera"}
        spec = recording_spec(wanted, sources, self.router, self.owner)
        return await self.system.root.ask(Spawn(spec), within=SECONDS)  # type: ignore[no-any-return]

    async def send(self, recording: Ref[Any], seconds: float = 1.0) -> None:
        """Have both sources send, once the recording listens; wait until all is recorded."""
        await recording.ask(GetRecording(), within=SECONDS)
        for name, codec in (("camera", VP8), ("microphone", OPUS)):
            source = self.router._sources[name]
            for time, packet in RtpStream(codec).pack_all(frames_of(codec, seconds)):
                source.feed(packet, 1000.0 + time)
        turned = trio.Event()
        token = trio.lowlevel.current_trio_token()
        cell = self.system.registry.cell_at(PATH)
        assert cell is not None
        muxing = cast("Recording", cell.life.actor)._recorder._muxing
        muxing.post(0, token.run_sync_soon, turned.set)
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
async def studio(folder: Path) -> AsyncIterator[Studio]:
    ended: list[RecordingEnded] = []
    heard = trio.Event()
    router = Router()
    for name, kind, codec in (("camera", "video", VP8), ("microphone", "audio", OPUS)):
        router.add_source(RtpSource(name, kind, codec, 1, Silent()))
    async with open_system([ChildSpec("owner", lambda: Owner(ended, heard))]) as system:
        owner = system.registry.find("/owner")
        assert owner is not None
        yield Studio(system, router, folder, owner, ended, heard)
    assert not router._taps


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_stopped_recording_answers_when_its_file_is_there(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        assert here.facts()["state"] == "starting"
        await here.send(recording)
        assert (await recording.ask(GetRecording(), within=SECONDS)).state is State.RUNNING
        assert here.facts()["state"] == "running"
        status = await recording.ask(StopRecording(), within=SECONDS)
        assert (status.state, status.reason) == (State.FINALISED, "stopped")
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
            answers.append(await recording.ask(StopRecording(reason), within=SECONDS))

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
        assert (status.state, status.reason) == (State.FINALISED, "room_closed")


async def test_a_crash_while_recording_finalises_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, Recording, PATH)
    with capture_logs() as log:
        async with studio(tmp_path) as here:
            await here.send(await here.record())
            saboteur.crash("handle")
            status = (await here.told()).status
    assert status.state is State.FINALISED
    assert status.reason == "crashed: Boom"
    assert errors_in(tmp_path / "test.webm") == ""
    assert [line["event"] for line in log].count("actor.crashed") == 1


async def test_a_bug_in_the_thread_crashes_the_actor_and_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(self: MatroskaWriter) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(MatroskaWriter, "finish", buggy)
    with capture_logs() as log:
        async with studio(tmp_path) as here:
            recording = await here.record()
            await here.send(recording)
            recording.tell(StopRecording())
            status = (await here.told()).status
    assert (status.state, status.reason) == (State.PARTIAL, "crashed")
    assert errors_in(tmp_path / "test.partial.webm") == ""
    assert [line["event"] for line in log].count("actor.crashed") == 1


async def test_a_recording_ends_by_itself_at_its_limit(tmp_path: Path) -> None:
    limited = plan(tmp_path, Container.WEBM, (VP8, OPUS), max_seconds=0.5)
    async with studio(tmp_path) as here:
        await here.send(await here.record(limited))
        status = (await here.told()).status
        assert (status.state, status.reason) == (State.FINALISED, "max_seconds")


async def test_trouble_with_the_disk_ends_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with studio(tmp_path) as here:
        await here.record(plan(tmp_path / "file", Container.WEBM, (VP8, OPUS)))
        status = (await here.told()).status
        assert (status.state, status.reason) == (State.FAILED, "folder_not_writable")
        assert here.system.counters.crashes == 0


async def test_what_cannot_be_recorded_fails_without_a_crash(tmp_path: Path) -> None:
    for change, reason in (({"container": Container.MP4}, "cannot_record"), ({}, "source_gone")):
        async with studio(tmp_path) as here:
            if not change:
                here.router.remove_source("camera")
            wanted = plan(tmp_path, Container.WEBM, (OPUS, VP8))
            await here.record(replace(wanted, **change))
            status = (await here.told()).status
            assert (status.state, status.reason) == (State.FAILED, reason)
            assert here.system.counters.crashes == 0
    assert names_in(tmp_path) == []


async def test_an_ended_source_does_not_end_the_recording(tmp_path: Path) -> None:
    async with studio(tmp_path) as here:
        recording = await here.record()
        await here.send(recording)
        here.router.remove_source("camera")
        assert (await recording.ask(GetRecording(), within=SECONDS)).state is State.RUNNING
        status = await recording.ask(StopRecording(), within=SECONDS)
        assert status.state is State.FINALISED


async def test_recordings_say_in_the_log_how_they_went(tmp_path: Path) -> None:
    with capture_logs() as log:
        async with studio(tmp_path) as here:
            recording = await here.record()
            await here.send(recording)
            await recording.ask(StopRecording(), within=SECONDS)
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
