"""Whatever two programs, their sockets and the media layer do to a call, it ends whole on both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.core import ActorError
from actors.device.events import CallReady, Closed, ConnectionFailed, StreamShown
from actors.device.medium import MediumWanted
from actors.device.messages import (
    AnswerCall,
    AskKeyframe,
    EndConnection,
    FromPeer,
    OtherSideUnreached,
    RedirectsChanged,
    ShowCall,
)
from actors.device.socket import FreeSocket, find_socket
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.device_calls import Calls, open_calls
from tests.support.examples import examples

HERE = {"ann": ("127.0.0.1", 20_000), "ben": ("::1", 20_000)}
WHAT = (
    "answer", "answer", "answer", "end", "fail", "keyframe", "forbid", "unreached", "leave",
    "free", "cut", "again", "show", "drop the channel", "wait",
)  # fmt: skip
ORDER = {Closed: 3, ConnectionFailed: 2, StreamShown: 1, CallReady: 0}


@dataclass(frozen=True)
class Turn:
    what: str
    who: str
    turns: int


TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(WHAT),
        st.sampled_from(["ann", "ben"]),
        st.sampled_from([0, 0, 1, 2, 5, 20, 100]),
    ),
    max_size=12,
)


def media(who: str) -> tuple[MediumWanted, ...]:
    return (
        MediumWanted("audio", f"au-{who}", receives=True),
        MediumWanted("video", f"vi-{who}", receives=True, redirect=HERE[who]),
    )


async def ask(actor: Any, request: Any) -> None:
    with suppress(ActorError):
        await actor.ask(request, within=5)


async def do(calls: Calls, nursery: trio.Nursery, actors: dict[str, Any], turn: Turn) -> None:
    """Do one thing, without waiting for what comes of it."""
    actor, engine = actors[turn.who], calls.yard.engine
    assert isinstance(engine, FakeEngine)
    session = engine.sessions.get(f"mc-{turn.who}")
    match turn.what:
        case "answer":
            nursery.start_soon(ask, actor, AnswerCall(media(turn.who)))
        case "keyframe":
            nursery.start_soon(ask, actor, AskKeyframe(HERE[turn.who]))
        case "show":
            nursery.start_soon(ask, actor, ShowCall())
        case "fail" if session is not None:
            session.fail("the other side fell silent")
        case "drop the channel" if session is not None:
            for channel in list(session.channels):
                await session.close_channel(channel)
        case "free":
            socket = find_socket(calls.yard.system.registry, f"vi-{turn.who}")
            if socket is not None:
                nursery.start_soon(ask, socket, FreeSocket())
        case "cut":
            calls.lines[f"mc-{turn.who}"].cut = True
        case "wait":
            await trio.sleep(7)
    with suppress(ActorError):
        match turn.what:
            case "end":
                actor.tell(EndConnection())
            case "forbid":
                actor.tell(RedirectsChanged((ip_network("127.0.0.0/8"),)))
            case "unreached":
                actor.tell(OtherSideUnreached())
            case "leave":
                actor.tell(FromPeer("LEAVE", b""))
            case "again":
                for line in calls.lines.values():
                    for kind, payload in line.said:
                        actor.tell(FromPeer(kind, payload))
    for _ in range(turn.turns):
        await trio.lowlevel.checkpoint()


def check(events: list[Any]) -> None:
    """Check that what was shown of one call is in order, and its end the last of it."""
    kinds = [type(event) for event in events]
    assert [ORDER[kind] for kind in kinds] == sorted(ORDER[kind] for kind in kinds), events
    assert kinds.count(Closed) == 1
    assert kinds.count(CallReady) <= 1
    assert kinds.count(ConnectionFailed) <= 1
    assert len(set(events)) == len(events)
    if StreamShown in kinds:
        assert CallReady in kinds


@settings(max_examples=examples(200), deadline=None)
@given(TURNS, st.sampled_from([0.0, 0.001, 3.0]))
def test_a_call_ends_whole_whatever_happens_in_whatever_order(
    turns: list[Turn], wiring_seconds: float
) -> None:
    async def main() -> None:
        engine = FakeEngine()
        engine.wiring_seconds = wiring_seconds
        async with open_calls(engine, answer_seconds=20, connect_seconds=10) as calls:
            for id_ in ("au-ann", "vi-ann", "au-ben", "vi-ben"):
                await calls.yard.socket(id_)
            ann, ben = await calls.call(*media("ann"))
            async with trio.open_nursery() as nursery:
                for turn in turns:
                    await do(calls, nursery, {"ann": ann, "ben": ben}, turn)
            for call in (ann, ben):
                with suppress(ActorError):
                    call.tell(EndConnection())
            await trio.sleep(30)
            assert sorted(calls.shown.ends) == ["mc-ann", "mc-ben"]
            for id_ in calls.shown.ends:
                check(calls.shown.of(id_))
            assert engine.sessions == engine.attached == {}
            left = {id_ for id_ in engine.ports if calls.yard.has(id_)}
            assert set(engine.ports) == left  # sockets that were never used

    with logged() as lines:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    crashes = [line for line in lines if line["event"] == "actor.crashed"]
    assert crashes == [], crashes
