"""The keeper of a folder that does not answer; what else it does is in test_recording.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from actors.core import ChildSpec, open_system
from actors.jobs import janitor
from actors.jobs.janitor import SWEEP_SECONDS, RecordingKeeper
from media.recording.recordings_folder import Leftover, Trouble


async def test_a_folder_that_never_answers_holds_up_no_start_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """A mount that is gone. What comes back late must not go on: rooms may be recording by then."""
    answers, done = Event(), Event()
    wanted_late: list[bool] = []

    def hang(folder: Path, trouble: Trouble, wanted: Callable[[], bool]) -> list[Leftover]:
        answers.wait()
        wanted_late.append(wanted())
        done.set()
        return []

    monkeypatch.setattr(janitor, "rescue_leftovers", hang)
    try:
        with capture_logs() as lines:
            async with open_system([ChildSpec("keeper", lambda: RecordingKeeper(tmp_path, 7))]):
                assert [line["error"] for line in lines] == ["no answer"] * 2
                await trio.sleep(SWEEP_SECONDS + 60)
                # A sweep would have been answered: it waits for the thread that hangs.
                assert [line["error"] for line in lines] == ["no answer"] * 3
    finally:
        answers.set()
    assert done.wait(10)
    assert wanted_late == [False]
