"""How a recording begins: whichever track is read first, and however late its first packets are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.recordings import Container
from media.recording.container import Sample
from media.recording.recorder import Recorder
from media.recording.recording_clock import RecordingClock
from tests.support.examples import examples
from tests.support.media_file import errors_in, look_into
from tests.support.recording import START, Sending, frames_of, plan, sending, writing
from tests.support.rtp_stream import OPUS, VP8

SOUND, PICTURE = (sending(codec, frames_of(codec, 1.0)) for codec in (OPUS, VP8))
FRAMES = {0: len(SOUND.packets), 1: 30}  # by track
Read = tuple[float, float, str, bytes]  # when it was read, when it arrived, of what kind


def held_up(sent: Sending, late: float, busy: float) -> list[Read]:
    """Let what was sent before `late` arrive then, and nothing be read before `busy`."""
    arrivals = [(START + max(time, late), packet) for time, packet in sent.packets]
    return [(max(at, START + busy), at, sent.kind, packet) for at, packet in arrivals]


def in_order(*tracks: list[Read]) -> list[Read]:
    return sorted((read for track in tracks for read in track), key=lambda read: read[:2])


def samples(reads: list[Read]) -> list[Sample]:
    """Return what a recorder writes that reads packets in this order."""
    recorder = Recorder(plan(Path(), Container.WEBM, (OPUS, VP8)))
    written: list[Sample] = []
    recorder._muxing.write = written.append  # type: ignore[method-assign]
    tracks = {tap.kind: tap.track for tap in recorder.taps}
    for _, arrival, kind, packet in reads:
        tracks[kind].take(packet, arrival)
    return written


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.floats(0.0, 0.4), min_size=4, max_size=4), st.booleans())
def test_no_two_sounds_stand_at_one_time_and_nothing_goes_back(
    holds: list[float], picture_first: bool
) -> None:
    reads = in_order(held_up(SOUND, *holds[:2]), held_up(PICTURE, *holds[2:]))
    if picture_first:
        reads.sort(key=lambda read: (read[0], read[2] == "audio"))
    written = samples(reads)
    sounds, pictures = ([s.time for s in written if s.track == track] for track in (0, 1))
    assert all(later > earlier for earlier, later in pairwise(sounds))
    assert all(later >= earlier for earlier, later in pairwise(pictures))
    assert len(pictures) == FRAMES[1]
    assert len(sounds) >= FRAMES[0] - 21  # what was sent before it, and read behind it


def test_sound_that_is_read_behind_a_later_picture_can_be_played(tmp_path: Path) -> None:
    """A processor that was busy reads one socket before the other."""
    reads = in_order(held_up(PICTURE, 0.1, 0.0), held_up(SOUND, 0.0, 0.15))
    recorder = Recorder(plan(tmp_path, Container.WEBM, (OPUS, VP8)))
    taps = {tap.kind: tap for tap in recorder.taps}
    with writing(recorder):
        for _, arrival, kind, packet in reads:
            taps[kind].take(packet, arrival)
    path = recorder.status().path
    assert path is not None
    assert errors_in(path) == ""
    packets = look_into(path).packets
    assert packets["opus"][0] == pytest.approx(packets["vp8"][0], abs=0.02)


def test_a_late_packet_before_the_first_keyframe_puts_no_picture_into_the_future() -> None:
    clock = RecordingClock(90_000)
    clock.hear(0, 10.4)  # of a frame that cannot be decoded, and 0.4 s late
    for number in range(1, 4):
        clock.hear(number * 9000, 10.0 + number / 10 + (0.1 if number == 1 else 0.0))
    assert clock.place(3 * 9000) == pytest.approx(10.3)
    clock.hear(4 * 9000, 10.35)  # what is placed stands fast
    assert clock.place(4 * 9000) == pytest.approx(10.4)


def test_a_stream_in_another_ones_place_begins_no_earlier_than_that_ended() -> None:
    clock = RecordingClock(90_000)
    clock.hear(0, 10.0)
    clock.place(0)
    clock.hear(90_000, 10.9)
    assert clock.place(90_000) == pytest.approx(11.0)
    clock.restart(90_000)
    clock.hear(7000, 10.95)
    clock.hear(16_000, 10.97)
    assert clock.place(16_000) == pytest.approx(11.0)
