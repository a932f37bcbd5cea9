"""A recording may want keyframes at a pace: they are asked for only where none comes by itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from media.contract.recordings import Container
from media.recording.recorder import Recorder
from media.rtp.packet_tap import TapLeg
from media.rtp.rtp_packet import write_packet
from media.rtp.rtp_source import RtpSource
from tests.support.recording import plan
from tests.support.rtp_stream import OPUS, VP8

KEYFRAME = b"\x10\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00\x00"
OTHER = b"\x10\x11\x00\x00"
FRAMES = 30  # a second
TICK_FRAMES = 15


class Camera:
    """Sends 30 pictures a second; the first is a keyframe, and those that it likes or is asked for.

    `likes` is told the number of a picture.
    """

    def __init__(self, likes: Callable[[int], bool], *, obeys: bool = True) -> None:
        self.now = 1000.0
        self.source = RtpSource("camera", "video", VP8, 1, self, lambda: self.now)
        self.asked: list[float] = []
        self._likes, self._obeys, self._wanted, self._number = likes, obeys, False, 0

    def request_keyframe(self, ssrc: int) -> None:
        self.asked.append(self.now - 1000.0)
        self._wanted = self._obeys

    def request_packets(self, ssrc: int, lost: object) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...

    def send(self) -> None:
        number = self._number
        keyframe = number == 0 or self._wanted or self._likes(number)
        payload, self._wanted = (KEYFRAME if keyframe else OTHER), False
        self.source.feed(write_packet(96, 0x80, number, number * 3000, 1, payload), self.now)
        self._number += 1
        self.now = 1000.0 + self._number / FRAMES


def recording(camera: Camera, folder: Path, pace: float = 0.0) -> tuple[Recorder, TapLeg]:
    """Return a recorder that listens to the camera, and does what it is posted at once."""
    recorder = Recorder(plan(folder, Container.WEBM, (OPUS, VP8), keyframe_seconds=pace))
    recorder._muxing.write = lambda sample: None  # type: ignore[method-assign]
    for tap in recorder.taps:
        tap._post = lambda size, call, *arguments: call(*arguments)
    [tap] = [tap for tap in recorder.taps if tap.kind == "video"]
    leg = TapLeg(tap)
    leg.attach(camera.source)
    return recorder, leg


def run(recorder: Recorder, camera: Camera, seconds: int) -> list[float]:
    """Have the camera recorded; return when it was asked, but for the keyframe to begin with."""
    before = len(camera.asked)
    for number in range(seconds * FRAMES):
        camera.send()
        camera.source.tick(camera.now)
        if number % TICK_FRAMES == TICK_FRAMES - 1:
            recorder.tick(camera.now)
    return [at for at in camera.asked[before:] if at > 0.0]


def never(number: int) -> bool:
    return False


@pytest.mark.parametrize(
    ("pace", "likes", "asks"),
    [
        (0.0, never, (0, 0)),
        (1.0, never, (19, 20)),
        (2.0, never, (9, 10)),
        (100.0, never, (0, 0)),
        (2.0, lambda number: number % 45 == 0, (0, 0)),  # every 1.5 s by itself
        (2.0, lambda number: number < 300 and number % 30 == 0, (4, 5)),  # for 10 s
    ],
)
def test_a_keyframe_is_asked_for_where_none_came_in_time(
    tmp_path: Path, pace: float, likes: Callable[[int], bool], asks: tuple[int, int]
) -> None:
    camera = Camera(likes)
    recorder, _ = recording(camera, tmp_path, pace)
    asked = run(recorder, camera, 20)
    assert asks[0] <= len(asked) <= asks[1]
    between = [later - earlier for earlier, later in pairwise(asked)]
    assert all(step == pytest.approx(pace, abs=0.01) for step in between)


def test_a_camera_that_does_not_obey_is_asked_no_more_often(tmp_path: Path) -> None:
    camera = Camera(never, obeys=False)
    recorder, _ = recording(camera, tmp_path, 2.0)
    asked = run(recorder, camera, 20)
    assert 9 <= len(asked) <= 10


def test_the_pace_can_be_changed_and_ends_with_the_source(tmp_path: Path) -> None:
    camera = Camera(never)
    recorder, leg = recording(camera, tmp_path)
    assert run(recorder, camera, 10) == []
    recorder.pace_keyframes(1.0)
    assert 9 <= len(run(recorder, camera, 10)) <= 10
    recorder.pace_keyframes(0.0)
    assert run(recorder, camera, 10) == []
    recorder.pace_keyframes(1.0)
    leg.pause()
    assert run(recorder, camera, 10) == []
    leg.resume()
    camera.asked.clear()  # of one to go on with
    assert 8 <= len(run(recorder, camera, 10)) <= 10
