"""Devices that do everything at once, in any order: what a dialect is shown holds all the same."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
import trio

from actors.core import ActorError
from actors.device.messages import (
    CallPeer,
    ChangeData,
    EndConnection,
    ProgramAlive,
    RedirectsChanged,
    ShowData,
    ShowPeer,
)
from actors.device.socket import FreeSocket, find_socket
from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from media.contract.session import Failure, State
from tests.support.actors import settle
from tests.support.device_peers import Device, DeviceYard, open_yard

NAMES = ("camera", "robot", "drone", "nobody")
STEPS = 60
HOME = ("127.0.0.1", 4000)


class Hand:
    """Does something at random, and takes every refusal."""

    def __init__(self, yard: DeviceYard, chance: random.Random) -> None:
        self.yard = yard
        self.chance = chance
        self.sockets: list[str] = []

    async def run(self) -> None:
        doings = (
            self.open, self.connect, self.connect, self.call, self.end_peer, self.end_connection,
            self.end_connection, self.socket, self.free, self.change, self.fail, self.junk,
            self.look, self.offer,
        )  # fmt: skip
        for _ in range(STEPS):
            with suppress(ActorError):
                await self.chance.choice(doings)()
            for _ in range(self.chance.randrange(4)):
                await trio.lowlevel.checkpoint()

    def peer(self) -> Any | None:
        """Return somebody."""
        peers = [ref for ref in self.yard.watcher.actors.values() if ref.kind == "device_peer"]
        return self.chance.choice(peers) if peers else None

    def connection(self) -> str | None:
        ids = [*self.yard.watcher.connections(), *self.yard.watcher.connections("mc")]
        return self.chance.choice(ids) if ids else None

    async def open(self) -> None:
        await self.yard.open_now(self.chance.choice(NAMES[:3]))

    async def connect(self) -> None:
        peer = self.peer()
        if peer is not None:
            device = Device(self.yard, "", peer)
            feed = self.chance.choice([None, *self.sockets])
            await device.connect_now(self.chance.choice(NAMES), feed=feed)

    async def call(self) -> None:
        peer = self.peer()
        if peer is not None:
            await peer.ask(CallPeer(self.chance.choice(NAMES), ()), within=5)

    async def end_peer(self) -> None:
        peer = self.peer()
        if peer is not None and self.chance.random() < 0.4:
            peer.tell(End(CloseReason.LOGOUT))

    async def end_connection(self) -> None:
        id_ = self.connection()
        if id_ is not None:
            self.yard.watcher.actors[id_].tell(EndConnection())

    async def socket(self) -> None:
        self.sockets.append((await self.yard.socket()).id)

    async def free(self) -> None:
        if self.sockets:
            id_ = self.chance.choice(self.sockets)
            ref = find_socket(self.yard.house.system.registry, id_)
            if ref is not None:
                await ref.ask(FreeSocket(), within=5)

    async def change(self) -> None:
        ids = self.yard.watcher.connections()
        if ids:
            ref: Any = self.yard.watcher.actors[self.chance.choice(ids)]
            feed = self.chance.choice([None, *self.sockets])
            await ref.ask(ChangeData(feed, self.chance.choice([None, HOME])), within=5)

    async def fail(self) -> None:
        sessions = list(self.yard.engine.sessions.values())
        if sessions:
            session = self.chance.choice(sessions)
            if session.state not in (State.FAILED, State.CLOSED):
                session.fail("gone", Failure.ICE)

    async def junk(self) -> None:
        peer = self.peer()
        if peer is not None:
            kind = self.chance.choice(["OFFER", "ANSWER", "CANDIDATE", "LEAVE"])
            Device(self.yard, "", peer).hear(self.chance.choice(NAMES), kind, b'{"sdp":7}')
            peer.tell(RedirectsChanged(self.yard.limits.redirect_allow))

    async def offer(self) -> None:
        peer = self.peer()
        if peer is not None:
            connection = f"dc_{self.chance.randrange(3)}"
            payload = await self.yard.offer(connection)
            Device(self.yard, "", peer).hear("ann", "OFFER", payload)

    async def look(self) -> None:
        peer = self.peer()
        if peer is not None:
            peer.tell(ProgramAlive())
            await peer.ask(ShowPeer(), within=5)
        ids = self.yard.watcher.connections()
        if ids:
            ref: Any = self.yard.watcher.actors[self.chance.choice(ids)]
            await ref.ask(ShowData(), within=5)


@pytest.mark.parametrize("seed", range(12))
async def test_in_any_order(seed: int, autojump_clock: object) -> None:
    chance = random.Random(seed)
    async with open_yard() as yard:
        yard.limit(connections=6)
        hands = [Hand(yard, random.Random(chance.random())) for _ in range(4)]
        async with trio.open_nursery() as nursery:
            for hand in hands:
                nursery.start_soon(hand.run)
        await settle()
        # Nobody waits for ever for what never comes.
        await trio.sleep(200)
        for ref in list(yard.watcher.actors.values()):
            if ref.kind == "device_peer":
                await yard.end(ref, End(CloseReason.LOGOUT))
        assert yard.watcher.actors == {}
        for hand in hands:
            for id_ in hand.sockets:
                socket = find_socket(yard.house.system.registry, id_)
                if socket is not None:
                    await socket.ask(FreeSocket(), within=5)
        for browser in list(yard.engine.sessions.values()):
            assert browser.id.startswith("b-")
            await browser.close()
        await settle()
        yard.check_nothing_is_left()
        assert yard.house.system.counters.crashes == 0
