"""Frames are placed by their timestamps, and streams of one sender beside each other."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.recording.recording_clock import RecordingClock

NTP_EPOCH = 3_900_000_000.0  # the sender's wall clock; ours says something else


def ntp(wall: float) -> int:
    return int((NTP_EPOCH + wall) * 2**32)


def test_jitter_of_arrivals_does_not_show() -> None:
    clock = RecordingClock(48_000)
    placed = []
    for number, late in enumerate((0.05, 0.0, 0.15, 0.02)):
        clock.hear(1000 + number * 960, 100.0 + number * 0.02 + late)
        placed.append(clock.place(1000 + number * 960))
    assert placed == pytest.approx([100.05, 100.07, 100.09, 100.11])


def test_timestamps_may_wrap_and_pictures_come_in_the_order_of_decoding() -> None:
    clock = RecordingClock(90_000, reorders=True)
    clock.hear(2**32 - 3000, 10.0)
    clock.hear(3000, 10.07)
    assert clock.place(3000) == pytest.approx(10.0667, abs=1e-3)
    clock.hear(0, 10.08)
    assert clock.place(0) == pytest.approx(10.0333, abs=1e-3)


def test_a_pause_is_kept() -> None:
    clock = RecordingClock(48_000)
    clock.hear(0, 10.0)
    clock.hear(5 * 48_000, 15.1)
    assert clock.place(5 * 48_000) == pytest.approx(15.0)


def test_a_sender_that_counts_anew_is_placed_where_it_arrives() -> None:
    clock = RecordingClock(48_000)
    clock.hear(0, 10.0)
    clock.hear(3_000_000_000, 12.0)
    assert clock.place(3_000_000_000) == 12.0
    clock.restart(48_000)
    clock.hear(77, 14.0)
    assert clock.place(77) == 14.0


def test_sender_reports_move_video_to_where_its_sound_is_and_gently() -> None:
    audio = RecordingClock(48_000)
    video = RecordingClock(90_000, leader=audio)
    audio.hear(0, 10.0)  # captured at wall 0
    video.hear(0, 10.3)  # captured at wall 0 too, but it took longer
    assert video.place(0) == 10.3
    audio.take_report(ntp(1.0), 48_000, 10.3)
    video.take_report(ntp(1.0), 90_000, 10.3)
    placed = []
    for number in range(1, 61):
        ticks = number * 3000
        video.hear(ticks, 10.3 + number / 30)
        placed.append(video.place(ticks))
    steps = [later - earlier for earlier, later in pairwise(placed)]
    assert min(steps) > 0.02  # never back, never a leap
    assert max(steps) < 0.05
    assert placed[-1] == pytest.approx(12.0, abs=0.001)


def test_drifting_clocks_are_followed() -> None:
    audio = RecordingClock(48_000)
    video = RecordingClock(90_000, leader=audio)
    worst = 0.0
    for second in range(1, 3601):  # the sound presence runs slow by 100 ppm: 0.36 s in an hour
        audio_ticks = round(second * 48_000 * 0.9999)
        audio.hear(audio_ticks % 2**32, 10.0 + second)
        video.hear(second * 90_000 % 2**32, 10.0 + second)
        audio.take_report(ntp(second), audio_ticks % 2**32, 10.0 + second)
        video.take_report(ntp(second), second * 90_000 % 2**32, 10.0 + second)
        apart = video.place(second * 90_000 % 2**32) - audio.place(audio_ticks % 2**32)
        worst = max(worst, abs(apart))
    assert worst < 0.01


def test_senders_whose_clocks_are_nonsense_are_placed_by_arrival() -> None:
    audio = RecordingClock(48_000)
    video = RecordingClock(90_000, leader=audio)
    audio.hear(0, 10.0)
    video.hear(0, 10.0)
    audio.take_report(ntp(0.0), 0, 10.0)
    video.take_report(ntp(500.0), 0, 10.0)
    video.hear(3000, 10.1)
    assert video.place(3000) == pytest.approx(10.0333, abs=1e-3)
    video.take_report(0, 3000, 10.1)
    assert video.place(3000) == pytest.approx(10.0333, abs=1e-3)
