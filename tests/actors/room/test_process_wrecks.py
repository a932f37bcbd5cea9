"""Processes of a room that come too late, end, or lose their room: nothing is left over."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.jobs.media_job import DoWork
from actors.jobs.mix import input_of
from actors.jobs.room_processes import IDLE_SECONDS
from actors.words.facts import MediaLost, SessionEnded, StreamChanged
from actors.words.orders import (
    ChangeStream,
    CloseRoom,
    GetRecordings,
    GetStreams,
    StartRecording,
    Subscribe,
    Unsubscribe,
)
from actors.words.streams import AudioWanted, SessionEnd, StatusChange, VideoWanted
from media.contract.errors import JobFailed, NoCapacity
from media.contract.jobs import PICTURE, JobSink, JobWanted, MixWanted, source_of
from tests.fakes.media import FakeEngine
from tests.support.actors import poison, settle
from tests.support.conference import MANAGED, Meeting, Member, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, inputs_of, running, the_mix


async def come(meeting: Meeting, *names: str) -> list[Member]:
    found = [await meeting.member(name, spec=conference_spec(AUTO)) for name in names]
    for member in found:
        member.clear()
    return found


def start(monkeypatch: pytest.MonkeyPatch, after: float, error: Exception | None = None) -> None:
    """Have each process take so long to start, or not to."""
    real = FakeEngine.open_job

    async def slowly(self: FakeEngine, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        await trio.sleep(after)
        if error is not None:
            raise error
        await real(self, job_id, wanted, events)

    monkeypatch.setattr(FakeEngine, "open_job", slowly)


async def test_a_taker_keeps_what_it_has_over_the_end_of_a_process() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        view = await meeting.manage(
            StartRecording("auto", AudioWanted(COMMON_MIX), VideoWanted(COMMON_MIX))
        )
        before, (job, _) = meeting.sinks(), the_mix(meeting.engine)
        meeting.engine.end_job(job, "killed")
        await settle()
        assert meeting.sinks() == before
        assert bob.told(SessionEnded) == []
        assert bob.is_ready(taken)
        assert len(await meeting.manage(GetRecordings())) == 1
        assert view.id in meeting.engine.recordings


async def test_where_processes_end_too_often_takers_end_with_a_reason(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        plain = await bob.subscribe(stream, stream)
        await meeting.manage(StartRecording("auto", AudioWanted(COMMON_MIX), None))
        half = await meeting.manage(
            StartRecording("auto", AudioWanted(COMMON_MIX), VideoWanted(stream))
        )
        for _ in range(4):
            meeting.engine.end_job(the_mix(meeting.engine)[0], "killed")
            await settle()
        assert bob.told(SessionEnded) == [
            SessionEnded(taken, SessionEnd.MEDIA_LOST, "processes end too often")
        ]
        assert f"{plain}/out/0" in meeting.sinks()
        (left,) = await meeting.manage(GetRecordings())
        assert (left.id, left.audio) == (half.id, None)
        again = await bob.subscribe(COMMON_MIX)
        assert bob.is_ready(again)
        assert the_mix(meeting.engine)


async def test_room_that_is_gone_when_a_process_starts_ends_its_takers(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start(monkeypatch, 1.0, NoCapacity("mix", "2.00 cores are not free"))
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        await ann.publish()
        taken = await bob.subscribe(COMMON_MIX)
        await pause(1.1)
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.MEDIA_LOST, "mix")]
        assert meeting.engine.jobs.jobs == {}


@pytest.mark.parametrize("leaver", ["ann", "bob"])
async def test_a_member_that_leaves_while_a_process_starts(
    leaver: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start(monkeypatch, 5.0)
    async with open_meeting() as meeting:
        members = await come(meeting, "ann", "bob")
        ann, bob = members
        one = await ann.publish()
        two = await bob.publish()
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        await members[leaver == "bob"].leave()
        await pause(5.5)
        if leaver == "ann":
            assert inputs_of(the_mix(meeting.engine)[1]) == [(two, "audio"), (two, "video")]
        else:
            assert one
            await pause(IDLE_SECONDS)
            assert meeting.engine.jobs.jobs == {}


async def test_who_has_gone_before_a_process_runs_leaves_none(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start(monkeypatch, 2 * IDLE_SECONDS)
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        await ann.publish()
        taken = await ann.subscribe(COMMON_MIX)
        await ann.order(Unsubscribe(taken))
        await pause(3 * IDLE_SECONDS)
        assert meeting.engine.jobs.jobs == {}
        assert await ann.subscribe(COMMON_MIX)


async def test_the_room_goes_on_while_a_process_starts(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start(monkeypatch, 10.0)
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await ann.publish()
        started = trio.current_time()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        await bob.subscribe(stream, stream)
        await meeting.manage(ChangeStream(stream, (StatusChange("audio", False),)))
        assert trio.current_time() - started < 1
        assert bob.is_ready(taken)
        assert f"{taken}/out/1" not in meeting.sinks()
        await pause(10.5)
        job, _ = the_mix(meeting.engine)
        assert meeting.sinks()[f"{taken}/out/1"] == source_of(job, PICTURE)


@pytest.mark.parametrize("seconds", [0.0, 5.0])
async def test_a_room_that_crashes_leaves_no_process_and_comes_back_with_its_views(
    seconds: float, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start(monkeypatch, seconds)
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        bob.clear()
        meeting.room.tell(poison())
        await settle()
        assert meeting.engine.jobs.jobs == {}
        (mixed,) = await meeting.manage(GetStreams())
        assert (mixed.id, mixed.layout) == (COMMON_MIX, ())
        assert StreamChanged(mixed, ".") in bob.facts
        assert bob.told(MediaLost) == []  # that is for a real member to say
        again = await ann.publish()
        await bob.subscribe(COMMON_MIX)
        await pause(6)
        assert (again, "audio") in inputs_of(the_mix(meeting.engine)[1])
        assert stream != again != taken


async def test_a_room_that_closes_ends_its_processes(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        await ann.publish()
        await bob.subscribe(COMMON_MIX)
        assert list(running(meeting.engine, MixWanted))
        await meeting.room.ask(CloseRoom(), within=5)
        assert meeting.engine.jobs.jobs == {}


async def test_a_job_that_crashes_ends_its_takers_and_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def burst(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("a bug")

    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        taken = await bob.subscribe(COMMON_MIX)
        monkeypatch.setattr(FakeEngine, "change_job", burst)
        await ann.publish()
        (end,) = bob.told(SessionEnded)
        assert (end.session, end.why) == (taken, SessionEnd.MEDIA_LOST)
        assert meeting.engine.jobs.jobs == {}


async def test_a_job_that_does_not_listen_ends_rather_than_go_on_with_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(self: Any, message: Any) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr("actors.jobs.media_job.GRACE_SECONDS", 0.01)
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, wanted = the_mix(meeting.engine)
        monkeypatch.setattr("actors.jobs.media_job.MediaJob.handle", never)
        await meeting.house.fill(f"{MANAGED}/{job}", DoWork(wanted, {}))
        await meeting.room.ask(ChangeStream(stream, (StatusChange("audio", False),)), within=5)
        with trio.fail_after(20):
            while meeting.engine.jobs.jobs:
                await trio.sleep(0.05)
        await settle()
        assert [it.session for it in bob.told(SessionEnded)] == [taken]
        assert input_of(stream, "audio")


async def test_a_process_that_fails_at_once_is_tried_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start(monkeypatch, 0.0, JobFailed("no such program"))
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        taken = await ann.order(Subscribe(AudioWanted(COMMON_MIX), None))
        assert taken is not None
        await settle()
        assert [it.session for it in ann.told(SessionEnded)] == [taken]
