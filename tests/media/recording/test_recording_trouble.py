"""What ends a recording against its will leaves what was recorded, and says so in a word."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from media.contract.recordings import Container, RecordingState, RecordingStatus
from media.recording import muxing
from media.recording.container import Sample
from media.recording.matroska import MatroskaWriter
from media.recording.muxing import Muxing
from media.recording.recorder import Recorder
from media.recording.recordings_folder import remove_expired, rescue_leftovers
from tests.support.media_file import errors_in, look_into
from tests.support.recording import feed, frames_of, plan, record, sending, until_written, writing
from tests.support.rtp_stream import OPUS, PCMU

REPOSITORY = Path(__file__).parents[3]
DAY = 86_400.0


def never(error: OSError) -> None:
    """Take the trouble that there may not be."""
    raise error


def killed_after(folder: Path, seconds: float) -> float:
    """Record in another process and kill it; return how much it had sent."""
    command = [sys.executable, "-m", "tests.support.recording_process", str(folder)]
    with subprocess.Popen(
        [*command, str(seconds + 10)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
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
    "seconds", [1, *(pytest.param(s, marks=pytest.mark.slow) for s in (4, 12))]
)
def test_a_kill_loses_two_seconds_at_most(tmp_path: Path, seconds: float) -> None:
    sent = killed_after(tmp_path, seconds)
    left = {leftover.path.name: leftover for leftover in rescue_leftovers(tmp_path, never)}
    kinds = ("aac.partial.mkv", "aac.partial.mp4", "opus.partial.mp4", "opus.partial.webm")
    assert sorted(left) == [*kinds, "pcmu.partial.mkv"]
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
    assert (status.state, status.reason) == (RecordingState.PARTIAL, "disk_full")
    assert status.path == tmp_path / f"test.partial.{container.value}"
    assert errors_in(status.path) == ""
    assert len(look_into(status.path).packets["opus"]) >= 100
    assert list(tmp_path.iterdir()) == [status.path]


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path) -> None:
    status = limited(tmp_path, Container.WEBM, 100)
    assert (status.state, status.reason, status.path) == (RecordingState.FAILED, "disk_full", None)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_little_left_ends_the_recording_as_a_whole_file(tmp_path: Path) -> None:
    recorder = Recorder(plan(tmp_path, Container.WEBM, (OPUS,), min_free_bytes=1 << 62))
    with writing(recorder):
        feed(recorder, sending(OPUS, frames_of(OPUS, 1.0)))
        assert recorder.wait_ended(5.0)
    status = recorder.status()
    assert (status.state, status.reason) == (RecordingState.FINALISED, "disk_nearly_full")
    assert status.path is not None
    assert errors_in(status.path) == ""


def test_a_folder_that_cannot_be_written_fails_the_recording(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status = record(plan(tmp_path / "file", Container.WEBM, (OPUS,)))
    assert (status.state, status.reason) == (RecordingState.FAILED, "folder_not_writable")


def test_an_older_recording_is_never_overwritten(tmp_path: Path) -> None:
    older = tmp_path / "test.webm"
    older.write_text("older")
    status = record(plan(tmp_path, Container.WEBM, (OPUS,)), sending(OPUS, frames_of(OPUS, 1.0)))
    assert (status.state, status.reason) == (RecordingState.FAILED, "name_taken")
    assert older.read_text() == "older"


def test_an_older_partial_recording_is_never_overwritten(tmp_path: Path) -> None:
    older = tmp_path / "test.partial.webm"
    older.write_text("older")
    status = limited(tmp_path, Container.WEBM, 30_000)
    assert status.path == tmp_path / "test-2.partial.webm"
    assert older.read_text() == "older"


def test_a_recording_of_nothing_leaves_no_file(tmp_path: Path) -> None:
    status = record(plan(tmp_path / "new", Container.WEBM, (OPUS,)))
    assert (status.state, status.reason, status.bytes) == (RecordingState.FAILED, "no_media", 0)
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
    assert (status.state, status.reason) == (RecordingState.PARTIAL, "disk_too_slow")
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


@pytest.mark.parametrize(
    ("step", "place"),
    [("fsync", "test.webm.part"), ("rename", "test.webm.part"), ("fsync_folder", "test.webm")],
)
def test_a_disk_that_refuses_the_last_step_leaves_a_file_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, place: str
) -> None:
    fsync = os.fsync

    def failing_fsync(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode) is (step == "fsync_folder"):
            raise OSError(errno.EIO, "the disk broke")
        fsync(file)

    def failing_rename(path: Path, target: Path) -> Path:
        raise OSError(errno.EACCES, "not here")

    with monkeypatch.context() as patched:
        if step == "rename":
            patched.setattr(Path, "rename", failing_rename)
        else:
            patched.setattr(os, "fsync", failing_fsync)
        wanted = plan(tmp_path, Container.WEBM, (OPUS,))
        status = record(wanted, sending(OPUS, frames_of(OPUS, 1.0)))
    reason = "folder_not_writable" if step == "rename" else "disk_error"
    assert (status.state, status.reason) == (RecordingState.PARTIAL, reason)
    assert status.path == tmp_path / place
    assert status.bytes == status.path.stat().st_size > 0
    left = rescue_leftovers(tmp_path, never)
    assert [each.path.name for each in left] == ["test.partial.webm"] * place.endswith(".part")
    (path,) = tmp_path.iterdir()
    assert errors_in(path) == ""


def test_leftovers_are_renamed_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("a.webm.part", "b.mp4.part", "a.partial.webm", "c.txt.part", "d.webm", "e.part"):
        (tmp_path / name).write_text(name)
    (tmp_path / "empty.mkv.part").touch()
    left = rescue_leftovers(tmp_path, never)
    assert [leftover.path.name for leftover in left] == ["a-2.partial.webm", "b.partial.mp4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-2.partial.webm",
        "a.partial.webm",
        "b.partial.mp4",
        "c.txt.part",
        "d.webm",
        "e.part",
    ]
    assert rescue_leftovers(tmp_path, never) == []
    assert rescue_leftovers(tmp_path / "nowhere", never) == []


def test_a_rescue_ends_once_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    for name in ("a.webm.part", "b.webm.part"):
        (tmp_path / name).write_text(name)
    answers = iter((True, False))
    (left,) = rescue_leftovers(tmp_path, never, lambda: next(answers))
    assert left.path.name == "a.partial.webm"
    assert (tmp_path / "b.webm.part").exists()


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
    assert remove_expired(tmp_path, 0, now, never) == []
    removed = remove_expired(tmp_path, 7, now, never)
    assert [path.name for path in removed] == ["old.partial.mp4", "old.webm"]
    assert len(list(tmp_path.iterdir())) == 5


def test_one_file_in_trouble_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.webm.part", "b.webm.part", "c.webm", "d.webm"):
        (tmp_path / name).write_text(name)
    os.utime(tmp_path / "c.webm", (0, 0))
    os.utime(tmp_path / "d.webm", (0, 0))

    def stubborn(name: str, usual: Callable[..., Any]) -> Callable[..., Any]:
        def act(self: Path, *arguments: Any, **options: Any) -> Any:
            if self.name == name:
                raise PermissionError(1, "it is another's")
            return usual(self, *arguments, **options)

        return act

    monkeypatch.setattr(Path, "rename", stubborn("a.webm.part", Path.rename))
    monkeypatch.setattr(Path, "unlink", stubborn("c.webm", Path.unlink))
    trouble: list[OSError] = []
    left = rescue_leftovers(tmp_path, trouble.append)
    assert [leftover.path.name for leftover in left] == ["b.partial.webm"]
    removed = remove_expired(tmp_path, 7, 10 * DAY, trouble.append)
    assert [path.name for path in removed] == ["d.webm"]
    assert len(trouble) == 2
