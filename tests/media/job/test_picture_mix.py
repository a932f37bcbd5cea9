"""A mixed picture on a clock of its own: colours, pace, keyframes, and what goes wrong."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import msgspec
import pytest
import trio

from media.contract.jobs import (
    PICTURE,
    Composition,
    JobInput,
    MixWanted,
    PictureSeen,
    Place,
    VideoTarget,
)
from media.job.picture_decoder import open_decoder
from media.job.picture_mix import HELD_SECONDS, MOST_HELD, Age, PictureMix
from media.rtp import rtcp
from media.rtp.depayload import Frame
from media.rtp.rtp_packet import MARKER, write_packet
from tests.support.ffmpeg import all_read, decoding
from tests.support.picture_jobs import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    Camera,
    KeptOutside,
    decoded,
    keyframes_in,
    looks,
    run,
    tick_until,
)
from tests.support.ports import free_udp_ports

START = 5000.0
CODECS = ("vp8", "h264")
codecs = pytest.mark.parametrize("codec", CODECS)
SPOTS = ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5))


def wanted(
    inputs: dict[str, Camera],
    codec: str = "vp8",
    *,
    shown: list[str | None] | None = None,
    size: tuple[int, int] = (640, 360),
    rate: float = 24.0,
    bitrate: int = 1500,
    background: tuple[int, int, int] = BLACK,
) -> MixWanted:
    """Return a mix of quarters, in which the inputs stand in order."""
    names: list[str | None] = list(inputs) if shown is None else shown
    return MixWanted(
        tuple(JobInput(id, "video", camera.codec, publisher=id) for id, camera in inputs.items()),
        Composition(
            VideoTarget(codec, *size, rate, bitrate),
            tuple(Place(id, *spot, 0.5, 0.5) for id, spot in zip(names, SPOTS, strict=False)),
            background,
        ),
    )


def cameras() -> dict[str, Camera]:
    """Return four that differ in all."""
    return {
        "a": Camera("vp8", (320, 180), RED),
        "b": Camera("h264", (640, 360), GREEN),
        "c": Camera("vp8", (640, 360), BLUE),
        "d": Camera("h264", (320, 180), WHITE),
    }


def mixing(first: MixWanted) -> tuple[PictureMix, KeptOutside]:
    outside = KeptOutside()
    mix = PictureMix(outside)
    mix.change(first)
    mix.tick(START)
    return mix, outside


@codecs
def test_four_inputs_stand_in_their_regions(codec: str) -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs, codec))
    run(mix, inputs, START, 1.0)
    shown = decoded(codec, outside.sent)
    assert len(shown) == mix.figures.frames_out
    assert len(shown) in (24, 25)  # the last one is due at the end
    assert mix.figures.frames_in == 96
    assert (mix.figures.decode_errors, mix.figures.late_frames) == (0, 0)
    for x, y, colour in ((0, 0, RED), (0.5, 0, GREEN), (0, 0.5, BLUE), (0.5, 0.5, WHITE)):
        assert looks(shown[-1][1], x + 0.25, y + 0.25, colour)
    assert {event.input for event in outside.told if isinstance(event, PictureSeen)} == set(inputs)


@codecs
def test_times_are_those_of_a_steady_pace(codec: str) -> None:
    mix, outside = mixing(wanted({}, codec, rate=25.0))
    tick_until(mix, START + 10)
    times = [packet.timestamp for packet in outside.sent if packet.marker]
    assert times[0] == round(START * 90_000)
    assert {later - earlier for earlier, later in pairwise(times)} == {3600}
    assert 9 <= len(outside.clocks) <= 11
    for name, timestamp, moment in outside.clocks:
        assert name == PICTURE
        assert timestamp == round(moment * 90_000)


def test_a_mix_of_nobody_sends_its_background() -> None:
    mix, outside = mixing(wanted({}, background=BLUE))
    tick_until(mix, START + 0.5)
    assert all(looks(frame, 0.5, 0.5, BLUE) for _, frame in decoded("vp8", outside.sent))


def test_a_picture_that_is_late_is_left_out_and_not_made_up_for() -> None:
    mix, outside = mixing(wanted({}))
    mix.tick(START + 1 / 24 + 0.001)
    assert mix.figures.late_frames == 0
    mix.tick(START + 10.01)  # 238 would have been due since
    assert mix.figures.late_frames == 238
    assert mix.figures.frames_out == 3
    assert mix.due() == pytest.approx(START + 10 + 1 / 24)
    times = [packet.timestamp / 90_000 - START for packet in outside.sent if packet.marker]
    assert times == pytest.approx([0, 1 / 24, 10], abs=0.001)


@codecs
def test_keyframes_come_once_a_second_after_two_at_once_however_often_they_are_wanted(
    codec: str,
) -> None:
    mix, outside = mixing(wanted({}, codec))
    for number in range(50):
        mix.keyframe_wanted(PICTURE)
        mix.keyframe_wanted("somebody else's")
        tick_until(mix, START + number / 10)
    times = [time / 90_000 - START for time in keyframes_in(codec, outside.sent)]
    assert times == pytest.approx([0, 0.05, 1, 2, 3, 4], abs=0.1)


@codecs
def test_keyframes_come_by_themselves_as_the_target_says(codec: str) -> None:
    first = wanted({}, codec)
    assert first.video is not None
    target = msgspec.structs.replace(first.video.target, keyframe_seconds=2.5)
    mix, outside = mixing(MixWanted((), Composition(target)))
    tick_until(mix, START + 6)
    times = [time / 90_000 - START for time in keyframes_in(codec, outside.sent)]
    assert times == pytest.approx([0, 2.5, 5], abs=0.05)


@codecs
def test_a_change_of_layout_needs_no_keyframe(codec: str) -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs, codec))
    now = run(mix, inputs, START, 0.5)
    asked = len(outside.keyframes)
    mix.change(wanted(inputs, codec, shown=["d", "b", None, "a"]))
    run(mix, inputs, now, 0.5)
    shown = decoded(codec, outside.sent)[-1][1]
    assert looks(shown, 0.25, 0.25, WHITE)
    assert looks(shown, 0.75, 0.75, RED)
    assert looks(shown, 0.25, 0.75, BLACK)
    assert len(keyframes_in(codec, outside.sent)) == 1
    assert len(outside.keyframes) == asked


@codecs
def test_inputs_come_and_go(codec: str) -> None:
    inputs = cameras()
    some = {id: inputs[id] for id in ("a", "b")}
    mix, outside = mixing(wanted(some, codec))
    now = run(mix, some, START, 0.5)
    some = {id: inputs[id] for id in ("b", "c")}
    mix.change(wanted(some, codec))
    assert outside.keyframes[-1] == "c"
    mix.take("a", b"whatever still comes", now)
    run(mix, some, now, 0.5)
    shown = decoded(codec, outside.sent)[-1][1]
    assert looks(shown, 0.25, 0.25, GREEN)
    assert looks(shown, 0.75, 0.25, BLUE)


@pytest.mark.parametrize(
    "other",
    [{"size": (320, 180)}, {"bitrate": 400}, {"rate": 12.0}, {"codec": "h264"}],
    ids=str,
)
def test_another_target_begins_with_a_keyframe(other: dict[str, object]) -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs))
    now = run(mix, inputs, START, 0.5)
    before, outside.sent = outside.sent, []
    changed = wanted(inputs, **other)  # type: ignore[arg-type]
    assert changed.video is not None
    mix.change(changed)
    run(mix, inputs, now, 0.5)
    codec = changed.video.target.codec
    after = decoded(codec, outside.sent)
    assert after[0][0] > before[-1].timestamp
    assert keyframes_in(codec, outside.sent) == [after[0][0]]
    assert after[-1][1].width == changed.video.target.width
    assert looks(after[-1][1], 0.25, 0.25, RED)
    assert len(after) == pytest.approx(changed.video.target.framerate / 2, abs=1)


def test_a_pause_of_a_minute_shows_the_background_and_ends_with_the_picture() -> None:
    inputs = {"a": Camera("vp8", (320, 180), RED), "b": Camera("vp8", (320, 180), GREEN)}
    mix, outside = mixing(wanted(inputs, rate=4.0))
    now = run(mix, inputs, START, 1.0)
    now = run(mix, {"b": inputs["b"]}, now, 4.5)
    assert looks(decoded("vp8", outside.sent)[-1][1], 0.25, 0.25, RED)
    now = run(mix, {"b": inputs["b"]}, now, 55.5)
    paused = decoded("vp8", outside.sent)[-1][1]
    assert looks(paused, 0.25, 0.25, BLACK)
    assert looks(paused, 0.75, 0.25, GREEN)
    inputs["a"].timestamp += 90_000 * 60
    run(mix, inputs, now, 0.5)
    assert looks(decoded("vp8", outside.sent)[-1][1], 0.25, 0.25, RED)
    assert mix.figures.decode_errors == 0


def test_a_jump_in_time_does_not_show() -> None:
    inputs = {"a": Camera("vp8", (320, 180), RED)}
    mix, outside = mixing(wanted(inputs))
    now = run(mix, inputs, START, 0.5)
    for jump in (90_000 * 5000, -90_000 * 9000):
        inputs["a"].timestamp += jump
        inputs["a"].colour = BLUE if inputs["a"].colour == RED else RED
        now = run(mix, inputs, now, 0.5)
        assert looks(decoded("vp8", outside.sent)[-1][1], 0.25, 0.25, inputs["a"].colour)
    assert len(decoded("vp8", outside.sent)) in (36, 37)


@codecs
def test_sizes_that_change_stay_in_their_region(codec: str) -> None:
    inputs = {"a": Camera(codec, (320, 180), RED)}
    mix, outside = mixing(wanted(inputs, background=GREEN))
    now = START
    for size in ((640, 360), (180, 320), (320, 180)):
        inputs["a"].resize(size)
        now = run(mix, inputs, now, 0.5)
        shown = decoded("vp8", outside.sent)[-1][1]
        assert looks(shown, 0.25, 0.25, RED)
        assert looks(shown, 0.05, 0.25, GREEN if size == (180, 320) else RED)
        assert looks(shown, 0.75, 0.25, GREEN)


class EveryTenthRaises:
    """A decoder of one input that cannot read every tenth frame."""

    def __init__(self, codec: str) -> None:
        self._real = open_decoder(codec)
        self._count = 0

    def decode(self, frame: Frame, time: int) -> list[av.VideoFrame]:
        self._count += 1
        if self._count % 10 == 0:
            raise av.error.InvalidDataError(1, "not today")
        return self._real.decode(frame, time)


def test_a_decoder_that_raises_hurts_nobody_else() -> None:
    inputs = {"a": Camera("h264", (320, 180), RED), "b": Camera("vp8", (320, 180), GREEN)}
    outside = KeptOutside()

    def opened(codec: str) -> object:
        return EveryTenthRaises(codec) if codec == "h264" else open_decoder(codec)

    mix = PictureMix(outside, opened)  # type: ignore[arg-type]
    mix.change(wanted(inputs))
    mix.tick(START)
    now = START
    for _ in range(6):
        now = run(mix, inputs, now, 0.5)
        inputs["a"].resize((320, 180))  # a keyframe, as was asked for
    assert mix.figures.decode_errors >= 4
    assert mix.figures.late_frames == 0
    shown = decoded("vp8", outside.sent)
    assert len(shown) in (72, 73)
    assert looks(shown[-1][1], 0.25, 0.25, RED)
    assert all(looks(frame, 0.75, 0.25, GREEN) for _, frame in shown[3:])


@codecs
def test_without_room_the_picture_begins_anew_with_a_keyframe(codec: str) -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs, codec))
    now = run(mix, inputs, START, 2.0)
    outside.room = iter([True, False, *[True] * 10_000]).__next__
    run(mix, inputs, now, 2.0)
    times = keyframes_in(codec, outside.sent)
    assert len(times) == 2
    # What was cut off lacks its end; a receiver drops it, and finds the rest whole.
    ended = {packet.timestamp for packet in outside.sent if packet.marker}
    whole = [packet for packet in outside.sent if packet.timestamp in ended]
    assert len(decoded(codec, whole)) == mix.figures.frames_out
    assert times[1] / 90_000 - now < 0.2


def test_a_view_without_a_picture_sends_none() -> None:
    mix, outside = mixing(MixWanted(()))
    assert mix.due() == float("inf")
    mix.change(wanted({}))
    tick_until(mix, START + 1)
    assert outside.sent
    mix.change(MixWanted(()))
    assert mix.due() == float("inf")


def test_who_has_no_place_is_not_decoded() -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs, shown=["a"]))
    run(mix, inputs, START, 0.5)
    assert outside.keyframes == ["a"]
    assert mix.figures.frames_in == 12


@codecs
async def test_ffmpeg_decodes_what_is_sent(codec: str, tmp_path: Path) -> None:
    inputs = cameras()
    mix, outside = mixing(wanted(inputs, codec))
    run(mix, inputs, START, 2.0)
    port = free_udp_ports()
    names = {"vp8": "96 VP8/90000", "h264": "96 H264/90000"}
    async with decoding(tmp_path, names[codec], port) as found:
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sending:
            for sequence, sent in enumerate(outside.sent):
                marker = MARKER if sent.marker else 0
                packet = write_packet(96, marker, sequence, sent.timestamp, 9, sent.payload)
                await sending.sendto(packet, ("127.0.0.1", port))
                await trio.sleep(0.001)
            await end_of_stream(sending, port)
    assert found.errors == ""
    assert len(found.frames) == mix.figures.frames_out
    assert found.errors == ""


async def end_of_stream(sending: trio.socket.SocketType, port: int) -> None:
    """Say goodbye as a sender of RTP does, once all that was sent is read."""
    await all_read(port)
    goodbye = rtcp.write_receiver_report(1, (), "test") + rtcp.write_bye(9)
    await sending.sendto(goodbye, ("127.0.0.1", port + 1))


def ages(ages: dict[str, float | None]) -> Age:
    return lambda publisher, moment: ages.get(publisher)


@pytest.mark.parametrize(
    ("age", "late"), [(None, 0.0), (0.0, 0.0), (0.1, 0.1), (0.2, 0.2), (30.0, HELD_SECONDS)]
)
def test_a_picture_is_shown_when_its_sound_is_heard(age: float | None, late: float) -> None:
    outside, camera = KeptOutside(), Camera(colour=RED, rate=25)
    work = PictureMix(outside, age=ages({"ann": age}))
    work.change(wanted({"ann": camera}, rate=25))
    run(work, {"ann": camera}, START, 1.0)
    camera.colour = GREEN
    end = run(work, {"ann": camera}, START + 1.0, 1.0)
    assert end == START + 2.0
    turned = next(
        number
        for number, (_, frame) in enumerate(decoded("vp8", outside.sent))
        if looks(frame, 0.25, 0.25, GREEN)
    )
    assert turned / 25 == pytest.approx(1.0 + late, abs=0.05)


def test_no_more_pictures_wait_than_there_may() -> None:
    outside, camera = KeptOutside(), Camera(colour=RED, rate=100)
    work = PictureMix(outside, age=ages({"ann": 30.0}))
    work.change(wanted({"ann": camera}))
    run(work, {"ann": camera}, START, 1.0)
    assert len(work._held["ann"]) == MOST_HELD
    work.change(wanted({}))
    assert work._held == {}
