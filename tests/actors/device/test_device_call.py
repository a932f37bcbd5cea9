"""Calls of devices on a fake engine: how they come about, what is told of them, how they end."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from actors.core import ActorStopped, Refused
from actors.device.events import Called, CallReady, Closed, ConnectionFailed, StreamShown
from actors.device.medium import MediumWanted
from actors.device.messages import (
    AskKeyframe,
    FromPeer,
    OtherSideUnreached,
    RedirectsChanged,
)
from actors.device.offers import MediaOffer, read_answer, read_offer
from actors.device.socket import DeviceSocket, FreeSocket, find_socket
from actors.words.device_refusals import (
    NotACall,
    NotRedirected,
    RedirectForbidden,
    SocketInUse,
    SocketUnknown,
)
from media.contract.plans import ChannelWanted
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.device_calls import open_calls
from tests.support.device_talks import (
    AUDIO,
    BEN_AUDIO,
    BEN_VIDEO,
    HERE,
    HERE_TOO,
    RTCP,
    SOCKETS,
    VIDEO,
    engine_of,
    sockets,
    talk,
)
from tests.support.saboteur import Saboteur


async def test_who_is_called_is_told_and_answers():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        ann, ben = await calls.call(AUDIO, VIDEO, metadata='{"who":"ann"}')
        await settle()
        assert calls.shown.of("pt-ben") == [Called("mc-ben")]
        assert calls.shown.of("pt-ann") == []
        assert calls.shown.of("mc-ann") == calls.shown.of("mc-ben") == []
        assert not (await calls.show(ben)).open
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert calls.shown.of("mc-ann") == [
            CallReady(),
            StreamShown("audio", "au-a"),
            StreamShown("video", "vi-a"),
        ]
        assert calls.shown.of("mc-ben") == [
            CallReady(),
            StreamShown("audio", "au-b"),
            StreamShown("video", "vi-b"),
        ]
        for call, remote in ((ann, "ben"), (ben, "ann")):
            shown = await calls.show(call)
            assert (shown.open, shown.remote, shown.metadata) == (True, remote, '{"who":"ann"}')


async def test_what_is_said_is_what_peerjs_says():
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        assert calls.lines["mc-ann"].kinds == ["OFFER"]
        assert calls.lines["mc-ben"].kinds == ["ANSWER"]
        offer = read_offer(calls.lines["mc-ann"].said[0][1])
        assert isinstance(offer, MediaOffer)
        assert offer.connection == "mc_wire"
        assert "m=application" in offer.sdp
        answer = read_answer(calls.lines["mc-ben"].said[0][1])
        assert answer is not None
        assert answer.connection == "mc_wire"
        [channel] = engine_of(calls).sessions["mc-ben"].channels.values()
        assert channel.wanted == ChannelWanted("undefined", ordered=False)


async def test_media_flows_from_sockets_to_redirects():
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        assert engine_of(calls).attached == {
            "mc-ann/out/0": "au-a/in",
            "mc-ann/out/1": "vi-a/in",
            "mc-ben/out/0": "au-b/in",
            "mc-ben/out/1": "vi-b/in",
            "mc-ann/video/out": "mc-ann/in/1",
            "mc-ben/video/out": "mc-ben/in/1",
        }


@pytest.mark.parametrize("who", ["mc-ann", "mc-ben"])
async def test_either_side_ends_the_call_on_both_and_all_is_free_before_it_is_told(who: str):
    async with open_calls(FakeEngine()) as calls:
        ann, ben = await talk(calls)
        engine = engine_of(calls)
        left: dict[str, list[str]] = {}
        calls.shown.at_end = lambda id: left.update(
            {id: [it for it in (*engine.ports, *engine.sessions) if it[-1] == id[3]]}
        )
        calls.end(ann if who == "mc-ann" else ben)
        await settle()
        assert [calls.shown.of(id)[-1] for id in ("mc-ann", "mc-ben")] == [Closed(), Closed()]
        assert sorted(calls.shown.ends) == ["mc-ann", "mc-ben"]
        assert left == {"mc-ann": [], "mc-ben": []}
        assert engine.ports == engine.sessions == engine.attached == {}
        with pytest.raises(ActorStopped):
            await calls.show(ann)


async def test_the_end_of_the_auxiliary_channel_ends_the_call():
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        session = engine_of(calls).sessions["mc-ann"]
        [channel] = session.channels
        await session.close_channel(channel)
        await settle()
        assert calls.shown.of("mc-ben")[-1] == Closed()
        assert not any(isinstance(it, ConnectionFailed) for it in calls.shown.of("mc-ben"))


async def test_other_channels_come_and_go():
    async with open_calls(FakeEngine()) as calls:
        await talk(calls)
        session = engine_of(calls).sessions["mc-ann"]
        channel = await session.open_channel(ChannelWanted("chat"))
        await session.send(channel, "hello")
        await session.close_channel(channel)
        await settle()
        assert calls.shown.ends == []


async def test_a_call_is_answered_once_and_only_by_who_is_called():
    async with open_calls(FakeEngine()) as calls:
        ann, ben = await talk(calls)
        for call in (ann, ben):
            with pytest.raises(NotACall):
                await calls.answer(call, AUDIO)
        assert calls.shown.ends == []


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (replace(BEN_VIDEO, socket="vi-x"), SocketUnknown),
        (replace(BEN_VIDEO, redirect=("192.0.2.1", 9)), RedirectForbidden),
        (replace(BEN_VIDEO, socket="vi-a", codecs=("h264",)), SocketInUse),
    ],
)
async def test_an_answer_that_is_refused_can_be_given_again(
    wrong: MediumWanted, refusal: type[Refused]
):
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        with pytest.raises(refusal):
            await calls.answer(ben, BEN_AUDIO, wrong)
        assert calls.lines["mc-ben"].said == []
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert CallReady() in calls.shown.of("mc-ben")


async def test_an_answer_with_a_socket_that_was_freed_is_refused():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        socket = find_socket(calls.yard.system.registry, "vi-b")
        assert socket is not None
        await socket.ask(FreeSocket(), within=5)
        with pytest.raises(SocketUnknown, match=r"^video\.socket$"):
            await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)


async def test_a_call_of_ours_that_is_refused_has_never_been():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls, "au-a")
        with pytest.raises(SocketUnknown, match=r"^video\.socket$"):
            await calls.outgoing(AUDIO, VIDEO)
        await settle()
        assert calls.shown == type(calls.shown)()
        assert calls.lines["mc-ann"].said == []
        assert calls.yard.has("au-a")
        assert engine_of(calls).sessions == {}


async def test_a_medium_that_is_not_offered_is_left_out():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO)
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert calls.shown.of("mc-ben") == [CallReady(), StreamShown("audio", "au-b")]
        assert "mc-ben/video" not in engine_of(calls).ports
        calls.end(ben)
        await settle()
        assert not calls.yard.has("vi-b")


@pytest.mark.parametrize(
    ("ann_wants", "ben_wants", "ann_shown", "ben_shown"),
    [
        # one way: a camera
        (
            MediumWanted("video", receives=True, redirect=HERE),
            MediumWanted("video", "vi-b"),
            [StreamShown("video", "")],
            [StreamShown("video", "vi-b")],
        ),
        # both want to send, neither to take
        (MediumWanted("video", "vi-a"), MediumWanted("video", "vi-b"), [], []),
        # nothing at all
        (MediumWanted("video"), MediumWanted("video"), [], []),
    ],
)
async def test_each_direction_is_for_itself(
    ann_wants: MediumWanted, ben_wants: MediumWanted, ann_shown: list[Any], ben_shown: list[Any]
):
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(ann_wants)
        await calls.answer(ben, ben_wants)
        await settle()
        assert calls.shown.of("mc-ann") == [CallReady(), *ann_shown]
        assert calls.shown.of("mc-ben") == [CallReady(), *ben_shown]
        assert (await calls.show(ben)).open


async def test_keyframes_are_asked_for_by_the_address_of_a_redirect():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        ann, ben = await calls.call(replace(AUDIO, redirect=RTCP), VIDEO)
        with pytest.raises(NotRedirected):
            await ann.ask(AskKeyframe(HERE), within=5)
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        engine = engine_of(calls)
        await ann.ask(AskKeyframe(HERE), within=5)
        assert engine.keyframes_requested == ["mc-ann/in/1"]
        await ann.ask(AskKeyframe(engine.ports["vi-a"].facts.address), within=5)
        assert engine.keyframes_requested == ["mc-ann/in/1"] * 2
        await ann.ask(AskKeyframe(RTCP), within=5)  # sound needs none
        assert len(engine.keyframes_requested) == 2
        for nowhere in (("127.0.0.1", 9), ("example.com", 20_000), ("", 0)):
            with pytest.raises(NotRedirected):
                await ann.ask(AskKeyframe(nowhere), within=5)


async def test_keyframes_are_asked_for_where_no_video_is_sent():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(VIDEO)
        await calls.answer(ben, MediumWanted("video", receives=True, redirect=HERE_TOO))
        await settle()
        await ben.ask(AskKeyframe(HERE_TOO), within=5)
        assert engine_of(calls).keyframes_requested == ["mc-ben/in/0"]


async def test_a_redirect_that_is_forbidden_later_ends_and_the_call_goes_on():
    async with open_calls(FakeEngine()) as calls:
        ann, _ = await talk(calls)
        ann.tell(RedirectsChanged((ip_network("192.0.2.0/24"),)))
        await settle()
        assert set(engine_of(calls).ports) == {*SOCKETS, "mc-ben/video"}
        assert calls.shown.ends == []
        with pytest.raises(NotRedirected):
            await ann.ask(AskKeyframe(HERE), within=5)


async def test_a_socket_that_ends_by_itself_leaves_the_call(monkeypatch: pytest.MonkeyPatch):
    saboteur = Saboteur(monkeypatch, DeviceSocket, "/devices/vi-a")
    async with open_calls(FakeEngine()) as calls:
        ann, _ = await talk(calls)
        with logged():
            saboteur.crash("handle")
            socket = find_socket(calls.yard.system.registry, "vi-a")
            assert socket is not None
            socket.tell(FreeSocket())
            await settle()
        assert not calls.yard.has("vi-a")
        assert calls.shown.ends == []
        ann.tell(RedirectsChanged(()))
        await settle()
        assert (await calls.show(ann)).open
        calls.end(ann)
        await settle()
        assert engine_of(calls).ports == {}


async def test_two_calls_send_from_one_socket_to_two_others_and_redirect_to_one_address():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        _, bob = await calls.call(AUDIO, VIDEO, to="mc-bob", id="mc-amy")
        await calls.answer(bob, BEN_AUDIO, BEN_VIDEO)
        await settle()
        attached = engine_of(calls).attached
        assert attached["mc-ann/out/1"] == attached["mc-amy/out/1"] == "vi-a/in"
        assert attached["mc-ben/out/1"] == attached["mc-bob/out/1"] == "vi-b/in"
        calls.end(ben)
        await settle()
        assert set(calls.shown.ends) == {"mc-ann", "mc-ben"}
        assert engine_of(calls).attached["mc-amy/out/1"] == "vi-a/in"
        assert all(map(calls.yard.has, SOCKETS))
        calls.end(bob)
        await settle()
        assert engine_of(calls).ports == {}


async def test_early_candidates_wait_for_the_answer_within_bounds():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        _, ben = await calls.call(AUDIO, VIDEO)
        for number in range(100):
            line = f"candidate:1 1 udp 2130706431 192.0.2.1 {40_000 + number} typ host"
            payload = '{"candidate":{"candidate":"%s"},"connectionId":"mc_wire"}' % line  # noqa: UP031
            ben.tell(FromPeer("CANDIDATE", payload.encode()))
        await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
        await settle()
        assert len(engine_of(calls).sessions["mc-ben"].candidates) == 64
        assert CallReady() in calls.shown.of("mc-ben")


async def test_what_comes_again_or_out_of_turn_changes_nothing():
    async with open_calls(FakeEngine()) as calls:
        ann, ben = await talk(calls)
        [(_, offer)], [(_, answer)] = (calls.lines[id].said for id in ("mc-ann", "mc-ben"))
        before = list(calls.shown.events)
        for call in (ann, ben):
            for kind, payload in (("OFFER", offer), ("ANSWER", answer), ("LEAVE", b"")):
                call.tell(FromPeer(kind, payload))
            call.tell(OtherSideUnreached())
        await settle()
        assert calls.shown.events == before


async def test_a_call_may_be_answered_with_nothing():
    async with open_calls(FakeEngine()) as calls:
        await sockets(calls)
        ann, ben = await calls.call(AUDIO, VIDEO)
        await calls.answer(ben)
        await settle()
        assert calls.shown.of("mc-ben") == calls.shown.of("mc-ann") == [CallReady()]
        assert (await calls.show(ann)).open
        assert engine_of(calls).attached == {}
