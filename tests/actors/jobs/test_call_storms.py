"""Calls, and what may happen to them and to their room, in any order: nothing is left over."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from actors.core import ActorError
from actors.words.calls import (
    CallEnd,
    ChangeCall,
    EndCall,
    LegConfirmed,
    LegEnded,
    LegKeyframe,
    LegOffered,
)
from actors.words.orders import (
    ChangeStream,
    ChangeViews,
    DropParticipant,
    EndStream,
    GetStreams,
    SetPermissions,
)
from actors.words.permission import PermissionChange
from actors.words.streams import AudioFormat, SourceChange, StatusChange, Stream
from actors.words.views import ViewRules
from media.contract.session import Direction
from tests.actors.core.puppet import logged
from tests.support.actors import poison, settle
from tests.support.mixes import MIXED, VIEW
from tests.support.phones import (
    OFFER,
    OPUS_CODEC,
    PCMA,
    PCMU,
    SEEN,
    VP8_CODEC,
    Exchange,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

SEEDS, STEPS = 10, 40
POISONED = "'NoneType' object has no attribute 'peer'"  # the crash that is made
VIEWS: tuple[tuple[ViewRules, ...], ...] = (
    (VIEW,),
    (),
    (replace(VIEW, video=None),),
    (replace(VIEW, audio=AudioFormat("pcmu", 8000, 1)),),
    (VIEW, replace(VIEW, label="other", id="room-other")),
    (replace(VIEW, label="other", id="room-other"),),
)
OFFERS = (
    OFFER,
    None,
    sections(sound_section(PCMU, direction=Direction.SEND)),
    sections(sound_section(PCMA), picture_section(VP8_CODEC)),
    sections(sound_section(OPUS_CODEC), picture_section(VP8_CODEC, direction=Direction.SEND)),
    sections(picture_section(VP8_CODEC)),
)
KINDS = ("audio", "video")


class Storm:
    def __init__(self, exchange: Exchange, chance: random.Random) -> None:
        self.exchange = exchange
        self.chance = chance
        self.number = 0

    def name(self) -> str:
        self.number += 1
        return f"phone{self.number}"

    def offer(self) -> object:
        return self.chance.choice(OFFERS)

    async def some_call(self) -> str:
        return self.chance.choice([f"phone{it}" for it in range(1, self.number + 1)] or ["none"])

    async def step(self) -> None:
        does: list[Callable[[], Awaitable[object]]] = [
            self.ring, self.ring, self.dial, self.pick_up, self.offered, self.offered, self.end,
            self.manage, self.manage, self.stream, self.views, self.job, self.give_up, self.wake,
            self.crash,
        ]  # fmt: skip
        with suppress(ActorError):
            await self.chance.choice(does)()
        if self.chance.random() < 0.7:
            await settle()

    async def ring(self) -> None:
        await self.exchange.ring(self.name(), self.chance.choice(OFFERS))

    async def dial(self) -> None:
        video = self.chance.random() < 0.5
        self.dialling = await self.exchange.call(
            self.name(), video=video, sees=SEEN if video else None
        )

    async def pick_up(self) -> None:
        for leg in self.exchange.telephone.legs:
            if not leg.taken:
                leg.pick_up(self.chance.choice(OFFERS) or OFFER)

    async def give_up(self) -> None:
        if self.number and hasattr(self, "dialling"):
            self.dialling.scope.cancel()

    async def offered(self) -> None:
        if self.exchange.legs:
            leg = self.chance.choice(self.exchange.legs)
            event = self.chance.choice(
                [
                    LegOffered(self.chance.choice(OFFERS)),
                    LegConfirmed(self.chance.choice(OFFERS)),
                    LegKeyframe(),
                    LegOffered(self.chance.choice(OFFERS)),
                ]
            )
            leg.tell(event)

    async def end(self) -> None:
        if self.exchange.legs:
            self.chance.choice(self.exchange.legs).tell(LegEnded(CallEnd.HUNG_UP))

    async def manage(self) -> None:
        call, chance = await self.some_call(), self.chance
        streams = await self.exchange.meeting.manage(GetStreams())
        source = chance.choice([it.id for it in streams] or ["none"])
        request = chance.choice(
            [
                EndCall(call),
                DropParticipant(call),
                ChangeCall(call, (SourceChange(chance.choice(KINDS), source),)),
                ChangeCall(call, (StatusChange(chance.choice(KINDS), chance.random() < 0.5),)),
                SetPermissions(
                    call,
                    (
                        PermissionChange(
                            chance.choice(["publish", "subscribe"]),
                            chance.choice(KINDS),
                            chance.random() < 0.5,
                        ),
                    ),
                ),
            ]
        )
        await self.exchange.meeting.manage(request)

    async def stream(self) -> None:
        streams = await self.exchange.meeting.manage(GetStreams())
        mine = [it.id for it in streams if isinstance(it, Stream)]
        if mine:
            id_ = self.chance.choice(mine)
            change = StatusChange(self.chance.choice(KINDS), self.chance.random() < 0.5)
            await self.exchange.meeting.manage(
                self.chance.choice([EndStream(id_), ChangeStream(id_, (change,))])
            )

    async def views(self) -> None:
        views = self.chance.choice(VIEWS)
        await self.exchange.meeting.manage(ChangeViews(tuple(it.label for it in views), views))

    async def job(self) -> None:
        jobs = list(self.exchange.engine.jobs.jobs)
        if jobs:
            self.exchange.engine.end_job(self.chance.choice(jobs), "killed")

    async def wake(self) -> None:
        await settle()

    async def crash(self) -> None:
        if self.chance.random() < 0.1:
            self.exchange.meeting.room.tell(poison())


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_calls_in_any_order_leave_nothing(seed: int) -> None:
    opened: set[str] = set()
    with logged() as lines:
        async with open_exchange(MIXED, calls_open=opened) as exchange:
            ann = await exchange.meeting.member("ann")
            await ann.publish("audio", "video")
            storm = Storm(exchange, random.Random(seed))
            for _ in range(STEPS):
                await storm.step()
            await settle()
            with suppress(ActorError):
                going = {it.id for it in await exchange.views()}
                assert {it for it in await exchange.members() if it != "ann"} >= going
            for leg in exchange.legs:
                leg.end()
            await settle()
            assert await exchange.views() == ()
            assert await exchange.members() == ["ann"]
            assert exchange.engine.ports == {}
            assert opened == set()
    crashes = [str(it) for it in lines if "crash" in str(it["event"])]
    unwanted = [it for it in crashes if POISONED not in it]
    assert unwanted == []
