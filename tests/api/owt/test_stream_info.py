"""Streams in the two shapes that clients of OWT know (facts: section 5)."""

from __future__ import annotations

from dataclasses import replace

from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Resolution,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
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
