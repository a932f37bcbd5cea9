"""Packets of strangers to pictures: whatever comes, nothing raises, and the picture comes back."""

from __future__ import annotations

import random

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.jobs import JobInput, PictureSeen
from media.job.picture_decoder import Decoder, open_decoder
from media.job.picture_input import MOST_FRAMES, PictureInput, TimedPicture
from media.job.work import WorkFigures
from media.rtp.depayload import Frame
from media.rtp.rtp_packet import write_packet
from tests.support.examples import examples
from tests.support.picture_jobs import BLUE, RED, Camera, KeptOutside, looks

CODECS = ("vp8", "h264")
codecs = pytest.mark.parametrize("codec", CODECS)


class Fixture:
    """An input with its outside, on a clock of its own."""

    def __init__(self, codec: str, opened: object = open_decoder) -> None:
        self.outside = KeptOutside()
        self.figures = WorkFigures()
        self.input = PictureInput(
            JobInput("cam", "video", codec),
            self.outside,
            self.figures,
            opened,  # type: ignore[arg-type]
        )
        self.now = 1000.0

    def take(self, packets: list[bytes], step: float = 1 / 24) -> list[TimedPicture]:
        self.now += step
        shown = self.input.release(self.now)
        for packet in packets:
            shown += self.input.take(packet, self.now)
        return shown


