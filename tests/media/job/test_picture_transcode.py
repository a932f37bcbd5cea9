"""One stream in another form: the same pictures, at the source's times."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.contract.jobs import PICTURE, AudioTarget, JobInput, TranscodeWanted, VideoTarget
from media.job.picture_transcode import PictureTranscode
from media.rtp.sender_clock import signed
from tests.support.picture_jobs import (
    BLACK,
    BLUE,
    RED,
    Camera,
    KeptOutside,
    decoded,
    keyframes_in,
    looks,
    run,
    tick_until,
)

START = 5000.0
both_ways = pytest.mark.parametrize(("source", "target"), [("vp8", "h264"), ("h264", "vp8")])


def wanted(
    source: str, codec: str, *, size: tuple[int, int] = (320, 180), rate: float = 24.0
) -> TranscodeWanted:
    return TranscodeWanted(JobInput("cam", "video", source), VideoTarget(codec, *size, rate, 500))


def transcoding(first: TranscodeWanted) -> tuple[PictureTranscode, KeptOutside]:
    outside = KeptOutside()
    work = PictureTranscode(outside)
    work.change(first)
    return work, outside


@both_ways
def test_another_codec_shows_the_same(source: str, target: str) -> None:
    work, outside = transcoding(wanted(source, target))
    camera = Camera(source, (640, 360), RED)
    now = run(work, {"cam": camera}, START, 0.5)
    camera.colour = BLUE
    run(work, {"cam": camera}, now, 0.5)
    shown = decoded(target, outside.sent)
    assert len(shown) == work.figures.frames_out == work.figures.frames_in == 24
    assert (shown[0][1].width, shown[0][1].height) == (320, 180)
    assert looks(shown[10][1], 0.5, 0.5, RED)
    assert looks(shown[-1][1], 0.5, 0.5, BLUE)


@both_ways
def test_without_a_size_it_comes_in_that_of_the_source(source: str, target: str) -> None:
    work, outside = transcoding(wanted(source, target, size=(0, 0)))
    work.keyframe_wanted(PICTURE)  # before there is anything to show
    assert work.due() == float("inf")
    now = run(work, {"cam": Camera(source, (640, 360), RED)}, START, 0.5)
    other = Camera(source, (322, 180), BLUE)
    work.change(wanted(source, target, size=(0, 0), rate=24.0))
    work.change(
        TranscodeWanted(JobInput("other", "video", source), VideoTarget(target, 0, 0, 24.0, 500))
    )
    run(work, {"other": other}, now, 0.5)
    sizes = [(frame.width, frame.height) for _, frame in decoded(target, outside.sent)]
    assert list(dict.fromkeys(sizes)) == [(640, 360), (322, 180)]
    assert work.figures.decode_errors == 0


@both_ways
def test_times_are_the_source_s(source: str, target: str) -> None:
    work, outside = transcoding(wanted(source, target))
    camera = Camera(source)
    before = camera.timestamp
    now = run(work, {"cam": camera}, START, 1.0)
    times = [packet.timestamp for packet in outside.sent if packet.marker]
    assert [signed(time - before) for time in times] == [3750 * n for n in range(1, 25)]
    report = now - 0.25
    work.take_report("cam", camera.timestamp & 0xFFFFFFFF, report)
    run(work, {"cam": camera}, now, 2.0)
    told = [(signed(time - camera.timestamp), moment) for _, time, moment in outside.clocks[1:]]
    assert told
    for behind, moment in told:
        assert moment == pytest.approx(report + 2.0 + behind / 90_000, abs=0.001)


@pytest.mark.parametrize("rate", [12.0, 8.0])
def test_fewer_pictures_are_sent_where_fewer_are_wanted(rate: float) -> None:
    work, outside = transcoding(wanted("vp8", "vp8", rate=rate))
    run(work, {"cam": Camera("vp8")}, START, 2.0)
    times = [packet.timestamp for packet in outside.sent if packet.marker]
    assert len(times) == rate * 2
    assert {later - earlier for earlier, later in pairwise(times)} == {90_000 / rate}


def test_another_shape_keeps_it_between_bars() -> None:
    work, outside = transcoding(wanted("vp8", "vp8"))
    camera = Camera("vp8", (640, 360), RED)
    now = run(work, {"cam": camera}, START, 0.5)
    camera.resize((180, 320))
    run(work, {"cam": camera}, now, 0.5)
    shown = decoded("vp8", outside.sent)
    assert looks(shown[5][1], 0.1, 0.5, RED)
    assert looks(shown[-1][1], 0.5, 0.5, RED)
    assert looks(shown[-1][1], 0.1, 0.5, BLACK)


@both_ways
def test_a_keyframe_comes_when_it_is_wanted(source: str, target: str) -> None:
    work, outside = transcoding(wanted(source, target))
    camera = Camera(source)
    now = run(work, {"cam": camera}, START, 1.5)
    asked = len(outside.keyframes)
    work.keyframe_wanted(PICTURE)
    run(work, {"cam": camera}, now, 0.5)
    first, second = keyframes_in(target, outside.sent)
    assert signed(second - first) / 90_000 == pytest.approx(1.5, abs=0.05)
    assert len(outside.keyframes) == asked  # the sender makes none for that


def test_a_picture_that_stands_is_sent_again_to_whoever_comes() -> None:
    """A shared screen on which nothing moves may send nothing for minutes."""
    work, outside = transcoding(wanted("vp8", "h264"))
    camera = Camera("vp8", (640, 360), RED)
    now = run(work, {"cam": camera}, START, 0.5)
    tick_until(work, now + 60)
    assert work.figures.frames_out == 12
    outside.sent = []
    work.keyframe_wanted(PICTURE)
    assert work.due() < now + 60
    work.tick(now + 60)
    assert work.due() == float("inf")
    [(time, frame)] = decoded("h264", outside.sent)
    assert looks(frame, 0.5, 0.5, RED)
    camera.timestamp += 90_000 * 61
    run(work, {"cam": camera}, now + 61, 0.5)
    later = [shown for shown, _ in decoded("h264", outside.sent)]
    assert later == sorted(set(later))
    assert later[0] == time
    assert later[1] - time < 90_000 * 1.1


def test_a_pause_and_a_jump_leave_times_that_grow() -> None:
    work, outside = transcoding(wanted("vp8", "vp8"))
    camera = Camera("vp8")
    now = run(work, {"cam": camera}, START, 0.5)
    now += 60
    camera.timestamp += 90_000 * 60
    now = run(work, {"cam": camera}, now, 0.5)
    clocks = len(outside.clocks)
    camera.timestamp -= 90_000 * 7000
    now = run(work, {"cam": camera}, now, 0.2)
    assert len(outside.clocks) > clocks  # at once: what time is, has changed
    steps = [
        (later - earlier) / 90_000
        for earlier, later in pairwise(p.timestamp for p in outside.sent if p.marker)
    ]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(60, abs=0.1)
    assert sorted(steps)[-2] < 0.1
    decoded("vp8", outside.sent)


@both_ways
def test_a_loss_is_no_picture_that_cannot_be_decoded(source: str, target: str) -> None:
    work, outside = transcoding(wanted(source, target))
    camera = Camera(source)
    now = run(work, {"cam": camera}, START, 0.5)
    camera.picture()
    asked = len(outside.keyframes)
    now = run(work, {"cam": camera}, now, 0.5)
    assert len(outside.keyframes) > asked
    for packet in camera.picture(keyframe=True):
        work.take("cam", packet, now)
    camera.colour = BLUE
    run(work, {"cam": camera}, now + 1 / 24, 0.5)
    assert looks(decoded(target, outside.sent)[-1][1], 0.5, 0.5, BLUE)


def test_another_target_and_another_input_are_taken_at_work() -> None:
    work, outside = transcoding(wanted("vp8", "vp8"))
    camera = Camera("vp8")
    now = run(work, {"cam": camera}, START, 0.5)
    work.change(wanted("vp8", "vp8", size=(160, 90)))
    outside.sent = []
    now = run(work, {"cam": camera}, now, 1.0)
    shown = decoded("vp8", outside.sent)
    assert shown[0][1].width == 160
    outside.sent = []
    work.change(wanted("h264", "vp8", size=(160, 90)))
    run(work, {"cam": Camera("h264", colour=RED)}, now, 1.0)
    work.keyframe_wanted(PICTURE)
    assert work.figures.decode_errors == 0
    assert len([p for p in outside.sent if p.marker]) == 24


def test_sound_is_no_concern_of_it() -> None:
    work = PictureTranscode(KeptOutside())
    assert work.due() == float("inf")
    work.take("cam", b"", START)
    work.tick(START)
    with pytest.raises(TypeError):
        work.change(TranscodeWanted(JobInput("mic", "audio", "opus"), AudioTarget("aac")))
