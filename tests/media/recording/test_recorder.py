"""Recordings can be played: every codec and container, with gaps, losses and late beginnings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.contract.recordings import Container, RecordingPlan, RecordingState, TrackPlan
from media.recording.recorder import Recorder
from media.rtp.rtp_source import RtpSource
from tests.support.encoded import beeps_in, flashes_in, video
from tests.support.media_file import errors_in, look_into
from tests.support.recording import feed, frames_of, plan, record, sending, until_written, writing
from tests.support.rtp_stream import AAC, H264, OPUS, PCMA, PCMU, VP8

WEBM, MKV, MP4 = Container.WEBM, Container.MKV, Container.MP4
SIGNALS = (1.0, 2.5)
NTP_EPOCH = 3_900_000_000


class Camera:
    """The sender of a source: counts what it is asked for."""

    def __init__(self) -> None:
        self.keyframes_asked = 0

    def request_keyframe(self, ssrc: int) -> None:
        self.keyframes_asked += 1

    def request_packets(self, ssrc: int, lost: object) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...


def source(codec: Codec, camera: Camera) -> RtpSource:
    return RtpSource("camera", "video", codec, 1, camera)


@pytest.mark.parametrize(
    ("container", "codecs"),
    [
        (WEBM, (VP8, OPUS)),
        (WEBM, (VP8,)),
        (WEBM, (OPUS,)),
        (MKV, (OPUS, VP8)),
        (MKV, (VP8, PCMA)),
        (MKV, (H264, OPUS)),
        (MKV, (H264, PCMU)),
        (MKV, (PCMU,)),
        (MKV, (VP8, AAC)),
        (MKV, (H264, AAC)),
        (MKV, (AAC,)),
        (MP4, (H264, OPUS)),
        (MP4, (H264, AAC)),
        (MP4, (AAC,)),
        (MP4, (H264,)),
        (MP4, (OPUS,)),
    ],
)
def test_what_a_container_takes_can_be_played(
    tmp_path: Path, container: Container, codecs: tuple[Codec, ...]
) -> None:
    sendings = [sending(codec, frames_of(codec, 4.0, SIGNALS)) for codec in codecs]
    status = record(plan(tmp_path, container, codecs), *sendings)
    assert (status.state, status.reason) == (RecordingState.FINALISED, "stopped")
    assert status.path == tmp_path / f"test.{container.value}"
    assert status.bytes == status.path.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [status.path.name]
    assert errors_in(status.path) == ""
    found = look_into(status.path)
    assert found.duration == pytest.approx(4.0, abs=0.05)
    assert status.seconds == pytest.approx(found.duration, abs=0.05)
    assert len(found.packets) == len(codecs)
    for codec in codecs:
        if codec.clock_rate == 90_000:
            assert len(found.packets[codec.name]) == 120
            assert found.sizes[codec.name] == (320, 240)
            assert flashes_in(status.path) == pytest.approx(SIGNALS, abs=0.005)
        else:
            assert beeps_in(status.path) == pytest.approx(SIGNALS, abs=0.015)


@pytest.mark.parametrize(
    ("container", "tracks", "reason"),
    [
        (WEBM, [("video", "h264")], "webm takes vp8 as video, not h264"),
        (WEBM, [("audio", "pcmu")], "webm takes opus as audio, not pcmu"),
        (MP4, [("video", "vp8")], "mp4 takes h264 as video, not vp8"),
        (MP4, [("audio", "pcma")], "mp4 takes aac or opus as audio, not pcma"),
        (MKV, [("audio", "g722")], "mkv takes aac or opus or pcma or pcmu as audio, not g722"),
        (MKV, [("video", "vp9")], "mkv takes h264 or vp8 as video, not vp9"),
        (MKV, [], "there is nothing to record"),
        (MKV, [("audio", "opus")] * 2, "a recording has at most one audio and one video track"),
    ],
)
def test_what_a_container_does_not_take_is_refused_with_the_reason(
    tmp_path: Path, container: Container, tracks: list[tuple[str, str]], reason: str
) -> None:
    tracks_planned = tuple(TrackPlan(kind, codec) for kind, codec in tracks)
    with pytest.raises(CannotRecord) as refused:
        Recorder(RecordingPlan("test", container, tracks_planned, tmp_path))
    assert str(refused.value) == reason
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a.b", "ä", "a\n", "x" * 101])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotRecord):
        Recorder(RecordingPlan(name, WEBM, (TrackPlan("audio", "opus"),), tmp_path))


@pytest.mark.parametrize(
    ("container", "codecs"),
    [
        pytest.param(WEBM, (VP8, OPUS), marks=pytest.mark.slow),
        (MKV, (H264, PCMU)),
        (MKV, (H264, AAC)),
        (MP4, (H264, OPUS)),
        (MP4, (H264, AAC)),
    ],
)
def test_pauses_keep_their_time(
    tmp_path: Path, container: Container, codecs: tuple[Codec, ...]
) -> None:
    sendings = []
    for codec, pause in zip(codecs, ((1.0, 3.0), (2.0, 3.5)), strict=True):
        frames = frames_of(codec, 6.0, (5.0,))
        if codec.clock_rate == 90_000:
            frames = video(codec.name, 6.0, keyframes=(3.0,), flashes=(5.0,))
        kept = [frame for frame in frames if not pause[0] <= frame.time < pause[1]]
        sendings.append(sending(codec, kept))
    status = record(plan(tmp_path, container, codecs), *sendings)
    assert status.path is not None
    assert errors_in(status.path) == ""
    found = look_into(status.path)
    assert found.duration == pytest.approx(6.0, abs=0.05)
    assert flashes_in(status.path) == pytest.approx([5.0], abs=0.005)
    assert beeps_in(status.path) == pytest.approx([5.0], abs=0.015)
    for times, (begin, end) in zip(
        sorted(found.packets.values(), key=len), ((1.0, 3.0), (2.0, 3.5)), strict=True
    ):
        assert not [time for time in times if begin + 0.01 < time < end - 0.01]


@pytest.mark.parametrize(("container", "codec"), [(WEBM, VP8), (MKV, H264), (MP4, H264)])
def test_sound_is_recorded_while_there_is_no_keyframe_and_the_picture_joins(
    tmp_path: Path, container: Container, codec: Codec
) -> None:
    pictures = video(codec.name, 4.0, keyframes=(2.0,), flashes=(3.0,))[1:]
    sound = frames_of(OPUS, 4.0, (3.0,))
    camera = Camera()
    recorder = Recorder(plan(tmp_path, container, (codec, OPUS)))
    with writing(recorder):
        recorder.taps[1].source_changed(source(codec, camera))
        feed(recorder, sending(codec, pictures), sending(OPUS, sound))
    path = recorder.status().path
    assert path is not None
    assert errors_in(path) == ""
    found = look_into(path)
    assert found.packets[codec.name][0] == pytest.approx(2.0, abs=0.002)
    assert found.packets["opus"][0] == pytest.approx(0.0, abs=0.01)
    assert flashes_in(path) == pytest.approx(beeps_in(path), abs=0.015)
    assert 1 <= camera.keyframes_asked <= 3
    assert recorder.status().dropped_frames == 59


@pytest.mark.parametrize(("container", "codec"), [(WEBM, VP8), (MKV, H264), (MP4, H264)])
def test_a_loss_freezes_the_picture_until_the_keyframe_that_is_asked_for(
    tmp_path: Path, container: Container, codec: Codec
) -> None:
    sent = sending(codec, video(codec.name, 4.0, keyframes=(2.0,), flashes=(3.0,)))
    at = next(at for at, (time, _) in enumerate(sent.packets) if time >= 1.0)
    del sent.packets[at]
    camera = Camera()
    recorder = Recorder(plan(tmp_path, container, (codec,)))
    with writing(recorder):
        recorder.taps[0].source_changed(source(codec, camera))
        feed(recorder, sent)
    status = recorder.status()
    assert status.path is not None
    assert status.lost_packets == 1
    assert camera.keyframes_asked >= 1
    assert errors_in(status.path) == ""
    assert flashes_in(status.path) == pytest.approx([3.0], abs=0.005)
    times = look_into(status.path).packets[codec.name]
    assert not [time for time in times if 1.001 < time < 1.999]


def test_a_retransmission_in_time_leaves_no_trace(tmp_path: Path) -> None:
    sent = sending(VP8, frames_of(VP8, 2.0))
    at = next(at for at, (time, _) in enumerate(sent.packets) if time >= 1.0)
    sent.packets[at] = (1.15, sent.packets[at][1])
    status = record(plan(tmp_path, WEBM, (VP8,)), sent)
    assert status.path is not None
    assert (status.lost_packets, status.dropped_frames) == (0, 0)
    assert len(look_into(status.path).packets["vp8"]) == 60


def test_sender_reports_put_the_picture_beside_its_sound(tmp_path: Path) -> None:
    sound = sending(OPUS, frames_of(OPUS, 6.0, (1.0, 3.0, 5.0)))
    picture = sending(VP8, frames_of(VP8, 6.0, (1.0, 3.0, 5.0)), late=0.4)
    recorder = Recorder(plan(tmp_path, WEBM, (OPUS, VP8)))
    with writing(recorder):
        feed(recorder, *(replace(each, packets=each.packets[:1]) for each in (sound, picture)))
        for tap, sent in zip(recorder.taps, (sound, picture), strict=True):
            tap.take_sender_report(1, NTP_EPOCH << 32, sent.stream.rtp_time(0.0), 1000.0)
        feed(recorder, *(replace(each, packets=each.packets[1:]) for each in (sound, picture)))
    path = recorder.status().path
    assert path is not None
    assert errors_in(path) == ""
    flashes, beeps = flashes_in(path), beeps_in(path)
    assert flashes[1:] == pytest.approx(beeps[1:], abs=0.04)


def test_streams_of_two_publishers_are_aligned_by_arrival(tmp_path: Path) -> None:
    two = plan(tmp_path, WEBM, (OPUS, VP8))
    two = replace(two, tracks=(two.tracks[0], replace(two.tracks[1], publisher="bob")))
    sound, picture = (sending(codec, frames_of(codec, 3.0, (2.0,))) for codec in (OPUS, VP8))
    recorder = Recorder(two)
    with writing(recorder):
        for tap, sent, wall in zip(recorder.taps, (sound, picture), (0, 3), strict=True):
            tap.take(sent.packets[0][1], 1000.05)
            tap.take_sender_report(1, NTP_EPOCH + wall << 32, sent.stream.rtp_time(0.0), 1000.0)
        feed(recorder, sound, picture)
    path = recorder.status().path
    assert path is not None
    assert flashes_in(path) == pytest.approx(beeps_in(path), abs=0.02)


def test_another_source_goes_on_where_time_is_and_starts_with_a_keyframe(tmp_path: Path) -> None:
    first, second = (sending(VP8, frames_of(VP8, 2.0, (1.0,))) for _ in range(2))
    second.late = 2.5
    recorder = Recorder(plan(tmp_path, WEBM, (VP8,)))
    with writing(recorder):
        feed(recorder, first)
        recorder.taps[0].source_changed(source(VP8, Camera()))
        feed(recorder, second)
    path = recorder.status().path
    assert path is not None
    assert errors_in(path) == ""
    assert flashes_in(path) == pytest.approx([1.0, 3.5], abs=0.005)


def test_a_picture_that_changes_its_size_can_be_played(tmp_path: Path) -> None:
    for container, codec in ((WEBM, VP8), (MKV, H264), (MP4, H264)):
        small = sending(codec, video(codec.name, 1.0, size=(320, 240)))
        large = sending(codec, video(codec.name, 1.0, size=(640, 360)), late=1.0)
        recorder = Recorder(plan(tmp_path, container, (codec,)))
        with writing(recorder):
            feed(recorder, small)
            recorder.taps[0].source_changed(source(codec, Camera()))
            feed(recorder, large)
        path = recorder.status().path
        assert path is not None
        assert errors_in(path) == ""
        assert len(look_into(path).packets[codec.name]) == 60


def test_a_source_of_another_codec_ends_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(plan(tmp_path, WEBM, (VP8,)))
    with writing(recorder):
        feed(recorder, sending(VP8, frames_of(VP8, 1.0)))
        recorder.taps[0].source_changed(source(H264, Camera()))
        assert recorder.wait_ended(5.0)
    assert (recorder.status().state, recorder.status().reason) == (
        RecordingState.FINALISED,
        "codec_changed",
    )


def test_a_long_recording_ends_at_its_limit(tmp_path: Path) -> None:
    recorder = Recorder(plan(tmp_path, WEBM, (OPUS,), max_seconds=2.0))
    with writing(recorder):
        feed(recorder, sending(OPUS, frames_of(OPUS, 3.0)))
        assert until_written(recorder).state is RecordingState.RUNNING
        recorder.tick(1002.0)
        assert not recorder.wait_ended(0.0)
        recorder.tick(1002.1)
        assert recorder.wait_ended(5.0)
    status = recorder.status()
    assert (status.state, status.reason) == (RecordingState.FINALISED, "max_seconds")
    assert status.path is not None
    assert look_into(status.path).duration == pytest.approx(2.0, abs=0.05)


def test_a_recording_to_which_nothing_comes_ends_at_its_limit_too(tmp_path: Path) -> None:
    recorder = Recorder(plan(tmp_path, WEBM, (OPUS,), max_seconds=2.0))
    with writing(recorder):
        recorder.tick(1000.0)
        recorder.tick(1001.9)
        assert not recorder.wait_ended(0.0)
        recorder.tick(1002.0)
        assert recorder.wait_ended(5.0)
    assert (recorder.status().state, recorder.status().reason) == (
        RecordingState.FAILED,
        "no_media",
    )


def test_garbage_between_packets_is_left_out(tmp_path: Path) -> None:
    sent = sending(OPUS, frames_of(OPUS, 1.0))
    sent.packets[10:10] = [(0.2, b""), (0.2, b"\x80" * 11), (0.2, b"\xff" * 40)]
    status = record(plan(tmp_path, WEBM, (OPUS,)), sent)
    assert status.path is not None
    assert len(look_into(status.path).packets["opus"]) == 50
