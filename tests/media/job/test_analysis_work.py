"""What is decoded for a plug-in, and how it is handed over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from media.contract.analysis import AnalysisBegan, AnalysisEnd, AnalysisNoted, AnalysisOver
from media.contract.jobs import AnalysisWanted, JobInput
from media.job.analysis import AnalysisWork
from tests.support.picture_jobs import KeptOutside
from tests.support.shows import PICTURE, picture, play
from tests.support.sound import BEGIN, Talk, Talker, tone

MIC = JobInput("mic", "audio", "opus", channels=2, clock_rate=48_000)
PATIENCE = 30.0


def until(work: AnalysisWork, so: Callable[[], bool], now: Callable[[], float]) -> None:
    """Let the loop turn until something is so."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end
        time.sleep(0.005)
        work.tick(now())


@contextmanager
def working(wanted: AnalysisWanted, now: float) -> Iterator[tuple[AnalysisWork, KeptOutside]]:
    """Run a work, once its plug-in has said what it wants."""
    outside = KeptOutside()
    work = AnalysisWork(outside)
    work.change(wanted)
    try:
        until(work, lambda: bool(outside.told), lambda: now)
        yield work, outside
    finally:
        work.close()
        assert work._thread is not None
        assert not work._thread._thread.is_alive()


def noted(outside: KeptOutside) -> list[AnalysisNoted]:
    return [it for it in outside.told if isinstance(it, AnalysisNoted)]


def passed(work: AnalysisWork) -> int:
    """Return how many frames the plug-in has had, or missed."""
    return work.figures.frames_out + work.figures.late_frames


@pytest.mark.parametrize("codec", ["opus", "pcmu", "g722"])
def test_sound_is_heard_as_loud_as_it_is(codec: str) -> None:
    mic = JobInput("mic", "audio", codec)
    with working(AnalysisWanted("level", (mic,)), BEGIN) as (work, outside):
        assert outside.told == [AnalysisBegan(("audio",))]
        talk = Talk(work, [Talker("mic", tone(440, 0.2), codec=codec)])
        for seconds in range(1, 8):  # a real plug-in hears in time, and drops what it does not
            talk.run(float(seconds))
            due = 9 * seconds - 2
            until(work, lambda due=due: passed(work) >= due, lambda: BEGIN + talk.now)
        until(work, lambda: len(noted(outside)) >= 2, lambda: BEGIN + talk.now)
        assert [it.name for it in noted(outside)][:2] == ["sound", "level"]
        assert json.loads(noted(outside)[1].body)["mean"] == pytest.approx(-17, abs=1.5)


def test_pictures_come_in_the_rate_that_is_wanted_only() -> None:
    with working(AnalysisWanted("motion", (PICTURE,)), time.monotonic()) as (work, outside):
        assert outside.told == [AnalysisBegan(("video",))]
        play(work, picture(3.0), begin=BEGIN)
        until(work, lambda: passed(work) >= 14, lambda: BEGIN + 3.0)
        assert work.figures.frames_in >= 70  # of 25 a second: each one builds on those before
        assert passed(work) <= 17  # 5 a second


def test_of_two_inputs_what_is_wanted_is_taken() -> None:
    with working(AnalysisWanted("level", (PICTURE, MIC)), BEGIN) as (work, outside):
        assert outside.told == [AnalysisBegan(("audio",))]
        assert outside.keyframes == []
        work.change(AnalysisWanted("level", (MIC,)))
        assert outside.told == [AnalysisBegan(("audio",))]
    with working(AnalysisWanted("dummy", (PICTURE, MIC)), BEGIN) as (_, outside):
        assert outside.told == [AnalysisBegan(("audio", "video"))]


@pytest.mark.parametrize(
    ("algorithm", "input", "detail"),
    [
        ("level", PICTURE, "this algorithm wants a sound"),
        ("black", MIC, "this algorithm wants a picture"),
        ("black", JobInput("camera", "video", "av1"), "what comes as av1 cannot be decoded here"),
        ("level", JobInput("mic", "audio", "isac"), "what comes as isac cannot be decoded here"),
    ],
)
def test_what_does_not_fit_is_told(algorithm: str, input: JobInput, detail: str) -> None:
    with working(AnalysisWanted(algorithm, (input,)), BEGIN) as (work, outside):
        assert outside.told == [AnalysisOver(AnalysisEnd.UNFIT, detail)]
        work.take(input.id, b"\x80" * 100, BEGIN)
        assert work.due() == float("inf")


def test_garbage_is_no_picture() -> None:
    with working(AnalysisWanted("dummy", (PICTURE,)), BEGIN) as (work, outside):
        for packet in (b"", b"\x80", b"\xff" * 2000):
            work.take(PICTURE.id, packet, BEGIN)
        assert noted(outside) == []
