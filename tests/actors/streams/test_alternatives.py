"""What can be had of a stream besides what comes, and what is encoded then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.streams.alternatives import (
    LONGEST_SIDE,
    audio_alternatives,
    audio_target,
    chosen_audio,
    chosen_video,
    multiple,
    parameters_sent,
    video_alternatives,
    video_target,
)
from actors.streams.bitrates import LEAST, MOST, usual_bitrate
from actors.words.streams import (
    AudioFormat,
    Resolution,
    VideoAlternatives,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
from actors.words.views import OutputRules
from media.contract.codec import H264Profile, h264_profile
from media.contract.jobs import AudioTarget, VideoTarget
from tests.support.examples import examples

OPUS = AudioFormat("opus", 48_000, 2)
VP8, CB, B = VideoFormat("vp8"), VideoFormat("h264", "CB"), VideoFormat("h264", "B")
RULES = OutputRules(
    audio=(OPUS, AudioFormat("isac", 16_000), AudioFormat("g722", 16_000, 1), AudioFormat("pcmu"),
           AudioFormat("aac", 48_000, 2), AudioFormat("ac3")),
    video=(VP8, CB, B, VideoFormat("vp9"), VideoFormat("h265"), VideoFormat("h264", "E")),
    resolutions=("x3/4", "x2/3", "x1/2", "x1/3", "x1/4", "hd1080p", "hd720p", "svga", "vga",
                 "qvga", "cif", "nonsense"),
    framerates=(6, 12, 15, 24, 30, 48, 60),
    bitrates=("x0.8", "x0.6", "x1.5", "x1", "0.5"),
    keyframe_intervals=(100, 30, 5, 2, 1),
    transcodes_audio=True,
    transcodes_format=True,
    transcodes_resolution=True,
    transcodes_framerate=True,
    transcodes_bitrate=True,
    transcodes_keyframe_interval=True,
)  # fmt: skip
VGA = VideoParameters(Resolution(640, 480), 24)


def track(parameters: VideoParameters = VGA, **other: object) -> VideoTrack:
    return replace(VideoTrack("camera", VP8, parameters), **other)  # type: ignore[arg-type]


def test_sound_is_had_in_every_format_that_we_can_make_but_its_own() -> None:
    others = audio_alternatives(OPUS, RULES)
    assert [it.codec for it in others] == ["g722", "pcmu", "aac"]
    assert audio_alternatives(AudioFormat("pcmu"), RULES)[0] == OPUS
    assert audio_alternatives(OPUS, replace(RULES, transcodes_audio=False)) == ()


def test_a_picture_is_had_smaller_slower_or_in_another_format() -> None:
    assert video_alternatives(track(), RULES) == VideoAlternatives(
        formats=(CB, B),
        resolutions=(
            Resolution(480, 360),
            Resolution(426, 320),
            Resolution(320, 240),
            Resolution(212, 160),
            Resolution(160, 120),
            Resolution(352, 288),
        ),
        framerates=(6, 12, 15),
        bitrates=("x0.8", "x0.6"),
        keyframe_intervals=(100, 30, 5, 2, 1),
    )


def test_of_a_picture_of_unknown_size_no_size_is_offered() -> None:
    others = video_alternatives(track(VideoParameters()), RULES)
    assert others.resolutions == ()
    assert others.framerates == (6, 12, 15, 24)
    assert others.formats == (CB, B)


def test_a_mix_is_had_with_more_keyframes_only() -> None:
    mixed = track(replace(VGA, keyframe_interval=30))
    assert video_alternatives(mixed, RULES, mixed=True).keyframe_intervals == (5, 2, 1)


def test_a_simulcast_is_had_as_it_comes() -> None:
    assert video_alternatives(track(rid="h"), RULES) == VideoAlternatives()


@pytest.mark.parametrize(
    ("switch", "kind"),
    [
        ("transcodes_format", "formats"),
        ("transcodes_resolution", "resolutions"),
        ("transcodes_framerate", "framerates"),
        ("transcodes_bitrate", "bitrates"),
        ("transcodes_keyframe_interval", "keyframe_intervals"),
    ],
)
def test_what_is_not_transcoded_is_not_offered(switch: str, kind: str) -> None:
    all_of_it = video_alternatives(track(), RULES)
    less = video_alternatives(track(), replace(RULES, **{switch: False}))
    assert less == replace(all_of_it, **{kind: ()})


@given(st.integers(1, 4000), st.integers(1, 4000), st.floats(0.1, 120))
@settings(max_examples=examples(200))
def test_what_is_offered_is_smaller_both_ways_and_even(
    width: int, height: int, framerate: float
) -> None:
    own = VideoParameters(Resolution(width, height), framerate)
    others = video_alternatives(track(own), RULES)
    for size in others.resolutions:
        assert 0 < size.width < width
        assert 0 < size.height < height
        assert size.width % 2 == size.height % 2 == 0
    assert all(each < framerate for each in others.framerates)
    assert all(0 < multiple(each) < 1 for each in others.bitrates)


# --- what is encoded

HALF = Resolution(320, 240)


@pytest.mark.parametrize(
    ("format_", "wanted", "target"),
    [
        (VP8, VideoParameters(), None),
        (VP8, VGA, None),
        (VP8, VideoParameters(bitrate="x1.0"), None),
        (VP8, VideoParameters(keyframe_interval=2), None),
        (VP8, VideoParameters(bitrate="x0.5"), VideoTarget("vp8", 640, 480, 24, 256)),
        (VP8, VideoParameters(HALF), VideoTarget("vp8", 320, 240, 24, 256)),
        (VP8, VideoParameters(framerate=12), VideoTarget("vp8", 640, 480, 12, 256)),
        (VP8, VideoParameters(HALF, 12, "x0.1"), VideoTarget("vp8", 320, 240, 12, 51)),
        (CB, VideoParameters(), VideoTarget("h264", 640, 480, 24, 512, profile="CB")),
    ],
)
def test_what_is_encoded_for_a_target(
    format_: VideoFormat, wanted: VideoParameters, target: VideoTarget | None
) -> None:
    assert video_target(track(), format_, wanted) == target


def test_a_picture_of_unknown_size_is_encoded_in_the_size_that_comes() -> None:
    target = video_target(track(VideoParameters()), CB, VideoParameters())
    assert target == VideoTarget("h264", 0, 0, 30, 640, profile="CB")


def test_a_bitrate_that_is_known_is_what_is_multiplied() -> None:
    own = track(replace(VGA, bitrate=1000))
    target = video_target(own, VP8, VideoParameters(bitrate="x0.6"))
    assert target is not None
    assert target.bitrate == 600


SIDES = st.integers(0, 65_535)


@given(
    st.builds(Resolution, SIDES, SIDES),
    st.floats(0, allow_nan=False, allow_infinity=False),
    st.none() | st.integers(0, 10**308),
    st.sampled_from(["x0.8", "x0.01", None]),
)
@example(Resolution(640, 480), 1e308, None, None)
@example(Resolution(640, 480), 24, 10**308, "x0.8")
@example(Resolution(0, 480), 24, None, None)
@settings(max_examples=examples(200))
def test_whatever_a_publisher_says_a_target_can_be_encoded(
    size: Resolution, framerate: float, own_bitrate: int | None, bitrate: str | None
) -> None:
    own = track(VideoParameters(size, framerate, own_bitrate))
    own = replace(own, alternatives=video_alternatives(own, RULES))
    for smaller in (None, *own.alternatives.resolutions):
        target = video_target(own, CB, VideoParameters(smaller, bitrate=bitrate))
        assert target is not None
        assert target.width % 2 == target.height % 2 == 0
        assert bool(target.width) == bool(target.height)
        assert max(target.width, target.height) <= LONGEST_SIDE
        assert 1 <= target.framerate <= 120
        assert 1 <= target.bitrate <= MOST


@pytest.mark.parametrize(
    ("format_", "target"),
    [
        (OPUS, AudioTarget("opus", 48_000, 2)),
        (AudioFormat("pcmu"), AudioTarget("pcmu", 8000, 1)),
        (AudioFormat("g722"), AudioTarget("g722", 16_000, 1)),
        (AudioFormat("aac", 44_100), AudioTarget("aac", 44_100, 2)),
    ],
)
def test_rates_and_channels_that_a_format_leaves_open(
    format_: AudioFormat, target: AudioTarget
) -> None:
    assert audio_target(format_) == target


@pytest.mark.parametrize(
    ("profile", "family"),
    [
        ("", H264Profile.BASELINE),
        ("CB", H264Profile.BASELINE),
        ("B", H264Profile.BASELINE),
        ("M", H264Profile.MAIN),
        ("H", H264Profile.HIGH),
    ],
)
def test_parameters_name_the_profile_that_is_sent(profile: str, family: H264Profile) -> None:
    sent = parameters_sent(VideoTarget("h264", 640, 480, 24, 500, profile=profile))
    assert h264_profile(sent) is family
    assert "packetization-mode=1" in sent
    assert parameters_sent(VideoTarget("vp8", 640, 480, 24, 500)) == ""
    assert parameters_sent(AudioTarget("opus")) == ""


# --- which of them somebody gets


def test_the_own_format_is_given_where_it_will_do() -> None:
    others = (CB, B)
    assert chosen_video(None, VP8, others) == VP8
    assert chosen_video(VideoFormat("vp8"), VP8, others) == VP8
    assert chosen_video(VideoFormat("h264"), VP8, others) == CB
    assert chosen_video(VideoFormat("h264", "B"), VP8, others) == B
    assert chosen_video(VideoFormat("h264", "H"), VP8, others) is None
    assert chosen_audio(AudioFormat("pcmu"), OPUS, (AudioFormat("pcmu"),)) == AudioFormat("pcmu")
    assert chosen_audio(AudioFormat("opus", 16_000), OPUS, ()) is None
    assert chosen_audio(AudioFormat("opus"), OPUS, ()) == OPUS


# --- bitrates


@pytest.mark.parametrize(
    ("width", "height", "kbits"),
    [
        (176, 144, 132), (320, 240, 400), (352, 288, 442), (480, 320, 533), (640, 480, 800),
        (800, 600, 1137), (1024, 768, 1736), (1280, 720, 2000), (1920, 1080, 4000),
        (3840, 2160, 16_000),
    ],
)  # fmt: skip
def test_usual_bitrates_are_those_of_the_original(width: int, height: int, kbits: int) -> None:
    assert usual_bitrate(Resolution(width, height), 30.0, motion=1.0) == kbits


def test_a_bitrate_follows_framerate_and_motion() -> None:
    size = Resolution(640, 480)
    assert usual_bitrate(size, 15.0, 1.0) == 400
    assert usual_bitrate(size, 24.0, 0.8) == 512
    assert usual_bitrate(size, 60.0, 0.5) == 800
    assert usual_bitrate(Resolution(2, 2), 1.0) == LEAST
    assert usual_bitrate(Resolution(7680, 4320), 30.0, 1.0) == 64_000
