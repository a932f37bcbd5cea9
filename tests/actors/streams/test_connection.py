"""Connections: an actor per media session, which lives and dies with it; and their wrecks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from actors.core import (
    Actor,
    ActorCrashed,
    ActorStopped,
    ActorSystem,
    ChildSpec,
    Down,
    Message,
    Ref,
    Spawn,
    Supervisor,
    open_system,
)
from actors.streams.connection import (
    SENDS_IN_PROGRESS,
    AcceptAnswer,
    AcceptOffer,
    AddCandidate,
    AddTracks,
    CloseChannel,
    CreateOffer,
    FromConnection,
    HangUp,
    MeasureTraffic,
    MediaConnection,
    OpenChannel,
    SendMessage,
    connection_spec,
)
from actors.words import media_refusals as refusals
from actors.words.refusals import Busy
from media.contract.candidates import Candidate
from media.contract.errors import MediaTimeout
from media.contract.plans import ChannelWanted
from media.contract.session import (
    ChannelOpened,
    Direction,
    Event,
    MessageReceived,
    SessionWanted,
    State,
    StateChanged,
    TracksChanged,
    TrackWanted,
)
from media.local_engine import open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.saboteur import Saboteur
from tests.support.sessions import SENDS, TAKES

PATH = "/connections/call"
Connect = Any


class Owner(Actor[Message]):
    """Stands for a peer, or a room: takes events, and watches."""

    accepts = (FromConnection, Down)

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def handle(self, message: Message) -> None:
        if self._notes.gate is not None:
            await self._notes.gate.wait()
        if isinstance(message, FromConnection):
            self._notes.events.append(message.event)
        if isinstance(message, Down):
            self.ctx.watch(message.ref)

    async def on_down(self, down: Down) -> None:
        self._notes.downs.append((down.ref.path, down.reason))


@dataclass
class Notes:
    events: list[Event] = field(default_factory=list)
    downs: list[tuple[str, str]] = field(default_factory=list)
    gate: trio.Event | None = None

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def states(self) -> list[State]:
        return [event.state for event in self.of(StateChanged)]


@dataclass
class Scene:
    """An owner ("ann"), somebody else who watches ("room"), and connections on a fake engine."""

    system: ActorSystem
    engine: FakeEngine
    ann: Notes
    room: Notes

    def find(self, path: str) -> Ref[Any]:
        ref = self.system.registry.find(path)
        assert ref is not None, path
        return ref

    def facts(self, path: str) -> dict[str, Any]:
        cell = self.system.registry.cell_at(path)
        assert cell is not None
        return dict(cell.life.actor.snapshot())

    async def connect(
        self, name: str = "call", wanted: SessionWanted | None = None, **options: Any
    ) -> Ref[Any]:
        """Spawn a connection of ann, which she and the room watch."""
        wanted = wanted or SessionWanted(SENDS, data=True)
        spec = connection_spec(self.engine, name, name, wanted, self.find("/ann"), **options)
        ref = await self.find("/connections").ask(Spawn(spec), within=5)
        for watcher in ("/ann", "/room"):
            self.find(watcher).tell(Down(ref, "", False))
        await settle()
        return ref

    async def call(self) -> tuple[Ref[Any], Ref[Any]]:
        """Spawn two connections, and connect them with each other."""
        one = await self.connect("call")
        two = await self.connect("other", SessionWanted(TAKES))
        offer = await one.ask(CreateOffer(), within=5)
        answer = await two.ask(AcceptOffer(offer.sdp), within=5)
        await one.ask(AcceptAnswer(answer.sdp), within=5)
        await settle()
        return one, two


@asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    ann, room = Notes(), Notes()
    engine = FakeEngine()
    children = [
        ChildSpec("ann", lambda: Owner(ann), mailbox=16),
        ChildSpec("room", lambda: Owner(room)),
        ChildSpec("connections", Supervisor),
    ]
    async with open_system(children) as system:
        yield Scene(system, engine, ann, room)
    assert engine.sessions == {}, "a session was left open"


async def test_two_connections_negotiate_and_tell_their_owner_what_happens():
    async with open_scene() as scene:
        await scene.call()
        assert scene.ann.states.count(State.CONNECTED) == 2
        assert len(scene.ann.of(TracksChanged)) == 2
        facts = scene.system.tree()
        assert PATH in repr(facts)


async def test_data_goes_through_connections_both_ways():
    async with open_scene() as scene:
        one, two = await scene.call()
        mine = await one.ask(OpenChannel(ChannelWanted("chat")), within=5)
        await settle()
        theirs = next(event.channel for event in scene.ann.of(ChannelOpened) if event.theirs)
        await one.ask(SendMessage(mine, "hello"), within=5)
        await two.ask(SendMessage(theirs, b"back"), within=5)
        await settle()
        assert [event.data for event in scene.ann.of(MessageReceived)] == ["hello", b"back"]
        await one.ask(CloseChannel(mine), within=5)
        with pytest.raises(refusals.UnknownChannel):
            await one.ask(SendMessage(mine, "late"), within=5)


async def test_messages_may_go_past_the_owner():
    async with open_scene() as scene:
        taken: list[MessageReceived] = []
        one = await scene.connect("call")
        two = await scene.connect("other", SessionWanted(TAKES), messages=taken.append)
        offer = await one.ask(CreateOffer(), within=5)
        await one.ask(AcceptAnswer((await two.ask(AcceptOffer(offer.sdp), within=5)).sdp), within=5)
        channel = await one.ask(OpenChannel(ChannelWanted("bulk")), within=5)
        await one.ask(SendMessage(channel, b"1"), within=5)
        await settle()
        assert [event.data for event in taken] == [b"1"]
        assert scene.ann.of(MessageReceived) == []


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (AcceptOffer("hello"), refusals.BadDescription),
        (AcceptAnswer("hello"), refusals.BadDescription),
        (AddCandidate(Candidate("hello")), refusals.BadCandidate),
        (SendMessage("none", "hello"), refusals.UnknownChannel),
        (CloseChannel("none"), refusals.UnknownChannel),
        (OpenChannel(ChannelWanted(negotiated=True)), refusals.ImpossibleChannel),
        (AddTracks(SENDS * 40), refusals.TooMuchMedia),
        (AddTracks((TrackWanted("text", Direction.SEND),)), refusals.NoCommonCodec),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Message) else it.__name__,
)
async def test_what_the_other_side_gets_wrong_is_refused_and_the_connection_lives(order, refusal):
    async with open_scene() as scene:
        ref = await scene.connect()
        with pytest.raises(refusal):
            await ref.ask(order, within=5)
        assert ref.alive
        await ref.ask(CreateOffer(), within=5)


async def test_offers_that_cross_are_refused_as_out_of_step():
    async with open_scene() as scene:
        one, two = await scene.connect("call"), await scene.connect("other")
        offer = await one.ask(CreateOffer(), within=5)
        await two.ask(CreateOffer(), within=5)
        with pytest.raises(refusals.NegotiationOutOfStep):
            await two.ask(AcceptOffer(offer.sdp), within=5)


async def test_an_offer_without_a_wanted_codec_is_refused_by_name():
    async with open_scene() as scene:
        one, two = await scene.connect("call"), await scene.connect("other", SessionWanted(TAKES))
        offer = await one.ask(CreateOffer(), within=5)
        with pytest.raises(refusals.NoCommonCodec):
            await two.ask(AcceptOffer(offer.sdp.replace("vp8", "vp9")), within=5)


async def test_too_many_channels_are_refused():
    async with open_scene() as scene:
        ref = await scene.connect()
        for _ in range(64):
            await ref.ask(OpenChannel(ChannelWanted()), within=5)
        with pytest.raises(refusals.TooMuchMedia):
            await ref.ask(OpenChannel(ChannelWanted()), within=5)


async def test_later_tracks_are_taken():
    async with open_scene() as scene:
        ref = await scene.connect(wanted=SessionWanted())
        await ref.ask(AddTracks(SENDS), within=5)
        assert "m=video" in (await ref.ask(CreateOffer(), within=5)).sdp


async def test_hanging_up_reaches_both_watchers_and_the_other_side():
    async with open_scene() as scene:
        one, _ = await scene.call()
        one.tell(HangUp("enough"))
        await settle()
        reasons = {PATH: "enough", "/connections/other": "closed: the other side closed"}
        assert dict(scene.ann.downs) == reasons
        assert dict(scene.room.downs) == reasons


async def test_a_session_that_fails_ends_its_connection_with_the_reason():
    async with open_scene() as scene:
        await scene.connect()
        scene.engine.sessions["call"].fail("no connection in time")
        await settle()
        assert scene.ann.downs == [(PATH, "failed: no connection in time")]
        assert scene.ann.states == [State.FAILED]
        assert scene.room.downs == scene.ann.downs


async def test_a_connection_ends_with_its_owner():
    async with open_scene() as scene:
        ref = await scene.connect()
        spawned = scene.system.registry.cell_at("/ann")
        assert spawned is not None
        spawned.stop("gone")
        await settle()
        assert not ref.alive
        assert scene.room.downs == [(PATH, "owner gone")]


async def test_an_owner_that_is_too_slow_loses_its_connection_only():
    async with open_scene() as scene:
        ref = await scene.connect()
        scene.ann.gate = trio.Event()
        session = scene.engine.sessions["call"]
        with logged():
            for _ in range(40):
                session.tell(TracksChanged("call", ()))
                await settle()
        assert not ref.alive
        assert scene.room.downs == [(PATH, "owner too slow")]
        scene.ann.gate.set()
        assert scene.find("/ann").alive


async def test_a_connection_that_is_flooded_with_events_ends():
    async with open_scene() as scene:
        ref = await scene.connect()
        session = scene.engine.sessions["call"]
        with logged():
            for _ in range(300):
                session.tell(TracksChanged("call", ()))
        await settle()
        assert not ref.alive
        assert (PATH, "too_slow") in scene.room.downs


async def test_sends_that_wait_hold_up_nothing_else_and_have_an_end(autojump_clock):
    async with open_scene() as scene:
        ref = await scene.connect()

        async def wait(channel: str, data: object) -> None:
            await trio.sleep_forever()

        scene.engine.sessions["call"].send = wait  # type: ignore[method-assign]
        for _ in range(SENDS_IN_PROGRESS):
            ref.tell(SendMessage("x", "y"))
        with pytest.raises(Busy):
            await ref.ask(SendMessage("x", "y"), within=5)
        await ref.ask(CreateOffer(), within=5)
        ref.tell(HangUp())
        await settle()
        assert not ref.alive


# Wrecks.


@pytest.mark.parametrize("phase", ["setup", "handle", "teardown"])
async def test_a_crash_ends_one_connection_and_its_session(
    phase: str, monkeypatch: pytest.MonkeyPatch
):
    saboteur = Saboteur(monkeypatch, MediaConnection, PATH)
    with logged() as lines:
        async with open_scene() as scene:
            other = await scene.connect("other")
            saboteur.crash(phase)
            ref = await scene.connect()
            if phase == "handle":
                with pytest.raises(ActorCrashed):
                    await ref.ask(CreateOffer(), within=5)
            ref_alive = ref.alive
            await settle()
            if phase == "teardown":
                assert ref_alive
                ref.tell(HangUp())
                await settle()
                scene.engine.sessions.pop("call")  # it crashed before it could close this
            assert not ref.alive
            assert scene.find("/connections").alive
            assert other.alive
            await other.ask(CreateOffer(), within=5)
            if phase != "teardown":
                assert scene.room.downs == [(PATH, "crashed: Boom")]
                assert (PATH, "crashed: Boom") in scene.ann.downs
    crashes = [line for line in lines if line["event"] == "actor.crashed"]
    assert [(line["actor"], line["phase"]) for line in crashes] == [(PATH, phase)]


async def test_an_engine_in_trouble_crashes_the_connection_not_its_owner():
    async with open_scene() as scene:
        ref = await scene.connect()

        async def offer() -> None:
            raise MediaTimeout("no result")

        scene.engine.sessions["call"].create_offer = offer  # type: ignore[method-assign]
        with logged(), pytest.raises(ActorCrashed):
            await ref.ask(CreateOffer(), within=5)
        await settle()
        assert scene.room.downs == [(PATH, "crashed: MediaTimeout")]
        assert scene.find("/ann").alive


async def test_a_cancelled_caller_leaves_the_connection_as_it_is():
    async with open_scene() as scene:
        ref = await scene.connect()
        with trio.move_on_after(0):
            await ref.ask(CreateOffer(), within=5)
        await settle()
        assert ref.alive
        await ref.ask(CreateOffer(), within=5)


async def test_a_parent_that_dies_takes_its_connections_along():
    async with open_scene() as scene:
        one, two = await scene.call()
        broken: Any = Spawn(None)  # type: ignore[arg-type]
        with logged():
            scene.find("/connections").tell(broken)
            await settle()
        assert not one.alive
        assert not two.alive
        assert scene.engine.sessions == {}
        with pytest.raises(ActorStopped):
            one.tell(HangUp())


async def test_connections_carry_real_sessions():
    async with open_media_loop() as loop:
        async with open_local_engine(loop, IceConfig(("127.0.0.1",))) as engine:
            async with open_scene() as scene:
                scene.engine = engine  # type: ignore[assignment]
                await scene.call()
                with trio.fail_after(30):
                    while scene.ann.states.count(State.CONNECTED) < 2:
                        await trio.sleep(0.01)
                connection = scene.find(PATH)
                connection.tell(MeasureTraffic())
                with trio.fail_after(30):
                    while "legs" not in (facts := scene.facts(PATH)):
                        await trio.sleep(0.01)
                assert [leg["kind"] for leg in facts["legs"]] == ["audio", "video"]
                assert json.dumps(facts)
                connection.tell(HangUp("enough"))
                with trio.fail_after(30):
                    while len(scene.room.downs) < 2:
                        await trio.sleep(0.01)
                scene.engine = FakeEngine()
            assert engine.sessions == 0
        assert loop.stray_errors == 0
