"""However long the engine takes to lead media elsewhere, the room goes on, and ends up right."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from actors.core import Message
from actors.room.room import Join
from actors.streams.services import StreamLimits
from actors.streams.wiring import WIRE_SECONDS
from actors.words.facts import Joined, SessionEnded, StreamChanged
from actors.words.orders import ControlStream, ControlSubscription, Placed, Unsubscribe
from actors.words.streams import SessionEnd, SourceChange, StatusChange
from media.contract.paths import MediaPath
from tests.support.actors import settle
from tests.support.conference import MANAGED, Hand, Meeting, Member, open_meeting, pause

SUBSCRIBERS = 500
SLOW_SECONDS = 5.0  # what a call of the engine takes here


def hold_sound(stream: str, *, active: bool = False) -> ControlStream:
    return ControlStream(stream, (StatusChange("audio", active),))


def give(member: Member, order: ControlStream | Unsubscribe) -> None:
    """Give an order without waiting for what becomes of it."""
    member.ref.tell(Hand(Placed(member.id, "", order)))


def note_turns(meeting: Meeting) -> list[type[Message]]:
    """Return a list that grows with each message that the room handles."""
    cell = meeting.house.system.registry.cell_at(MANAGED)
    assert cell is not None
    room: Any = cell.life.actor
    turns: list[type[Message]] = []
    handle = room.handle

    async def noted(message: Message) -> object:
        turns.append(type(message))
        return await handle(message)

    room.handle = noted
    return turns


async def test_muting_for_500_subscribers_holds_up_nobody_who_joins(mock_clock: MockClock) -> None:
    async with open_meeting(
        stream_limits=StreamLimits(sessions_per_participant=SUBSCRIBERS)
    ) as meeting:
        engine = meeting.engine
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish("audio")
        sinks = [f"{await bob.subscribe(stream)}/out/0" for _ in range(SUBSCRIBERS)]
        engine.wirings.clear()
        engine.wiring_seconds = SLOW_SECONDS

        turns, started = note_turns(meeting), trio.current_time()
        give(ann, hold_sound(stream))
        cid = await meeting.member("cid")
        assert turns == [Placed, Join]
        assert trio.current_time() == started
        [joined] = cid.told(Joined)
        assert [it.audio and it.audio.active for it in joined.streams] == [False]
        assert len(bob.told(StreamChanged)) == 1
        assert engine.paused == set()  # the engine is at it still

        mock_clock.jump(SLOW_SECONDS)
        await settle()
        assert engine.paused == set(sinks)
        assert turns == [Placed, Join]
        assert engine.wirings == [
            tuple(MediaPath(sink, f"{stream}/in/0", flows=False) for sink in sinks)
        ]


async def test_what_was_said_last_counts_in_as_few_calls_as_the_engine_manages(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        engine = meeting.engine
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        await pause(1)
        engine.wirings.clear()
        engine.wiring_seconds = SLOW_SECONDS
        for active in (False, True, False, True, False, True):
            give(ann, hold_sound(stream, active=active))
            await pause(0.1)
        await pause(3 * SLOW_SECONDS)
        said = [{path.sink: path.flows for path in paths} for paths in engine.wirings]
        assert said == [
            {f"{taken}/out/0": False, f"{taken}/out/1": True},
            {f"{taken}/out/0": True, f"{taken}/out/1": True},
        ]
        assert engine.paused == set()


async def test_a_subscription_that_ends_meanwhile_is_nothing(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        engine = meeting.engine
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        gone, waiting, kept = [await bob.subscribe(stream) for _ in range(3)]
        await pause(1)
        engine.wirings.clear()
        engine.wiring_seconds = SLOW_SECONDS
        give(ann, hold_sound(stream))
        await pause(1)
        give(bob, Unsubscribe(gone))  # the engine has been told of it
        give(ann, hold_sound(stream, active=True))
        give(ann, hold_sound(stream))
        give(bob, Unsubscribe(waiting))
        await pause(3 * SLOW_SECONDS)
        sinks = [[path.sink for path in paths] for paths in engine.wirings]
        assert sinks == [[f"{id_}/out/0" for id_ in (gone, waiting, kept)], [f"{kept}/out/0"]]
        assert engine.paused & meeting.engine.attached.keys() == {f"{kept}/out/0"}
        assert bob.told(SessionEnded) == []
        assert meeting.served == {stream, kept}


async def test_an_engine_that_does_not_get_there_ends_the_subscriptions_concerned(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await meeting.members("ann", "bob", "cid")
        one, two = await ann.publish(), await cid.publish()
        lost, kept = await bob.subscribe(one), await bob.subscribe(two)
        await pause(1)
        meeting.engine.wiring_seconds = WIRE_SECONDS + 1
        give(ann, hold_sound(one))
        await pause(WIRE_SECONDS + 0.5)
        assert bob.told(SessionEnded) == [SessionEnded(lost, SessionEnd.MEDIA_LOST)]
        assert meeting.served == {one, two, kept}
        meeting.engine.wiring_seconds = 0.0
        await bob.order(ControlSubscription(kept, (SourceChange("audio", one),)))
        await settle()
        assert meeting.engine.attached[f"{kept}/out/0"] == f"{one}/in/0"
