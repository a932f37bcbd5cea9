"""How publications and subscriptions end, and who is told so: nobody hears of what he wanted as of
a failure, whatever comes first, the word or the end of the connection."""

from __future__ import annotations

import random

import pytest
from trio.testing import MockClock

from actors.streams.sessions import WORD_SECONDS
from actors.words.conference_refusals import StreamUnknown, SubscriptionUnknown
from actors.words.facts import (
    Dropped,
    OrderDone,
    RoomClosed,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamRemoved,
)
from actors.words.media_refusals import NegotiationOutOfStep
from actors.words.orders import (
    CloseRoom,
    DropParticipant,
    EndStream,
    GetStreams,
    Offer,
    Placed,
    Unpublish,
    Unsubscribe,
)
from actors.words.streams import SessionEnd
from media.contract.session import HUNG_UP, State, StateChanged
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import Meeting, Member, open_meeting, pause

ROUNDS = 50
SOON = WORD_SECONDS / 2


async def hang_up(member: Member, session: str) -> None:
    """Close the member's connection; the room hears of it."""
    await member.media[session].close()
    await settle()


@pytest.mark.parametrize("first", ["word", "close"])
async def test_who_unpublishes_hears_of_no_failure(autojump_clock: MockClock, first: str) -> None:
    """A published client does both in one moment, and which is first here is chance."""
    delays = random.Random(9)
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        for _ in range(ROUNDS):
            stream = await ann.publish()
            taken = await bob.subscribe(stream, stream)
            ann.clear()
            bob.clear()
            for step in (first, "close" if first == "word" else "word"):
                if step == "word":
                    assert await ann.order(Unpublish(stream)) is None
                else:
                    await hang_up(ann, stream)
                await pause(delays.choice((0, 0.01, SOON)))
            await pause(WORD_SECONDS * 2)
            assert ann.told(SessionEnded) == []
            assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
            assert ann.told(StreamRemoved) == bob.told(StreamRemoved) == [StreamRemoved(stream)]
        assert meeting.served == set()


@pytest.mark.parametrize("first", ["word", "close"])
async def test_who_unsubscribes_hears_of_no_failure(autojump_clock: MockClock, first: str) -> None:
    delays = random.Random(10)
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        for _ in range(ROUNDS):
            taken = await bob.subscribe(stream, stream)
            bob.clear()
            for step in (first, "close" if first == "word" else "word"):
                if step == "word":
                    assert await bob.order(Unsubscribe(taken)) is None
                else:
                    await hang_up(bob, taken)
                await pause(delays.choice((0, 0.01, SOON)))
            await pause(WORD_SECONDS * 2)
            assert bob.told(SessionEnded, StreamRemoved) == []
            assert ann.is_ready(stream)
        assert meeting.served == {stream}


async def test_word_and_close_in_one_moment(autojump_clock: MockClock) -> None:
    """Neither is handled before the other is there."""
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        for round_ in range(ROUNDS):
            stream = await ann.publish()
            await bob.subscribe(stream, stream)
            ann.clear()
            word = Placed("ann", f"word {round_}", Unpublish(stream))
            closed = StateChanged(stream, State.CLOSED, HUNG_UP)
            if round_ % 2:
                meeting.room.tell(word)
            meeting.engine.sessions[stream].tell(closed)
            if not round_ % 2:
                meeting.room.tell(word)
            await pause(WORD_SECONDS * 2)
            assert OrderDone(f"word {round_}") in ann.facts
            assert ann.told(SessionEnded) == []
        assert meeting.served == set()


async def test_who_hangs_up_without_a_word_is_gone_soon(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        with logged() as lines:
            await hang_up(ann, stream)
            await pause(WORD_SECONDS - 0.1)
            assert [each.id for each in await meeting.manage(GetStreams())] == [stream]
            assert bob.told(StreamRemoved, SessionEnded) == []
            await pause(0.2)
        assert bob.told(StreamRemoved) == [StreamRemoved(stream)]
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
        assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.HUNG_UP)]
        ended = [line for line in lines if line["event"] == "session.ended"]
        reasons = {line["session"]: line["reason"] for line in ended}
        assert reasons == {stream: "hung_up", taken: "source_lost"}
        assert meeting.served == set()
        with pytest.raises(StreamUnknown):
            await ann.order(Unpublish(stream))


