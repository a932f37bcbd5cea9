"""Calls out of a room: taken, not taken, given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trio.testing import MockClock

from actors.streams.services import CallPlan
from actors.words.calls import (
    CallEnd,
    CallRefused,
)
from actors.words.conference_refusals import (
    TargetUnsatisfying,
)
from actors.words.facts import PeerJoined
from actors.words.refusals import RoomFull
from actors.words.streams import (
    AudioWanted,
)
from media.contract.session import Direction
from tests.support.actors import settle
from tests.support.conference import pause
from tests.support.phones import (
    OFFER,
    PCMA,
    PCMU,
    PEER,
    SEEN,
    VP8_CODEC,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

HOLD = sections(sound_section(PCMU, direction=Direction.SEND))
WITH_PICTURE = sections(sound_section(PCMU), picture_section(VP8_CODEC))


async def test_a_call_out_is_answered_once_it_is_taken() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        ann.clear()
        dialling = await exchange.call()
        leg = exchange.telephone.leg
        assert exchange.telephone.dialled[0][0] == PEER
        assert leg.offer is not None
        (ours,) = leg.offer.sections
        assert ours.remote is not None
        leg.ring_there()
        await settle()
        assert dialling.waits
        assert ann.facts == []
        leg.pick_up(sections(sound_section(PCMA)))
        await settle()
        assert dialling.answer is not None
        stream = await exchange.stream("out")
        assert (dialling.answer.incoming, dialling.answer.stream) == (False, stream)
        assert stream.in_views == ("common",)
        assert [it.presence.peer for it in ann.told(PeerJoined)] == ["out"]
        port = exchange.ports("out")["audio"]
        assert port.facts.address == ours.remote.rtp
        assert port.wanted.receives is not None
        assert port.wanted.receives.codec == PCMA
        assert exchange.heard("out") is not None


async def test_a_call_out_with_a_picture() -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call(video=True, sees=SEEN)
        leg = exchange.telephone.leg
        assert leg.offer is not None
        assert [it.kind for it in leg.offer.sections] == ["audio", "video"]
        leg.pick_up(WITH_PICTURE)
        await settle()
        assert dialling.answer is not None
        assert dialling.answer.video is not None
        assert (await exchange.stream("out")).video is not None


@pytest.mark.parametrize("why", [CallEnd.BUSY, CallEnd.UNANSWERED, CallEnd.DECLINED])
async def test_a_call_out_that_is_not_taken_is_told_in_words(why: CallEnd) -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call()
        exchange.telephone.leg.end(why, "486 Busy Here")
        await settle()
        assert isinstance(dialling.refusal, CallRefused)
        assert dialling.refusal.why is why
        assert "486 Busy Here" in str(dialling.refusal)
        assert exchange.engine.ports == {}
        assert await exchange.members() == []


async def test_a_call_out_to_who_may_not_be_called_is_refused() -> None:
    async with open_exchange() as exchange:
        exchange.telephone.refuses = CallRefused(CallEnd.NOT_ALLOWED, "not that host")
        dialling = await exchange.call()
        assert isinstance(dialling.refusal, CallRefused)
        assert dialling.refusal.why is CallEnd.NOT_ALLOWED
        assert "not that host" in str(dialling.refusal)


async def test_a_call_out_that_has_no_codec_in_common_is_hung_up() -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call()
        leg = exchange.telephone.leg
        leg.pick_up(sections(sound_section(replace(PCMU, name="g729", payload_type=18))))
        await settle()
        assert leg.hung_up is CallEnd.NO_COMMON_CODEC
        assert isinstance(dialling.refusal, CallRefused)
        assert dialling.refusal.why is CallEnd.NO_COMMON_CODEC


async def test_who_asked_for_a_call_and_left_ends_it(autojump_clock: MockClock) -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call()
        dialling.scope.cancel()
        await pause(2)
        assert exchange.telephone.leg.hung_up is CallEnd.CANCELLED
        assert exchange.engine.ports == {}


async def test_who_left_before_the_address_was_known_calls_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_exchange() as exchange:
        exchange.telephone.dial_seconds = 10
        dialling = await exchange.call()
        dialling.scope.cancel()
        await pause(20)
        assert exchange.telephone.legs == []


@pytest.mark.parametrize("seconds", [0.0, 1e9])
async def test_a_call_out_that_nobody_answers_ends(
    seconds: float, autojump_clock: MockClock
) -> None:
    async with open_exchange(calls=CallPlan(ring_seconds=30)) as exchange:
        exchange.telephone.dial_seconds = seconds
        dialling = await exchange.call()
        await pause(60)
        assert isinstance(dialling.refusal, CallRefused)
        assert exchange.engine.ports == {}


async def test_a_call_out_that_comes_into_a_room_full_by_then_is_hung_up() -> None:
    async with open_exchange(spec={"capacity": 1}) as exchange:
        dialling = await exchange.call()
        await exchange.meeting.member("ann")
        leg = exchange.telephone.leg
        leg.pick_up(OFFER)
        await settle()
        assert isinstance(dialling.refusal, RoomFull)
        assert leg.hung_up is CallEnd.NO_CAPACITY


async def test_a_call_out_that_would_hear_what_is_not_there_is_refused() -> None:
    async with open_exchange() as exchange:
        dialling = await exchange.call(hears=AudioWanted("none"))
        assert isinstance(dialling.refusal, TargetUnsatisfying)
        assert exchange.telephone.legs == []