@codecs
def test_each_picture_comes_with_its_last_packet(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    for _ in range(30):
        [shown] = it.take(camera.picture())
        assert shown.timestamp & 0xFFFFFFFF == camera.timestamp & 0xFFFFFFFF
        assert shown.moment == shown.arrival == it.now
        assert looks(shown.frame, 0.5, 0.5, RED)
    assert it.figures == WorkFigures(frames_in=30)
    assert it.outside.told == [PictureSeen("cam", 320, 180)]
    assert it.outside.keyframes == ["cam"]


@codecs
def test_disorder_and_duplicates_do_not_show(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec, (640, 360))
    order = random.Random(3)
    shown = []
    for number in range(20):
        packets = camera.picture(keyframe=number % 3 == 0)
        packets += order.choices(packets, k=2)
        if number:  # before the first packet nobody knows what is missing
            order.shuffle(packets)
        shown += it.take(packets)
    assert [each.timestamp for each in shown] == sorted({each.timestamp for each in shown})
    assert len(shown) == 20
    assert it.figures.decode_errors == 0


@codecs
def test_after_a_loss_the_picture_stands_until_the_keyframe_that_is_asked_for(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    for _ in range(5):
        it.take(camera.picture())
    asked = len(it.outside.keyframes)
    camera.picture()  # gets lost
    assert [shown for _ in range(12) for shown in it.take(camera.picture())] == []
    assert len(it.outside.keyframes) > asked
    camera.colour = BLUE
    shown = it.take(camera.picture(keyframe=True))
    assert looks(shown[-1].frame, 0.5, 0.5, BLUE)
    assert it.figures.decode_errors == 0


@codecs
def test_a_late_packet_mends_the_loss(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    it.take(camera.picture())
    late = camera.picture()
    assert it.take(camera.picture()) == []
    assert it.input.due == it.now + 0.2
    assert len(it.take(late)) == 2
    assert it.input.due == float("inf")


@codecs
def test_a_keyframe_is_asked_for_again_while_none_comes(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    camera.picture()  # the only keyframe, and nobody saw it
    for _ in range(48):
        assert it.take(camera.picture()) == []
    assert 4 <= len(it.outside.keyframes) <= 6


@codecs
def test_the_size_may_change_at_any_keyframe(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    sizes = [(320, 180), (640, 360), (180, 320), (322, 182), (16, 16)]
    for size in sizes:
        camera.resize(size)
        for _ in range(3):
            [shown] = it.take(camera.picture(), 0.5)
            assert (shown.frame.width, shown.frame.height) == size
    assert it.outside.told == [PictureSeen("cam", *size) for size in sizes]


def test_sizes_that_change_all_the_time_are_told_once_a_second() -> None:
    it, camera = Fixture("vp8"), Camera("vp8")
    for _ in range(20):
        for size in ((320, 180), (180, 320)):
            camera.resize(size)
            assert it.take(camera.picture(), 0.1)
    assert 4 <= len(it.outside.told) <= 5
    assert it.take(camera.picture(), 1.0)
    assert it.outside.told[-1] == PictureSeen("cam", 180, 320)


@codecs
def test_garbage_between_packets_does_no_harm(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    noise = random.Random(4)
    for _ in range(200):
        it.input.take(noise.randbytes(noise.randrange(40)), it.now)
    shown = []
    for _ in range(10):
        shown += it.take(camera.picture(keyframe=True))
        for _ in range(5):
            packet = write_packet(
                96, 0x80, noise.randrange(65536), camera.timestamp + 7, 77, noise.randbytes(30)
            )
            it.input.take(packet, it.now)
    it.take([], 1.0)
    for _ in range(5):
        shown += it.take(camera.picture(keyframe=True))
    assert looks(shown[-1].frame, 0.5, 0.5, RED)


@given(
    st.sampled_from(CODECS), st.lists(st.tuples(st.integers(), st.binary(max_size=60)), max_size=30)
)
@settings(max_examples=examples(200))
def test_no_bytes_raise(codec: str, payloads: list[tuple[int, bytes]]) -> None:
    it = Fixture(codec)
    for number, (numbers, payload) in enumerate(payloads):
        packet = write_packet(96, numbers & 0x80, number, numbers & 0xFF, 77, payload)
        it.take([packet, payload], 0.01)


@given(st.sampled_from(CODECS), st.data())
@settings(max_examples=examples(60))
def test_pictures_with_wrong_bits_raise_nothing(codec: str, data: st.DataObject) -> None:
    it, camera = Fixture(codec), Camera(codec, (64, 64))
    for number in range(8):
        packets = camera.picture(keyframe=number % 2 == 0)
        spoilt = bytearray(packets[0])
        # an encoder does not make as many bytes of the same picture every time
        for anywhere in data.draw(st.lists(st.integers(0, 65_535), max_size=4)):
            at = 12 + anywhere % (len(spoilt) - 12)
            spoilt[at] ^= data.draw(st.integers(1, 255))
        it.take([bytes(spoilt), *packets[1:]])
    it.take([], 1.0)
    [shown] = it.take(camera.picture(keyframe=True))[-1:]
    assert shown.frame.width == 64


class BadDecoder:
    """Raises at every tenth frame of all that come."""

    decoded = 0

    def __init__(self, codec: str) -> None:
        self._decoder: Decoder = open_decoder(codec)

    def decode(self, frame: Frame, time: int) -> list[av.VideoFrame]:
        BadDecoder.decoded += 1
        if BadDecoder.decoded % 10 == 0:
            raise av.error.InvalidDataError(1, "not today")
        return self._decoder.decode(frame, time)


@codecs
def test_a_decoder_that_raises_costs_pictures_up_to_the_next_keyframe(codec: str) -> None:
    BadDecoder.decoded = 0
    it, camera = Fixture(codec, BadDecoder), Camera(codec)
    shown, asked = [], 0
    for _ in range(120):
        answered = len(it.outside.keyframes) > asked
        asked = len(it.outside.keyframes)
        shown += it.take(camera.picture(keyframe=answered))
    assert it.figures.decode_errors >= 8
    assert len(shown) == it.figures.frames_in >= 70
    assert all(looks(each.frame, 0.5, 0.5, RED) for each in shown)


def test_a_flood_of_frames_is_cut_off_until_a_keyframe_after_it() -> None:
    it, camera = Fixture("vp8"), Camera("vp8", (64, 64))
    shown = [each for _ in range(MOST_FRAMES * 3) for each in it.take(camera.picture(), 0.0005)]
    assert len(shown) == MOST_FRAMES
    it.now += 1.0
    assert it.take(camera.picture()) == []
    assert len(it.take(camera.picture(keyframe=True))) == 1


def test_more_points_than_anybody_sends_are_cut_off_like_a_flood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("media.job.picture_input.MOST_POINTS", 20 * 320 * 180)
    it, camera = Fixture("h264"), Camera("h264")
    shown = [each for _ in range(60) for each in it.take(camera.picture(), 0.01)]
    assert len(shown) == 20
    it.now += 1.0
    for _ in range(3):
        for _ in range(20):
            assert len(it.take(camera.picture(keyframe=True), 0.01)) == 1
        it.now += 1.0


def test_a_picture_that_claims_to_be_huge_is_left_out() -> None:
    it, camera = Fixture("vp8"), Camera("vp8")
    first, *rest = camera.picture()
    huge = bytearray(first)
    at = huge.index(b"\x9d\x01\x2a") + 3
    huge[at : at + 4] = (16_000).to_bytes(2, "little") * 2
    assert it.take([bytes(huge), *rest]) == []
    assert it.figures.decode_errors == 1
    assert len(it.take(camera.picture(keyframe=True))) == 1


@codecs
def test_pictures_are_captured_when_reports_say(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    [shown] = it.take(camera.picture())
    assert shown.moment == it.now
    it.input.take_report(camera.timestamp & 0xFFFFFFFF, it.now - 0.3)
    [shown] = it.take(camera.picture())
    assert shown.moment == pytest.approx(it.now - 0.3, abs=0.001)
    it.input.take_report(camera.timestamp & 0xFFFFFFFF, it.now - 3000)  # nobody believes this
    [shown] = it.take(camera.picture())
    assert shown.moment == it.now


@codecs
def test_a_sender_that_begins_anew_is_followed(codec: str) -> None:
    it, camera = Fixture(codec), Camera(codec)
    it.take(camera.picture())
    other = Camera(codec, colour=BLUE)
    other.timestamp = 5
    for _ in range(20_000 // 5):
        next(other._sequences)
    shown = [each for _ in range(3) for each in it.take(other.picture(keyframe=True))]
    assert looks(shown[-1].frame, 0.5, 0.5, BLUE)


def test_a_stream_is_not_held_back_by_what_one_before_said_of_its_order() -> None:
    it, camera = Fixture("h264"), Camera("h264", (64, 64))
    for number in range(8):
        packets = camera.picture(keyframe=number % 2 == 0)
        if number == 6:  # its parameters say that pictures wait for others
            spoilt = bytearray(packets[0])
            spoilt[26] ^= 1
            spoilt[33] ^= 5
            packets[0] = bytes(spoilt)
        it.take(packets)
    assert len(it.take(camera.picture(keyframe=True))) == 1