async def test_one_that_has_hung_up_hears_nothing_of_its_source(autojump_clock: MockClock) -> None:
    """Both stop at once: the subscriber's word comes after the end of what he took."""
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        await hang_up(bob, taken)
        await ann.order(Unpublish(stream))
        assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.HUNG_UP)]
        with pytest.raises(SubscriptionUnknown):
            await bob.order(Unsubscribe(taken))


async def test_nothing_new_comes_of_a_session_that_was_hung_up(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        await hang_up(ann, stream)
        with pytest.raises(NegotiationOutOfStep):
            await ann.order(Offer(stream, "v=0"))
        late = await bob.subscribe(stream, stream)
        await pause(WORD_SECONDS + 0.1)
        assert bob.told(SessionEnded) == [SessionEnded(late, SessionEnd.SOURCE_LOST)]
        assert meeting.served == set()


async def test_a_path_that_is_lost_is_told_at_once(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        meeting.engine.sessions[stream].fail("the other side fell silent")
        await settle()
        assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.ICE_FAILED)]


async def test_a_close_of_our_own_is_our_fault(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        await meeting.engine.sessions[stream].close("its events were not taken")
        await settle()
        assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.MEDIA_LOST)]


async def test_no_timer_outlives_a_word(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        clock = meeting.house.system.clock
        before = clock.pending
        for _ in range(3):
            stream = await ann.publish()
            await hang_up(ann, stream)
            await ann.order(Unpublish(stream))
        await pause(WORD_SECONDS * 4)
        assert clock.pending == before


LOST = SessionEnd.SOURCE_LOST


@pytest.mark.parametrize(
    ("how", "owner", "taker"),
    [
        ("unpublish", (), (LOST,)),
        ("unsubscribe", (), ()),
        ("leave", (), (LOST,)),
        ("hang up, then leave", (), (LOST,)),
        ("hang up, both", (SessionEnd.HUNG_UP,), (SessionEnd.HUNG_UP,)),
        ("hang up", (SessionEnd.HUNG_UP,), (LOST,)),
        ("management ends the stream", (SessionEnd.REMOVED,), (LOST,)),
        ("management puts him out", (), (LOST,)),
        ("management closes the room", (), ()),
        ("no path", (SessionEnd.ICE_FAILED,), (LOST,)),
    ],
)
async def test_who_is_told_of_an_end(
    autojump_clock: MockClock,
    how: str,
    owner: tuple[SessionEnd, ...],
    taker: tuple[SessionEnd, ...],
) -> None:
    """The table of actors/README.md, but for crashes."""
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        taken = await bob.subscribe(stream, stream)
        assert ann.told(StreamAdded, SessionReady)
        await end(meeting, ann, bob, how, stream, taken)
        await pause(WORD_SECONDS + 0.1)
        assert [fact.why for fact in ann.told(SessionEnded)] == list(owner)
        assert [fact.why for fact in bob.told(SessionEnded)] == list(taker)
        assert len(ann.told(Dropped)) == (how == "management puts him out")
        assert len(bob.told(RoomClosed)) == (how == "management closes the room")


async def end(
    meeting: Meeting, ann: Member, bob: Member, how: str, stream: str, taken: str
) -> None:
    """Have a stream of ann's, or bob's subscription to it, end in this way."""
    match how:
        case "unpublish":
            await ann.order(Unpublish(stream))
        case "unsubscribe":
            await bob.order(Unsubscribe(taken))
        case "leave":
            await ann.leave()
        case "hang up, then leave":
            await hang_up(ann, stream)
            await ann.leave()
        case "hang up, both":
            await hang_up(bob, taken)
            await hang_up(ann, stream)
        case "hang up":
            await hang_up(ann, stream)
        case "management ends the stream":
            await meeting.manage(EndStream(stream))
        case "management puts him out":
            await meeting.manage(DropParticipant("ann"))
        case "management closes the room":
            await meeting.manage(CloseRoom())
        case "no path":
            meeting.engine.sessions[stream].fail("the other side fell silent")
