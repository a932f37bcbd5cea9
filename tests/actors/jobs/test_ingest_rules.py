"""What becomes of a source outside, and which addresses are taken: pure rules, in tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.ingest_rules import (
    TROUBLES,
    KindsWanted,
    SourceUnfit,
    pulled_tracks,
    trouble_words,
)
from actors.jobs.outside_addresses import check_address, outside_address, shown_address
from actors.streams.services import StreamingPlan
from actors.words.media_refusals import AddressUnfit
from actors.words.streams import Resolution, VideoFormat, VideoParameters
from media.contract.jobs import AudioTarget, VideoTarget
from media.contract.streaming import (
    OutsideTrouble,
    PulledAudio,
    PulledVideo,
    SourceFound,
    SourceLost,
)
from media.worker.job_codecs import codec_sent

ALL = frozenset({"opus", "g722", "pcmu", "pcma"}), frozenset({"vp8", "h264"})
ANY = KindsWanted.of(None, None, *ALL)
H264 = PulledVideo("h264", 1280, 720, 25.0, passes=True, profile="M")
B_FRAMES = PulledVideo("h264", 1281, 721, 50.0, passes=False, profile="H")
MPEG4 = PulledVideo("mpeg4", 640, 480, 0.0, passes=False)
HUGE = PulledVideo("hevc", 8192, 4320, 25.0, passes=False)
OPUS = PulledAudio("opus", 48_000, 1, passes=True)
AAC = PulledAudio("aac", 44_100, 2, passes=False)
ULAW = PulledAudio("pcm_mulaw", 8000, 1, passes=True)
WIDE_ULAW = PulledAudio("pcm_mulaw", 16_000, 1, passes=True)
OPUS_TARGET = AudioTarget("opus", 48_000, 2)


@pytest.mark.parametrize(
    ("found", "taken", "target", "passes"),
    [
        pytest.param(OPUS, ALL[0], OPUS_TARGET, True, id="opus passes"),
        pytest.param(ULAW, ALL[0], AudioTarget("pcmu", 8000, 1), True, id="G.711 passes"),
        pytest.param(AAC, ALL[0], OPUS_TARGET, False, id="AAC becomes Opus"),
        pytest.param(WIDE_ULAW, ALL[0], OPUS_TARGET, False, id="G.711 of another rate"),
        pytest.param(OPUS, {"pcma"}, AudioTarget("pcma", 8000, 1), False, id="room without Opus"),
    ],
)
def test_sound(
    found: PulledAudio, taken: frozenset[str], target: AudioTarget, passes: bool
) -> None:
    wanted = KindsWanted.of(None, None, frozenset(taken), ALL[1])
    tracks = pulled_tracks(SourceFound(found, None), wanted)
    assert (tracks.audio_target, tracks.passes) == (target, ("audio",) if passes else ())
    assert tracks.audio is not None
    assert (tracks.audio.origin, tracks.audio.format.codec) == ("streaming", target.codec)


@pytest.mark.parametrize(
    ("found", "taken", "target", "size", "passes"),
    [
        pytest.param(
            H264, ALL[1], VideoTarget("h264", 0, 0, 25, 0, profile="M"), (1280, 720), True,
            id="a camera's H.264 passes",
        ),
        pytest.param(
            B_FRAMES, ALL[1], VideoTarget("h264", 1280, 720, 30, 1600, profile="CB"), (1280, 720),
            False, id="one with B-frames is encoded, evenly and at 30 a second",
        ),
        pytest.param(
            MPEG4, {"vp8"}, VideoTarget("vp8", 640, 480, 30, 640), (640, 480), False,
            id="MPEG-4 in a room that takes VP8",
        ),
        pytest.param(
            H264, {"vp8"}, VideoTarget("vp8", 1280, 720, 25, 1333), (1280, 720), False,
            id="H.264 in a room that takes VP8",
        ),
        pytest.param(
            HUGE, ALL[1], VideoTarget("h264", 4096, 2160, 25, 11377, profile="CB"), (4096, 2160),
            False, id="no larger than can be encoded",
        ),
    ],
)  # fmt: skip
def test_pictures(
    found: PulledVideo,
    taken: frozenset[str],
    target: VideoTarget,
    size: tuple[int, int],
    passes: bool,
) -> None:
    wanted = KindsWanted.of(None, None, ALL[0], frozenset(taken))
    tracks = pulled_tracks(SourceFound(None, found), wanted)
    assert (tracks.video_target, tracks.passes) == (target, ("video",) if passes else ())
    assert tracks.video is not None
    assert tracks.video.format == VideoFormat(target.codec, target.profile or None)
    bitrate = None if passes else target.bitrate
    assert tracks.video.parameters == VideoParameters(Resolution(*size), target.framerate, bitrate)


@pytest.mark.parametrize(
    ("audio", "video", "found", "kinds"),
    [
        (None, None, SourceFound(OPUS, H264), "audio video"),
        (True, True, SourceFound(OPUS, H264), "audio video"),
        (False, True, SourceFound(OPUS, H264), "video"),
        (None, None, SourceFound(None, H264), "video"),
        (None, False, SourceFound(OPUS, H264), "audio"),
        (True, None, SourceFound(None, H264), "the source has no sound"),
        (None, True, SourceFound(OPUS, None), "the source has no picture"),
        (False, None, SourceFound(OPUS, None), "the source has nothing of what is wanted"),
        (None, None, SourceFound(None, None), "the source has nothing of what is wanted"),
    ],
)
def test_kinds(audio: bool | None, video: bool | None, found: SourceFound, kinds: str) -> None:
    wanted = KindsWanted.of(audio, video, *ALL)
    if kinds.startswith("the source"):
        with pytest.raises(SourceUnfit, match=kinds):
            pulled_tracks(found, wanted)
        return
    tracks = pulled_tracks(found, wanted)
    there = [kind for kind in ("audio", "video") if getattr(tracks, kind) is not None]
    assert there == kinds.split()


def test_a_stream_that_has_flowed_goes_on_with_what_is_left() -> None:
    wanted = KindsWanted.of(True, True, *ALL)
    tracks = pulled_tracks(SourceFound(None, H264), wanted, again=True)
    assert (tracks.audio, tracks.passes) == (None, ("video",))
    with pytest.raises(SourceUnfit):
        pulled_tracks(SourceFound(None, None), wanted, again=True)


def test_what_a_room_does_not_take_is_left_out() -> None:
    wanted = KindsWanted.of(None, None, frozenset(), ALL[1])
    assert pulled_tracks(SourceFound(OPUS, H264), wanted).audio is None


WORDS = st.sampled_from(["h264", "vp8", "hevc", "mpeg4", "mjpeg", ""])
SIDES = st.integers(min_value=0, max_value=20_000)


@given(
    st.builds(
        PulledVideo,
        WORDS,
        SIDES,
        SIDES,
        st.floats(allow_nan=True, min_value=None),
        st.booleans(),
        st.sampled_from(["", "CB", "B", "M", "H"]),
    ),
    st.sets(st.sampled_from(["h264", "vp8"]), min_size=1),
)
def test_whatever_comes_the_target_can_be(found: PulledVideo, taken: set[str]) -> None:
    wanted = KindsWanted.of(None, None, ALL[0], frozenset(taken))
    tracks = pulled_tracks(SourceFound(None, found), wanted)
    target = tracks.video_target
    assert target is not None
    assert target.codec in taken
    assert codec_sent(target).name == target.codec
    if "video" in tracks.passes:
        assert found.passes
        assert target.codec == found.codec
    else:
        assert target.width % 2 == target.height % 2 == 0
        assert 2 <= min(target.width, target.height) <= max(target.width, target.height) <= 4096
        assert 1 <= target.framerate <= 30
        assert target.bitrate > 0


def test_every_trouble_has_its_words() -> None:
    assert set(TROUBLES) == set(OutsideTrouble)
    lost = SourceLost(OutsideTrouble.UNAUTHORISED, "the source answered 401 Unauthorized")
    bare = SourceLost(OutsideTrouble.UNAUTHORISED, "")
    assert trouble_words(bare) == "the source asks for other credentials"
    assert trouble_words(lost) == "the source answered 401 Unauthorized"


# --- addresses

FOLDER = StreamingPlan(folder=Path("/srv/films"), networks=("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:secret@camera.example:8554/path?token=x", "rtsp://camera.example:8554"),
        ("rtmp://[2001:db8::1]/live/key", "rtmp://[2001:db8::1]"),
        ("https://cdn.example/a.m3u8", "https://cdn.example"),
        ("RTSPS://Camera/1", "rtsps://camera"),
    ],
)
def test_addresses_and_what_is_shown_of_them(url: str, shown: str) -> None:
    check_address(url)
    assert shown_address(url) == shown
    address = outside_address(url, FOLDER)
    assert (address.url, address.networks, address.folder) == (url, FOLDER.networks, "/srv/films")
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "camera", "//camera/1", "rtsp:", "rtsp://", "rtsp:///1", "rtsp://:554/1",
        "concat:a|b", "subfile:,,start,1,end,2,,:/etc/passwd", "unix:/run/x", "data:,x",
        "udp://239.0.0.1:1234", "srt://host:1", "tcp://host:1", "rtsp://host:99999/",
        "rtsp://host:x/",        "rtsp://ho st/", "rtsp://host/\n", "rtsp://host/\x7f", "rtsp://[::1/",
        "rtsp://h/" + "x" * 5000,
        "file:relative", "file://host/etc/passwd", "async:rtsp://host/", "/etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(AddressUnfit):
        outside_address(url, FOLDER)


def test_files_need_a_folder() -> None:
    assert outside_address("file:///srv/films/a.mp4", FOLDER).folder == "/srv/films"
    with pytest.raises(AddressUnfit, match="folder is not set"):
        outside_address("file:///srv/films/a.mp4", StreamingPlan())


@given(st.text())
def test_any_text_is_an_address_or_refused(url: str) -> None:
    shown_address(url)
    with suppress(AddressUnfit):
        check_address(url)
        assert shown_address(url)
