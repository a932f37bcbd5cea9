"""Peers of devices, their connections and their sockets are wrecked in every way.

Whatever crashes ends alone, or with what stands on it; all that it had is free, and whoever is
shown what happens hears of the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Actor, ActorCrashed, ActorError, MailboxFull, Request, Spawn
from actors.device.call import MediaCall
from actors.device.connection import Begin
from actors.device.data import DataConnection
from actors.device.events import Closed, Connected, Opened
from actors.device.messages import CallPeer, EndConnection, ShowCall, ShowData, ShowPeer
from actors.device.peer import DevicePeer
from actors.device.socket import DeviceSocket, ShowSocket
from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from actors.words.keys import DEVICES, MEMBERS
from actors.words.refusals import Busy
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.device_peers import Device, DeviceYard, open_yard
from tests.support.saboteur import Saboteur


@dataclass(frozen=True)
class WreckKind:
    """One kind: what is harmless to say to it, and where it lives in the scene."""

    actor: type[Actor[Any]]
    question: Request[Any]
    place: str


KINDS = [
    WreckKind(DevicePeer, ShowPeer(), "peer"),
    WreckKind(DataConnection, ShowData(), "data"),
    WreckKind(MediaCall, ShowCall(), "call"),
    WreckKind(DeviceSocket, ShowSocket(), "socket"),
]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.actor.__name__)


@dataclass
class Wreckage:
    """A robot is connected to a camera, feeds from a socket, and calls somebody; and bystanders."""

    yard: DeviceYard
    robot: Device
    data: str
    call: str
    socket: str
    bystanders: tuple[Device, str, str]

    @classmethod
    async def open(cls, yard: DeviceYard) -> Wreckage:
        await yard.open("camera")
        robot, bystander = await yard.open("robot"), await yard.open("bea")
        free, kept = await yard.socket(), await yard.socket()
        quiet = await bystander.connect("camera", feed=kept.id)
        data = await robot.connect("camera", feed=free.id)
        call = await robot.ref.ask(CallPeer("nobody", ()), within=5)
        await settle()
        return cls(yard, robot, data, call, free.id, (bystander, quiet, kept.id))

    def path(self, kind: WreckKind) -> str:
        of = {
            "peer": self.robot.ref.path,
            "data": self.yard.path(self.robot, self.data),
            "call": self.yard.path(self.robot, self.call),
            "socket": f"{DEVICES}/{self.socket}",
        }
        return of[kind.place]

    def gone(self, kind: WreckKind) -> set[str]:
        """Return what must have ended of the robot's, if this one did."""
        of = {
            "peer": {self.robot.token, self.data, self.call},
            "data": {self.data},
            "call": {self.call},
            "socket": set[str](),
        }
        return of[kind.place]

    async def check_bystanders(self) -> None:
        """They have noticed nothing."""
        bystander, quiet, socket = self.bystanders
        assert bystander.events == [Opened()]
        assert self.yard.events(quiet) == [Opened()]
        assert socket in self.yard.engine.datagram_ports
        assert (await bystander.ref.ask(ShowPeer(), within=5)).connections == (quiet,)

    async def check_end(self, kind: WreckKind) -> None:
        """Check that just those have ended that must, and that all they had is free."""
        watcher, gone = self.yard.watcher, self.gone(kind)
        for id_ in (self.robot.token, self.data, self.call):
            assert (watcher.events[id_][-1:] == [Closed()]) == (id_ in gone)
            assert (id_ in watcher.gone) == (id_ in gone)
            assert id_ in gone or id_ in watcher.actors
        for id_ in (self.data, self.call):
            assert (id_ in self.yard.engine.sessions) == (id_ not in gone)
        fed = self.data not in gone and kind.place != "socket"
        assert (self.socket in self.yard.engine.datagram_ports) == fed

    async def check_all_works(self) -> None:
        """Whoever comes now is served."""
        robot = self.robot if self.robot.ref.alive else await self.yard.open("robot")
        socket = await self.yard.socket()
        again = await robot.connect("camera", feed=socket.id)
        assert self.yard.events(again) == [Opened()]
        await self.yard.end(self.yard.watcher.actors[again], EndConnection())
        assert self.yard.events(again) == [Opened(), Closed()]
        assert socket.id not in self.yard.engine.datagram_ports


