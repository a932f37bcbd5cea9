"""Real sources outside, pulled: what is found, what comes out, and how both stay in step."""

from __future__ import annotations

import signal
import time
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from media.contract.jobs import COMMON, PICTURE
from media.contract.streaming import OutsideTrouble, SourceLost
from media.job.pulling.ingest import IngestWork
from tests.support.cameras import (
    SOUND,
    live_playlist,
    media_file,
    nginx,
    played,
    publisher,
    rtmp_camera,
    rtsp_camera,
)
from tests.support.jobs import transcode
from tests.support.lip_sync import PICTURE_INPUT, SOUND_INPUT, apart
from tests.support.picture_jobs import KeptOutside, Sent, decoded, keyframes_in
from tests.support.pulling import Pull, pulling
from tests.support.sound import decoded as decoded_sound
from tests.support.sound import strength

pytestmark = pytest.mark.slow

IN_STEP = 0.08  # seconds


def flows(pull: Pull, seconds: float = 2.0, *, video: bool = True, audio: bool = True) -> None:
    """Let all of a source flow, and look at what comes out."""
    found = pull.found()
    pull.flow(found)
    pull.run(seconds)
    if video:
        assert pull.wanted.video is not None
        pictures = decoded(pull.wanted.video.codec, pull.sent(PICTURE))
        assert len(pictures) >= seconds * 15 / 2
        assert all(b > a for (a, _), (b, _) in pairwise(pictures))
        assert {(frame.width, frame.height) for _, frame in pictures} == {(320, 240)}
    if audio:
        assert pull.wanted.audio is not None
        tone_is_heard(pull.wanted.audio.codec, pull.sent(COMMON))


