"""Which streams of a real encoder are shown in the order they come."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.job.pulling.nal_reader import NalReader
from media.rtp.h264 import SPS, kind_of
from media.rtp.h264_order import MOST_LOOKED, PictureOrder, profile_of, shows_in_order
from tests.support.picture_jobs import RED, picture_of


def encoded(profile: str, *options: str, pix_fmt: str = "yuv420p") -> list[av.Packet]:
    """Return twenty pictures that change."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, pix_fmt
    encoder.time_base, encoder.framerate = Fraction(1, 15), Fraction(15)
    encoder.thread_count = 1
    encoder.options = {"profile": profile, "x264-params": ":".join(options)}
    packets: list[av.Packet] = []
    for number in range(20):
        frame = picture_of((320, 240), (RED[0], number * 10, 0)).reformat(format=pix_fmt)
        frame.pts = number
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def order_of(packets: list[av.Packet]) -> PictureOrder:
    """Look at pictures as they come."""
    order, reader = PictureOrder(), NalReader(b"")
    for packet in packets:
        units = reader.read(bytes(packet))
        order.see(units, keyframe=packet.is_keyframe, in_order=packet.pts == packet.dts)
    return order


@pytest.mark.parametrize(
    ("profile", "options", "passes", "name"),
    [
        pytest.param("baseline", (), True, "CB", id="baseline"),
        pytest.param("main", ("bframes=0",), True, "M", id="main without B"),
        pytest.param("high", ("bframes=0",), True, "H", id="high without B"),
        pytest.param("main", ("bframes=2", "b-adapt=0"), False, "M", id="main with B"),
        pytest.param("high", ("bframes=2", "b-adapt=0"), False, "H", id="high with B"),
        pytest.param("high", ("bframes=0", "interlaced=1"), False, "", id="two fields"),
    ],
)
def test_streams_of_a_real_encoder(profile: str, options: tuple[str, ...], passes: bool, name: str):
    order = order_of(encoded(profile, *options))
    assert (order.passes, order.profile) == (passes, name)


def test_a_profile_that_no_browser_has_does_not_pass():
    order = order_of(encoded("high422", "bframes=0", pix_fmt="yuv422p"))
    assert (order.passes, order.profile) == (False, "")


@pytest.mark.parametrize(("bframes", "passes"), [("0", True), ("2", False)])
def test_pictures_tell_where_the_parameter_set_does_not(bframes: str, passes: bool):
    packets = encoded("main", f"bframes={bframes}", "b-adapt=0")
    order, reader = PictureOrder(), NalReader(b"")
    order.profile = "M"
    looked = 0
    for packet in packets:
        if order.passes is not None:
            break
        units = [it for it in reader.read(bytes(packet)) if kind_of(it) != SPS]
        order.see(units, keyframe=packet.is_keyframe, in_order=True)
        looked += 1
    assert order.passes is passes
    assert looked == MOST_LOOKED if passes else looked < 5


def test_a_keyframe_at_which_nobody_can_begin_does_not_pass():
    order, units = PictureOrder(), NalReader(b"").read(bytes(encoded("baseline")[0]))
    order.see(units, keyframe=True, in_order=True)
    assert order.passes
    order.see([b"\x41\x9a\x00\x01"], keyframe=True, in_order=True)
    assert order.passes is False


@given(st.binary(min_size=1, max_size=200))
def test_no_parameter_set_whatever_raises_anything_else(rest: bytes):
    for beginning in (b"", b"\x67\x64\0\x1f", b"\x67\x4d\0\x1f"):
        for read in (profile_of, shows_in_order):
            with suppress(ValueError, IndexError):
                read(beginning + rest)
        PictureOrder().see([b"\x67" + rest, b"\x41" + rest], keyframe=True, in_order=True)
