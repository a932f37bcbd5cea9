"""RTMP and RTSP to servers of others: what these have in the end, and what is told of failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from media.contract.jobs import BroadcastWanted
from media.contract.streaming import OutsideAddress, OutsideTrouble, TargetFlows, TargetLost
from media.job.sending.broadcast import BroadcastWork
from tests.support.encoded import beeps_in, flashes_in
from tests.support.media_file import errors_in, look_into
from tests.support.picture_jobs import KeptOutside
from tests.support.ports import free_port
from tests.support.shows import PICTURE, SIGNALS, SOUND, after, picture, play, sound
from tests.support.stream_targets import (
    deaf_target,
    listening_ffmpeg,
    nginx,
    rtsp_server,
    wait_ended,
)

LOOPBACK = ("127.0.0.0/8",)
pytestmark = pytest.mark.slow


class Sending:
    """A work that sends to a target."""

    def __init__(self, url: str, *, stalled: float = 10.0, retry: float = 30.0) -> None:
        self.outside = KeptOutside()
        self.work = BroadcastWork(self.outside)
        self._begin = time.monotonic()
        self.work.change(
            BroadcastWanted(
                url.partition(":")[0],
                (SOUND, PICTURE),
                OutsideAddress(url, LOOPBACK),
                stalled_seconds=stalled,
                reconnect_seconds=retry,
            )
        )

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, *_: object) -> None:
        self.work.close()

    def show(self) -> None:
        """Send six seconds of a show as they pass."""
        play(self.work, picture(), sound(), real_time=True)

    def show_until(self, true: Callable[[], bool]) -> None:
        """Send one show behind the other, until something is so."""
        for _ in range(5):
            passed = time.monotonic() - self._begin
            events = (after(passed, picture()), after(passed, sound()))
            play(self.work, *events, real_time=True, begin=self._begin, until=true)
            if true():
                return
        raise AssertionError(f"it never came so far: {self.outside.told}")

    def has_told(self, reason: OutsideTrouble) -> bool:
        return any(isinstance(it, TargetLost) and it.reason is reason for it in self.outside.told)

    @property
    def flows(self) -> bool:
        return self.outside.told[-1:] == [TargetFlows()]


def check(file: Path) -> None:
    """See that the show is in a file, whole."""
    found = look_into(file)
    assert found.sizes == {"h264": (320, 240)}
    assert set(found.packets) == {"h264", "aac"}
    assert errors_in(file) == ""
    flashes, beeps = flashes_in(file), beeps_in(file)
    assert len(flashes) == len(SIGNALS)
    assert flashes == pytest.approx(beeps, abs=0.08)


def test_an_ffmpeg_takes_rtmp_with_the_sound_beside_the_picture(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "show.flv"
    with listening_ffmpeg(file, port) as target:
        with Sending(f"rtmp://127.0.0.1:{port}/live/show") as sending:
            sending.show()
        wait_ended(target)
    assert sending.outside.told == [TargetFlows()]
    assert sending.work.figures.late_frames == 0
    check(file)


def test_an_nginx_takes_rtmp_for_one_application_and_refuses_another(tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, port):
        with Sending(f"rtmp://127.0.0.1:{port}/closed/show") as sending:
            sending.show_until(lambda: bool(sending.outside.told))
        [told] = sending.outside.told
        assert isinstance(told, TargetLost)
        assert (told.reason, told.over) == (OutsideTrouble.REFUSED, False)
        with Sending(f"rtmp://127.0.0.1:{port}/live/show") as sending:
            sending.show()
        assert sending.outside.told == [TargetFlows()]
    [file] = tmp_path.glob("show*.flv")
    check(file)


def test_a_gstreamer_records_rtsp(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "show.mkv"
    with rtsp_server(file, port):
        with Sending(f"rtsp://127.0.0.1:{port}/show") as sending:
            sending.show()
        assert sending.outside.told == [TargetFlows()]
    check(file)


def test_a_gstreamer_wants_a_password(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "show.mkv"
    with rtsp_server(file, port, "se:cret"):
        with Sending(f"rtsp://127.0.0.1:{port}/show") as sending:
            sending.show_until(lambda: bool(sending.outside.told))
        [told] = sending.outside.told
        assert isinstance(told, TargetLost)
        assert told.reason is OutsideTrouble.UNAUTHORISED
        with Sending(f"rtsp://ann:se%3Acret@127.0.0.1:{port}/show") as sending:
            sending.show_until(lambda: sending.flows)
        assert sending.outside.told == [TargetFlows()]
    assert look_into(file).sizes == {"h264": (320, 240)}


def test_a_target_that_was_killed_is_told_and_found_again(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "show.flv"
    with Sending(f"rtmp://127.0.0.1:{port}/live/show") as sending:
        sending.show_until(lambda: sending.has_told(OutsideTrouble.UNREACHABLE))
        with listening_ffmpeg(tmp_path / "first.flv", port):
            sending.show_until(lambda: sending.flows)
        sending.show_until(lambda: not sending.flows)
        with listening_ffmpeg(file, port) as target:
            sending.show_until(lambda: sending.flows)
            before = sending.work.figures.frames_out
            sending.show_until(lambda: sending.work.figures.frames_out > before + 100)
            sending.work.close()
            wait_ended(target)
    assert look_into(file).sizes == {"h264": (320, 240)}
    assert errors_in(file) == ""


def test_a_target_that_reads_nothing_is_left_and_tried_again() -> None:
    with deaf_target() as listening, ExitStack() as accepted:
        count = 0

        def came_again() -> bool:
            nonlocal count
            with suppress(BlockingIOError):
                accepted.enter_context(listening.accept()[0])
                count += 1
            return count == 2

        port = listening.getsockname()[1]
        with Sending(f"rtmp://127.0.0.1:{port}/live/show", stalled=1.0) as sending:
            sending.show_until(came_again)
            [told] = sending.outside.told
            assert isinstance(told, TargetLost)
            assert (told.reason, told.over) == (OutsideTrouble.SILENT, False)
            before = time.monotonic()
            sending.work.close()
            assert time.monotonic() - before < 15.0
