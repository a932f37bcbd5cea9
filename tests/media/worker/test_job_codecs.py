"""What a job takes and sends, as the router has it."""

from __future__ import annotations

import pytest

from media.contract.codec import H264Profile, h264_profile
from media.contract.jobs import AudioTarget, JobInput, VideoTarget
from media.worker.job_codecs import codec_sent, codec_taken


def test_a_picture_of_h264_has_the_level_that_it_needs():
    fmtp = codec_sent(VideoTarget("h264", 1920, 1080, 30, 4000)).fmtp
    assert fmtp.endswith("profile-level-id=42e028")


def test_a_profile_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="profile"):
        codec_sent(VideoTarget("h264", 640, 360, 24, 500, profile="X"))


@pytest.mark.parametrize(
    ("profile", "family"),
    [("", H264Profile.BASELINE), ("CB", H264Profile.BASELINE), ("B", H264Profile.BASELINE),
     ("M", H264Profile.MAIN), ("H", H264Profile.HIGH)],
)  # fmt: skip
def test_a_picture_of_h264_has_its_profile(profile: str, family: H264Profile):
    target = VideoTarget("h264", 640, 360, 24, 500, profile=profile)
    assert h264_profile(codec_sent(target).fmtp) is family


def test_sound_has_the_clock_of_its_codec():
    assert codec_sent(AudioTarget("opus", 16_000, 1)).clock_rate == 48_000
    assert codec_sent(AudioTarget("opus", 16_000, 1)).channels == 2
    assert codec_sent(AudioTarget("g722", 16_000, 1)).clock_rate == 8000
    assert codec_sent(AudioTarget("pcmu", 8000, 1)).channels == 1


@pytest.mark.parametrize(
    ("rate", "channels", "config"), [(48_000, 2, "1190"), (44_100, 2, "1210"), (48_000, 1, "1188")]
)
def test_aac_says_how_it_is_set_up(rate: int, channels: int, config: str):
    codec = codec_sent(AudioTarget("aac", rate, channels))
    assert codec.parameters()["config"] == config
    assert codec.clock_rate == rate


def test_a_rate_that_aac_does_not_have_is_refused():
    with pytest.raises(ValueError, match="not in"):
        codec_sent(AudioTarget("aac", 47_000))


def test_an_input_is_what_it_was_said_to_be():
    taken = codec_taken(JobInput("a", "audio", "OPUS", "minptime=10", "x", 2, 48_000))
    assert (taken.name, taken.clock_rate, taken.channels) == ("opus", 48_000, 2)
