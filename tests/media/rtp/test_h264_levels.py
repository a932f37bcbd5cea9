"""Levels of H.264, by the sizes that table A-1 is known for."""

from __future__ import annotations

import pytest

from media.contract.codec import Codec, H264Profile, h264_profile
from media.contract.jobs import VideoTarget
from media.rtp.codec_fit import suits
from media.rtp.h264_levels import fmtp_of, level_of


@pytest.mark.parametrize(
    ("size", "framerate", "bitrate", "level"),
    [
        ((176, 144), 15, 64, 10),
        ((320, 240), 10, 192, 11),
        ((320, 240), 30, 500, 13),
        ((320, 240), 36, 2000, 20),
        ((352, 288), 50, 2000, 21),
        ((640, 360), 30, 800, 30),
        ((640, 480), 30, 800, 30),
        ((1280, 720), 24, 2000, 31),
        ((1280, 720), 30, 15_000, 32),
        ((1280, 720), 60, 2000, 32),
        ((1920, 1080), 30, 4000, 40),
        ((1920, 1080), 30, 30_000, 41),
        ((1920, 1080), 60, 4000, 42),
        ((3840, 2160), 30, 20_000, 51),
        ((64, 1600), 10, 500, 22),  # blocks of 2.1, but too long a side
        ((16_000, 16_000), 60, 500, 62),
    ],
)
def test_a_picture_has_the_lowest_level_that_takes_it(
    size: tuple[int, int], framerate: float, bitrate: int, level: int
) -> None:
    assert level_of(*size, framerate, bitrate) == level


@pytest.mark.parametrize(
    ("profile", "named", "family"),
    [
        ("", "42e01f", H264Profile.BASELINE),
        ("CB", "42e01f", H264Profile.BASELINE),
        ("B", "42001f", H264Profile.BASELINE),
        ("M", "4d001f", H264Profile.MAIN),
        ("H", "64001f", H264Profile.HIGH),
    ],
)
def test_parameters_name_profile_and_level(profile: str, named: str, family: H264Profile) -> None:
    told = fmtp_of(VideoTarget("h264", 1280, 720, 24.0, 2000, profile=profile))
    source = Codec("h264", 90_000, 96, fmtp=told)
    assert source.parameters()["profile-level-id"] == named
    assert h264_profile(told) is family
    assert suits(source, source)


def test_vp8_has_no_parameters() -> None:
    assert fmtp_of(VideoTarget("vp8", 640, 360, 24.0, 800)) == ""
