"""Analytics of a room: what starts and ends them, what they tell, and who hears of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core.errors import Refused
from actors.jobs.analytics import BEGIN_SECONDS
from actors.streams.services import AnalyticsTally, StreamLimits
from actors.words.analytics import (
    AnalyticView,
    EndAnalytic,
    GetAnalytics,
    StartAnalytic,
)
from actors.words.conference_refusals import (
    AnalyticUnknown,
    EmptySubscription,
    TargetUnsatisfying,
)
from actors.words.facts import Said
from actors.words.media_refusals import CannotAnalyse, NoCapacity
from actors.words.orders import CloseRoom, Unpublish
from actors.words.refusals import Busy
from actors.words.streams import AudioWanted, VideoFormat, VideoWanted
from media.contract.analysis import AnalysisBegan, AnalysisEnd, AnalysisNoted, AnalysisOver
from media.contract.jobs import PICTURE, AnalysisWanted, JobKind, sink_of, source_of
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import Meeting, Member, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, MIXED, running, the_mix

PICTURES, SOUNDS, BOTH = AnalysisBegan(("video",)), AnalysisBegan(("audio",)), ("audio", "video")
SECRET = "a secret that was seen"
MOTION = AnalysisNoted("motion", b'{"text":"' + SECRET.encode() + b'"}', 1_700_000_000.5)


async def join(meeting: Meeting, *names: str, rules: Any = MIXED) -> list[Member]:
    return [await meeting.member(name, spec=conference_spec(rules)) for name in names]


def analyse(
    audio: str | None, video: str | None, *, algorithm: str = "motion", notify: bool = False
) -> StartAnalytic:
    wanted = AudioWanted(audio) if audio else None, VideoWanted(video) if video else None
    return StartAnalytic(algorithm, *wanted, notify, algorithm)


def the_analysis(meeting: Meeting) -> tuple[str, AnalysisWanted]:
    (found,) = running(meeting.engine, AnalysisWanted)
    return found


@asynccontextmanager
async def beginning(meeting: Meeting, order: StartAnalytic) -> AsyncIterator[list[Any]]:
    """Have one start; the list gets its view, or what it was refused with, when that is known."""
    told: list[Any] = []

    async def ask() -> None:
        try:
            told.append(await meeting.room.ask(order, within=100))
        except Refused as refusal:
            told.append(refusal)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settle()
        yield told
        await settle()
        nursery.cancel_scope.cancel()


async def begin(
    meeting: Meeting, order: StartAnalytic, began: AnalysisBegan = PICTURES
) -> AnalyticView:
    before = dict(running(meeting.engine, AnalysisWanted))
    async with beginning(meeting, order) as told:
        (job,) = dict(running(meeting.engine, AnalysisWanted)).keys() - before.keys()
        assert told == []
        meeting.engine.tell_of_job(job, began)
        await settle()
    (view,) = told
    assert isinstance(view, AnalyticView), view
    return view


def said(member: Member) -> list[Any]:
    return [json.loads(it.text) for it in member.told(Said)]


def ends(lines: list[dict[str, Any]]) -> list[str]:
    return [line["reason"] for line in lines if line["event"] == "analytic.ended"]


async def test_a_picture_is_looked_at_as_it_comes_and_what_is_told_is_listed() -> None:
    tally = AnalyticsTally()
    with logged() as lines:
        async with open_meeting(analytics=tally) as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            view = await begin(meeting, analyse(None, stream))
            job, wanted = the_analysis(meeting)
            assert wanted.algorithm == "motion"
            assert [(it.id, it.codec, it.publisher) for it in wanted.inputs] == [
                ("video", "vp8", stream)
            ]
            assert meeting.sinks()[sink_of(job, "video")] == f"{stream}/in/1"
            assert view.video_format == VideoFormat("vp8")
            assert await meeting.manage(GetAnalytics()) == (view,)
            for number in range(25):
                meeting.engine.tell_of_job(job, replaced(MOTION, number))
            await settle()
            (view,) = await meeting.manage(GetAnalytics())
            assert [it.time for it in view.events] == list(range(5, 25))
            assert view.events[0].body == MOTION.body
            assert view.dropped == 24
            await meeting.manage(EndAnalytic(view.id))
            assert await meeting.manage(GetAnalytics()) == ()
            assert not list(running(meeting.engine, AnalysisWanted))
            assert said(ann) == []
    assert (tally.events, tally.dropped) == ({"motion": 25}, {"motion": 24})
    assert tally.ended == {("motion", "stopped"): 1}
    told = [line for line in lines if line["event"] == "analytic.event"]
    assert len(told) == 25
    assert (told[0]["algorithm"], told[0]["stream"], told[0]["name"]) == (
        "motion", stream, "motion",
    )  # fmt: skip
    assert ends(lines) == ["deleted"]
    assert SECRET not in str(lines)


def replaced(noted: AnalysisNoted, number: int) -> AnalysisNoted:
    return AnalysisNoted(noted.name, noted.body, float(number), number)


async def test_sound_is_listened_to_and_what_is_not_wanted_is_not_taken() -> None:
    async with open_meeting() as meeting:
        ann, bob = await join(meeting, "ann", "bob")
        sound, other = await ann.publish(), await bob.publish()
        view = await begin(meeting, analyse(sound, other, algorithm="level"), SOUNDS)
        await settle()
        job, wanted = the_analysis(meeting)
        assert [(it.id, it.codec, it.clock_rate) for it in wanted.inputs] == [
            ("audio", "opus", 48_000)
        ]
        assert set(meeting.sinks()) >= {sink_of(job, "audio")}
        assert (view.video, view.video_format) == (None, None)
        await bob.order(Unpublish(other))  # it is not taken
        assert [it.id for it in await meeting.manage(GetAnalytics())] == [view.id]
        await ann.order(Unpublish(sound))
        await settle()
        assert await meeting.manage(GetAnalytics()) == ()


async def test_a_mixed_view_is_looked_at() -> None:
    async with open_meeting() as meeting:
        (ann,) = await join(meeting, "ann", rules=AUTO)
        await ann.publish()
        await begin(meeting, analyse(None, COMMON_MIX))
        job, _ = the_analysis(meeting)
        mix, _ = the_mix(meeting.engine)
        assert meeting.sinks()[sink_of(job, "video")] == source_of(mix, PICTURE)


async def test_of_two_sources_the_first_that_ends_ends_it() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            ann, bob = await join(meeting, "ann", "bob")
            sound, picture = await ann.publish("audio"), await bob.publish("video")
            await begin(meeting, analyse(sound, picture), AnalysisBegan(BOTH))
            await bob.order(Unpublish(picture))
            await settle()
            assert await meeting.manage(GetAnalytics()) == ()
            assert not list(running(meeting.engine, AnalysisWanted))

            stream = await bob.publish()  # both kinds of one
            await begin(meeting, analyse(stream, stream), AnalysisBegan(BOTH))
            await bob.leave()
            await settle()
            assert await meeting.manage(GetAnalytics()) == ()
    assert ends(lines) == ["source_lost"] * 2


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (analyse(None, None), EmptySubscription),
        (analyse(None, "1"), TargetUnsatisfying),
        (
            StartAnalytic("motion", None, VideoWanted(COMMON_MIX, VideoFormat("h264", "H"))),
            TargetUnsatisfying,
        ),
    ],
)
async def test_what_there_is_not_is_refused_at_once(
    order: StartAnalytic, refusal: type[Refused]
) -> None:
    async with open_meeting() as meeting:
        await join(meeting, "ann")
        with pytest.raises(refusal):
            await meeting.manage(order)
        assert meeting.engine.jobs.jobs == {}


async def test_there_is_an_end_to_analytics_and_to_processes() -> None:
    async with open_meeting(stream_limits=StreamLimits(analytics_per_room=1)) as meeting:
        (ann,) = await join(meeting, "ann")
        stream = await ann.publish()
        view = await begin(meeting, analyse(None, stream))
        with pytest.raises(Busy):
            await meeting.manage(analyse(None, stream))
        await meeting.manage(EndAnalytic(view.id))
        meeting.engine.jobs.places = 0
        with pytest.raises(NoCapacity):
            await meeting.manage(analyse(None, stream))
        assert meeting.engine.jobs.refused[JobKind.ANALYSIS] == 1
        meeting.engine.jobs.places = 1
        await begin(meeting, analyse(None, stream))


# --- what does not start, and how it ends


async def test_a_plug_in_that_there_is_not_is_refused_in_its_words() -> None:
    over = AnalysisOver(AnalysisEnd.UNKNOWN, "there is no such algorithm here, but black")
    tally = AnalyticsTally()
    async with open_meeting(analytics=tally) as meeting:
        (ann,) = await join(meeting, "ann")
        stream = await ann.publish()
        async with beginning(meeting, analyse(None, stream, algorithm="face")) as told:
            meeting.engine.tell_of_job(the_analysis(meeting)[0], over)
            await settle()
            (refusal,) = told
            assert isinstance(refusal, CannotAnalyse)
            assert str(refusal) == over.detail
        assert await meeting.manage(GetAnalytics()) == ()
        assert meeting.engine.jobs.jobs == {}
        assert tally.ended == {}  # what strangers call it is not counted


async def test_what_does_not_begin_in_time_is_ended(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await join(meeting, "ann")
        stream = await ann.publish()
        began = trio.current_time()
        with pytest.raises(CannotAnalyse, match="not loaded in time"):
            await meeting.manage(analyse(None, stream), within=30)
        assert trio.current_time() - began == pytest.approx(BEGIN_SECONDS)
        await settle()
        assert meeting.engine.jobs.jobs == {}


async def test_who_leaves_before_it_begins_has_it_ended(autojump_clock: MockClock) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            async with beginning(meeting, analyse(None, stream)):
                id_ = the_analysis(meeting)[0].partition(":")[2]
                assert await meeting.manage(GetAnalytics()) == ()
                with pytest.raises(AnalyticUnknown):
                    await meeting.manage(EndAnalytic(id_))
            await pause(1)
            assert meeting.engine.jobs.jobs == {}
    assert ends(lines) == ["caller_left"]


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("raised", "ValueError: no such thing"),
        ("killed", "its process was killed (SIGKILL)"),
        ("exited", "its process has ended"),
        ("stalled", "its process does not answer: the algorithm keeps it from doing so"),
    ],
)
async def test_one_that_dies_is_over_and_its_reason_is_told(reason: str, detail: str) -> None:
    tally = AnalyticsTally()
    with logged() as lines:
        async with open_meeting(analytics=tally) as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            view = await begin(meeting, analyse(None, stream, notify=True))
            job, _ = the_analysis(meeting)
            if reason == "raised":
                meeting.engine.tell_of_job(job, AnalysisOver(AnalysisEnd.RAISED, detail, 7))
            else:
                meeting.engine.end_job(job, reason, "SIGKILL" if reason == "killed" else "")
            await settle()
            assert await meeting.manage(GetAnalytics()) == ()
            assert meeting.engine.jobs.jobs == {}  # it is not started again
            assert said(ann) == [
                {
                    "analytics": view.id,
                    "algorithm": "motion",
                    "stream": stream,
                    "ended": reason,
                    "detail": detail,
                }
            ]
            assert tally.ended == {("motion", reason): 1}
            assert tally.dropped["motion"] == (7 if reason == "raised" else 0)
    assert ends(lines) == [reason]
    (over,) = [line for line in lines if line["event"] == "analytic.over"]
    assert (over["reason"], over["detail"]) == (reason, detail)


@pytest.mark.parametrize("turns", range(8))
async def test_a_source_that_ends_while_one_opens_leaves_no_job(turns: int) -> None:
    async with open_meeting() as meeting:
        (ann,) = await join(meeting, "ann")
        stream = await ann.publish()
        told: list[Refused] = []

        async def ask() -> None:
            try:
                await meeting.room.ask(analyse(None, stream), within=100)
            except Refused as refusal:
                told.append(refusal)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            await ann.order(Unpublish(stream))
            await settle()
        assert len(told) == 1
        assert meeting.engine.jobs.jobs == {}


async def test_with_notify_events_are_said_to_all_but_not_too_many(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await join(meeting, "ann", "bob")
        stream = await ann.publish()
        view = await begin(meeting, analyse(None, stream, notify=True))
        job, _ = the_analysis(meeting)
        for _ in range(12):
            meeting.engine.tell_of_job(job, MOTION)
        await settle()
        for member in (ann, bob):
            assert len(said(member)) == 5
            assert {(it.sender, it.to) for it in member.told(Said)} == {("analytics", None)}
        assert said(bob)[0] == {
            "analytics": view.id,
            "algorithm": "motion",
            "stream": stream,
            "event": "motion",
            "time": 1_700_000_000_500,
            "data": {"text": SECRET},
        }
        assert len((await meeting.manage(GetAnalytics()))[0].events) == 12
        await pause(1)
        meeting.engine.tell_of_job(job, MOTION)
        await settle()
        assert len(said(bob)) == 6


async def test_it_keeps_no_room_and_ends_with_it(autojump_clock: MockClock) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann", rules=AUTO)
            await begin(meeting, analyse(None, COMMON_MIX))
            await ann.leave()
            await pause(40)  # longer than an empty room is kept
            assert meeting.engine.jobs.jobs == {}
    assert len(ends(lines)) == 1
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            await begin(meeting, analyse(None, stream))
            async with beginning(meeting, analyse(None, stream)) as told:
                await meeting.manage(CloseRoom())
                await settle()
                assert isinstance(told[0], CannotAnalyse)
            assert meeting.engine.jobs.jobs == {}
    assert len(ends(lines)) == 2
