"""What a stream out is taken as, what its process is told, and what is shown of its address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.broadcast_wanted import broadcast_wanted, pace_of, picture_sent, sound_sent
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import StreamingPlan
from actors.words.broadcasts import Outlet
from actors.words.media_refusals import CannotBroadcast
from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    AudioWanted,
    Stream,
    VideoAlternatives,
    VideoFormat,
    VideoParameters,
    VideoTrack,
    VideoWanted,
)
from media.contract.streaming import OutsideAddress
from tests.support.conference import RULES

VP8, CB, HIGH = VideoFormat("vp8"), VideoFormat("h264", "CB"), VideoFormat("h264", "H")
AAC = AudioFormat("aac", 44_100, 1)
RTMP, RTSP = Outlet("rtmp", "rtmp://a/b"), Outlet("rtsp", "rtsp://a/b")
HLS, DASH = Outlet("hls", "http://a/b.m3u8"), Outlet("dash", "/b.mpd", segment_seconds=4.0)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=12)


def stream(own: VideoFormat, *others: VideoFormat) -> dict[str, Stream]:
    track = VideoTrack("camera", own, alternatives=VideoAlternatives(formats=others))
    return {"1": Stream("1", "ann", AudioTrack("mic", AAC), track)}


@pytest.mark.parametrize(
    ("own", "others", "taken"),
    [
        (VP8, (HIGH, CB), CB),
        (VP8, (HIGH,), VideoFormat("h264")),  # any
        (HIGH, (CB,), VideoFormat("h264")),  # as it comes
        (VP8, (), VideoFormat("h264")),  # refused later: there is none
    ],
)
def test_the_picture_is_h264_and_better_as_it_comes(
    own: VideoFormat, others: tuple[VideoFormat, ...], taken: VideoFormat
) -> None:
    wanted = picture_sent(VideoWanted("1"), HLS, stream(own, *others))
    assert wanted == VideoWanted("1", taken)
    assert picture_sent(VideoWanted("1", HIGH), HLS, {}) == VideoWanted("1", HIGH)
    with pytest.raises(CannotBroadcast):
        picture_sent(VideoWanted("1", VP8), HLS, {})


def test_the_sound_is_aac() -> None:
    assert sound_sent(AudioWanted("1")) == AudioWanted("1", AudioFormat("aac"))
    assert sound_sent(AudioWanted("1", AAC)) == AudioWanted("1", AAC)
    assert sound_sent(None) is None
    with pytest.raises(CannotBroadcast):
        sound_sent(AudioWanted("1", AudioFormat("opus")))


@pytest.mark.parametrize(
    ("outlet", "said", "every"),
    [
        (RTMP, None, 2),
        (RTSP, None, 2),
        (RTMP, 30, 30),
        (HLS, None, 2.0),
        (DASH, None, 4.0),
        (DASH, 1, 1),
        (DASH, 30, 4.0),
    ],
)
def test_keyframes_come_as_often_as_segments_begin(
    outlet: Outlet, said: float | None, every: float
) -> None:
    video = VideoWanted("1", None, VideoParameters(keyframe_interval=said))
    conference = Conference(RULES, streams=stream(CB))
    taken = picture_sent(video, outlet, conference.known)
    output = conference.broadcast("9", None, taken, pace_of(outlet))
    conference.send_out(output)
    assert conference.takers.paced == {"9": every}
    conference.end_job("9")
    assert conference.takers.paced == {}


def test_a_process_is_told_formats_and_target() -> None:
    output = Output("9", None, AudioWanted("1"), VideoWanted("1"), AAC, CB)
    plan = StreamingPlan(("10.0.0.0/8",), reconnect_seconds=7.0)
    wanted = broadcast_wanted(output, RTMP, stream(CB), lambda *_: "profile-level-id=42e01f", plan)
    audio, video = wanted.inputs
    assert (audio.codec, audio.clock_rate, audio.channels) == ("aac", 44_100, 1)
    assert (video.codec, video.fmtp) == ("h264", "profile-level-id=42e01f")
    assert {audio.publisher, video.publisher} == {"1"}
    assert wanted.target == OutsideAddress("rtmp://a/b", ("10.0.0.0/8",))
    assert wanted.reconnect_seconds == 7.0
    left = output.without("audio")
    after = broadcast_wanted(left, RTMP, stream(CB), lambda *_: "", plan, wanted.inputs)
    assert after.inputs[0] == audio
    files = broadcast_wanted(output, DASH, stream(CB), lambda *_: "", plan)
    assert (files.target, files.folder, files.playlist) == (None, "", "b.mpd")
    assert files.segment_seconds == 4.0


@pytest.mark.parametrize(
    ("url", "shown", "place"),
    [
        ("rtmp://u:p@h:1935/live/key?a=b#c", "rtmp://h:1935/live/key", "rtmp://h:1935"),
        ("https://h/a.m3u8?t=1", "https://h/a.m3u8", "https://h"),
        ("rtsp://a@b:c@[2001:db8::1]:554/x", "rtsp://[2001:db8::1]:554/x", "rtsp://[2001:db8::1]:554"),
        ("file:///srv/a.m3u8", "file:///srv/a.m3u8", "file:"),
        ("/srv/a?b#c@d.m3u8", "/srv/a?b#c@d.m3u8", "file:"),
        ("a:b@c/d.m3u8", "a:b@c/d.m3u8", "file:"),
    ],
)  # fmt: skip
def test_addresses_are_shown_without_what_opens_doors(url: str, shown: str, place: str) -> None:
    outlet = Outlet("hls", url)
    assert (outlet.shown, outlet.place) == (shown, place)
    assert url not in repr(outlet)


@given(WORD, WORD, WORD, WORD, st.sampled_from(["rtmp", "rtsps", "https"]))
def test_no_credentials_are_shown(
    user: str, password: str, token: str, key: str, scheme: str
) -> None:
    outlet = Outlet("rtmp", f"{scheme}://{user}:{password}@203.0.113.1/a/{key}?x={token}#{token}")
    assert outlet.shown == f"{scheme}://203.0.113.1/a/{key}"
    assert outlet.place == f"{scheme}://203.0.113.1"
    assert repr(outlet) == repr(Outlet("rtmp", ""))


@pytest.mark.parametrize(
    ("protocol", "url", "uploads", "playlist"),
    [
        ("hls", "https://h/a/b.m3u8?c=/d", True, "b.m3u8"),
        ("dash", "HTTP://h/b.mpd", True, "b.mpd"),
        ("hls", "http://h/a%20b.c/..m3u8", True, "index.m3u8"),
        ("hls", "http://h/a%20b.c$(x)", True, "a20b.m3u8"),
        ("dash", "http://h/" + "x" * 300, True, "index.mpd"),
        ("dash", "http://h/" + "x" * 300 + ".mpd", True, "x" * 60 + ".mpd"),
        ("hls", "file:///srv/b.m3u8", False, "b.m3u8"),
        ("hls", "b.m3u8", False, "b.m3u8"),
        ("rtmp", "rtmp://h/a", False, "a"),
    ],
)
def test_files_go_to_a_server_or_lie_here(
    protocol: str, url: str, uploads: bool, playlist: str
) -> None:
    outlet = Outlet(protocol, url)
    assert (outlet.uploads, outlet.playlist) == (uploads, playlist)
