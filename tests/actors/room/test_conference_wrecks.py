"""A room with streams, its connections and its members are wrecked; the rest must go on."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorCrashed, ActorError, Spawn
from actors.jobs.recording import Recording
from actors.room.room import Room
from actors.streams.connection import MediaConnection
from actors.words.conference_refusals import StreamUnknown, TargetUnsatisfying
from actors.words.facts import (
    Joined,
    OrderDone,
    OrderRefused,
    PeerJoined,
    PeerLeft,
    Restarted,
    RoomClosed,
    Said,
    SessionEnded,
    StreamAdded,
    StreamRemoved,
)
from actors.words.keys import ROOMS
from actors.words.orders import (
    CloseRoom,
    ControlSubscription,
    GetParticipants,
    GetRecordings,
    GetStreams,
    Placed,
    Say,
    StartRecording,
    Unpublish,
)
from actors.words.streams import AudioWanted, SessionEnd, StatusChange
from media.contract.errors import (
    BadDescription,
    MediaTimeout,
    NoCommonCodec,
    RouterFull,
    UnknownSource,
)
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.fakes.media_session import FakeSession
from tests.support.actors import LIMITS, poison, settle
from tests.support.conference import (
    MANAGED,
    Hand,
    Meeting,
    open_meeting,
    pause,
    publish,
    streams_of,
    subscribe,
)
from tests.support.saboteur import Saboteur


class Every(Saboteur):
    """Meant are all actors of the class: connections have random names."""

    def _rigged(self, phase: str, original: Any) -> Any:
        rigged = super()._rigged(phase, original)

        async def method(actor: Any, *arguments: Any) -> Any:
            self.path = actor.ctx.self_ref.path
            return await rigged(actor, *arguments)

        return method


def crashes(lines: list[Any]) -> list[str]:
    return [line["kind"] for line in lines if line["event"] == "actor.crashed"]


@pytest.mark.parametrize("phase", ["setup", "handle", "teardown"])
async def test_a_connection_that_crashes_takes_its_session_along(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Every(monkeypatch, MediaConnection, "")
    with logged() as lines:
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            stream = await ann.publish()
            taken = await bob.subscribe(stream)
            if phase == "setup":
                saboteur.crash("setup")
                broken = await ann.publish()
                assert ann.told(SessionEnded) == [SessionEnded(broken, SessionEnd.MEDIA_LOST)]
                assert bob.told(SessionEnded) == []
            elif phase == "handle":
                saboteur.crash("handle")
                meeting.engine.sessions[stream].fail("whatever")
                await settle()
                assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.MEDIA_LOST)]
                assert bob.told(SessionEnded) == [SessionEnded(taken, SessionEnd.SOURCE_LOST)]
                assert bob.told(StreamRemoved) == [StreamRemoved(stream)]
            else:
                saboteur.crash("teardown")
                await ann.order(Unpublish(stream))
                await settle()
                (left,) = meeting.served  # whichever was the first to end
                meeting.engine.sessions.pop(left)
            again = await ann.publish()
            assert await bob.subscribe(again)
            assert len(await meeting.manage(GetParticipants())) == 2
    assert crashes(lines) == ["connection"]


async def test_a_subscription_that_crashes_leaves_the_stream_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Every(monkeypatch, MediaConnection, "")
    async with open_meeting() as meeting:
        ann, bob, cid = await meeting.members("ann", "bob", "cid")
        stream = await ann.publish()
        lost, kept = await bob.subscribe(stream), await cid.subscribe(stream)
        saboteur.crash("handle")
        meeting.engine.sessions[lost].fail("whatever")
        await settle()
        assert bob.told(SessionEnded) == [SessionEnded(lost, SessionEnd.MEDIA_LOST)]
        assert cid.told(SessionEnded) == ann.told(SessionEnded) == []
        assert meeting.served == {stream, kept}


@pytest.mark.parametrize(
    ("error", "why", "detail"),
    [
        (RouterFull("full"), SessionEnd.MEDIA_LOST, ""),
        (MediaTimeout("stuck"), SessionEnd.MEDIA_LOST, ""),
        (NoCommonCodec("of video"), SessionEnd.NO_VIDEO_CODEC, "of video"),
        (BadDescription("malformed"), SessionEnd.BAD_OFFER, "malformed"),
    ],
)
async def test_media_that_fails_an_offer_ends_the_session(
    error: Exception, why: SessionEnd, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: FakeSession, sdp: str) -> None:
        raise error

    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        with monkeypatch.context() as patch:
            patch.setattr(FakeSession, "accept_offer", fail)
            id_ = await ann.publish()
        assert ann.told(SessionEnded) == [SessionEnded(id_, why, detail)]
        assert meeting.served == set()
        await ann.publish()


async def test_an_offer_that_hangs_stops_nobody_else(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async def hang(self: FakeSession, sdp: str) -> None:
        await trio.sleep_forever()

    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        with monkeypatch.context() as patch:
            patch.setattr(FakeSession, "accept_offer", hang)
            stuck = await ann.publish()
        stream = await bob.publish()
        assert bob.is_ready(stream)
        assert ann.told(SessionEnded) == []
        await pause(20)
        assert ann.told(SessionEnded) == [SessionEnded(stuck, SessionEnd.MEDIA_LOST)]
        await pause(20)
        assert meeting.served == {stream}


async def test_a_room_that_crashes_comes_back_with_its_members_and_without_media() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            stream = await ann.publish()
            await bob.subscribe(stream, stream)
            await meeting.manage(StartRecording("auto", AudioWanted(stream), None))
            for member in (ann, bob):
                member.clear()
            meeting.room.tell(poison())
            await settle()
            assert [down.restarting for down in ann.downs + bob.downs] == [True, True]
            assert {presence.peer for presence in await meeting.manage(GetParticipants())} == {
                "ann",
                "bob",
            }
            assert await meeting.manage(GetStreams()) == ()
            assert await meeting.manage(GetRecordings()) == ()
            assert meeting.served == set()
            assert not bob.told(PeerLeft)
            with pytest.raises(StreamUnknown):
                await ann.order(Unpublish(stream))
            again = await ann.publish()
            assert [fact.stream.id for fact in bob.told(StreamAdded)] == [again]
            assert bob.is_ready(await bob.subscribe(again))
    assert crashes(lines) == ["room"]


async def test_who_answers_a_room_that_came_back_late_has_missed_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        bob.returns = False
        meeting.room.tell(poison())
        await settle()
        stream = await ann.publish()
        await pause(20)
        bob.come_back()
        await settle()
        assert isinstance(bob.facts[0], Restarted)
        assert [fact.stream.id for fact in bob.told(StreamAdded)] == [stream]
        assert ann.told(PeerJoined, PeerLeft) == []


async def test_an_order_of_before_the_crash_is_not_obeyed_after_it() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        ann.returns = False
        meeting.room.tell(poison())
        ann.ref.tell(Hand(Placed("ann", "lost", publish("audio"))))
        await settle()
        assert ann.told(OrderDone, OrderRefused) == []
        ann.come_back()
        assert await orders_work(meeting, ann, bob)


async def test_a_recording_that_crashes_is_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    saboteur = Every(monkeypatch, Recording, "")
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        order = StartRecording("auto", AudioWanted(stream), None)
        saboteur.crash("setup")
        await meeting.manage(order)
        assert await meeting.manage(GetRecordings()) == ()
        view = await meeting.manage(order)
        assert await meeting.manage(GetRecordings()) == (view,)


async def test_a_source_that_ends_while_its_recording_starts_is_no_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def gone(self: FakeEngine, plan: Any, sources: Any) -> None:
        raise UnknownSource("gone")

    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        monkeypatch.setattr(FakeEngine, "check_recording", gone)
        with pytest.raises(TargetUnsatisfying):
            await meeting.manage(StartRecording("auto", AudioWanted(stream), None))
        assert await meeting.manage(GetRecordings()) == ()


async def test_a_full_room_refuses_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    saboteur = Saboteur(monkeypatch, Room, MANAGED)
    with logged():
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            stream = await ann.publish()
            taken = await bob.subscribe(stream)
            saboteur.handled.clear()
            with saboteur.holding():
                hold = ControlSubscription(taken, (StatusChange("audio", False),))
                await meeting.house.fill(MANAGED, Placed("bob", "t", hold))
            await settle()
            assert len(saboteur.handled) == LIMITS.mailbox_messages + 1
            assert meeting.engine.paused == {f"{taken}/out/0"}
            assert ann.told(SessionEnded) == bob.told(SessionEnded) == []


async def test_a_connection_that_a_full_room_cannot_hear_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Saboteur(monkeypatch, Room, MANAGED)
    with logged():
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            stream = await ann.publish()
            with saboteur.holding():
                await meeting.house.fill(MANAGED, Placed("nobody", "", Say("")))
                await ann.media[stream].close()
                await settle()
            await settle()
            assert ann.told(SessionEnded) == [SessionEnded(stream, SessionEnd.MEDIA_LOST)]
            assert bob.told(StreamRemoved) == [StreamRemoved(stream)]
            assert meeting.served == set()


async def test_members_who_cannot_be_told_do_not_stop_the_rest(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stuck = await meeting.member("cid")
        stuck.gate = trio.Event()
        for _ in range(300):  # more than the mailbox of cid holds
            await ann.order(Say("hello", echoed=True))
        assert len(bob.told(Said)) == 300
        await pause(6)
        assert bob.told(PeerLeft) == [PeerLeft("cid", True)]
        await ann.publish()
        assert bob.told(StreamAdded)


async def test_an_order_that_crashes_the_room_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    saboteur = Saboteur(monkeypatch, Room, MANAGED)
    with logged():
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            saboteur.crash("handle")
            with pytest.raises(ActorCrashed):
                await meeting.manage(GetStreams())
            await settle()
            assert await orders_work(meeting, ann, bob)


async def test_a_room_that_crashes_as_it_begins_is_there_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Saboteur(monkeypatch, Room, MANAGED)
    saboteur.crash("setup")
    with logged() as lines:
        async with open_meeting() as meeting:
            ann = await meeting.member("ann")
            assert ann.told(Joined)
            assert ann.is_ready(await ann.publish())
    assert crashes(lines) == ["room"]


async def test_a_crash_at_the_end_of_a_room_is_told_to_who_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Saboteur(monkeypatch, Room, MANAGED)
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await meeting.members("ann")
            await ann.publish()
            saboteur.crash("teardown")
            with pytest.raises(ActorError):
                await meeting.room.ask(CloseRoom(), within=5)
            assert meeting.served == set()
            assert ann.told(RoomClosed)
            again = await meeting.member("bob")
            assert again.is_ready(await again.publish())
    assert crashes(lines) == ["room"]


async def test_who_asks_for_the_end_and_leaves_gets_it_all_the_same() -> None:
    async with open_meeting() as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish()
        await bob.subscribe(stream)
        with trio.CancelScope() as scope:
            scope.cancel()
            await meeting.room.ask(CloseRoom(), within=5)
        assert scope.cancelled_caught
        await settle()
        assert ann.told(RoomClosed)
        assert bob.told(RoomClosed)
        assert meeting.served == set()
        assert meeting.house.system.registry.find(MANAGED) is None


async def test_a_supervisor_that_crashes_takes_the_room_and_its_media_along() -> None:
    broken: Any = Spawn(None)  # type: ignore[arg-type]  # a supervisor crashes over it
    with logged() as lines:
        async with open_meeting() as meeting:
            ann, bob = await meeting.members("ann", "bob")
            stream = await ann.publish()
            await bob.subscribe(stream)
            meeting.house.find(ROOMS).tell(broken)
            await settle()
            assert meeting.served == set()
            again = await meeting.member("cid")
            assert streams_of(again) == ()
            assert again.is_ready(await again.publish())
    assert crashes(lines) == ["supervisor"]


async def orders_work(meeting: Meeting, ann: Any, bob: Any) -> bool:
    stream = await ann.order(publish("audio"))
    assert stream is not None
    await bob.order(Say("hello", "ann", echoed=True))
    with pytest.raises(Exception, match="stream"):
        await bob.order(subscribe(stream))
    return True
