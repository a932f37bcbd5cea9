"""Views and outputs of a room's document, as the core knows them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.words.streams import AudioFormat, Resolution, VideoFormat, VideoParameters
from actors.words.views import Area, Region, SetRegionEffect, TemplateBase, ViewRules, ViewVideo
from api.owt.rooms import read_room
from api.owt.view_rules import LARGEST, SMALLEST, output_rules, view_rules
from tests.support.examples import examples

OPUS = AudioFormat("opus", 48_000, 2)


def views(*views: dict[str, Any], **options: Any) -> tuple[ViewRules, ...]:
    more = {"views": list(views)} if views else {}
    return view_rules("5d2f", read_room({"name": "lecture", **more, **options}))


def picture(**video: Any) -> ViewVideo:
    (view,) = views({"label": "a", "video": video})
    assert view.video is not None
    return view.video


def test_the_usual_room_has_one_view() -> None:
    video = ViewVideo(VideoFormat("vp8"), VideoParameters(Resolution(640, 480), 24.0, None, 100.0))
    assert views() == (ViewRules("common", "5d2f-common", OPUS, video, vad=True),)


def test_a_room_may_have_no_views_or_one_of_sound_alone() -> None:
    assert view_rules("5d2f", read_room({"name": "lecture", "views": []})) == ()
    (view,) = views({"label": "radio", "audio": {"vad": False}, "video": False})
    assert view == ViewRules("radio", "5d2f-radio", OPUS, None, vad=False)


def test_of_two_views_with_one_label_the_first_counts() -> None:
    first, second = views({"label": "a", "video": False}, {"label": "b"}, {"label": "a"})
    assert (first.label, first.video, second.label) == ("a", None, "b")


def test_everything_a_view_says_is_read() -> None:
    video = picture(
        format={"codec": "h264", "profile": "B"},
        parameters={
            "resolution": {"width": 1280, "height": 720},
            "framerate": 30,
            "bitrate": 1500,
            "keyFrameInterval": 5,
        },
        maxInput=4,
        bgColor={"r": 1, "g": 2, "b": 3},
        motionFactor=0.5,
        keepActiveInputPrimary=True,
        layout={
            "fitPolicy": "crop",
            "setRegionEffect": "insert",
            "templates": {
                "base": "lecture",
                "custom": [
                    {
                        "region": [
                            {
                                "id": "1",
                                "area": {"left": "0", "top": 0.5, "width": "1/3", "height": "1"},
                            }
                        ]
                    }
                ],
            },
        },
    )
    area = Area(Fraction(0), Fraction(1, 2), Fraction(1, 3), Fraction(1))
    assert video == ViewVideo(
        VideoFormat("h264", "B"),
        VideoParameters(Resolution(1280, 720), 30.0, 1500, 5.0),
        max_input=4,
        background=(1, 2, 3),
        crop=True,
        keep_active_primary=True,
        motion_factor=0.5,
        effect=SetRegionEffect.INSERT,
        base=TemplateBase.LECTURE,
        custom=((Region("1", area),),),
    )


@pytest.mark.parametrize("codec", ["vp9", "h265"])
def test_a_picture_that_is_not_encoded_here_becomes_vp8(codec: str) -> None:
    (view,) = views(
        {"label": "a", "video": {"format": {"codec": codec}}},
        mediaOut={
            "audio": [{"codec": "opus", "sampleRate": 48000, "channelNum": 2}],
            "video": {"format": [{"codec": codec}]},
        },
    )
    assert view.video is not None
    assert view.video.format == VideoFormat("vp8")


def test_sound_that_browsers_do_not_take_becomes_opus() -> None:
    (view,) = views(
        {
            "label": "a",
            "audio": {"format": {"codec": "aac", "sampleRate": 48000, "channelNum": 2}},
        }
    )
    assert view.audio == OPUS


@settings(max_examples=examples(60))
@given(
    width=st.floats(1, 16384),
    height=st.floats(1, 16384),
    framerate=st.floats(-100, 1000),
    interval=st.floats(-1, 1e6),
)
def test_whatever_is_configured_can_be_encoded(
    width: float, height: float, framerate: float, interval: float
) -> None:
    parameters = picture(
        parameters={
            "resolution": {"width": width, "height": height},
            "framerate": framerate,
            "keyFrameInterval": interval,
        }
    ).parameters
    size = parameters.resolution
    assert size is not None
    for side in (size.width, size.height):
        assert SMALLEST <= side <= LARGEST
        assert side % 2 == 0
    assert 1 <= (parameters.framerate or 0) <= 60
    assert 1 <= (parameters.keyframe_interval or 0) <= 100


def test_what_is_offered_is_what_is_encoded_here() -> None:
    rules = output_rules(read_room({"name": "lecture"}))
    assert [each.codec for each in rules.audio] == ["opus", "g722", "pcma", "pcmu", "aac"]
    assert rules.video == (
        VideoFormat("vp8"), VideoFormat("h264", "CB"), VideoFormat("h264", "B"),
    )  # fmt: skip
    assert rules.bitrates == ("x0.8", "x0.6", "x0.4", "x0.2")
    assert rules.framerates == (6, 12, 15, 24, 30, 48, 60)
    assert rules.transcodes_audio
    assert rules.transcodes_resolution


def test_what_must_not_be_transcoded_is_noted() -> None:
    rules = output_rules(
        read_room(
            {
                "name": "lecture",
                "transcoding": {
                    "audio": False,
                    "video": {"format": False, "parameters": {"framerate": False}},
                },
            }
        )
    )
    assert not rules.transcodes_audio
    assert not rules.transcodes_format
    assert not rules.transcodes_framerate
    assert rules.transcodes_bitrate
