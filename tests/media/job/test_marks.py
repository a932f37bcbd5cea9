"""Whatever a process dies of, it has said before on which input it was at work."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from media.contract.jobs import (
    AudioTarget,
    Composition,
    JobInput,
    MixWanted,
    Place,
    SoundMix,
    VideoTarget,
)
from media.job.mark import NOTHING, InputMark, open_mark, read_mark
from media.job.mix import MixWork
from tests.support.picture_jobs import Camera, KeptOutside

START = 1000.0
WANTED = MixWanted(
    (
        JobInput("camera", "video", "vp8"),
        JobInput("voice", "audio", "opus", channels=2, clock_rate=48_000),
    ),
    Composition(VideoTarget("vp8", 64, 64, 24, 100), (Place("camera", 0.0, 0.0, 1.0, 1.0),)),
    SoundMix(AudioTarget("opus")),
)


class Death(Exception):
    """What would kill a process."""


def test_a_mark_is_read_by_another_descriptor_and_survives() -> None:
    descriptor = open_mark()
    try:
        assert read_mark(descriptor) == NOTHING
        mark = InputMark(os.dup(descriptor))
        for ssrc in (1, 0xFFFF_FFFF, NOTHING, 7):
            mark.set(ssrc)
            assert read_mark(descriptor) == ssrc
        del mark
        assert read_mark(descriptor) == 7
        os.ftruncate(descriptor, 0)  # whatever a process does to it
        assert read_mark(descriptor) == NOTHING
    finally:
        os.close(descriptor)


def show(work: MixWork) -> None:
    """Have one picture come and shown, and some steps of sound played."""
    for packet in Camera(size=(128, 128)).picture(keyframe=True):
        work.take("camera", packet, START)
    for step in range(10):
        work.tick(START + step * 0.01)


def late(work: MixWork) -> None:
    """Have a picture wait for a packet that does not come."""
    camera = Camera()
    before, _, behind = camera.picture(keyframe=True), camera.picture(), camera.picture()
    for packet in before + behind:
        work.take("camera", packet, START)
    work.tick(START + 1.0)


@pytest.mark.parametrize(
    ("where", "play", "blamed"),
    [
        ("media.job.composing._Fitting.planes", show, "camera"),
        ("media.job.picture_input.PictureInput.release", late, "camera"),
        ("media.job.sound_input.SoundInput.step", show, "voice"),
        ("media.job.picture_output.PictureOutput.show", show, ""),
    ],
    ids=["composing", "giving up", "sound", "encoding"],
)
def test_what_is_worked_on_is_marked_where_it_breaks(
    where: str, play: Callable[[MixWork], None], blamed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **more: object) -> None:
        raise Death

    outside = KeptOutside()
    work = MixWork(outside)
    work.change(WANTED)
    monkeypatch.setattr(where, die)
    with pytest.raises(Death):
        play(work)
    assert outside.marked == blamed
