"""The share of a process that one input's pictures may take: by rules, and in a mix."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.jobs import Composition, InputSlowed, JobInput, MixWanted, Place, VideoTarget
from media.job.decoding_share import (
    FIRST_HOLD,
    FORGIVEN_SECONDS,
    KEYFRAME_SECONDS,
    LONGEST_HOLD,
    SHARE,
    WINDOW_SECONDS,
    DecodingShare,
)
from media.job.picture_input import ASKED_AGAIN_SECONDS, PictureInput
from media.job.picture_mix import LATE_TIMES, PictureMix
from media.job.work import WorkFigures
from tests.support.picture_jobs import Camera, KeptOutside

FRAME = 1 / 30
START = 1000.0


def watched(
    share: DecodingShare, cost: float, seconds: float, *, late: bool = True, since: float = START
) -> list[float]:
    """Return when holds began of 30 pictures a second, a keyframe every second."""
    begun = []
    for number in range(round(seconds / FRAME)):
        now = since + number * FRAME
        if share.admits(now, keyframe=number % 30 == 0) and share.spend(cost, now, late=late):
            begun.append(now - since)
    return begun


@pytest.mark.parametrize(
    ("cores", "late", "held"),
    [(2.0, True, True), (SHARE * 1.1, True, True), (SHARE * 0.9, True, False), (2.0, False, False)],
)
def test_an_input_is_held_that_takes_too_much_while_others_wait(
    cores: float, late: bool, held: bool
) -> None:
    begun = watched(DecodingShare(), cores * FRAME, FIRST_HOLD, late=late)
    assert begun == ([pytest.approx(WINDOW_SECONDS, abs=FRAME)] if held else [])


def test_keyframes_only_are_shown_meanwhile_and_few_of_them() -> None:
    share = DecodingShare()
    (begun,) = watched(share, FRAME, WINDOW_SECONDS + FRAME)
    admitted = [
        number * FRAME
        for number in range(round(FIRST_HOLD / FRAME) - 1)
        if share.admits(START + begun + number * FRAME, keyframe=True)
    ]
    assert len(admitted) == FIRST_HOLD / KEYFRAME_SECONDS
    assert not share.admits(START + begun + FIRST_HOLD - FRAME, keyframe=False)
    assert share.admits(START + begun + FIRST_HOLD, keyframe=False)


def test_each_hold_is_longer_until_one_was_enough() -> None:
    share = DecodingShare()
    begun = watched(share, FRAME, 300)
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    holds = [10.0, 20.0, 40.0, 60.0, 60.0]
    assert pauses[:5] == pytest.approx([each + WINDOW_SECONDS for each in holds], abs=0.2)
    since = START + 300 + LONGEST_HOLD + FORGIVEN_SECONDS
    first, second = watched(share, FRAME, 2 * FIRST_HOLD, since=since)
    assert second - first == pytest.approx(FIRST_HOLD + WINDOW_SECONDS, abs=0.2)


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.floats(0.0, 3.0), st.booleans())))
def test_who_costs_little_is_never_held(steps: list[tuple[float, float, bool]]) -> None:
    share, now = DecodingShare(), START
    for gap, cost, late in steps:
        now += gap
        assert share.admits(now, keyframe=False)
        assert not share.spend(min(cost, gap * SHARE * 0.5), now, late=late)


def test_an_input_that_is_held_asks_for_few_keyframes_and_comes_back() -> None:
    clock, outside, figures = [0.0], KeptOutside(), WorkFigures()

    def spent() -> float:
        clock[0] += FRAME / 2  # of each picture, before and after: half of the thread
        return clock[0]

    told = JobInput("camera", "video", "vp8")
    input = PictureInput(told, outside, figures, late=lambda _: True, clock=spent)
    camera, now, shown, answered = Camera(), START, 0, 0
    for _ in range(round((WINDOW_SECONDS + FIRST_HOLD - 1) / FRAME)):
        now += FRAME
        asked, answered = len(outside.keyframes) > answered, len(outside.keyframes)
        for packet in camera.picture(keyframe=asked):
            shown += len(input.take(packet, now))
    assert outside.told.count(InputSlowed("camera")) == 1
    few = 1 + FIRST_HOLD / KEYFRAME_SECONDS
    assert 2 <= shown - WINDOW_SECONDS / FRAME <= few + 1
    assert figures.skipped_frames >= (FIRST_HOLD - 1) / FRAME - few - 1
    assert len(outside.keyframes) <= 1 + few + 1 / ASKED_AGAIN_SECONDS
    before = shown
    for _ in range(90):
        now += FRAME
        asked, answered = len(outside.keyframes) > answered, len(outside.keyframes)
        for packet in camera.picture(keyframe=asked):
            shown += len(input.take(packet, now))
    assert shown - before > 30


def test_in_a_mix_that_is_late_the_one_that_takes_too_much_is_slowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu, outside = [0.0], KeptOutside()
    mix = PictureMix(outside)
    inputs = tuple(JobInput(name, "video", "vp8") for name in ("light", "heavy"))
    places = tuple(Place(it.id, 0.0, number / 2, 1.0, 0.5) for number, it in enumerate(inputs))
    mix.change(MixWanted(inputs, Composition(VideoTarget("vp8", 64, 64, 24, 100), places)))
    for name, cost in (("light", 0.001), ("heavy", FRAME)):

        def spent(cost: float = cost) -> float:
            cpu[0] += cost / 2
            return cpu[0]

        monkeypatch.setattr(mix._inputs[name], "_clock", spent)
    cameras = {it.id: Camera(size=(64, 64)) for it in inputs}
    for number in range(round(2 * WINDOW_SECONDS / FRAME)):
        now = START + number * FRAME
        for name, camera in cameras.items():
            for packet in camera.picture():
                mix.take(name, packet, now)
        if number % 15 == 0:  # it is kept from its pictures by what is decoded
            mix.tick(now)
    assert mix.figures.late_frames >= LATE_TIMES
    slowed = [each.input for each in outside.told if isinstance(each, InputSlowed)]
    assert slowed == ["heavy"]
    assert mix.figures.skipped_frames > 0
