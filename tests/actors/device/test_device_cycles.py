"""Peers, sockets and connections that come and go a thousand times leave nothing behind."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from actors.device.messages import CallPeer, EndConnection
from actors.device.socket import FreeSocket, SocketKind, find_socket
from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from tests.support.actors import settle
from tests.support.device_peers import DeviceYard, open_yard

TIMES = 1000
END = End(CloseReason.LOGOUT)


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


def standing(yard: DeviceYard) -> tuple[int, ...]:
    """Return how many actors, tasks and timers there are, and what the engine has."""
    system, engine = yard.house.system, yard.engine
    actors = system.counters.spawned - system.counters.stopped
    ports = len(engine.ports) + len(engine.datagram_ports)
    signals = yard.absent.messages
    return actors, tasks(), system.clock.pending, len(engine.sessions), ports, signals


async def warm_up(yard: DeviceYard) -> None:
    """Have the supervisors had children: from then on each has a task for them."""
    peer, facts = await yard.open("first"), await yard.socket()
    socket = find_socket(yard.house.system.registry, facts.id)
    assert socket is not None
    await socket.ask(FreeSocket(), within=5)
    await yard.end(peer.ref, END)


async def test_peers(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        await warm_up(yard)
        before = standing(yard)
        for _ in range(TIMES):
            camera = await yard.open("camera")
            await yard.end(camera.ref, END)
        assert standing(yard) == before
        assert len(yard.watcher.gone) == TIMES + 1


async def test_sockets_of_every_kind(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        await warm_up(yard)
        before = standing(yard)
        for number in range(TIMES):
            kind = list(SocketKind)[number % 4]
            facts = await yard.socket(kind, ports=(50_001, 50_001))
            ref = find_socket(yard.house.system.registry, facts.id)
            assert ref is not None
            await ref.ask(FreeSocket(), within=5)
        await settle()
        assert standing(yard) == before


async def test_data_connections_ended_from_either_side(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        await warm_up(yard)
        robot, camera = await yard.open("robot"), await yard.open("camera")

        async def come_and_go(number: int) -> None:
            socket = await yard.socket(ports=(50_001, 50_001))
            called = await robot.connect("camera", feed=socket.id)
            ids = yard.watcher.connections()
            assert len(ids) == 2
            ended = called if number % 2 else next(id for id in ids if id != called)
            await yard.end(yard.watcher.actors[ended], EndConnection())
            assert yard.watcher.connections() == []

        await come_and_go(0)  # both have had children now
        before = standing(yard)
        for number in range(TIMES):
            await come_and_go(number)
        assert standing(yard) == before
        assert robot.ref.alive
        assert camera.ref.alive


async def test_peers_in_the_midst_of_everything(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        await warm_up(yard)
        await yard.open("camera")
        before = standing(yard)
        for number in range(TIMES // 4):
            robot, socket = await yard.open("robot"), await yard.socket()
            await robot.connect("camera", feed=socket.id)
            await robot.ref.ask(CallPeer("camera", ()), within=5)
            if number % 2:
                await robot.connect("nobody")
                await settle()
            await yard.end(robot.ref, END)
            for id_ in (*yard.watcher.connections(), *yard.watcher.connections("mc")):
                await yard.end(yard.watcher.actors[id_], EndConnection())
            yard.absent.expire(float("inf"))
        assert standing(yard) == before
        assert len(yard.watcher.actors) == 1
