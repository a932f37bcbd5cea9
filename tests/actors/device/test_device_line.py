"""A peer of a device and its line: what that tells, and when it gives up."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from actors.device.events import (
    Closed,
    Connected,
    Opened,
    PeerFailed,
    Trouble,
)
from actors.device.line import LineDown, LineFrame, LineRefused, LineUnreached, LineUp
from actors.device.messages import (
    ShowPeer,
)
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.device_peers import (
    ScriptedLine,
    open_yard,
    scripted,
)


async def test_a_line_that_comes_and_goes() -> None:
    async with open_yard() as yard:
        camera, line = await scripted(yard)
        line.tell(LineDown(Trouble.SERVER_DISCONNECTED))
        await settle()
        assert not (await camera.ref.ask(ShowPeer(), within=5)).reachable
        line.tell(LineUp())
        await settle()
        assert (await camera.ref.ask(ShowPeer(), within=5)).reachable
        assert camera.events == [Opened(), PeerFailed(Trouble.SERVER_DISCONNECTED)]


@pytest.mark.parametrize("up", [True, False])
async def test_a_line_that_gives_up_ends_it(up: bool) -> None:
    async with open_yard() as yard:
        line = ScriptedLine(up)
        yard.line = lambda _spec: line
        camera = await yard.open("camera")
        line.tell(LineRefused(Trouble.UNAVAILABLE_ID))
        await settle()
        opened = [Opened()] if up else []
        assert camera.events == [*opened, PeerFailed(Trouble.UNAVAILABLE_ID), Closed()]
        yard.check_nothing_is_left()


async def test_a_line_that_refuses_at_once_ends_it() -> None:
    class Refusing(ScriptedLine):
        async def run(self, told: Any) -> None:
            told(LineRefused(Trouble.INVALID_KEY))

    async with open_yard() as yard:
        yard.line = lambda _spec: Refusing()
        camera = await yard.open("camera")
        assert camera.events == [PeerFailed(Trouble.INVALID_KEY), Closed()]
        yard.check_nothing_is_left()


async def test_a_line_that_crashes_ends_it() -> None:
    class Broken(ScriptedLine):
        async def run(self, told: Any) -> None:
            raise RuntimeError

    with logged() as lines:
        async with open_yard() as yard:
            yard.line = lambda _spec: Broken()
            camera = await yard.open("camera")
            assert camera.events == [Closed()]
            yard.check_nothing_is_left()
    assert [it["event"] for it in lines if it["log_level"] == "error"] == ["actor.crashed"]


async def test_what_a_line_elsewhere_brings() -> None:
    async with open_yard() as yard:
        camera, line = await scripted(yard)
        frame = b'{"type":"OFFER","src":"ann","dst":"camera","payload":%b}' % await yard.offer()
        for junk in (
            b"",
            b"{",
            b"[]",
            b'{"type":1}',
            b'{"type":"OFFER"}',
            b'{"type":"X","src":"a"}',
        ):
            line.tell(LineFrame(junk))
        line.tell(LineFrame(frame))
        await settle()
        (id_,) = yard.watcher.connections()
        assert camera.events == [Opened(), Connected(id_)]
        assert [(kind, to) for kind, to, _ in line.said] == [("ANSWER", "ann")]
        called = await camera.connect("bob")
        line.tell(LineUnreached("bob"))
        await settle()
        assert yard.events(called)[-1] == Closed()
        assert yard.watcher.connections() == [id_]


async def test_frames_of_a_flood_may_be_lost_but_not_the_state_of_the_line() -> None:
    async with open_yard() as yard:
        camera, line = await scripted(yard)
        for _ in range(5000):
            line.tell(LineFrame(b"{}"))
            line.tell(LineUnreached("ann"))
        cell = yard.house.system.registry.cell_at(camera.ref.path)
        assert cell is not None
        life: Any = cell.life
        assert len(life.links._timers) <= 1  # by which it looks for its program
        line.tell(LineDown(Trouble.SOCKET_ERROR))
        await trio.sleep(0.01)
        await settle()
        assert camera.events == [Opened(), PeerFailed(Trouble.SOCKET_ERROR)]
