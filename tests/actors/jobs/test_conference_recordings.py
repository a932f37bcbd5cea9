"""Recordings of a room's streams: what starts, changes and ends them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.core.errors import Refused
from actors.streams.services import StreamLimits
from actors.words.conference_refusals import (
    EmptySubscription,
    RecordingUnknown,
    TargetUnsatisfying,
)
from actors.words.media_refusals import CannotRecord
from actors.words.orders import (
    ChangeRecording,
    ChangeStream,
    CloseRoom,
    EndRecording,
    GetRecordings,
    StartRecording,
    Unpublish,
)
from actors.words.refusals import Busy
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    ParametersChange,
    RecordingView,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)
from media.contract.recordings import Container, RecordingState, RecordingStatus, TrackPlan
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import MANAGED, RULES, Meeting, conference_spec, open_meeting


def record(audio: str | None, video: str | None, container: str = "auto") -> StartRecording:
    return StartRecording(
        container, AudioWanted(audio) if audio else None, VideoWanted(video) if video else None
    )


async def start(meeting: Meeting, *what: Any) -> RecordingView:
    view = await meeting.manage(record(*what))
    assert isinstance(view, RecordingView)
    return view


async def test_a_recording_takes_streams_as_they_come() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        sound, picture = await ann.publish("audio"), await bob.publish("video")
        view = await start(meeting, sound, picture)
        plan = meeting.engine.recordings[view.id].plan
        assert plan.container is Container.MKV
        assert view.file == str(plan.folder / f"{view.id}.mkv")
        assert plan.tracks == (
            TrackPlan("audio", "opus", sound),
            TrackPlan("video", "vp8", picture),
        )
        assert meeting.engine.attached == {
            f"{view.id}.audio": f"{sound}/in/0",
            f"{view.id}.video": f"{picture}/in/0",
        }
        assert (view.audio, view.video) == (AudioWanted(sound), VideoWanted(picture))
        assert view.audio_format == AudioFormat("opus", 48_000, 2)
        assert view.video_format == VideoFormat("vp8")
        assert await meeting.manage(GetRecordings()) == (view,)
        await meeting.manage(EndRecording(view.id))
        assert meeting.engine.recordings == {}
        assert await meeting.manage(GetRecordings()) == ()


@pytest.mark.parametrize(
    ("codecs", "audio", "video", "container", "refusal"),
    [
        (("opus", "vp8"), False, False, "auto", EmptySubscription),
        (("opus", "vp8"), True, True, "mp4", CannotRecord),
        (("opus", "vp8"), True, True, "ts", CannotRecord),
        (("opus", "vp8"), True, True, "../x", CannotRecord),
        (("g722", "vp8"), True, True, "auto", CannotRecord),
        (("opus", "h264"), True, True, "webm", CannotRecord),
    ],
)
async def test_what_does_not_go_into_a_file_is_refused(
    codecs: tuple[str, ...], audio: bool, video: bool, container: str, refusal: type[Refused]
) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish(codecs=codecs)
        order = record(stream if audio else None, stream if video else None, container)
        with pytest.raises(refusal):
            await meeting.manage(order)
        assert await meeting.manage(GetRecordings()) == ()
        assert meeting.engine.recordings == {}


@pytest.mark.parametrize(
    ("codecs", "container"),
    [(("opus", "h264"), "mp4"), (("pcmu", "vp8"), "mkv"), (("opus", "vp8"), "webm")],
)
async def test_what_goes_into_a_file_is_taken(codecs: tuple[str, ...], container: str) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish(codecs=codecs)
        view = await start(meeting, stream, stream, container)
        assert view.file.endswith(f"/{view.id}.{container}")


async def test_a_room_may_keep_audio_out_of_mp4() -> None:
    rules = replace(RULES, audio_in_mp4=frozenset({"aac"}))
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(rules))
        stream = await ann.publish(codecs=("opus", "h264"))
        with pytest.raises(CannotRecord, match="mp4 takes aac as audio here, not opus"):
            await meeting.manage(record(stream, stream, "mp4"))
        assert await meeting.manage(GetRecordings()) == ()
        for wanted in ((None, stream, "mp4"), (stream, stream, "auto"), (stream, stream, "mkv")):
            view = await start(meeting, *wanted)
            assert view.file.endswith("mp4" if wanted[0] is None else "mkv")


async def test_another_format_than_the_streams_is_refused() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        small = VideoParameters(framerate=6)
        for audio, video in [
            (AudioWanted(stream, AudioFormat("aac")), None),
            (None, VideoWanted(stream, VideoFormat("h264", "CB"))),
            (None, VideoWanted(stream, None, small)),
            (AudioWanted("1"), None),
        ]:
            with pytest.raises(TargetUnsatisfying):
                await meeting.manage(StartRecording("auto", audio, video))


async def test_there_is_an_end_to_recordings() -> None:
    async with open_meeting(stream_limits=StreamLimits(recordings_per_room=1)) as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        view = await start(meeting, stream, stream)
        with pytest.raises(Busy):
            await start(meeting, stream, None)
        await meeting.manage(EndRecording(view.id))
        await start(meeting, stream, None)


async def test_a_recording_goes_on_with_the_source_that_is_left() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        sound, picture = await ann.publish("audio"), await bob.publish("video")
        view = await start(meeting, sound, picture)
        await ann.order(Unpublish(sound))
        await settle()
        (left,) = await meeting.manage(GetRecordings())
        assert (left.id, left.audio, left.audio_format) == (view.id, None, None)
        assert list(meeting.engine.recordings) == [view.id]
        await bob.leave()
        await settle()
        assert await meeting.manage(GetRecordings()) == ()
        assert meeting.engine.recordings == {}


async def test_a_recording_takes_from_another_stream_and_pauses() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        one, two = await ann.publish(), await bob.publish()
        view = await start(meeting, one, one)
        changes = (SourceChange("video", two), StatusChange("audio", False))
        changed = await meeting.manage(ChangeRecording(view.id, changes))
        assert changed.video == VideoWanted(two)
        assert meeting.engine.attached[f"{view.id}.video"] == f"{two}/in/1"
        assert meeting.engine.paused == {f"{view.id}.audio"}
        await meeting.manage(ChangeRecording(view.id, (StatusChange("audio", True),)))
        assert meeting.engine.paused == set()
        for request, refusal in [
            (ChangeRecording(view.id, (SourceChange("video", "1"),)), TargetUnsatisfying),
            (ChangeRecording("1", changes), RecordingUnknown),
            (EndRecording("1"), RecordingUnknown),
        ]:
            with pytest.raises(refusal):
                await meeting.manage(request)


@pytest.mark.parametrize("seconds", [1, 2, 2.5, 100])
async def test_a_recording_may_have_keyframes_as_often_as_it_likes(seconds: float) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        one, two = await ann.publish(), await bob.publish()
        often = VideoParameters(keyframe_interval=seconds)
        video = VideoWanted(one, None, often)
        view = await meeting.manage(StartRecording("auto", AudioWanted(one), video))
        assert view.video == video
        assert meeting.engine.recordings[view.id].plan.keyframe_seconds == seconds
        changes = (ParametersChange(VideoParameters(keyframe_interval=30)),)
        changed = await meeting.manage(ChangeRecording(view.id, changes))
        assert changed.video.parameters == VideoParameters(keyframe_interval=30)
        assert meeting.engine.recordings[view.id].plan.keyframe_seconds == 30
        for other in (SourceChange("video", two), ParametersChange(VideoParameters(bitrate="x1"))):
            changed = await meeting.manage(ChangeRecording(view.id, (other,)))
            assert changed.video.parameters.keyframe_interval == 30
        assert meeting.engine.recordings[view.id].plan.keyframe_seconds == 30


@pytest.mark.parametrize("seconds", [0.0, 0.9, 101, float("inf"), float("nan"), -2])
async def test_keyframes_cannot_be_had_at_any_pace(seconds: float) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        video = VideoWanted(stream, None, VideoParameters(keyframe_interval=seconds))
        with pytest.raises(TargetUnsatisfying, match="video: keyframe interval"):
            await meeting.manage(StartRecording("auto", None, video))
        view = await start(meeting, None, stream)
        changes = (ParametersChange(VideoParameters(keyframe_interval=seconds)),)
        with pytest.raises(TargetUnsatisfying, match="video: keyframe interval"):
            await meeting.manage(ChangeRecording(view.id, changes))
        assert await meeting.manage(GetRecordings()) == (view,)


async def test_what_a_publisher_holds_is_not_recorded() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        await meeting.manage(ChangeStream(stream, (StatusChange("video", False),)))
        view = await start(meeting, stream, stream)
        assert meeting.engine.paused == {f"{view.id}.video"}
        await meeting.manage(ChangeStream(stream, (StatusChange("video", True),)))
        assert meeting.engine.paused == set()


async def test_a_recording_that_ends_by_itself_is_no_more() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        view = await start(meeting, stream, stream)
        ended = RecordingStatus(RecordingState.PARTIAL, 1.0, 1000, "disk_full")
        meeting.engine.end_recording(view.id, ended)
        await settle()
        assert await meeting.manage(GetRecordings()) == ()
        with pytest.raises(RecordingUnknown):
            await meeting.manage(EndRecording(view.id))
        await start(meeting, stream, stream)


async def test_closing_the_room_finalises_its_recordings() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await meeting.members("ann")
            stream = await ann.publish()
            views = [await start(meeting, stream, stream) for _ in range(3)]
            for view in views:
                meeting.engine.record(view.id, 2.0, 1000)
            await meeting.room.ask(CloseRoom(), within=5)
            assert meeting.engine.recordings == {}
            assert meeting.house.system.registry.find(MANAGED) is None
    states = [line["state"] for line in lines if line["event"] == "recording.ended"]
    assert states == ["finalised"] * 3
