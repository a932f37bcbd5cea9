"""Streams that a room pulls from outside, on a fake engine: they come, are lost, and end."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorCrashed, ActorError, ActorStopped, Refused
from actors.directory.messages import OpenRoom
from actors.jobs.mix import input_of
from actors.jobs.room_ingests import OPENING_MARGIN
from actors.streams.services import StreamingPlan
from actors.words.conference_refusals import (
    AudioForbidden,
    NotAllowed,
    StreamUnknown,
    TooManyStreams,
)
from actors.words.facts import SessionEnded, StreamAdded, StreamChanged, StreamRemoved
from actors.words.keys import DIRECTORY
from actors.words.media_refusals import AddressUnfit, NoCapacity, SourceRefused
from actors.words.orders import (
    ChangeStream,
    CloseRoom,
    ControlStream,
    EndStream,
    GetRecordings,
    GetStreams,
    StartRecording,
    StartStreamingIn,
    Subscribe,
    Unpublish,
)
from actors.words.rooms import ConferenceRules
from actors.words.streams import (
    AudioWanted,
    Resolution,
    SessionEnd,
    StatusChange,
    Stream,
    VideoFormat,
    VideoWanted,
    ViewChange,
)
from media.contract import errors
from media.contract.errors import JobFailed
from media.contract.jobs import (
    COMMON,
    PICTURE,
    AudioTarget,
    IngestWanted,
    JobWanted,
    VideoTarget,
    sink_of,
    source_of,
)
from media.contract.session import Direction
from media.contract.streaming import (
    OutsideTrouble,
    PulledAudio,
    PulledVideo,
    SourceFound,
    SourceLost,
)
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import poison, settle
from tests.support.conference import MANAGED, Meeting, Member, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, MIXED, inputs_of, running, the_mix, the_transcode

URL = "rtsp://admin:pass-word@camera.example:8554/path-token?key=query-token"
SECRETS = ("pass-word", "path-token", "query-token", "admin:")
CAMERA = SourceFound(
    PulledAudio("aac", 44_100, 2, passes=False),
    PulledVideo("h264", 1280, 720, 25.0, passes=True, profile="M"),
)
VP8 = SourceFound(None, PulledVideo("vp8", 640, 480, 15.0, passes=True))
PLAN = StreamingPlan(open_seconds=30.0)
H264_M = VideoTarget("h264", 0, 0, 25.0, 0, profile="M")
OPUS = AudioTarget("opus", 48_000, 2)
AWAY = SourceLost(OutsideTrouble.UNREACHABLE, "nobody answers there")
DENIED = SourceLost(OutsideTrouble.UNAUTHORISED, "it answers 401 Unauthorized")


@dataclass
class Call:
    """A request to pull, as it is answered."""

    answer: Stream | None = None
    refusal: ActorError | None = None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def open(self) -> bool:
        return self.answer is None and self.refusal is None


@dataclass
class Ins:
    meeting: Meeting
    nursery: trio.Nursery

    @property
    def engine(self) -> FakeEngine:
        return self.meeting.engine

    @property
    def jobs(self) -> list[str]:
        return [id_ for id_, _ in running(self.engine, IngestWanted)]

    @property
    def job(self) -> str:
        (found,) = self.jobs
        return found

    @property
    def wanted(self) -> IngestWanted:
        ((_, found),) = running(self.engine, IngestWanted)
        return found

    async def call(self, **changes: Any) -> Call:
        """Ask for a stream, and go on while nobody answers."""
        call = Call()

        async def ask() -> None:
            with call.scope:
                try:
                    order = replace(StartStreamingIn(URL), **changes)
                    call.answer = await self.meeting.room.ask(order, within=60)
                except ActorError as error:
                    call.refusal = error

        self.nursery.start_soon(ask)
        await settle()
        return call

    async def tell(self, event: Any, job: str = "") -> None:
        self.engine.tell_of_job(job or self.job, event)
        await settle()

    async def flowing(self, found: SourceFound = CAMERA, **changes: Any) -> Stream:
        before = set(self.jobs)
        call = await self.call(**changes)
        (job,) = set(self.jobs) - before
        await self.tell(found, job)
        assert call.answer is not None, call.refusal
        return call.answer

    async def streams(self) -> list[Stream]:
        found = await self.meeting.manage(GetStreams())
        return [stream for stream in found if isinstance(stream, Stream)]


@asynccontextmanager
async def ins(rules: ConferenceRules = MIXED, plan: StreamingPlan = PLAN) -> AsyncIterator[Ins]:
    async with open_meeting(streaming=plan) as meeting, trio.open_nursery() as nursery:
        spec = conference_spec(rules)
        await meeting.house.find(DIRECTORY).ask(OpenRoom(spec), within=5)
        yield Ins(meeting, nursery)
        nursery.cancel_scope.cancel()
    assert meeting.engine.jobs.jobs == {}, "a process was left over"


def inactive(stream: Stream) -> Stream:
    assert stream.audio is not None
    assert stream.video is not None
    audio, video = replace(stream.audio, active=False), replace(stream.video, active=False)
    return replace(stream, audio=audio, video=video)


async def come(meeting: Meeting, *names: str, rules: ConferenceRules = MIXED) -> list[Member]:
    found = [await meeting.member(name, spec=conference_spec(rules)) for name in names]
    for member in found:
        member.clear()
    return found


async def test_a_source_becomes_a_stream_of_its_room() -> None:
    with logged() as lines:
        async with ins() as it:
            (ann,) = await come(it.meeting, "ann")
            call = await it.call(attributes=b'{"name":"door"}', transport="udp", buffer_bytes=1000)
            first = it.wanted
            assert (first.source.url, first.audio, first.video, first.passes) == (
                URL, None, None, (),
            )  # fmt: skip
            assert (first.transport, first.buffer_bytes, first.open_seconds) == ("udp", 1000, 30.0)
            assert call.open
            assert await it.streams() == []
            await it.tell(CAMERA)
            wanted = it.wanted
            assert (wanted.audio, wanted.video, wanted.passes) == (OPUS, H264_M, ("video",))
            stream = call.answer
            assert stream is not None
            assert await it.streams() == [stream]
            assert ann.told(StreamAdded) == [StreamAdded(stream)]
            assert (stream.owner, stream.kind, stream.in_views) == ("admin", "streaming", ())
            assert stream.attributes == b'{"name":"door"}'
            assert stream.audio is not None
            assert stream.video is not None
            assert (stream.audio.format.codec, stream.audio.origin) == ("opus", "streaming")
            assert stream.video.format == VideoFormat("h264", "M")
            assert stream.video.parameters.resolution == Resolution(1280, 720)
            assert stream.video.parameters.framerate == 25
            assert Resolution(640, 360) in stream.video.alternatives.resolutions
            await it.meeting.manage(EndStream(stream.id))
            assert it.engine.jobs.jobs == {}
            assert ann.told(StreamRemoved) == [StreamRemoved(stream.id)]
    told = [line for line in lines if line["event"].startswith("streaming_in.")]
    assert [line["event"] for line in told] == ["streaming_in.started", "streaming_in.ended"]
    assert {line["source"] for line in told} == {"rtsp://camera.example:8554"}
    assert told[-1]["reason"] == "deleted"
    assert not any(secret in str(lines) for secret in SECRETS)


async def test_whoever_subscribes_records_or_watches_the_mix_takes_what_comes() -> None:
    async with ins(AUTO) as it:
        ann, bob = await come(it.meeting, "ann", "bob", rules=AUTO)
        stream = await it.flowing()
        assert stream.in_views == ("common",)
        job, codecs = it.job, ("opus", "h264")
        taken = await ann.subscribe(stream.id, stream.id, codecs=codecs)
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        await it.meeting.manage(
            StartRecording("mkv", AudioWanted(stream.id), VideoWanted(stream.id))
        )
        sinks = it.meeting.sinks()
        assert sinks[f"{taken}/out/0"] == source_of(job, COMMON)
        assert sinks[f"{taken}/out/1"] == source_of(job, PICTURE)
        mix, work = the_mix(it.engine)
        assert inputs_of(work) == [(stream.id, "audio"), (stream.id, "video")]
        assert "profile-level-id=4d" in work.inputs[1].fmtp
        for kind, name in (("audio", COMMON), ("video", PICTURE)):
            assert sinks[sink_of(mix, input_of(stream.id, kind))] == source_of(job, name)
        (recording,) = await it.meeting.manage(GetRecordings())
        assert sinks[f"{recording.id}.video"] == source_of(job, PICTURE)
        out = ViewChange("common", member=False)
        changed = await it.meeting.manage(ChangeStream(stream.id, (out,)))
        assert changed.in_views == ()


async def test_another_codec_is_made_of_what_comes() -> None:
    async with ins() as it:
        (ann,) = await come(it.meeting, "ann")
        stream = await it.flowing()
        id_ = await ann.order(Subscribe(None, VideoWanted(stream.id, VideoFormat("vp8"))))
        assert id_ is not None
        await ann.negotiate(id_, Direction.RECEIVE, ("video",), ("vp8",))
        job, work = the_transcode(it.engine)
        assert (work.input.codec, work.target.codec) == ("h264", "vp8")
        name = sink_of(job, input_of(stream.id, "video"))
        assert it.meeting.sinks()[name] == source_of(it.job, PICTURE)


async def test_a_source_that_is_lost_is_inactive_until_it_is_back() -> None:
    with logged() as lines:
        async with ins() as it:
            (ann,) = await come(it.meeting, "ann")
            stream = await it.flowing()
            taken = await ann.subscribe(stream.id, stream.id, codecs=("opus", "h264"))
            ann.clear()
            job = it.job
            for _ in range(3):
                await it.tell(SourceLost(OutsideTrouble.SILENT, "nothing came for 10 s"))
            lost = (await it.streams())[0]
            assert lost == inactive(stream)
            assert [(it.stream, it.field) for it in ann.told(StreamChanged)] == [
                (lost, "video.status"), (lost, "audio.status"),
            ]  # fmt: skip
            assert f"{taken}/out/0" not in it.meeting.sinks()
            await it.tell(CAMERA)
            assert await it.streams() == [stream]
            assert [it.field for it in ann.told(StreamChanged)][2:] == [
                "video.status", "audio.status",
            ]  # fmt: skip
            assert it.meeting.sinks()[f"{taken}/out/1"] == source_of(job, PICTURE)
            assert ann.told(SessionEnded) == []
    told = [it["event"] for it in lines if it["event"].startswith("streaming_in.")]
    assert told == [f"streaming_in.{word}" for word in ("started", "lost", "back", "ended")]


async def test_what_is_held_stays_held_over_a_loss() -> None:
    async with ins() as it:
        stream = await it.flowing()

        async def active(kind: str, to: bool) -> tuple[bool, bool]:
            change = (StatusChange(kind, to),)
            found = await it.meeting.manage(ChangeStream(stream.id, change))
            return found.audio.active, found.video.active

        assert await active("audio", False) == (False, True)
        await it.tell(AWAY)
        assert await active("video", True) == (False, False)
        assert await active("video", False) == (False, False)
        assert await active("audio", True) == (False, False)
        await it.tell(CAMERA)
        assert await active("audio", True) == (True, False)


async def test_a_source_that_comes_back_as_another_format() -> None:
    async with ins() as it:
        ann, bob, cid = await come(it.meeting, "ann", "bob", "cid")
        stream = await it.flowing()
        await it.meeting.manage(ChangeStream(stream.id, (ViewChange("common", member=True),)))
        sound = await ann.subscribe(stream.id, codecs=("opus",))
        picture = await bob.subscribe(None, stream.id, codecs=("h264",))
        await cid.subscribe(COMMON_MIX, COMMON_MIX)
        ann.clear()
        await it.tell(AWAY)
        await it.tell(VP8)
        (changed,) = await it.streams()
        assert changed.id == stream.id
        assert changed.audio is None
        assert changed.video is not None
        assert changed.video.format == VideoFormat("vp8")
        assert changed.in_views == ("common",)
        assert StreamChanged(changed, ".") in ann.facts
        assert ann.told(SessionEnded) == [SessionEnded(sound, SessionEnd.SOURCE_LOST)]
        mix, work = the_mix(it.engine)
        assert inputs_of(work) == [(stream.id, "video")]
        assert it.meeting.sinks()[sink_of(mix, work.inputs[0].id)] == source_of(it.job, PICTURE)
        # Who took H.264 of profile M has it no more: the room offers CB alone.
        assert bob.told(SessionEnded) == [SessionEnded(picture, SessionEnd.SOURCE_LOST)]


async def test_who_can_have_his_format_made_of_another_one_goes_on() -> None:
    plain = SourceFound(None, PulledVideo("h264", 1280, 720, 25.0, passes=True, profile="CB"))
    async with ins() as it:
        (bob,) = await come(it.meeting, "bob")
        stream = await it.flowing(plain)
        picture = await bob.subscribe(None, stream.id, codecs=("h264",))
        await it.tell(AWAY)
        await it.tell(VP8)
        assert bob.told(SessionEnded) == []
        job, work = the_transcode(it.engine)
        assert (work.input.codec, work.target.codec) == ("vp8", "h264")
        assert it.meeting.sinks()[f"{picture}/out/0"] == source_of(job, PICTURE)


# --- what is refused


@pytest.mark.parametrize(
    ("event", "changes", "words"),
    [
        (DENIED, {}, "it answers 401 Unauthorized"),
        (SourceLost(OutsideTrouble.NOT_ALLOWED, ""), {}, "this source may not be reached"),
        (VP8, {"audio": True}, "the source has no sound"),
        (
            SourceLost(OutsideTrouble.UNREACHABLE, "no such name", over=True), {},
            "no such name",
        ),
    ],
)  # fmt: skip
async def test_a_source_that_answers_otherwise_is_refused_at_once(
    event: Any, changes: dict[str, Any], words: str
) -> None:
    async with ins() as it:
        call = await it.call(**changes)
        await it.tell(event)
        assert isinstance(call.refusal, SourceRefused)
        assert str(call.refusal) == words
        assert it.engine.jobs.jobs == {}
        assert await it.streams() == []


async def test_who_cannot_be_reached_is_tried_for_a_while(autojump_clock: MockClock) -> None:
    async with ins() as it:
        call, started = await it.call(), trio.current_time()
        while call.open:
            await it.tell(AWAY)
            await pause(1.0)
        assert PLAN.open_seconds < trio.current_time() - started < PLAN.open_seconds + 10
        assert str(call.refusal) == "nobody answers there"
        assert it.engine.jobs.jobs == {}
        late = await it.call()
        await it.tell(AWAY)
        await pause(3)
        await it.tell(CAMERA)
        assert late.answer is not None


async def test_a_process_that_says_nothing_is_given_up(autojump_clock: MockClock) -> None:
    async with ins() as it:
        call = await it.call()
        await pause(PLAN.open_seconds + OPENING_MARGIN - 2)
        assert call.open
        await pause(4)
        assert str(call.refusal) == "the source sends nothing"


async def test_what_cannot_be_pulled_begins_nothing() -> None:
    rules = replace(MIXED, input_limit=2, audio_in=frozenset())
    async with ins(rules) as it:
        for changes, refusal in (
            ({"url": "udp://camera"}, AddressUnfit),
            ({"url": "file:///etc/passwd"}, AddressUnfit),
            ({"audio": True}, AudioForbidden),
        ):
            call = await it.call(**changes)
            assert isinstance(call.refusal, refusal)
        await it.flowing()
        opening = await it.call()
        assert opening.open
        assert isinstance((await it.call()).refusal, TooManyStreams)
        (ann,) = await come(it.meeting, "ann", rules=rules)
        with pytest.raises(TooManyStreams):
            await ann.publish("video", codecs=("vp8",))
        assert len(it.jobs) == 2


async def test_no_more_of_one_room_than_may_be() -> None:
    async with ins(plan=replace(PLAN, per_room=20)) as it:
        streams = [await it.flowing() for _ in range(20)]
        refused = await it.call()
        assert isinstance(refused.refusal, NoCapacity)
        assert str(refused.refusal) == "ingest"  # how many there may be is the operator's matter
        assert it.engine.jobs.stats.refused == {"ingest": 1}
        assert len({stream.id for stream in streams}) == len(it.jobs) == 20
        for stream in streams:
            await it.meeting.manage(EndStream(stream.id))
        assert it.engine.jobs.jobs == {}
        assert await it.flowing()


async def test_where_there_is_no_capacity() -> None:
    async with ins() as it:
        it.engine.jobs.places = 0
        assert isinstance((await it.call()).refusal, NoCapacity)
        it.engine.jobs.places = 1
        await it.flowing()


async def test_where_there_is_no_capacity_for_what_it_turns_out_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        await trio.lowlevel.checkpoint()
        raise errors.NoCapacity("ingest")

    monkeypatch.setattr(FakeEngine, "change_job", full)
    async with ins() as it:
        call = await it.call()
        await it.tell(CAMERA)
        assert isinstance(call.refusal, NoCapacity)
        assert it.engine.jobs.jobs == {}


# --- who leaves, and what ends


async def test_a_caller_that_leaves_ends_what_it_began(autojump_clock: MockClock) -> None:
    async with ins() as it:
        call = await it.call()
        call.scope.cancel()
        await pause(1.5)
        assert it.engine.jobs.jobs == {}
        again = await it.call()
        again.scope.cancel()
        await settle()
        await it.tell(CAMERA)
        assert await it.streams() == []
        assert it.engine.jobs.jobs == {}


async def test_a_stream_that_does_not_flow_yet_is_not_there() -> None:
    async with ins() as it:
        call = await it.call()
        with pytest.raises(StreamUnknown):
            await it.meeting.manage(EndStream("1"))
        assert call.open


@pytest.mark.parametrize("flows", [False, True])
async def test_a_room_that_closes_ends_what_it_pulls(flows: bool) -> None:
    with logged() as lines:
        async with ins() as it:
            call = await it.call()
            if flows:
                await it.tell(CAMERA)
            await it.meeting.room.ask(CloseRoom(), within=5)
            await settle()
            assert it.engine.jobs.jobs == {}
            assert flows or isinstance(call.refusal, ActorStopped)
    ended = [it for it in lines if it["event"] == "streaming_in.ended"]
    assert len(ended) == 1


async def test_a_room_that_crashes_ends_what_it_pulls() -> None:
    with logged() as lines:
        async with ins() as it:
            stream = await it.flowing()
            opening = await it.call()
            it.meeting.room.tell(poison())
            await settle()
            assert isinstance(opening.refusal, ActorCrashed)
            assert it.engine.jobs.jobs == {}
            assert await it.streams() == []
            assert (await it.flowing()).id != stream.id
    assert len([it for it in lines if it["event"] == "streaming_in.ended"]) == 3


async def test_a_room_lives_as_long_as_it_pulls(autojump_clock: MockClock) -> None:
    async with ins() as it:
        stream = await it.flowing()
        await pause(300)
        await it.meeting.manage(EndStream(stream.id))
        await pause(61)
        assert it.meeting.house.system.registry.find(MANAGED) is None


async def test_a_process_that_ends_is_followed_by_another_that_finds_anew() -> None:
    async with ins() as it:
        ann, bob = await come(it.meeting, "ann", "bob")
        stream = await it.flowing()
        await it.meeting.manage(ChangeStream(stream.id, (ViewChange("common", member=True),)))
        taken = await ann.subscribe(stream.id, stream.id, codecs=("opus", "h264"))
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        before, job = it.meeting.sinks(), it.job
        it.engine.end_job(job, "killed")
        await settle()
        assert it.job == job
        assert (it.wanted.audio, it.wanted.video) == (None, None)
        (lost,) = await it.streams()
        assert lost.video is not None
        assert not lost.video.active
        assert f"{taken}/out/1" not in it.meeting.sinks()
        await it.tell(CAMERA)
        assert await it.streams() == [replace(stream, in_views=("common",))]
        assert it.meeting.sinks() == before
        assert ann.told(SessionEnded) == []


async def test_processes_that_end_too_often_end_the_stream(autojump_clock: MockClock) -> None:
    async with ins() as it:
        (ann,) = await come(it.meeting, "ann")
        stream = await it.flowing()
        taken = await ann.subscribe(stream.id, codecs=("opus",))
        for _ in range(4):
            it.engine.end_job(it.job, "killed")
            await settle()
        assert await it.streams() == []
        assert ann.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert it.engine.jobs.jobs == {}


async def test_a_process_that_cannot_start_is_told_to_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(self: FakeEngine, job_id: str, wanted: JobWanted, events: Any) -> None:
        await trio.lowlevel.checkpoint()
        raise JobFailed("no such program")

    monkeypatch.setattr(FakeEngine, "open_job", fail)
    async with ins() as it:
        call = await it.call()
        assert isinstance(call.refusal, SourceRefused)


async def test_members_cannot_control_what_is_pulled() -> None:
    async with ins() as it:
        (ann,) = await come(it.meeting, "ann")
        stream = await it.flowing()
        for order in (
            Unpublish(stream.id),
            ControlStream(stream.id, (StatusChange("audio", True),)),
        ):
            with pytest.raises(NotAllowed):
                await ann.order(order)


# --- interleavings


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_comes_when_nothing_is_left_over(
    seed: int, autojump_clock: MockClock
) -> None:
    """Calls, losses, ends of processes, and callers that leave, in an order of chance."""
    chance = random.Random(seed)
    async with ins(AUTO, replace(PLAN, per_room=5)) as it:
        ann, bob = await come(it.meeting, "ann", "bob", rules=AUTO)
        calls: list[Call] = []
        for _ in range(60):
            jobs = it.jobs
            job = chance.choice(jobs) if jobs else ""
            streams = await it.streams()
            match chance.randrange(9):
                case 0 | 1:
                    calls.append(await it.call())
                case 2 | 3 if job:
                    await it.tell(chance.choice([CAMERA, CAMERA, VP8]), job)
                case 4 if job:
                    await it.tell(chance.choice([AWAY, DENIED]), job)
                case 5 if job and chance.random() < 0.4:
                    it.engine.end_job(job, "killed")
                    await settle()
                case 6 if calls:
                    chance.choice(calls).scope.cancel()
                    await pause(chance.choice([0.0, 1.5]))
                case 7 if streams and chance.random() < 0.5:
                    await it.meeting.manage(EndStream(chance.choice(streams).id))
                case 8 if streams:
                    source = chance.choice(streams)
                    sound = source.id if source.audio else None
                    picture = source.id if source.video else None
                    try:
                        await bob.subscribe(sound, picture, codecs=("opus", "h264", "vp8"))
                    except Refused:
                        continue
        for stream in await it.streams():
            await it.meeting.manage(EndStream(stream.id))
        for call in calls:
            call.scope.cancel()
        await pause(40)
        assert it.jobs == []
        assert await it.streams() == []
        await ann.leave()
        await bob.leave()
        await pause(61)
        assert it.engine.jobs.jobs == {}
