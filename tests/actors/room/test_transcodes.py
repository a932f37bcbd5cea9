"""What is encoded anew for subscriptions and recordings, and what comes as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.jobs.mix import input_of
from actors.jobs.room_processes import IDLE_SECONDS
from actors.streams.services import StreamLimits
from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.facts import SessionEnded, StreamChanged
from actors.words.media_refusals import CannotRecord, NoCapacity
from actors.words.orders import (
    ChangeRecording,
    ControlStream,
    ControlSubscription,
    EndRecording,
    GetStreams,
    StartRecording,
    Subscribe,
    Unpublish,
    Unsubscribe,
)
from actors.words.streams import (
    AS_IT_COMES,
    AudioFormat,
    AudioWanted,
    ParametersChange,
    Resolution,
    SessionEnd,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)
from media.contract.jobs import (
    COMMON,
    PICTURE,
    AudioTarget,
    JobKind,
    JobSink,
    JobWanted,
    OtherSound,
    PictureSeen,
    TranscodeWanted,
    VideoTarget,
    sink_of,
    sound_name,
    source_of,
)
from media.contract.session import Direction
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.conference import (
    Meeting,
    Member,
    conference_spec,
    open_meeting,
    pause,
    publish,
)
from tests.support.mixes import (
    AUTO,
    COMMON_MIX,
    MIXED,
    OUTPUTS,
    inputs_of,
    running,
    the_mix,
    the_transcode,
)

VGA = VideoParameters(Resolution(640, 480), 24)
HALF = VideoParameters(Resolution(320, 240), bitrate="x0.6")
H264 = VideoFormat("h264", "CB")
PCMU = AudioFormat("pcmu")


async def come(meeting: Meeting, *names: str, rules: Any = MIXED) -> list[Member]:
    spec = conference_spec(rules)
    found = [await meeting.member(name, spec=spec) for name in names]
    for member in found:
        member.clear()
    return found


async def send(member: Member, *codecs: str, parameters: VideoParameters = VGA) -> str:
    """Publish sound and picture with known parameters."""
    id_ = await member.order(publish("audio", "video", parameters=parameters))
    assert id_ is not None
    kinds = ("audio", "video")
    await member.negotiate(id_, Direction.SEND, kinds, codecs or ("opus", "vp8"))
    return id_


async def take(
    member: Member,
    video: VideoWanted | None = None,
    audio: AudioWanted | None = None,
    codecs: tuple[str, ...] = ("opus", "pcmu", "vp8", "h264"),
) -> str:
    id_ = await member.order(Subscribe(audio, video))
    assert id_ is not None
    kinds = tuple(kind for kind, it in (("audio", audio), ("video", video)) if it is not None)
    await member.negotiate(id_, Direction.RECEIVE, kinds, codecs)
    return id_


async def test_a_smaller_picture_is_made_by_one_process_for_all_who_want_it(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid")
        stream = await send(ann)
        wanted = VideoWanted(stream, parameters=HALF)
        takers = [await take(member, wanted) for member in (bob, cid, bob)]
        job, work = the_transcode(meeting.engine)
        assert work.target == VideoTarget("vp8", 320, 240, 24, 307)
        sinks = {sink_of(job, input_of(stream, "video")): f"{stream}/in/1"}
        sinks |= {f"{it}/out/0": source_of(job, PICTURE) for it in takers}
        assert meeting.sinks() == sinks
        for member, taken in zip((bob, cid), takers, strict=False):
            await member.order(Unsubscribe(taken))
        await pause(2 * IDLE_SECONDS)
        assert list(meeting.engine.jobs.jobs) == [job]
        await bob.order(Unsubscribe(takers[2]))
        await pause(IDLE_SECONDS + 1)
        assert meeting.engine.jobs.jobs == {}
        assert meeting.engine.jobs.started.total() == 1


@pytest.mark.parametrize(
    "said",
    [
        VideoParameters(Resolution(640, 480), 1e308),
        VideoParameters(Resolution(640, 480), 24, 10**308),
        VideoParameters(Resolution(65_535, 65_535), 24),
    ],
)
async def test_whatever_a_publisher_says_of_its_picture_the_room_goes_on(
    said: VideoParameters,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann, parameters=said)
        await take(bob, VideoWanted(stream))
        await take(bob, VideoWanted(stream, parameters=VideoParameters(bitrate="x0.8")))
        _, work = the_transcode(meeting.engine)
        assert isinstance(work.target, VideoTarget)
        assert max(work.target.width, work.target.height) <= 4096
        assert work.target.bitrate <= 100_000
        assert await meeting.manage(GetStreams())


async def test_who_wants_it_as_it_comes_costs_no_process() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        for parameters in (
            AS_IT_COMES,
            VGA,
            VideoParameters(bitrate="x1.0"),
            VideoParameters(keyframe_interval=2),
        ):
            await take(bob, VideoWanted(stream, VideoFormat("vp8"), parameters))
        assert meeting.engine.jobs.jobs == {}


@pytest.mark.parametrize(
    ("codecs", "video", "target"),
    [
        (("opus", "vp8"), H264, VideoTarget("h264", 640, 480, 24, 512, profile="CB")),
        (("opus", "h264"), VideoFormat("vp8"), VideoTarget("vp8", 640, 480, 24, 512)),
    ],
)
async def test_another_codec_than_comes_is_encoded(
    codecs: tuple[str, ...], video: VideoFormat, target: VideoTarget
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann, *codecs)
        taken = await take(bob, VideoWanted(stream, video), AudioWanted(stream, PCMU))
        assert bob.is_ready(taken)
        work = {it.target: id_ for id_, it in running(meeting.engine, TranscodeWanted)}
        sound = AudioTarget("pcmu", 8000, 1)
        assert set(work) == {target, sound}
        sinks = meeting.sinks()
        assert sinks[f"{taken}/out/0"] == source_of(work[sound], COMMON)
        assert sinks[f"{taken}/out/1"] == source_of(work[target], PICTURE)


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        (VideoWanted("", VideoFormat("vp9")), "format"),
        (VideoWanted("", parameters=VideoParameters(Resolution(321, 240))), "resolution"),
        (VideoWanted("", parameters=VideoParameters(framerate=30)), "framerate"),
        (VideoWanted("", parameters=VideoParameters(bitrate="x0.5")), "bitrate"),
        (VideoWanted("", parameters=VideoParameters(bitrate=100)), "bitrate"),
        (VideoWanted("", parameters=VideoParameters(keyframe_interval=3)), "keyframe interval"),
        (VideoWanted("", rid="h"), "rid"),
        (AudioWanted("", AudioFormat("g722")), "format"),
    ],
)
async def test_what_the_room_does_not_offer_is_refused_by_its_name(
    wanted: AudioWanted | VideoWanted, what: str
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        wanted = replace(wanted, source=await send(ann))
        audio = wanted if isinstance(wanted, AudioWanted) else None
        video = wanted if isinstance(wanted, VideoWanted) else None
        with pytest.raises(TargetUnsatisfying) as refusal:
            await bob.order(Subscribe(audio, video))
        assert refusal.value.what == what
        if what != "keyframe interval":  # a recording asks its publisher for them at any pace
            with pytest.raises(TargetUnsatisfying) as refusal:
                await _record(meeting, audio, video)
            assert refusal.value.what == what
        assert meeting.engine.jobs.jobs == {}


async def _record(
    meeting: Meeting, audio: AudioWanted | None, video: VideoWanted | None, container: str = "auto"
) -> Any:
    return await meeting.manage(StartRecording(container, audio, video))


async def test_where_nothing_is_transcoded_nothing_is_offered() -> None:
    rules = replace(MIXED, outputs=replace(OUTPUTS, transcodes_resolution=False))
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=rules)
        stream = await send(ann)
        with pytest.raises(TargetUnsatisfying, match="resolution"):
            await bob.order(Subscribe(None, VideoWanted(stream, parameters=HALF)))


# --- changes while it is taken


async def test_a_taker_moves_between_processes_and_what_comes_without_a_gap(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start_slowly(monkeypatch, 8.0)
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        taken = await take(bob, VideoWanted(stream))
        sink = f"{taken}/out/0"

        async def change(parameters: VideoParameters) -> None:
            change = (ParametersChange(parameters),)
            await bob.order(ControlSubscription(taken, change))

        await change(HALF)
        assert meeting.sinks()[sink] == f"{stream}/in/1"
        await pause(8.1)
        half, _ = the_transcode(meeting.engine)
        assert meeting.sinks()[sink] == source_of(half, PICTURE)
        await change(VideoParameters(framerate=6))
        await pause(7)
        assert meeting.sinks()[sink] == source_of(half, PICTURE)
        await pause(2)
        slow = meeting.sinks()[sink]
        assert slow not in (f"{stream}/in/1", source_of(half, PICTURE))
        await pause(IDLE_SECONDS)
        assert [source_of(id_, PICTURE) for id_ in meeting.engine.jobs.jobs] == [slow]
        await change(replace(VGA, bitrate="x1"))
        assert meeting.sinks()[sink] == f"{stream}/in/1"


async def test_what_is_held_flows_no_more_while_its_successor_starts(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start_slowly(monkeypatch, 8.0)
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        taken = await take(bob, VideoWanted(stream))
        to_the_mix = (SourceChange("video", COMMON_MIX),)
        await bob.order(ControlSubscription(taken, to_the_mix))
        assert meeting.sinks()[f"{taken}/out/0"] == f"{stream}/in/1"
        await ann.order(ControlStream(stream, (StatusChange("video", False),)))
        assert f"{taken}/out/0" not in meeting.sinks()
        await pause(8.1)
        job, _ = the_mix(meeting.engine)
        assert meeting.sinks()[f"{taken}/out/0"] == source_of(job, PICTURE)


async def test_another_source_keeps_the_format_that_was_agreed_on() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        one, two = await send(ann), await send(ann, "pcmu", "h264")
        taken = await take(bob, VideoWanted(one), AudioWanted(one), codecs=("opus", "vp8"))
        both = (SourceChange("audio", two), SourceChange("video", two))
        await bob.order(ControlSubscription(taken, both))
        targets = {it.target.codec: id_ for id_, it in running(meeting.engine, TranscodeWanted)}
        assert set(targets) == {"opus", "vp8"}
        sinks = meeting.sinks()
        assert sinks[f"{taken}/out/1"] == source_of(targets["vp8"], PICTURE)


async def test_a_change_for_which_there_is_no_room_changes_nothing() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        taken = await take(bob, VideoWanted(stream))
        recording = await _record(meeting, None, VideoWanted(stream))
        meeting.engine.jobs.places = 0
        changes = (ParametersChange(HALF),)
        before = meeting.sinks()
        with pytest.raises(NoCapacity, match="transcode"):
            await bob.order(ControlSubscription(taken, changes))
        with pytest.raises(NoCapacity, match="transcode"):
            await meeting.manage(ChangeRecording(recording.id, changes))
        with pytest.raises(NoCapacity, match="transcode"):
            await bob.order(Subscribe(None, VideoWanted(stream, H264)))
        with pytest.raises(NoCapacity, match="transcode"):
            await _record(meeting, AudioWanted(stream, PCMU), None)
        assert meeting.sinks() == before
        assert bob.told(SessionEnded) == []


async def test_processes_whose_sources_come_and_go_count_for_a_while(
    autojump_clock: MockClock,
) -> None:
    most, turns = 3, 4
    limits = StreamLimits(processes_per_room=most)
    async with open_meeting(stream_limits=limits) as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        for turn in range(1, turns + 1):
            for _ in range(most):
                stream = await send(ann)
                await take(bob, VideoWanted(stream, parameters=HALF))
                assert len(meeting.engine.jobs.jobs) == 1
                await ann.order(Unpublish(stream))
                await settle()
                assert meeting.engine.jobs.jobs == {}
            stream = await send(ann)
            with pytest.raises(NoCapacity):
                await bob.order(Subscribe(None, VideoWanted(stream, parameters=HALF)))
            await ann.order(Unpublish(stream))
            assert meeting.engine.jobs.started == {JobKind.TRANSCODE: most * turn}
            assert meeting.engine.jobs.refused == {JobKind.TRANSCODE: turn}
            await pause(IDLE_SECONDS + 0.1)


async def test_a_room_has_no_more_processes_than_its_share(autojump_clock: MockClock) -> None:
    limits = StreamLimits(processes_per_room=2)
    wanted = [VideoParameters(framerate=each) for each in (6, 12)] + [HALF]
    async with open_meeting(stream_limits=limits) as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid")
        stream = await send(ann)
        taken = [await take(bob, VideoWanted(stream, parameters=it)) for it in wanted[:2]]
        with pytest.raises(NoCapacity, match=r"^transcode$"):
            await bob.order(Subscribe(None, VideoWanted(stream, parameters=wanted[2])))
        with pytest.raises(NoCapacity, match=r"^mix$"):
            await cid.order(Subscribe(AudioWanted(COMMON_MIX), None))
        shared = await take(cid, VideoWanted(stream, parameters=wanted[0]))
        await bob.order(Unsubscribe(taken[0]))
        await bob.order(Unsubscribe(taken[1]))
        with pytest.raises(NoCapacity):  # what nobody takes any more is kept for a while
            await bob.order(Subscribe(None, VideoWanted(stream, parameters=wanted[2])))
        await take(bob, VideoWanted(stream, parameters=wanted[1]))
        await bob.order(Subscribe(None, VideoWanted(stream, parameters=wanted[0])))
        assert meeting.engine.jobs.started.total() == 2
        assert meeting.engine.jobs.refused == {JobKind.TRANSCODE: 2, JobKind.MIX: 1}
        assert cid.is_ready(shared)


async def test_what_its_publisher_holds_flows_into_no_process() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        taken = await take(bob, VideoWanted(stream, parameters=HALF))
        job, _ = the_transcode(meeting.engine)
        await ann.order(ControlStream(stream, (StatusChange("video", False),)))
        into = sink_of(job, input_of(stream, "video"))
        assert meeting.engine.paused == {into, f"{taken}/out/0"}
        await ann.order(ControlStream(stream, (StatusChange("video", True),)))
        assert meeting.engine.paused == set()


async def test_a_stream_that_ends_takes_its_processes_along() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        taken = await take(bob, VideoWanted(stream, parameters=HALF))
        await ann.leave()
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert meeting.engine.jobs.jobs == {}


async def test_a_mix_is_had_with_other_parameters_too() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        stream = await send(ann)
        taken = await take(
            bob, VideoWanted(COMMON_MIX, parameters=HALF), AudioWanted(COMMON_MIX, PCMU)
        )
        mix, _ = the_mix(meeting.engine)
        job, wanted = the_transcode(meeting.engine)
        sinks = meeting.sinks()
        assert inputs_of(wanted) == [(COMMON_MIX, "video")]
        assert sinks[sink_of(job, wanted.input.id)] == source_of(mix, PICTURE)
        assert sinks[f"{taken}/out/1"] == source_of(job, PICTURE)
        sound = OtherSound(AudioTarget("pcmu", 8000, 1))
        assert sinks[f"{taken}/out/0"] == source_of(mix, sound_name(sound))
        assert stream


async def test_a_size_that_a_process_sees_is_known_from_then_on() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        stream = await send(ann, parameters=AS_IT_COMES)
        with pytest.raises(TargetUnsatisfying, match="resolution"):
            await bob.order(Subscribe(None, VideoWanted(stream, parameters=HALF)))
        await take(bob, VideoWanted(COMMON_MIX))
        job, _ = the_mix(meeting.engine)
        bob.clear()
        for width in (640, 1280):
            seen = PictureSeen(input_of(stream, "video"), width, 480)
            meeting.engine.tell_of_job(job, seen)
        await settle()
        (told,) = bob.told(StreamChanged)
        assert (told.field, told.stream.id) == (".", stream)
        assert told.stream == (await meeting.manage(GetStreams()))[1]
        assert told.stream.video is not None
        assert told.stream.video.parameters.resolution == Resolution(640, 480)
        assert await bob.order(Subscribe(None, VideoWanted(stream, parameters=HALF)))


# --- keyframes


async def test_keyframes_are_asked_for_at_the_least_pace_that_is_wanted(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid")
        stream = await send(ann)
        paced = []
        for seconds in (5.0, 2.0):
            parameters = VideoParameters(keyframe_interval=seconds)
            paced.append(await take(bob, VideoWanted(stream, parameters=parameters)))
        await take(cid, VideoWanted(stream))
        await pause(0.5)
        asked = meeting.engine.keyframes_requested
        asked.clear()
        await pause(20)
        assert set(asked) == {f"{stream}/in/1"}
        assert 9 <= len(asked) <= 10
        await bob.order(Unsubscribe(paced[1]))
        asked.clear()
        await pause(20)
        assert 3 <= len(asked) <= 4
        await bob.order(Unsubscribe(paced[0]))
        asked.clear()
        await pause(30)
        assert asked == []


async def test_who_encodes_is_asked_for_keyframes_as_well(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await send(ann)
        parameters = replace(HALF, keyframe_interval=1)
        await take(bob, VideoWanted(stream, parameters=parameters))
        await take(bob, VideoWanted(stream, parameters=HALF))
        job, _ = the_transcode(meeting.engine)
        await pause(5)
        assert set(meeting.engine.keyframes_requested) == {source_of(job, PICTURE)}


# --- recordings


async def test_a_mix_is_recorded_in_other_formats_than_it_has() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        stream = await send(ann)
        view = await _record(
            meeting, AudioWanted(COMMON_MIX, PCMU), VideoWanted(COMMON_MIX, H264), "mkv"
        )
        assert (view.audio_format, view.video_format) == (PCMU, H264)
        plan = meeting.engine.recordings[view.id].plan
        assert [(it.kind, it.codec, it.publisher) for it in plan.tracks] == [
            ("audio", "pcmu", "server"),
            ("video", "h264", "server"),
        ]
        picture, _ = the_transcode(meeting.engine)
        mix, _ = the_mix(meeting.engine)
        sinks = meeting.sinks()
        sound = OtherSound(AudioTarget("pcmu", 8000, 1))
        assert sinks[f"{view.id}.audio"] == source_of(mix, sound_name(sound))
        assert sinks[f"{view.id}.video"] == source_of(picture, PICTURE)
        assert inputs_of(the_mix(meeting.engine)[1])[0] == (stream, "audio")
        await meeting.manage(EndRecording(view.id))


async def test_a_recording_takes_sound_of_a_mix_and_the_picture_of_a_stream() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        stream = await send(ann)
        view = await _record(meeting, AudioWanted(COMMON_MIX), VideoWanted(stream))
        job, _ = the_mix(meeting.engine)
        assert meeting.sinks()[f"{view.id}.audio"] == source_of(job, COMMON)
        assert meeting.sinks()[f"{view.id}.video"] == f"{stream}/in/1"
        plan = meeting.engine.recordings[view.id].plan
        assert [it.publisher for it in plan.tracks] == ["server", stream]
        await meeting.manage(ChangeRecording(view.id, (ParametersChange(HALF),)))
        half, _ = the_transcode(meeting.engine)
        assert meeting.sinks()[f"{view.id}.video"] == source_of(half, PICTURE)


async def test_an_mp4_file_has_its_sound_as_aac_without_being_asked() -> None:
    rules = replace(MIXED, audio_in_mp4=frozenset({"aac"}))
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=rules)
        stream = await send(ann, "opus", "h264")
        view = await _record(meeting, AudioWanted(stream), VideoWanted(stream), "mp4")
        assert view.audio_format == AudioFormat("aac", 48_000, 2)
        assert view.file.endswith(".mp4")
        job, wanted = the_transcode(meeting.engine)
        assert wanted.target == AudioTarget("aac", 48_000, 2)
        assert meeting.sinks()[f"{view.id}.audio"] == source_of(job, COMMON)
        plan = meeting.engine.recordings[view.id].plan
        assert [(it.codec, it.publisher) for it in plan.tracks] == [
            ("aac", "server"),
            ("h264", stream),
        ]


async def test_sound_stays_as_it_comes_where_the_file_takes_it_or_nobody_can_encode_it() -> None:
    rules = replace(MIXED, audio_in_mp4=frozenset({"aac"}))
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=rules)
        stream = await send(ann, "opus", "h264")
        for container in ("auto", "mkv"):
            view = await _record(meeting, AudioWanted(stream), VideoWanted(stream), container)
            assert (view.audio_format, view.file[-3:]) == (AudioFormat("opus", 48_000, 2), "mkv")
        with pytest.raises(CannotRecord, match="mp4 takes aac as audio here, not pcmu"):
            await _record(meeting, AudioWanted(stream, PCMU), None, "mp4")
        assert not list(running(meeting.engine, TranscodeWanted))


async def test_the_usual_file_of_aac_is_mp4() -> None:
    aac = AudioFormat("aac", 48_000, 2)
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await send(ann, "opus", "vp8")
        wanted = AudioWanted(stream, aac)
        for video, extension in (
            (None, "mp4"),
            (VideoWanted(stream, H264), "mp4"),
            (VideoWanted(stream), "mkv"),
        ):
            view = await _record(meeting, wanted, video, "auto")
            assert view.file.endswith(f".{extension}")


async def test_a_recording_that_cannot_start_leaves_no_process(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        await send(ann)
        with pytest.raises(CannotRecord):
            await _record(meeting, AudioWanted(COMMON_MIX), VideoWanted(COMMON_MIX), "avi")
        await pause(IDLE_SECONDS + 1)
        assert meeting.engine.jobs.jobs == {}


def start_slowly(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have each process take so long to start."""
    start = FakeEngine.open_job

    async def slowly(self: FakeEngine, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        await trio.sleep(seconds)
        await start(self, job_id, wanted, events)

    monkeypatch.setattr(FakeEngine, "open_job", slowly)
