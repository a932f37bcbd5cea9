"""What encoders make: decoded again it is the same picture, and comes at once."""

from __future__ import annotations

import resource
from pathlib import Path

import av
import numpy as np
import pytest

from media.contract.jobs import VideoTarget
from media.job.composing import planes_of
from media.job.picture_encoder import PictureEncoder
from media.job.picture_packets import units_of
from media.rtp import h264
from media.rtp.codec_fit import h264_profile
from media.rtp.h264_levels import fmtp_of
from tests.support.picture_jobs import RED, picture_of

TARGETS = {
    "vp8": VideoTarget("vp8", 320, 240, 30.0, 400),
    "h264": VideoTarget("h264", 320, 240, 30.0, 400),
    "large vp8": VideoTarget("vp8", 1280, 720, 24.0, 2000),
    "large h264": VideoTarget("h264", 1280, 720, 24.0, 2000),
    "main": VideoTarget("h264", 640, 360, 24.0, 800, profile="M"),
    "high": VideoTarget("h264", 640, 360, 24.0, 800, profile="H"),
}


def pictures(target: VideoTarget, count: int) -> list[av.VideoFrame]:
    """Return a ramp of grey that moves, which is easily told from a broken one."""
    found = []
    for number in range(count):
        frame = picture_of((target.width, target.height), RED)
        luma = planes_of(frame)[0]
        columns = np.arange(luma.shape[1])
        luma[:] = (60 + 80 * np.sin((columns + 2 * number) / 40)[None, :] + 60).astype(np.uint8)
        found.append(frame)
    return found


