"""Views of a room that change while it lives: who takes of them is served or told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trio.testing import MockClock

from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.facts import SessionEnded, StreamAdded, StreamChanged, StreamRemoved
from actors.words.orders import (
    ChangeViews,
    GetRecordings,
    GetStreams,
    StartRecording,
    Subscribe,
    Unsubscribe,
)
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    Resolution,
    SessionEnd,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)
from actors.words.views import MixedStream, ViewRules
from media.contract.jobs import ActiveInput, TranscodeWanted
from tests.support.actors import poison, settle
from tests.support.conference import Meeting, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, VIEW, pictures_of, running, the_mix

STAGE = replace(VIEW, label="stage", id="room-stage")
assert VIEW.video is not None
LARGE = replace(
    VIEW,
    video=replace(
        VIEW.video, parameters=VideoParameters(Resolution(1280, 720), 24, keyframe_interval=100)
    ),
)
AS_H264 = replace(VIEW, video=replace(VIEW.video, format=VideoFormat("h264", "CB")))


async def change_to(meeting: Meeting, *views: ViewRules) -> None:
    await meeting.manage(ChangeViews(tuple(view.label for view in views), views))
    await settle()


async def ids_of_mixes(meeting: Meeting) -> list[str]:
    found = await meeting.manage(GetStreams())
    return [it.id for it in found if isinstance(it, MixedStream)]


async def test_a_view_that_comes_is_told_and_can_be_taken() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        await change_to(meeting, VIEW, STAGE)
        (added,) = ann.told(StreamAdded)
        assert (added.stream.id, added.stream.label) == ("room-stage", "stage")  # type: ignore[union-attr]
        assert await ids_of_mixes(meeting) == [COMMON_MIX, "room-stage"]
        assert await ann.subscribe("room-stage", "room-stage")
        ann.clear()
        await change_to(meeting, VIEW, STAGE)
        assert ann.told(StreamAdded, StreamChanged, StreamRemoved) == []


async def test_a_view_that_goes_ends_for_its_takers_and_its_inputs(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        bob = await meeting.member("bob", spec=conference_spec(AUTO))
        stream = await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        source = AudioWanted(COMMON_MIX), VideoWanted(COMMON_MIX)
        await meeting.manage(StartRecording("auto", *source))
        both = StartRecording("mkv", AudioWanted(stream), VideoWanted(COMMON_MIX))
        left = await meeting.manage(both)
        bob.clear()
        await change_to(meeting)
        (removed,) = bob.told(StreamRemoved)
        assert removed.id == COMMON_MIX
        (ended,) = bob.told(SessionEnded)
        assert (ended.session, ended.why) == (taken, SessionEnd.SOURCE_LOST)
        (changed,) = bob.told(StreamChanged)
        assert isinstance(changed.stream, Stream)
        assert (changed.stream.id, changed.stream.in_views) == (stream, ())
        (recording,) = await meeting.manage(GetRecordings())
        assert (recording.id, recording.video) == (left.id, None)
        assert meeting.engine.jobs.jobs == {}
        with pytest.raises(TargetUnsatisfying, match="audio: stream"):
            await bob.subscribe(COMMON_MIX)


async def test_a_view_of_another_size_goes_on_for_its_takers() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        bob = await meeting.member("bob", spec=conference_spec(AUTO))
        stream = await ann.publish()
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        sinks = meeting.sinks()
        bob.clear()
        await change_to(meeting, LARGE)
        (changed,) = bob.told(StreamChanged)
        assert (changed.field, changed.stream.id) == (".", COMMON_MIX)
        assert bob.told(SessionEnded) == []
        found, wanted = the_mix(meeting.engine)
        assert (found, meeting.sinks()) == (job, sinks)
        assert wanted.video is not None
        assert (wanted.video.target.width, wanted.video.target.bitrate) == (1280, 1280)
        assert pictures_of(wanted) == [stream]


async def test_who_cannot_have_what_he_wants_of_it_any_more_is_told() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        half = VideoParameters(Resolution(320, 240))
        wanted = AudioWanted(COMMON_MIX), VideoWanted(COMMON_MIX, parameters=half)
        small = await ann.order(Subscribe(*wanted))
        plain = await ann.subscribe(COMMON_MIX, COMMON_MIX)
        await meeting.manage(StartRecording("auto", *wanted))
        await change_to(meeting, LARGE)
        (ended,) = ann.told(SessionEnded)
        assert (ended.session, ended.why) == (small, SessionEnd.SOURCE_LOST)
        assert ann.is_ready(plain)
        (recording,) = await meeting.manage(GetRecordings())
        assert (recording.audio, recording.video) == (AudioWanted(COMMON_MIX), None)


async def test_a_view_of_another_format_is_another_stream_with_the_same_inputs() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        stream = await ann.publish()
        taken = await ann.subscribe(COMMON_MIX, COMMON_MIX)
        ann.clear()
        await change_to(meeting, AS_H264)
        kinds = [type(fact) for fact in ann.told(StreamAdded, StreamRemoved, SessionEnded)]
        assert kinds == [SessionEnded, StreamRemoved, StreamAdded]
        (added,) = ann.told(StreamAdded)
        assert isinstance(added.stream, MixedStream)
        assert added.stream.inputs == (stream,)
        assert ann.told(SessionEnded)[0].session == taken
        await ann.subscribe(COMMON_MIX, COMMON_MIX)
        _, wanted = the_mix(meeting.engine)
        assert wanted.video is not None
        assert (wanted.video.target.codec, pictures_of(wanted)) == ("h264", [stream])


async def test_who_speaks_in_a_view_that_is_gone_is_nothing(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        one, two = await ann.publish(), await ann.publish()
        await ann.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        for stream in (two, one):  # the second one is due in three seconds
            meeting.engine.tell_of_job(job, ActiveInput(f"{stream}-audio"))
        await settle()
        await change_to(meeting)
        await pause(5.0)
        assert await ids_of_mixes(meeting) == []
        assert len(await meeting.manage(GetStreams())) == 2


async def test_views_that_have_changed_outlive_a_crash_of_the_room() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(AUTO))
        await change_to(meeting, STAGE)
        meeting.room.tell(poison())
        await settle()
        assert await ids_of_mixes(meeting) == ["room-stage"]
        await ann.publish()
        assert ann.told(StreamAdded)[-1].stream.in_views == ("stage",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "left",
    [replace(VIEW, video=None), replace(VIEW, audio=AudioFormat("none"))],
    ids=["no picture", "no sound"],
)
@pytest.mark.parametrize("idle", [True, False])
async def test_a_view_without_what_is_made_of_it_keeps_its_room(
    left: ViewRules, idle: bool, autojump_clock: MockClock
) -> None:
    async with open_meeting() as meeting:
        await meeting.member("ann", spec=conference_spec(AUTO))
        bob = await meeting.member("bob", spec=conference_spec(AUTO))
        smaller = VideoWanted(COMMON_MIX, parameters=VideoParameters(framerate=6))
        narrower = AudioWanted(COMMON_MIX, AudioFormat("pcmu"))
        taken = [
            await bob.order(Subscribe(None, smaller)),
            await bob.order(Subscribe(narrower, None)),
        ]
        await pause(1.0)
        _, mix = the_mix(meeting.engine)  # which sends the sound in the other codec itself
        assert mix.audio is not None
        assert [it.target.codec for it in mix.audio.others] == ["pcmu"]
        assert len(list(running(meeting.engine, TranscodeWanted))) == 1
        if idle:
            for each in taken:
                assert each is not None
                await bob.order(Unsubscribe(each))
        await change_to(meeting, left)
        await pause(1.0)
        kinds = [it.input.kind for _, it in running(meeting.engine, TranscodeWanted)]
        assert kinds == [] or (kinds == ["video"] and left.video is not None)
        assert await ids_of_mixes(meeting) == [COMMON_MIX]
