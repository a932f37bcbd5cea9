"""Which encoder of H.264 is used: here there is no hardware, so that it is tried and refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from media.contract.jobs import VideoTarget
from media.job import h264_encoders
from media.job.h264_encoders import HARDWARE, SOFTWARE, choose, chosen, works
from media.job.picture_encoder import PictureEncoder
from tests.support.picture_jobs import RED, picture_of

TARGET = VideoTarget("h264", 320, 180, 24.0, 300)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    choose(hardware=False)


def test_software_works_and_what_nobody_has_does_not() -> None:
    assert works(SOFTWARE)
    assert not works("h264_of_nobody")


def test_without_hardware_it_is_software() -> None:
    expected = next((name for name in HARDWARE if works(name)), SOFTWARE)
    assert choose(hardware=True) == chosen() == expected
    assert choose(hardware=False) == chosen() == SOFTWARE


def test_a_picture_that_the_hardware_refuses_is_encoded_in_software(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(HARDWARE, "h264_of_nobody", {})
    monkeypatch.setattr(h264_encoders, "_chosen", "h264_of_nobody")
    encoded = PictureEncoder(TARGET).encode(picture_of((320, 180), RED), 0, keyframe=True)
    assert encoded is not None
    assert encoded.keyframe
