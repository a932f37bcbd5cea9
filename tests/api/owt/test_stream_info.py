"""Streams in the two shapes that clients of OWT know (facts: section 5)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Resolution,
    Stream,
    VideoAlternatives,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
from actors.words.views import Area, MixedStream, PlacedRegion, Region
from api.owt.management.answers import StreamAnswer
from api.owt.stream_info import stream_info

NOTHING_ELSE = {
    "format": [],
    "parameters": {"resolution": [], "framerate": [], "bitrate": [], "keyFrameInterval": []},
}
STREAM = Stream(
    id="123456789012345678",
    owner="Ann-1",
    audio=AudioTrack("mic", AudioFormat("opus", 48000, 2)),
    video=VideoTrack(
        "camera",
        VideoFormat("h264", "CB"),
        VideoParameters(Resolution(640, 480), 24),
        active=False,
    ),
    attributes=b'{"mood":["good"]}',
    in_views=("common",),
)
AUDIO = {
    "status": "active",
    "source": "mic",
    "format": {"codec": "opus", "sampleRate": 48000, "channelNum": 2},
    "optional": {"format": []},
}
SENT = {
    "format": {"codec": "h264", "profile": "CB"},
    "parameters": {"resolution": {"width": 640, "height": 480}, "framerate": 24},
}


def test_version_1_1_lists_what_is_sent() -> None:
    assert stream_info(STREAM, "1.1") == {
        "id": "123456789012345678",
        "type": "forward",
        "media": {
            "audio": AUDIO,
            "video": {
                "status": "inactive",
                "source": "camera",
                "original": [SENT],
                "optional": NOTHING_ELSE,
            },
        },
        "info": {
            "owner": "Ann-1",
            "type": "webrtc",
            "inViews": ["common"],
            "attributes": {"mood": ["good"]},
        },
    }


def test_version_1_0_has_what_is_sent_in_the_video_itself() -> None:
    video = stream_info(STREAM, "1.0")["media"]["video"]
    assert video == {"status": "inactive", "source": "camera", **SENT, "optional": NOTHING_ELSE}


def test_a_layer_that_is_received_is_named() -> None:
    track = VideoTrack("camera", VideoFormat("vp8"), rid="f")
    stream = replace(STREAM, audio=None, video=track, attributes=None, in_views=())
    info = stream_info(stream)
    assert info["media"]["video"]["original"] == [{"format": {"codec": "vp8"}, "simulcastRid": "f"}]
    assert "audio" not in info["media"]
    assert "attributes" not in info["info"]


def test_what_else_can_be_had_is_listed() -> None:
    pcmu = AudioFormat("pcmu")
    also = VideoAlternatives(
        (VideoFormat("vp8"),), (Resolution(320, 240),), (12.0, 15.0), ("x0.8",), (1.0, 2.0)
    )
    stream = replace(
        STREAM,
        audio=AudioTrack("mic", AudioFormat("opus"), alternatives=(pcmu,)),
        video=VideoTrack("camera", VideoFormat("h264", "CB"), alternatives=also),
    )
    media = stream_info(stream)["media"]
    assert media["audio"]["optional"] == {"format": [{"codec": "pcmu"}]}
    assert media["video"]["optional"] == {
        "format": [{"codec": "vp8"}],
        "parameters": {
            "resolution": [{"width": 320, "height": 240}],
            "framerate": [12.0, 15.0],
            "bitrate": ["x0.8"],
            "keyFrameInterval": [1.0, 2.0],
        },
    }


LEFT = Region("1", Area(Fraction(0), Fraction(0), Fraction(1, 2), Fraction(1)))
RIGHT = Region("2", Area(Fraction(1, 2), Fraction(0), Fraction(1, 2), Fraction(1)))
MIX = MixedStream(
    "room-common",
    "common",
    AudioTrack("", AudioFormat("opus", 48000, 2)),
    VideoTrack("", VideoFormat("vp8"), VideoParameters(Resolution(640, 480), 24)),
    (PlacedRegion(LEFT, "17"), PlacedRegion(RIGHT)),
    active_input="17",
)
LAYOUT = [
    {
        "stream": "17",
        "region": {
            "id": "1",
            "shape": "rectangle",
            "area": {"left": "0/1", "top": "0/1", "width": "1/2", "height": "1/1"},
        },
    },
    {
        "region": {
            "id": "2",
            "shape": "rectangle",
            "area": {"left": "1/2", "top": "0/1", "width": "1/2", "height": "1/1"},
        },
    },
]


def test_a_mix_has_a_label_and_a_layout_and_no_source() -> None:
    assert stream_info(MIX) == {
        "id": "room-common",
        "type": "mixed",
        "media": {
            "audio": {
                "format": {"codec": "opus", "sampleRate": 48000, "channelNum": 2},
                "optional": {"format": []},
            },
            "video": {
                "original": [
                    {
                        "format": {"codec": "vp8"},
                        "parameters": {
                            "resolution": {"width": 640, "height": 480},
                            "framerate": 24,
                        },
                    }
                ],
                "optional": NOTHING_ELSE,
            },
        },
        "info": {"label": "common", "activeInput": "17", "layout": LAYOUT},
    }
    StreamAnswer.model_validate(stream_info(MIX), by_alias=True, by_name=True)


def test_where_nobody_speaks_the_active_input_is_unknown() -> None:
    info = stream_info(replace(MIX, active_input=None, video=None))
    assert info["info"]["activeInput"] == "unknown"
    assert "video" not in info["media"]
