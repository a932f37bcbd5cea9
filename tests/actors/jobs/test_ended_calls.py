"""How calls end, from either side: nothing of them is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from actors.words.calls import (
    CallEnd,
    CallRefused,
    CallUnknown,
    EndCall,
)
from actors.words.facts import PeerLeft, StreamRemoved
from actors.words.orders import (
    CloseRoom,
    DropParticipant,
    EndStream,
)
from media.contract.session import Direction
from tests.actors.core.puppet import logged
from tests.fakes.telephone import FakeLeg
from tests.support.actors import settle
from tests.support.phones import (
    PCMU,
    VP8_CODEC,
    Exchange,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

HOLD = sections(sound_section(PCMU, direction=Direction.SEND))
WITH_PICTURE = sections(sound_section(PCMU), picture_section(VP8_CODEC))


async def hang_up(exchange: Exchange, leg: FakeLeg) -> None:
    leg.end()


async def end_call(exchange: Exchange, leg: FakeLeg) -> None:
    await exchange.meeting.manage(EndCall("phone"))
    assert exchange.engine.ports == {}  # nothing is left of it by then


async def drop(exchange: Exchange, leg: FakeLeg) -> None:
    await exchange.meeting.manage(DropParticipant("phone"))


async def remove_stream(exchange: Exchange, leg: FakeLeg) -> None:
    await exchange.meeting.manage(EndStream((await exchange.stream("phone")).id))


End = Callable[[Exchange, FakeLeg], Awaitable[None]]


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (hang_up, CallEnd.HUNG_UP),
        (end_call, CallEnd.HUNG_UP),
        (drop, CallEnd.DROPPED),
        (remove_stream, CallEnd.DROPPED),
    ],
)
async def test_a_call_that_ends_leaves_nothing(end: End, why: CallEnd) -> None:
    with logged() as lines:
        async with open_exchange() as exchange:
            ann = await exchange.meeting.member("ann")
            leg = await exchange.talk("phone", video=True)
            stream = await exchange.stream("phone")
            ann.clear()
            await end(exchange, leg)
            await settle()
            assert leg.ended is not None
            assert leg.ended.why is why
            assert exchange.engine.ports == {}
            assert await exchange.members() == ["ann"]
            told = ann.told(PeerLeft, StreamRemoved)
            assert len(told) == 2
            assert set(told) == {PeerLeft("phone", gone=True), StreamRemoved(stream.id)}
            assert await exchange.views() == ()
            with pytest.raises(CallUnknown):
                await exchange.meeting.manage(EndCall("phone"))
    (ended,) = [it for it in lines if it["event"] == "call.ended"]
    assert ended["reason"] == why.value


async def test_a_call_that_is_cancelled_before_it_is_answered_is_over() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.ring("phone", None)
        leg.end(CallEnd.CANCELLED)
        await settle()
        assert exchange.engine.ports == {}
        assert await exchange.members() == []


async def test_calls_end_with_the_room() -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call()
        legs = [await exchange.talk(name) for name in ("one", "two")]
        await exchange.meeting.manage(CloseRoom())
        assert [it.ended and it.ended.why for it in legs] == [CallEnd.ROOM_ENDED] * 2
        assert exchange.engine.ports == {}
        assert isinstance(dialling.refusal, CallRefused)
