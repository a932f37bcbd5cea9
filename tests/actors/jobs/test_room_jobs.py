"""Jobs of a room that are slow or stuck: the room goes on, and nothing goes on that should not."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.jobs.recording import GRACE_SECONDS, PaceKeyframes
from actors.streams.wiring import WIRE_SECONDS
from actors.words.conference_refusals import RecordingUnknown
from actors.words.orders import (
    ChangeRecording,
    ChangeStream,
    EndRecording,
    GetRecordings,
    StartRecording,
)
from actors.words.streams import AudioWanted, StatusChange
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.conference import MANAGED, Meeting, open_meeting, pause

MUTE = (StatusChange("audio", False),)


async def recorded(meeting: Meeting, stream: str) -> str:
    """Record a stream; return the recording's id."""
    view = await meeting.manage(StartRecording("auto", AudioWanted(stream), None))
    return str(view.id)


async def test_a_job_takes_what_it_is_told_beside_the_room_and_can_be_stopped_meanwhile(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        job, other = await recorded(meeting, stream), await recorded(meeting, stream)
        meeting.engine.wiring_seconds = 5.0
        started = trio.current_time()
        await meeting.room.ask(ChangeStream(stream, MUTE), within=1)
        await meeting.room.ask(EndRecording(job), within=1)
        assert trio.current_time() == started
        assert list(meeting.engine.recordings) == [other]
        await pause(6)
        assert meeting.engine.paused == {f"{other}.audio"}


@pytest.mark.parametrize("ordered", [ChangeStream, ChangeRecording])
async def test_a_job_that_does_not_listen_ends_rather_than_go_on_with_what_is_held(
    ordered: type[ChangeStream | ChangeRecording],
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
) -> None:
    async def stuck(self: FakeEngine, recording: str, seconds: float) -> None:
        await trio.sleep_forever()

    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        job = await recorded(meeting, stream)
        monkeypatch.setattr(FakeEngine, "pace_keyframes", stuck)
        await meeting.house.fill(f"{MANAGED}/recording:{job}", PaceKeyframes(1.0))
        if ordered is ChangeStream:
            await meeting.room.ask(ChangeStream(stream, MUTE), within=1)
        else:
            with pytest.raises(RecordingUnknown):
                await meeting.room.ask(ChangeRecording(job, MUTE), within=1)
        assert await meeting.manage(GetRecordings()) == ()
        await pause(GRACE_SECONDS)
        await settle()
        assert meeting.engine.recordings == {}


async def test_a_job_ends_where_the_engine_does_not_get_to_what_it_should_take(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        muted, stream = await ann.publish(), await ann.publish()
        lost, kept = await recorded(meeting, muted), await recorded(meeting, stream)
        meeting.engine.wiring_seconds = WIRE_SECONDS + 1
        with logged() as lines:
            await meeting.room.ask(ChangeStream(muted, MUTE), within=1)
            await pause(WIRE_SECONDS + 2)
        told = [line for line in lines if line["event"] == "recording.not_changed"]
        assert [(line["recording"], line["reason"]) for line in told] == [(lost, "MediaTimeout")]
        assert [view.id for view in await meeting.manage(GetRecordings())] == [kept]
        assert list(meeting.engine.recordings) == [kept]