def decoder_for(target: VideoTarget) -> av.VideoCodecContext:
    decoder = av.CodecContext.create(target.codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    return decoder


@pytest.mark.parametrize("name", TARGETS)
def test_a_picture_comes_back_at_once_and_alike(name: str) -> None:
    target = TARGETS[name]
    encoder, decoder = PictureEncoder(target), decoder_for(target)
    keyframes = []
    for number, frame in enumerate(pictures(target, 12)):
        encoded = encoder.encode(frame, number * 3750, keyframe=number in (0, 8))
        assert encoded is not None
        keyframes += [number] if encoded.keyframe else []
        [shown] = decoder.decode(av.Packet(encoded.data))
        for mine, theirs in zip(planes_of(frame), planes_of(shown), strict=True):
            error = np.mean((mine.astype(float) - theirs.astype(float)) ** 2)
            assert error < 40  # a PSNR of 32 dB
    assert keyframes == [0, 8]


@pytest.mark.parametrize("name", [name for name in TARGETS if "vp8" not in name])
def test_every_keyframe_of_h264_can_be_begun_at(name: str) -> None:
    target = TARGETS[name]
    encoder = PictureEncoder(target)
    frames = pictures(target, 10)
    for number, frame in enumerate(frames):
        encoded = encoder.encode(frame, number * 3750, keyframe=number % 5 == 0)
        assert encoded is not None
        units = units_of(encoded.data)
        kinds = [h264.kind_of(unit) for unit in units]
        if number % 5:
            assert set(kinds) <= {1, 6}
            continue
        assert {h264.SPS, h264.PPS, h264.IDR} <= set(kinds)
        [sps] = [unit for unit in units if h264.kind_of(unit) == h264.SPS]
        assert h264.picture_size(sps) == (target.width, target.height)
        told = fmtp_of(target)
        named = f"profile-level-id={sps[1:4].hex()}"
        assert h264_profile(named) == h264_profile(told)
        assert named[-2:] == told[-2:]  # the level


def test_h264_says_what_its_colours_are() -> None:
    target = TARGETS["h264"]
    encoder, decoder = PictureEncoder(target), decoder_for(target)
    encoded = encoder.encode(pictures(target, 1)[0], 0, keyframe=True)
    assert encoded is not None
    [shown] = decoder.decode(av.Packet(encoded.data))
    assert (shown.colorspace, shown.color_range) == (6, 1)  # ITU-R BT.601, 16 to 235
    assert (shown.color_primaries, shown.color_trc) == (6, 6)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_the_bitrate_is_kept(codec: str) -> None:
    found = {}
    source = decoded_noise()
    for bitrate in (300, 900):
        target = VideoTarget(codec, 320, 240, 30.0, bitrate)
        encoder = PictureEncoder(target)
        size = 0
        for number, frame in enumerate(source):
            encoded = encoder.encode(frame, number * 3000, keyframe=number == 0)
            size += len(encoded.data) if encoded is not None else 0
        found[bitrate] = size * 8 / 1000 / (len(source) / 30)
    assert 0.6 * 300 < found[300] < 1.3 * 300
    assert 0.6 * 900 < found[900] < 1.3 * 900


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_the_bitrate_is_kept_where_the_coarsest_picture_is_too_much(codec: str) -> None:
    target = VideoTarget(codec, 640, 480, 15.0, 200)
    encoder, random = PictureEncoder(target), np.random.default_rng(7)
    size, left_out = 0, 0
    for number, frame in enumerate(pictures(target, 90)):
        luma = planes_of(frame)[0]
        blocks = random.integers(16, 236, (luma.shape[0] // 8, luma.shape[1] // 8), np.uint8)
        luma[:] = blocks.repeat(8, axis=0).repeat(8, axis=1)
        encoded = encoder.encode(frame, number * 6000, keyframe=number == 0)
        size += len(encoded.data) if encoded is not None else 0
        left_out += encoded is None
    assert size * 8 / 1000 / (90 / 15) < 1.5 * 200
    assert left_out < 85


def decoded_noise() -> list[av.VideoFrame]:
    """Return three seconds of pictures that cost bits."""
    random = np.random.default_rng(5)
    still = random.integers(30, 220, (12, 160), dtype=np.uint8)
    found = []
    for number in range(90):
        frame = picture_of((320, 240), RED)
        luma = planes_of(frame)[0]
        luma[:] = np.roll(np.kron(still, np.ones((20, 2), np.uint8)), number * 3, axis=1)
        luma[:120] += random.integers(0, 30, (120, 320), dtype=np.uint8)
        found.append(frame)
    return found


def test_no_keyframe_comes_by_itself() -> None:
    """Not even where the scene changes as a whole."""
    for codec in ("vp8", "h264"):
        target = VideoTarget(codec, 320, 240, 30.0, 400)
        encoder = PictureEncoder(target)
        random = np.random.default_rng(5)
        keyframes = 0
        for number in range(40):
            frame = picture_of((320, 240), RED)
            planes_of(frame)[0][:] = np.kron(
                random.integers(16, 235, (12, 16), dtype=np.uint8), np.ones((20, 20), np.uint8)
            )
            encoded = encoder.encode(frame, number * 3000, keyframe=number == 0)
            keyframes += encoded is not None and encoded.keyframe
        assert keyframes == 1


def test_time_may_stand_or_leap() -> None:
    for codec in ("vp8", "h264"):
        target = VideoTarget(codec, 320, 240, 30.0, 400)
        encoder, decoder = PictureEncoder(target), decoder_for(target)
        for time in (10_000, 10_000, 5, 90_000 * 60, 90_000 * 60 + 3000, 2**33, 2**33 + 3000):
            encoded = encoder.encode(picture_of((320, 240), RED), time, keyframe=False)
            assert encoded is not None
            assert len(decoder.decode(av.Packet(encoded.data))) == 1


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_encoders_that_go_leave_nothing(codec: str) -> None:
    frame = picture_of((640, 360), RED)

    def encode_with_a_new_one(bitrate: int) -> None:
        encoder = PictureEncoder(VideoTarget(codec, 640, 360, 24.0, bitrate))
        encoder.encode(frame, 0, keyframe=True)

    for number in range(20):
        encode_with_a_new_one(300 + number)
    before = resident()
    for number in range(60):
        encode_with_a_new_one(300 + number)
    assert resident() - before < 12 << 20  # one of them has about 4 MB


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
