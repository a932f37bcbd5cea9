"""How data connections end, and what of them is left then: nothing."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from actors.device.events import Closed, ConnectionFailed, Opened
from actors.device.messages import (
    EndConnection,
)
from media.contract.errors import WrongState
from media.contract.session import Failure
from tests.fakes.media_session import FakeSession
from tests.support.actors import settle
from tests.support.device_peers import (
    open_yard,
    pair,
    session,
)


async def test_the_other_side_closes_the_channel() -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard)
        (channel,) = session(yard, incoming).channels
        await session(yard, incoming).close_channel(channel)
        await settle()
        assert yard.events(called) == yard.events(incoming) == [Opened(), Closed()]
        assert not yard.engine.sessions


async def test_a_session_that_fails() -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard)
        session(yard, called).fail("nobody heard", Failure.SILENCE)
        await settle()
        failed = ConnectionFailed("the connection failed: silence")
        assert yard.events(called) == [Opened(), failed, Closed()]
        assert yard.events(incoming) == [Opened()]


async def test_what_was_sent_leaves_before_the_session_closes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[tuple[str, str, float]] = []
    leaving = 0.0
    close, close_channel = FakeSession.close, FakeSession.close_channel

    async def slow_channel(self: FakeSession, channel: str) -> None:
        async def later() -> None:
            await trio.sleep(leaving)
            with suppress(WrongState):
                await close_channel(self, channel)

        closed.append((self.id, "channel", trio.current_time()))
        nursery.start_soon(later)

    async def noted(self: FakeSession, reason: str = "closed") -> None:
        closed.append((self.id, "session", trio.current_time()))
        await close(self, reason)

    monkeypatch.setattr(FakeSession, "close_channel", slow_channel)
    monkeypatch.setattr(FakeSession, "close", noted)
    async with trio.open_nursery() as nursery, open_yard() as yard:
        robot, camera = await yard.open("robot"), await yard.open("camera")
        for seconds, expected in ((1.0, 1.0), (5.0, 2.0)):
            leaving = seconds
            called = await robot.connect("camera")
            closed.clear()
            await yard.end(yard.watcher.actors[called], EndConnection())
            await trio.sleep(10)
            (first, began), (second, ended) = [it[1:] for it in closed if it[0] == called][:2]
            assert (first, second) == ("channel", "session")
            assert ended - began == pytest.approx(expected)
            assert called in yard.watcher.gone
        assert camera.ref.alive
        nursery.cancel_scope.cancel()


async def test_an_engine_that_is_closing() -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        yard.engine.closing = True
        called = await robot.connect("camera")
        assert yard.events(called) == [ConnectionFailed("WrongState"), Closed()]
        assert robot.ref.alive


async def test_an_answer_that_is_none_ends_it() -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        _, ann = await yard.browse("ann")
        called = await robot.connect("ann")
        frame = json.loads(ann.facts[-1].body)  # type: ignore[attr-defined]
        connection = frame["payload"]["connectionId"]
        sdp = {"type": "answer", "sdp": "nonsense"}
        answer = {"type": "data", "connectionId": connection, "sdp": sdp}
        robot.hear("ann", "ANSWER", json.dumps(answer).encode())
        await settle()
        understood = ConnectionFailed("what the other side offers cannot be understood")
        assert yard.events(called) == [understood, Closed()]
        assert robot.events == [Opened()]
