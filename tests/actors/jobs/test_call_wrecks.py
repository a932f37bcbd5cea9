"""Calls that crash, lose their room, their process or their media: others live on."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorError
from actors.jobs.call import Call
from actors.words.calls import CallEnd, CallRefused, EndCall, LegEnded, LegOffered
from actors.words.facts import PeerLeft
from actors.words.orders import DropParticipant, Placed, Say
from media.contract.errors import MediaTimeout
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import PortFacts, PortSink, PortWanted
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.fakes.telephone import FakeLeg
from tests.support.actors import poison, settle
from tests.support.conference import pause
from tests.support.mixes import the_mix
from tests.support.phones import (
    OFFER,
    OPUS_CODEC,
    PCMA,
    VP8_CODEC,
    Exchange,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)


class Boom(Exception):
    pass


def crashing(method: str, monkeypatch: pytest.MonkeyPatch, call: str = "phone") -> None:
    """Have a method of one call raise, once it is called next."""
    real = getattr(Call, method)

    async def crash(self: Call, *arguments: Any) -> Any:
        if self._plan.id == call:
            raise Boom
        return await real(self, *arguments)

    monkeypatch.setattr(Call, method, crash)


async def two_talk(exchange: Exchange) -> tuple[FakeLeg, FakeLeg]:
    return await exchange.talk("phone"), await exchange.talk("other", OPUS_CODEC)


async def check_other_talks(exchange: Exchange, other: FakeLeg) -> None:
    assert not other.over
    assert [it.id for it in await exchange.views()] == ["other"]
    assert await exchange.members() == ["other"]
    assert exchange.heard("other") is not None
    assert exchange.ports("phone") == {}


async def test_a_call_that_crashes_is_hung_up_and_others_live_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_exchange() as exchange:
        phone, other = await two_talk(exchange)
        crashing("handle", monkeypatch)
        phone.tell(LegOffered(OFFER))
        await settle()
        assert phone.hung_up is CallEnd.FAILED
        await check_other_talks(exchange, other)
        monkeypatch.undo()
        await exchange.talk("phone")


@pytest.mark.parametrize("phase", ["setup", "_begin"])
async def test_a_call_that_crashes_as_it_begins_leaves_nobody_ringing(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: set[str] = set()
    async with open_exchange(calls_open=opened) as exchange:
        other = await exchange.talk("other", OPUS_CODEC)
        crashing(phase, monkeypatch)
        phone = await exchange.ring("phone")
        await settle()
        assert phone.over
        await check_other_talks(exchange, other)
        assert len(opened) == 1


@pytest.mark.parametrize("phase", ["setup", "_begin"])
async def test_who_asks_for_a_call_that_crashes_is_told(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_exchange() as exchange:
        crashing(phase, monkeypatch, "out")
        dialling = await exchange.call()
        assert isinstance(dialling.refusal, CallRefused)
        assert dialling.refusal.why is CallEnd.FAILED


async def test_a_teardown_that_crashes_leaves_nobody_on_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def boom(self: FakeLeg, why: CallEnd = CallEnd.HUNG_UP) -> None:
        raise Boom

    opened: set[str] = set()
    async with open_exchange(calls_open=opened) as exchange:
        phone = await exchange.talk("phone")
        with monkeypatch.context() as patch:
            patch.setattr(FakeEngine, "close_port", boom)
            phone.end()
            await settle()
        assert opened == set()
        assert await exchange.members() == []
        for id_ in list(exchange.engine.ports):
            await exchange.engine.close_port(id_)


async def test_a_room_that_crashes_hangs_up_on_all_and_takes_calls_again() -> None:
    opened: set[str] = set()
    async with open_exchange(calls_open=opened) as exchange:
        ann = await exchange.meeting.member("ann")
        dialling = await exchange.call()
        legs = await two_talk(exchange)
        ann.clear()
        exchange.meeting.room.tell(poison())
        await settle()
        assert all(leg.over for leg in (*legs, exchange.telephone.leg))
        assert exchange.engine.ports == {}
        assert isinstance(dialling.refusal, ActorError)
        assert await exchange.members() == ["ann"]
        assert {it.peer for it in ann.told(PeerLeft)} == {"phone", "other"}
        assert opened == set()
        await exchange.talk("phone")
        assert await exchange.members() == ["ann", "phone"]


async def test_a_mix_that_ends_for_good_ends_its_calls(autojump_clock: MockClock) -> None:
    async with open_exchange() as exchange:
        phone = await exchange.talk("phone", OPUS_CODEC)
        for _ in range(4):
            exchange.engine.end_job(the_mix(exchange.engine)[0], "killed")
            await settle()
        assert phone.hung_up is CallEnd.MEDIA_LOST
        assert await exchange.members() == []


async def test_a_mix_that_is_started_again_is_heard_again() -> None:
    async with open_exchange() as exchange:
        await exchange.talk("phone", OPUS_CODEC)
        before = exchange.meeting.sinks()
        exchange.engine.end_job(the_mix(exchange.engine)[0], "killed")
        await settle()
        assert exchange.meeting.sinks() == before


@pytest.mark.parametrize("why", [PathTrouble.BUG, None])
async def test_a_call_whose_sound_may_be_anybody_elses_ends(
    why: PathTrouble | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FakeEngine.wire

    async def fail(self: FakeEngine, paths: list[MediaPath]) -> tuple[PathFailure, ...]:
        mine = [it for it in paths if it.sink.startswith("call:")]
        if not mine:
            return await real(self, paths)
        if why is None:
            raise MediaTimeout
        return tuple(PathFailure(it.sink, why) for it in mine)

    async with open_exchange() as exchange:
        monkeypatch.setattr(FakeEngine, "wire", fail)
        phone = await exchange.ring("phone")
        await settle()
        assert phone.hung_up is CallEnd.MEDIA_LOST


async def test_a_picture_without_a_port_is_rejected_and_the_call_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = FakeEngine.open_port

    async def full(
        self: FakeEngine, id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        if id.endswith("video"):
            raise MediaTimeout
        return await real(self, id, wanted, events)

    async with open_exchange() as exchange:
        monkeypatch.setattr(FakeEngine, "open_port", full)
        phone = await exchange.talk("phone", video=True)
        assert [len(it.codecs) for it in phone.answers[0].sections] == [1, 0]
        assert (await exchange.stream("phone")).video is None


async def test_a_call_that_is_over_while_its_port_opens_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    real = FakeEngine.open_port

    async def slow(
        self: FakeEngine, id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        await trio.sleep(3)
        return await real(self, id, wanted, events)

    async with open_exchange() as exchange:
        monkeypatch.setattr(FakeEngine, "open_port", slow)
        phone = await exchange.ring("phone")
        await pause(1)
        phone.end(CallEnd.CANCELLED)
        await pause(5)
        assert phone.answers == []
        assert await exchange.members() == []
        assert exchange.engine.ports == {}


async def test_a_call_that_is_ended_amid_an_offer_ends_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, gate = FakeEngine.open_port, trio.Event()

    async def slow(
        self: FakeEngine, id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        await gate.wait()
        return await real(self, id, wanted, events)

    with logged() as lines:
        async with open_exchange() as exchange, trio.open_nursery() as nursery:
            phone = await exchange.talk("phone")
            monkeypatch.setattr(FakeEngine, "open_port", slow)
            phone.tell(LegOffered(sections(sound_section(PCMA), picture_section(VP8_CODEC))))
            await settle()
            nursery.start_soon(exchange.meeting.manage, EndCall("phone"))
            await settle()
            gate.set()
            await settle()
            assert phone.hung_up is CallEnd.HUNG_UP
            assert exchange.engine.ports == {}
    assert "actor.crashed" not in [it["event"] for it in lines]


async def test_a_call_that_is_ending_may_want_paths_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Call.teardown

    async def teardown(self: Call, reason: str) -> None:
        self._wire()
        await real(self, reason)

    with logged() as lines:
        async with open_exchange() as exchange:
            monkeypatch.setattr(Call, "teardown", teardown)
            phone = await exchange.talk("phone")
            phone.end()
            await settle()
            assert exchange.engine.ports == {}
    assert "actor.crashed" not in [it["event"] for it in lines]


async def test_who_floods_a_call_with_offers_ends_that_call_alone() -> None:
    async with open_exchange() as exchange:
        phone, other = await two_talk(exchange)
        for _ in range(300):
            phone.tell(LegOffered(OFFER))
        await settle()
        await settle()
        assert phone.over
        await check_other_talks(exchange, other)


async def test_a_room_that_talks_a_lot_fills_the_mailbox_of_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, gate = FakeEngine.open_port, trio.Event()

    async def slow(
        self: FakeEngine, id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        await gate.wait()
        return await real(self, id, wanted, events)

    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        monkeypatch.setattr(FakeEngine, "open_port", slow)
        phone = await exchange.ring("phone")
        for number in range(600):
            to = "phone" if number % 2 else None
            exchange.meeting.room.tell(Placed(ann.id, "", Say("hello", to)))
            if number % 100 == 0:
                await settle()
        await settle()
        phone.tell(LegOffered(OFFER))
        gate.set()
        await settle()
        assert not phone.over
        assert len(phone.answers) == 2
        await exchange.meeting.manage(DropParticipant("phone"))
        await settle()
        assert phone.hung_up is CallEnd.DROPPED


async def test_an_end_that_crosses_an_offer_is_the_last() -> None:
    async with open_exchange() as exchange:
        phone = await exchange.talk("phone")
        offer = sections(sound_section(PCMA), picture_section(VP8_CODEC))
        phone.tell(LegOffered(offer))
        phone.tell(LegEnded(CallEnd.HUNG_UP))
        await settle()
        assert exchange.engine.ports == {}
        assert await exchange.members() == []


async def test_no_secret_of_a_call_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    with logged() as lines:
        async with open_exchange() as exchange:
            await exchange.call()
            exchange.telephone.leg.end(CallEnd.BUSY)
            phone = await exchange.talk("phone")
            crashing("handle", monkeypatch)
            phone.tell(LegOffered(OFFER))
            await settle()
    text = str(lines)
    assert "pbx.example" in text
    assert "30123456" not in text
    assert "4000" not in text  # of a description
