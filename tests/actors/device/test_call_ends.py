"""Whatever can end a call, and that nothing of it is left then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio

from actors.core import ActorStopped
from actors.device.call import MediaCall
from actors.device.events import CallReady, Closed, ConnectionFailed
from actors.device.messages import (
    FromPeer,
    OtherSideUnreached,
)
from actors.device.offers import MediaOffer, read_offer
from media.contract.errors import MediaTimeout, NoFreePort
from media.contract.session import Direction, Failure, SessionWanted, TrackWanted
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.device_calls import open_calls
from tests.support.device_talks import (
    AUDIO,
    BEN_AUDIO,
    BEN_VIDEO,
    VIDEO,
    engine_of,
    said_answer,
    sockets,
    talk,
)
from tests.support.saboteur import Boom, Saboteur


async def test_a_call_that_nobody_answers_ends(autojump_clock):
    async with open_calls(FakeEngine(), answer_seconds=30) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        await calls.ended("mc-ben", seconds=31)
        first, last = calls.shown.of("mc-ben")
        assert isinstance(first, ConnectionFailed)
        assert last == Closed()
        with pytest.raises(ActorStopped):
            await calls.answer(ben, BEN_AUDIO)


async def test_a_call_that_is_answered_in_time_goes_on(autojump_clock):
    async with open_calls(FakeEngine(), answer_seconds=30, connect_seconds=20) as calls:
        await talk(calls)
        await trio.sleep(120)
        assert calls.shown.ends == []


async def test_an_answer_without_a_way_ends_the_call(autojump_clock):
    async with open_calls(FakeEngine(), connect_seconds=20) as calls:
        await sockets(calls)
        ann, _ = await calls.call(AUDIO, VIDEO)
        other = await engine_of(calls).open_session(
            "elsewhere", SessionWanted((TrackWanted("audio", Direction.BOTH),)), lambda event: None
        )
        offer = read_offer(calls.lines["mc-ann"].said[0][1])
        assert isinstance(offer, MediaOffer)
        sdp = (await other.accept_offer(offer.sdp)).sdp
        other.secret = "nobody"
        ann.tell(FromPeer("ANSWER", said_answer(sdp.replace("a=ice-pwd:", "a=ice-pwd:x"))))
        await calls.ended("mc-ann", seconds=21)
        ready, failed, last = calls.shown.of("mc-ann")
        assert (ready, last) == (CallReady(), Closed())
        assert isinstance(failed, ConnectionFailed)


async def test_nobody_there_ends_a_call_of_ours():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        ann = await calls.outgoing(AUDIO, VIDEO)
        await settle()
        ann.tell(OtherSideUnreached())
        await settle()
        failed, last = calls.shown.of("mc-ann")
        assert isinstance(failed, ConnectionFailed)
        assert last == Closed()
        assert engine_of(calls).sessions == {}
        assert not calls.yard.has("vi-a")


async def test_a_line_that_is_cut_ends_a_call():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        calls.lines["mc-ben"].cut = True
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        failed, last = calls.shown.of("mc-ben")
        assert isinstance(failed, ConnectionFailed)
        assert last == Closed()


async def test_a_session_that_fails_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        engine_of(calls).sessions["mc-ben"].fail("the other side fell silent", Failure.SILENCE)
        await settle()
        *_, failed, last = calls.shown.of("mc-ben")
        assert failed == ConnectionFailed("the connection failed: silence")
        assert last == Closed()


@pytest.mark.parametrize("sdp", ["", "v=0", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF x\r\n"])
async def test_an_offer_that_makes_no_sense_ends_the_call_when_it_is_answered(sdp: str):
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls, "au-b", "vi-b")
        ben = await calls.incoming(MediaOffer(sdp, "mc_wire"))
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        failed, last = calls.shown.of("mc-ben")
        assert failed == ConnectionFailed("what the other side offers cannot be understood")
        assert last == Closed()
        assert calls.lines["mc-ben"].said == []
        assert not calls.yard.has("vi-b")


async def test_an_answer_that_makes_no_sense_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        ann, _ = await calls.call(AUDIO, VIDEO)
        ann.tell(FromPeer("ANSWER", b"junk"))
        ann.tell(FromPeer("ANSWER", b'{"sdp":{"sdp":""}}'))
        await settle()
        assert calls.shown.ends == []
        ann.tell(FromPeer("ANSWER", said_answer("v=0")))
        await settle()
        assert isinstance(calls.shown.of("mc-ann")[0], ConnectionFailed)
        assert calls.shown.ends == ["mc-ann"]


async def test_no_codec_in_common_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(replace(VIDEO, codecs=("vp8",)))
        await calls.answer(ben, replace(BEN_VIDEO, codecs=("h264",)))
        await settle()
        assert calls.shown.of("mc-ben")[0] == ConnectionFailed("no codec that both sides know")


async def test_a_port_that_cannot_be_opened_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        engine = engine_of(calls)

        async def full(port_id: str, wanted: Any) -> Any:
            raise NoFreePort("none")

        engine.open_port = full  # type: ignore[method-assign]
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        failed, last = calls.shown.of("mc-ben")
        assert isinstance(failed, ConnectionFailed)
        assert last == Closed()
        assert calls.lines["mc-ben"].said == []


async def test_a_media_layer_that_takes_too_long_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)

        async def stuck(*_: Any) -> Any:
            raise MediaTimeout("no result")

        engine_of(calls).wire = stuck  # type: ignore[method-assign]
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert calls.shown.of("mc-ben")[0] == ConnectionFailed("the media layer took too long")
        assert [port for port in engine_of(calls).ports if port.startswith("mc-ben")] == []


async def test_a_crash_ends_the_call_and_nobody_else(monkeypatch: pytest.MonkeyPatch):
    saboteur = Saboteur(monkeypatch, MediaCall, "/devices/mc-ben")
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        with logged():
            saboteur.crash("handle")
            calls.shown.actors["mc-ben"].tell(OtherSideUnreached())
            await settle()
        assert [calls.shown.of(id)[-1] for id in ("mc-ann", "mc-ben")] == [Closed(), Closed()]
        assert sorted(calls.shown.ends) == ["mc-ann", "mc-ben"]
        engine = engine_of(calls)
        assert engine.sessions == engine.ports == {}


async def test_a_port_that_does_not_close_leaves_no_session():
    async with open_calls(FakeEngine()) as calls:
        _, ben = await talk(calls)
        engine = engine_of(calls)
        close_port = engine.close_port

        async def broken(port_id: str) -> None:
            if port_id == "mc-ben/video":
                raise Boom("a secret")
            await close_port(port_id)

        engine.close_port = broken  # type: ignore[method-assign]
        with logged():
            calls.end(ben)
            await settle()
        assert engine.sessions == {}
        assert sorted(calls.shown.ends) == ["mc-ann", "mc-ben"]
        assert set(engine.ports) == {"mc-ben/video"}


async def test_cycles_leave_nothing():
    async with open_calls(FakeEngine()) as calls:
        engine = engine_of(calls)
        tree = calls.yard.system.registry
        for _ in range(300):
            ann, ben = await talk(calls)
            calls.end(ann)
            await settle()
            assert not ben.alive
            calls.shown.events.clear()
            calls.shown.ends.clear()
        assert engine.sessions == engine.ports == engine.attached == {}
        assert tree.count_children("/devices") == 0


async def test_who_asked_for_an_answer_may_be_gone_by_then():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        with trio.move_on_after(0):
            await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert CallReady() in calls.shown.of("mc-ben")


async def test_a_step_that_hangs_holds_up_no_end(autojump_clock):
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)

        async def hang(paths: Any) -> Any:
            await trio.sleep(10)  # as long as the media layer takes at most
            raise MediaTimeout("no result")

        engine_of(calls).wire = hang  # type: ignore[method-assign]
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        calls.end(ben)
        await calls.ended("mc-ben", seconds=15)
        assert "vi-b" not in engine_of(calls).ports


async def test_a_parent_that_ends_takes_its_calls_along():
    async with open_calls(FakeEngine()) as calls:
        engine = engine_of(calls)
        await talk(calls)
    assert sorted(calls.shown.ends) == ["mc-ann", "mc-ben"]
    assert engine.sessions == engine.ports == {}