@asynccontextmanager
async def wreckage() -> AsyncIterator[Wreckage]:
    """Open the scene; in the end nothing may be left of it, wherever it was wrecked."""
    async with open_yard() as yard:
        scene = await Wreckage.open(yard)
        yield scene
        for member in await yard.directory.members("peers.one"):
            await yard.end(member, End(CloseReason.LOGOUT))
        yard.check_nothing_is_left()


def crash_lines(lines: list[Any]) -> list[tuple[str, str]]:
    return [(it["actor"], it["phase"]) for it in lines if it["event"] == "actor.crashed"]


def other_lines(lines: list[Any], *expected: str) -> list[str]:
    known = ("actor.crashed", *expected)
    bad = ("warning", "error", "critical")
    return [it["event"] for it in lines if it["log_level"] in bad and it["event"] not in known]


@each_kind
async def test_it_crashes_over_what_it_is_asked(
    kind: WreckKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logged() as lines:
        async with wreckage() as scene:
            path = scene.path(kind)
            Saboteur(monkeypatch, kind.actor, path).crash("handle")
            with pytest.raises(ActorCrashed):
                await scene.yard.house.find(path).ask(kind.question, within=5)
            await settle()
            await scene.check_end(kind)
            await scene.check_bystanders()
            await scene.check_all_works()
    assert crash_lines(lines) == [(path, "handle")]
    assert other_lines(lines) == []
    assert "a secret" not in str([{**line, "exc_info": None} for line in lines])


@each_kind
async def test_it_crashes_over_its_end(kind: WreckKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bug leaves open is little: the sockets are freed, and the others live on."""
    with logged() as lines:
        async with open_yard() as yard:
            scene = await Wreckage.open(yard)
            path = scene.path(kind)
            saboteur = Saboteur(monkeypatch, kind.actor, path)
            saboteur.crash("teardown")
            saboteur.crash("handle")
            with pytest.raises(ActorCrashed):
                await yard.house.find(path).ask(kind.question, within=5)
            await settle()
            assert yard.house.system.registry.find(path) is None
            for id_ in scene.gone(kind) - {scene.robot.token}:
                assert yard.events(id_)[-1] == Closed()
                assert yard.watcher.gone.count(id_) == 1
            await scene.check_bystanders()
            if kind.place != "socket":
                assert (scene.socket in yard.engine.datagram_ports) == (kind.place == "call")
                await scene.check_all_works()
            system = yard.house.system
    assert crash_lines(lines) == [(path, "handle"), (path, "teardown")]
    assert other_lines(lines) == []
    assert system.counters.spawned == system.counters.stopped


@each_kind
async def test_it_is_flooded(kind: WreckKind, monkeypatch: pytest.MonkeyPatch) -> None:
    with logged() as lines:
        async with wreckage() as scene:
            path = scene.path(kind)
            ref = scene.yard.house.find(path)
            saboteur = Saboteur(monkeypatch, kind.actor, path)
            with saboteur.holding():
                await scene.yard.house.fill(path, kind.question)
                with pytest.raises(MailboxFull):
                    ref.tell(kind.question)
                if kind.place != "peer":
                    for sender in ("camera", "nobody"):
                        scene.robot.hear(sender, "LEAVE", b"")
                await scene.check_bystanders()
            await settle()
            assert ref.alive
            await scene.check_all_works()
    assert crash_lines(lines) == []
    assert other_lines(lines, "actor.mailbox_full") == []


@each_kind
async def test_its_parent_crashes(kind: WreckKind) -> None:
    broken: Any = Spawn(None)  # type: ignore[arg-type]  # a supervisor crashes over it
    with logged() as lines:
        async with open_yard() as yard:
            scene = await Wreckage.open(yard)
            parent = DEVICES if kind.place == "socket" else MEMBERS
            yard.house.find(parent).tell(broken)
            await settle()
            assert yard.house.system.registry.find(scene.path(kind)) is None
            assert scene.socket not in yard.engine.datagram_ports
            if parent == MEMBERS:
                yard.check_nothing_is_left()
                await yard.open("camera")
            else:
                assert yard.engine.datagram_ports == {}
                assert scene.robot.events == [Opened()]
            await scene.check_all_works()
    assert crash_lines(lines) == [(parent, "handle")]
    assert other_lines(lines) == []


@each_kind
async def test_the_server_ends_while_it_hangs(
    kind: WreckKind, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    with logged() as lines:
        async with open_yard() as yard:
            scene = await Wreckage.open(yard)
            path = scene.path(kind)
            saboteur = Saboteur(monkeypatch, kind.actor, path)
            refused: list[ActorError] = []

            async def ask() -> None:
                try:
                    await yard.house.find(path).ask(kind.question, within=60)
                except ActorError as error:
                    refused.append(error)

            with saboteur.holding():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(ask)
                    await settle()
                    began = trio.current_time()
                    await yard.house.system.shutdown(60)
                    assert trio.current_time() - began <= 30
            assert len(refused) == 1
            watcher = yard.watcher
            assert watcher.actors == {}
            assert not yard.engine.sessions
            assert not yard.engine.datagram_ports
    assert crash_lines(lines) == []
    assert set(other_lines(lines)) <= {"actor.handler_overran"}


class Rigged:
    """Has every actor of a kind crash in its setup."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type[Actor[Any]]) -> None:
        async def setup(actor: Actor[Any]) -> None:
            raise RuntimeError("a secret")

        self._patch = monkeypatch
        monkeypatch.setattr(kind, "setup", setup)

    def mend(self) -> None:
        self._patch.undo()


async def test_a_peer_crashes_as_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_yard() as yard:
        rigged = Rigged(monkeypatch, DevicePeer)
        camera = await yard.open("camera")
        assert not camera.ref.alive
        assert yard.watcher.log == []
        rigged.mend()
        assert (await yard.open("camera")).events == [Opened()]


async def test_a_peer_that_crashes_in_the_midst_of_its_setup_has_its_end_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(_peer: DevicePeer) -> None:
        raise RuntimeError

    async with open_yard() as yard:
        monkeypatch.setattr(DevicePeer, "_look_again", stumble)
        camera = await yard.open("camera")
        assert camera.events == [Closed()]
        yard.check_nothing_is_left()


@pytest.mark.parametrize("actor", [DataConnection, MediaCall])
async def test_a_connection_crashes_as_it_begins(
    actor: type[Actor[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        robot, camera = await yard.open("robot"), await yard.open("camera")
        socket = await yard.socket()
        rigged = Rigged(monkeypatch, actor)
        with pytest.raises(Busy):
            if actor is DataConnection:
                await robot.connect("camera", feed=socket.id)
            else:
                await robot.ref.ask(CallPeer("camera", ()), within=5)
        camera.hear("ann", "OFFER", await yard.offer("dc_1"))
        await settle()
        rigged.mend()
        assert (await robot.ref.ask(ShowPeer(), within=5)).connections == ()
        assert robot.events == [Opened()]
        seen = [it for it in camera.events if isinstance(it, Connected)]
        assert len(seen) == (actor is MediaCall)
        assert set(yard.engine.datagram_ports) == {socket.id}
        called = await robot.connect("camera", feed=socket.id)
        assert yard.events(called) == [Opened()]


async def test_a_connection_crashes_over_what_it_begins_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = DataConnection.handle

    async def crash(actor: DataConnection, message: Any) -> object:
        if isinstance(message, Begin):
            raise RuntimeError("a secret")
        return await original(actor, message)

    async with open_yard() as yard:
        robot = await yard.open("robot")
        with monkeypatch.context() as patch:
            patch.setattr(DataConnection, "handle", crash)
            with pytest.raises(Busy):
                await robot.connect("camera")
        assert robot.events == [Opened()]
        assert yard.watcher.connections() == []
        assert not yard.engine.sessions
