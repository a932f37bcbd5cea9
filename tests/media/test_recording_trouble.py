"""What ends a recording against its will leaves what was recorded, and says so in a word."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from media import muxing
from media.container import Container, Sample
from media.matroska import MatroskaWriter
from media.muxing import Muxing, State
from media.recorder import Recorder, RecordingStatus
from media.recordings_folder import remove_expired, rescue_leftovers
from tests.support.media_file import errors_in, look_into
from tests.support.recording import feed, frames_of, plan, record, sending, until_written, writing
from tests.support.rtp_stream import OPUS, PCMU

REPOSITORY = Path(__file__).parents[2]
DAY = 86_400.0


def killed_after(folder: Path, seconds: float) -> float:
    """Record in another process and kill it; return how much it had sent."""
    command = [sys.executable, "-m", "tests.support.recording_process", str(folder)]
    with subprocess.Popen(
        [*command, str(seconds + 3)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdout is not None
        sent = 0.0
        for line in process.stdout:
            sent = float(line)
            if sent >= seconds:
                break
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:  # on its way when the signal came
            sent = float(line)
    assert process.returncode == -signal.SIGKILL
    return sent


@pytest.mark.parametrize(
    "seconds", [1, *(pytest.param(s, marks=pytest.mark.slow) for s in (4, 30))]
)
def test_a_kill_loses_two_seconds_at_most(tmp_path: Path, seconds: float) -> None:
    sent = killed_after(tmp_path, seconds)
    left = {leftover.path.name: leftover for leftover in rescue_leftovers(tmp_path)}
    assert sorted(left) == ["killed.partial.mkv", "killed.partial.mp4", "killed.partial.webm"]
    for leftover in left.values():
        assert leftover.bytes == leftover.path.stat().st_size
        assert errors_in(leftover.path) == ""
        found = look_into(leftover.path)
        assert len(found.packets) == 2
        for times in found.packets.values():
            assert times[-1] > sent - 2.0


def limited(folder: Path, container: Container, size: int) -> RecordingStatus:
    """Record while no file may grow beyond `size` bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorder = Recorder(plan(folder, container, (OPUS,)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        with writing(recorder):
            feed(recorder, sending(OPUS, frames_of(OPUS, 2.0)))
            until_written(recorder)
            feed(recorder, sending(OPUS, frames_of(OPUS, 60.0)))
            assert recorder.wait_ended(5.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    return recorder.status()


@pytest.mark.parametrize("container", list(Container))
def test_a_full_disk_leaves_what_was_recorded(tmp_path: Path, container: Container) -> None:
    status = limited(tmp_path, container, 30_000)
    assert (status.state, status.reason) == (State.PARTIAL, "disk_full")
    assert status.path == tmp_path / f"test.partial.{container.value}"
    assert errors_in(status.path) == ""
    assert len(look_into(status.path).packets["opus"]) >= 100
    assert list(tmp_path.iterdir()) == [status.path]


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path) -> None:
    status = limited(tmp_path, Container.WEBM, 100)
    assert (status.state, status.reason, status.path) == (State.FAILED, "disk_full", None)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_little_left_ends_the_recording_as_a_whole_file(tmp_path: Path) -> None:
    recorder = Recorder(plan(tmp_path, Container.WEBM, (OPUS,), min_free_bytes=1 << 62))
    with writing(recorder):
        feed(recorder, sending(OPUS, frames_of(OPUS, 1.0)))
        assert recorder.wait_ended(5.0)
    status = recorder.status()
    assert (status.state, status.reason) == (State.FINALISED, "disk_nearly_full")
    assert status.path is not None
    assert errors_in(status.path) == ""


def test_a_folder_that_cannot_be_written_fails_the_recording(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status = record(plan(tmp_path / "file", Container.WEBM, (OPUS,)))
    assert (status.state, status.reason) == (State.FAILED, "folder_not_writable")


def test_an_older_recording_is_never_overwritten(tmp_path: Path) -> None:
    older = tmp_path / "test.webm"
    older.write_text("older")
    status = record(plan(tmp_path, Container.WEBM, (OPUS,)), sending(OPUS, frames_of(OPUS, 1.0)))
    assert (status.state, status.reason) == (State.FAILED, "name_taken")
    assert older.read_text() == "older"


def test_a_recording_of_nothing_leaves_no_file(tmp_path: Path) -> None:
    status = record(plan(tmp_path / "new", Container.WEBM, (OPUS,)))
    assert (status.state, status.reason) == (State.FAILED, "no_media")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_disk_that_does_not_keep_up_ends_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muxing, "QUEUE_BYTES", 3000)
    recorder = Recorder(plan(tmp_path, Container.MKV, (PCMU,)))
    with writing(recorder):
        feed(recorder, sending(PCMU, frames_of(PCMU, 0.1)))
        until_written(recorder)
        feed(recorder, sending(PCMU, frames_of(PCMU, 10.0)))  # all at once
        assert recorder.wait_ended(5.0)
    status = recorder.status()
    assert (status.state, status.reason) == (State.PARTIAL, "disk_too_slow")
    assert status.path is not None
    assert errors_in(status.path) == ""


def test_a_bug_in_a_writer_shows_and_keeps_the_file(tmp_path: Path) -> None:
    class Buggy(MatroskaWriter):
        def finish(self) -> None:
            raise RuntimeError("a bug")

    make_writer = partial(Buggy, container=Container.WEBM, codecs=[OPUS])
    work = Muxing(tmp_path / "test.webm", make_writer)
    for number, frame in enumerate(frames_of(OPUS, 1.0)):
        work.post(0, work.write, Sample(0, number / 50, frame.data, True))
    work.end("stopped")
    with pytest.raises(RuntimeError, match="a bug"):
        work.run()
    assert work.wait_ended(0.0)
    assert errors_in(tmp_path / "test.partial.webm") == ""


def test_leftovers_are_renamed_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("a.webm.part", "b.mp4.part", "a.partial.webm", "c.txt.part", "d.webm", "e.part"):
        (tmp_path / name).write_text(name)
    (tmp_path / "empty.mkv.part").touch()
    left = rescue_leftovers(tmp_path)
    assert [leftover.path.name for leftover in left] == ["a-2.partial.webm", "b.partial.mp4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-2.partial.webm",
        "a.partial.webm",
        "b.partial.mp4",
        "c.txt.part",
        "d.webm",
        "e.part",
    ]
    assert rescue_leftovers(tmp_path) == []
    assert rescue_leftovers(tmp_path / "nowhere") == []


def test_only_recordings_that_are_too_old_are_removed(tmp_path: Path) -> None:
    now = 1_000_000_000.0
    for name, days in {
        "old.webm": 8.0,
        "old.partial.mp4": 9.0,
        "new.webm": 6.0,
        "notes.txt": 99.0,
        "running.webm.part": 99.0,
        "not ours.webm": 99.0,
    }.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - days * DAY,) * 2)
    (tmp_path / "link.webm").symlink_to(tmp_path / "notes.txt")
    assert remove_expired(tmp_path, 0, now) == []
    removed = remove_expired(tmp_path, 7, now)
    assert [path.name for path in removed] == ["old.partial.mp4", "old.webm"]
    assert len(list(tmp_path.iterdir())) == 5