def tone_is_heard(codec: str, packets: list[Sent]) -> None:
    rate = 48_000 if codec == "opus" else 8000
    sound = decoded_sound(codec, [each.payload for each in packets])
    assert strength(sound, 440, rate) > 0.03
    steps = [b.timestamp - a.timestamp for a, b in pairwise(packets)]
    assert steps.count(rate // 50) >= 0.95 * len(steps)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_whose_pictures_and_sound_pass(transport: str):
    with rtsp_camera() as camera, pulling(camera.url, transport=transport) as pull:
        flows(pull)
        assert pull.wanted.passes == ("audio", "video")
        assert pull.work.figures.decode_errors == 0
        assert pull.told(SourceLost) == []
        # Each keyframe has what a decoder needs to begin with it, wherever somebody comes in.
        first, *_, last = keyframes_in("h264", pull.sent(PICTURE))
        assert first < last
        again = [each for each in pull.sent(PICTURE) if each.timestamp >= last]
        assert decoded("h264", again)


@pytest.mark.parametrize(
    ("video", "audio", "passes"),
    [
        ("h264 reordered", "aac", ()),
        ("mpeg4", "mp3", ()),
        ("", "pcma", ("audio",)),
    ],
)
def test_a_camera_of_other_codecs(video: str, audio: str, passes: tuple[str, ...], tmp_path: Path):
    file = media_file(tmp_path / "camera.mkv", video, audio, 8)
    with rtsp_camera(played(file, video, audio)) as camera, pulling(camera.url) as pull:
        flows(pull, video=bool(video), audio=bool(audio))
        assert pull.wanted.passes == passes
        found = pull.found()
        assert (found.audio is None, found.video is None) == (not audio, not video)


def test_a_camera_that_wants_credentials_tells_nobody():
    with rtsp_camera(credentials=("joe", "secret")) as camera:
        with pulling(camera.url) as pull:
            flows(pull)
        for url, reason in (
            (camera.url.replace("joe:secret", "joe:wrong"), OutsideTrouble.UNAUTHORISED),
            (camera.url + "/nothing", OutsideTrouble.NOT_FOUND),
        ):
            with pulling(url) as pull:
                assert pull.lost().reason is reason
                assert not any(word in repr(pull.outside.told) for word in ("joe", "127.0.0.1"))
                pull.run(1.5)  # it is tried again, and told once
                assert len(pull.told(SourceLost)) == 1


def test_where_nobody_is_and_where_nobody_may_go():
    with rtsp_camera() as camera:
        source = pulling(camera.url)
        with source as pull:
            allowed = msgspec.structs.replace(pull.wanted.source, networks=("10.0.0.0/8",))
            pull.work.change(msgspec.structs.replace(pull.wanted, source=allowed))
            assert pull.lost().reason is OutsideTrouble.NOT_ALLOWED
        camera.kill()
        with pulling(camera.url) as pull:
            lost = pull.lost()
            assert (lost.reason, lost.over) == (OutsideTrouble.UNREACHABLE, False)


def test_a_publisher_at_a_server_of_rtmp(tmp_path: Path):
    with nginx(tmp_path) as (port, _):
        url = f"rtmp://127.0.0.1:{port}/live/camera"
        with publisher(url, "h264 reordered", "mp3"), pulling(url) as pull:
            flows(pull)
            assert pull.wanted.passes == ()


@pytest.mark.parametrize(
    ("video", "audio", "ending"),
    [("h264", "aac", "mp4"), ("h264 reordered", "aac", "ts"), ("vp8", "opus", "webm")],
)
def test_a_file_is_as_long_as_it_is_and_ends_for_good(
    video: str, audio: str, ending: str, tmp_path: Path
):
    file = media_file(tmp_path / f"film.{ending}", video, audio, 2.5)
    with pulling(file.as_uri(), folder=str(tmp_path)) as pull:
        began = time.monotonic()
        flows(pull)
        lost = pull.lost()
        assert (lost.reason, lost.over) == (OutsideTrouble.ENDED, True)
        assert time.monotonic() - began > 2.2
        frames = decoded(pull.wanted.video.codec, pull.sent(PICTURE))  # type: ignore[union-attr]
        assert (frames[-1][0] - frames[0][0]) / 90_000 == pytest.approx(2.4, abs=0.25)
        assert pull.work.due() == float("inf")


def test_hls_that_is_live_comes_evenly(tmp_path: Path):
    with nginx(tmp_path) as (_, port), live_playlist(tmp_path) as playlist:
        with pulling(f"http://127.0.0.1:{port}/{playlist.url}") as pull:
            flows(pull, 3.0)
            times = [
                at
                for at, each in zip(pull.outside.sent_at, pull.outside.sent, strict=True)
                if each.name == PICTURE
            ]
            assert max(b - a for a, b in pairwise(times)) < 0.7
            assert times[-1] - times[0] > 2.0
            assert pull.told(SourceLost) == []


@pytest.mark.parametrize(("video", "ending"), [("h264", "mp4"), ("h264 reordered", "mkv")])
def test_picture_and_sound_are_in_step(
    video: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    inputs = (*PICTURE_INPUT, *SOUND_INPUT)
    file = media_file(tmp_path / f"flashes.{ending}", video, "aac", 6, inputs)
    with pulling(file.as_uri(), folder=str(tmp_path)) as pull:
        pull.flow(pull.found())
        pull.run(3.5)
        found = apart(pull)
        with capsys.disabled():
            print(f"\n{video}: sound later by {', '.join(f'{it * 1000:.0f}' for it in found)} ms")
        assert len(found) >= 2
        assert max(map(abs, found)) <= IN_STEP


def test_a_camera_that_falls_silent_is_given_up_and_found_again():
    with rtsp_camera() as camera, pulling(camera.url, read_seconds=1.5) as pull:
        flows(pull, 1.0, video=False, audio=False)
        camera.process.send_signal(signal.SIGSTOP)
        assert pull.lost().reason is OutsideTrouble.SILENT
        camera.process.send_signal(signal.SIGCONT)
        pull.found(2)
        count = len(pull.sent(PICTURE))
        pull.until(lambda: len(pull.sent(PICTURE)) > count + 30)
        assert decoded("h264", pull.sent(PICTURE)[count:])


def test_a_source_that_comes_back_with_another_codec_waits_for_a_word():
    with rtmp_camera("h264", "aac") as camera, pulling(camera.url) as pull:
        flows(pull)
        port = int(camera.url.split(":")[2].split("/")[0])
        camera.kill()
        with rtmp_camera("h264 reordered", "aac", port=port):
            found = pull.found(2)
            assert found.video is not None
            assert not found.video.passes
            pictures, sounds = len(pull.sent(PICTURE)), len(pull.sent(COMMON))
            pull.until(lambda: len(pull.sent(COMMON)) > sounds + 20)
            assert len(pull.sent(PICTURE)) == pictures
            pull.flow(found)
            pull.until(lambda: len(pull.sent(PICTURE)) > pictures + 30)
            assert decoded("h264", pull.sent(PICTURE)[pictures:])


def test_what_is_no_media_is_unreadable_and_what_is_half_is_used_as_far_as_it_goes(tmp_path: Path):
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(bytes(range(256)) * 1000)
    with pulling(junk.as_uri(), folder=str(tmp_path)) as pull:
        assert pull.lost().reason is OutsideTrouble.UNREADABLE
    file = media_file(tmp_path / "film.ts", "h264 reordered", "aac", 2)
    data = bytearray(file.read_bytes())
    for at in range(3000, len(data), 2000):
        data[at : at + 20] = bytes(20)
    file.write_bytes(data)
    with pulling(file.as_uri(), folder=str(tmp_path)) as pull:
        pull.flow(pull.found())
        assert pull.lost().over
        assert pull.sent(PICTURE)


@pytest.mark.parametrize("audio", ["", "mp3"])
def test_pictures_that_are_too_large_to_be_decoded_are_none(audio: str, tmp_path: Path):
    large = ("-f", "lavfi", "-i", "color=size=7680x4320:rate=2")
    file = media_file(tmp_path / "film.mkv", "mpeg4", audio, 1, (*large, *SOUND))
    with pulling(file.as_uri(), folder=str(tmp_path)) as pull:
        if audio:
            assert pull.found().video is None
        else:
            assert pull.lost().reason is OutsideTrouble.UNREADABLE


def test_other_work_is_refused():
    with pytest.raises(TypeError):
        IngestWork(KeptOutside()).change(transcode())
