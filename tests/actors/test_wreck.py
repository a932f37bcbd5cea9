"""Every kind of actor is wrecked in every way; the house must stand as its restart policies say.

A new kind is one more line in KINDS. A chat site, where people need names, is in
test_site_wreck.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import trio
import trio.testing

import actors
from actors.core import (
    Actor,
    ActorCrashed,
    ActorError,
    MailboxFull,
    Request,
    Restart,
    RestartLimit,
    Spawn,
)
from actors.core.incarnation import Unmade
from actors.device.call import MediaCall
from actors.device.connection import DeviceConnection
from actors.device.data import DataConnection
from actors.device.peer import DevicePeer
from actors.device.socket import DeviceSocket
from actors.directory.messages import FindEndpoints
from actors.endpoint.endpoint import OfferEvent
from actors.endpoint.outbox import EndpointEvent
from actors.jobs.analysis import Analysis
from actors.jobs.broadcast import Broadcast
from actors.jobs.call import Call
from actors.jobs.hls_job import HlsJob
from actors.jobs.ingest import Ingest
from actors.jobs.janitor import RecordingKeeper
from actors.jobs.job import Job
from actors.jobs.media_job import MediaJob
from actors.jobs.mix import Mix
from actors.jobs.recording import Recording
from actors.jobs.transcode import Transcode
from actors.member.messages import Enter
from actors.room.conference_room import ConferenceRoom
from actors.room.site_room import SiteRoom
from actors.signalling.clock import AbsenceClock
from actors.streams.connection import MediaConnection
from actors.words.keys import DIRECTORY, EndpointKey
from tests.actors.core.puppet import logged
from tests.support.actors import LIMITS, OWNER, REALM, House, Listener, Person, settle, spec
from tests.support.saboteur import Saboteur
from tests.support.wrecks import ANN, EVERYBODY, KINDS, LINE, Kind

# test_connection.py: on a media engine; test_recording.py: on files and threads; device/: on ports;
# test_media_job.py, test_process_wrecks.py, test_streaming_ins.py, test_conference_viewers.py and
# test_conference_broadcasts.py, test_analytics_garbage.py: on processes; test_call_wrecks.py: on a
# telephone; test_broker_rough.py: with one who waits for the clock; test_conference_wrecks.py,
# test_site_wreck.py: rooms with streams or with people who have names.
DEVICES = {DeviceSocket, DevicePeer, DataConnection, MediaCall}
JOBS = {Analysis, Broadcast, Call, HlsJob, Ingest, Mix, Recording, Transcode}
SPECIAL_ROOMS = {ConferenceRoom, SiteRoom}
ELSEWHERE = {MediaConnection, RecordingKeeper, AbsenceClock} | DEVICES | JOBS | SPECIAL_ROOMS
# Bases; and what stands in place of one that cannot be made.
NOT_ACTORS = {Actor, DeviceConnection, Job, MediaJob, Unmade}


each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def saboteur(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    return Saboteur(monkeypatch, kind.actor, kind.path)


@dataclass
class Scene:
    """Ann is in the room "blue" and has an endpoint; two bystanders are in another room."""

    house: House
    ann: Person
    listener: Listener
    bystanders: list[Person]

    @classmethod
    async def open(cls, house: House, kind: Kind) -> Scene:
        bystanders = await house.people("bea", "bob", room="quiet")
        ann = await kind.open_ann(house)
        await ann.enter()
        await settle()
        return cls(house, ann, await house.open_endpoint(), bystanders)

    async def check_bystanders(self) -> None:
        """The bystanders have seen nothing, and can talk."""
        bea, bob = self.bystanders
        assert bea.client.facts == bob.client.facts == []
        bea.say(b'"hm"')
        await settle()
        assert bob.client.chats == [b'"hm"']
        bob.client.clear()


async def check_all_works(house: House) -> None:
    """Whoever comes now is served, in a new room and in the old one."""
    for room in ("new", "blue"):
        dan, eve = await house.people("dan", "eve", room=room)
        dan.say(b'"works"')
        await settle()
        assert eve.client.chats == [b'"works"']
        assert {"dan", "eve"} <= house.members(room)
    for id_ in ("line", "new"):
        listener = await house.open_endpoint(id_)
        endpoint = house.find(EndpointKey(REALM, id_).path)
        assert await endpoint.ask(OfferEvent(OWNER, EndpointEvent(b"works", b"works")), within=5)
        assert listener.payloads == [b"works"]
    assert len(await house.find(DIRECTORY).ask(FindEndpoints(REALM, OWNER), within=5)) == 2


def crashes(lines: list[Any]) -> list[tuple[str, str]]:
    """Return path and phase of every crash in the log, and hold that no message is in it."""
    return [(it["actor"], it["phase"]) for it in lines if it["event"] == "actor.crashed"]


def others(lines: list[Any], *expected: str) -> list[str]:
    """Return the warnings and errors besides crashes that nobody expects."""
    levels = ("warning", "error", "critical")
    known = ("actor.crashed", *expected)
    return [it["event"] for it in lines if it["log_level"] in levels and it["event"] not in known]


def restarts(house: House, kind: Kind) -> int | None:
    """Return how often the specimen was restarted, None if it is gone."""
    cell = house.system.registry.cell_at(kind.path)
    return None if cell is None else cell.number - 1


async def provoke(house: House, kind: Kind) -> None:
    """Say the harmless thing, which crashes the specimen; an asker hears of it at once."""
    ref = house.find(kind.path)
    if isinstance(kind.message, Request):
        with pytest.raises(ActorCrashed):
            await ref.ask(kind.message, within=5)
    else:
        ref.tell(kind.message)
    await settle()


def actor_classes() -> Iterator[type[Actor[Any]]]:
    """Yield every Actor class that the package defines."""
    for module in pkgutil.walk_packages(actors.__path__, "actors."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, Actor):
                yield found


def test_every_kind_of_actor_is_wrecked_here() -> None:
    assert {kind.actor for kind in KINDS} == set(actor_classes()) - NOT_ACTORS - ELSEWHERE


@each_kind
async def test_a_crash_in_setup(kind: Kind, saboteur: Saboteur) -> None:
    saboteur.crash("setup")
    with logged() as lines:
        async with kind.open_house() as house:
            await settle()
            ann = await kind.open_ann(house)
            await house.open_endpoint()
            if kind.restart is Restart.TEMPORARY:
                assert restarts(house, kind) is None
                ann = await kind.open_ann(house)
                await house.open_endpoint()
            await ann.enter()
            await settle()
            assert restarts(house, kind) == (0 if kind.restart is Restart.TEMPORARY else 1)
            assert house.members() == {"ann"} == ann.client.members
            await check_all_works(house)
    assert crashes(lines) == [(kind.path, "setup")]
    assert others(lines) == []


@each_kind
async def test_a_crash_in_handle(kind: Kind, saboteur: Saboteur) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            saboteur.crash("handle")
            await provoke(house, kind)
            if kind.restart is Restart.TEMPORARY:
                assert restarts(house, kind) is None
            else:
                assert restarts(house, kind) == 1
            if kind.fells:
                assert {path for path in EVERYBODY if is_gone(house, path)} == set(kind.fells)
            else:
                await scene.check_bystanders()
            assert scene.ann.ref.alive == (kind.path != ANN and ANN not in kind.fells)
            assert bool(scene.ann.client.closed) == (not scene.ann.ref.alive)
            assert bool(scene.listener.closed) == (kind.path == LINE or LINE in kind.fells)
            await check_all_works(house)
    assert crashes(lines) == [(kind.path, "handle")]
    assert others(lines) == []
    assert "a secret" not in str([{**line, "exc_info": None} for line in lines])


def is_gone(house: House, path: str) -> bool:
    return house.system.registry.find(path) is None


@each_kind
async def test_a_crash_in_teardown(kind: Kind, saboteur: Saboteur) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            saboteur.crash("teardown")
            system = house.system
    assert crashes(lines) == [(kind.path, "teardown")]
    assert others(lines) == []
    assert system.counters.spawned == system.counters.stopped
    assert all(person.client.closed == ["shutdown"] for person in scene.bystanders)


@each_kind
async def test_a_crash_in_handle_and_then_in_teardown(kind: Kind, saboteur: Saboteur) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            await Scene.open(house, kind)
            saboteur.crash("handle")
            saboteur.crash("teardown")
            await provoke(house, kind)
            assert restarts(house, kind) == (None if kind.restart is Restart.TEMPORARY else 1)
            await check_all_works(house)
    assert crashes(lines) == [(kind.path, "handle"), (kind.path, "teardown")]


@each_kind
async def test_a_full_mailbox(kind: Kind, saboteur: Saboteur) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            ref = house.find(kind.path)
            with saboteur.holding():
                await house.fill(kind.path, kind.message)
                for _ in range(3):
                    with pytest.raises(MailboxFull):
                        ref.tell(kind.message)
                if isinstance(kind.message, Request):
                    with pytest.raises(MailboxFull):
                        await ref.ask(kind.message, within=5)
                await scene.check_bystanders()
                saboteur.handled.clear()
            await settle()
            assert len(saboteur.handled) == LIMITS.mailbox_messages + 1, "something is lost"
            assert ref.alive
            assert restarts(house, kind) == 0
            await check_all_works(house)
    assert crashes(lines) == []
    assert [it["actor"] for it in lines if it["event"] == "actor.mailbox_full"] == [kind.path]
    assert others(lines, "actor.mailbox_full") == []


@each_kind
async def test_a_cancelled_caller(kind: Kind, saboteur: Saboteur) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            call = caller(scene, kind)
            with saboteur.holding():
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(call)
                        await settle()
                        assert saboteur.waiting == 1
                        saboteur.handled.clear()
                        scope.cancel()
                assert scope.cancelled_caught
            await settle()
            assert saboteur.handled, "the work is done although nobody waits for it"
            assert restarts(house, kind) == 0
            await call()
            await check_all_works(house)
    assert crashes(lines) == others(lines) == []


def caller(scene: Scene, kind: Kind) -> Callable[[], Awaitable[Any]]:
    """Return a call that waits for the specimen; a room is only ever waited for through a peer."""
    message = kind.message
    if isinstance(message, Request):
        request: Request[Any] = message
        return lambda: scene.house.find(kind.path).ask(request, within=5)
    return lambda: scene.ann.ref.ask(Enter(spec(), "again"), within=5)


@each_kind
async def test_a_dead_parent(kind: Kind) -> None:
    broken: Any = Spawn(None)  # type: ignore[arg-type]  # a supervisor crashes over it
    closed: list[str] = []
    gives_up = pytest.raises(RestartLimit) if kind.parent == "/" else nullcontext()
    with logged() as lines, gives_up:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            closed = (scene.listener if kind.path == LINE else scene.ann.client).closed
            former = house.find(kind.path)
            house.find(kind.parent).tell(broken)
            await settle()
            assert kind.parent != "/", "the body outlived the root"
            assert not former.alive
            # What is permanent is begun anew by its parent's next incarnation.
            assert is_gone(house, kind.path) == (kind.restart is not Restart.PERMANENT)
            await check_all_works(house)
    assert crashes(lines) == [(kind.parent, "handle")]
    assert others(lines) == []
    assert len(closed) == 1


@each_kind
async def test_a_parent_that_ends_while_its_child_is_at_work(
    kind: Kind, saboteur: Saboteur, autojump_clock: trio.testing.MockClock
) -> None:
    with logged() as lines:
        async with kind.open_house() as house:
            scene = await Scene.open(house, kind)
            refusals: list[ActorError] = []

            async def ask() -> None:
                try:
                    await caller(scene, kind)()
                except ActorError as error:
                    refusals.append(error)

            with saboteur.holding():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(ask)
                    await settle()
                    began = trio.current_time()
                    await house.system.shutdown(60)  # nobody lets go: the grace does
                    assert trio.current_time() - began <= 15
            assert len(refusals) == 1
    assert crashes(lines) == []
    assert set(others(lines)) <= {"actor.handler_overran"}
    assert scene.ann.client.closed == scene.listener.closed == ["shutdown"]
