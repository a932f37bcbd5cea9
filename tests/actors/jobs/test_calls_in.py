"""Calls into a room: who rings, what is agreed on, who hears what, and who is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from trio.testing import MockClock

from actors.core import ActorError
from actors.jobs.mix import input_of
from actors.streams.services import CallPlan
from actors.words.calls import (
    CallEnd,
    CallRefused,
)
from actors.words.conference_refusals import (
    AudioForbidden,
    NotAllowed,
    TooManyStreams,
)
from actors.words.facts import PeerJoined, PeerLeft, StreamAdded
from actors.words.media_refusals import NoCapacity
from actors.words.permission import Abilities, Permission
from actors.words.refusals import RoomFull
from actors.words.rooms import ConferenceRules
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    VideoFormat,
)
from actors.words.views import OutputRules
from media.contract.errors import NoFreePort
from media.contract.jobs import (
    PICTURE,
    AudioTarget,
    OtherSound,
    own_mix,
    sink_of,
    sound_name,
    source_of,
)
from media.contract.plans import PortSink, PortWanted, Remote
from media.contract.session import Direction
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.conference import RULES, pause
from tests.support.mixes import COMMON_MIX, MIXED, inputs_of, the_mix
from tests.support.phones import (
    OPUS_CODEC,
    PCMA,
    PCMU,
    PEER,
    VP8_CODEC,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

HOLD = sections(sound_section(PCMU, direction=Direction.SEND))
WITH_PICTURE = sections(sound_section(PCMU), picture_section(VP8_CODEC))


async def test_a_call_in_is_a_member_with_a_stream_in_the_first_view() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        ann.clear()
        leg = await exchange.talk("phone")
        assert leg.said[:2] == ["ring", "answer"]
        (joined,) = ann.told(PeerJoined)
        assert (joined.presence.peer, joined.presence.role) == ("phone", "sip")
        (added,) = ann.told(StreamAdded)
        stream = added.stream
        assert stream == await exchange.stream("phone")
        assert stream.kind == "sip"
        assert stream.in_views == ("common",)
        assert stream.audio is not None
        assert (stream.audio.origin, stream.audio.format) == ("mic", AudioFormat("pcmu"))
        _, wanted = the_mix(exchange.engine)
        assert inputs_of(wanted) == [(stream.id, "audio")]
        (view,) = await exchange.views()
        assert (view.id, view.incoming, view.peer, view.stream) == ("phone", True, PEER, stream)
        assert view.audio == AudioWanted(COMMON_MIX, AudioFormat("pcmu", 8000, 1))


async def test_the_answer_says_where_we_listen_and_both_ways_are_open() -> None:
    async with open_exchange(calls=CallPlan(ports=(50_000, 50_010))) as exchange:
        leg = await exchange.talk("phone", PCMA, PCMU)
        (answer,) = leg.answers
        (section,) = answer.sections
        assert section.codecs == (PCMA,)
        assert section.remote == Remote(("127.0.0.1", 50_000), ("127.0.0.1", 50_001))
        assert (section.direction, section.digits) == (Direction.BOTH, 101)
        port = exchange.ports("phone")["audio"].wanted
        assert port.receives is not None
        assert port.sends is not None
        assert (port.receives.codec, port.receives.digits) == (PCMA, 101)
        assert (port.sends.codec, port.sends.symmetric) == (PCMA, True)
        assert port.sends.remote == Remote(("127.0.0.1", 4000))


async def test_a_telephone_hears_the_view_without_itself() -> None:
    async with open_exchange() as exchange:
        await exchange.talk("phone", OPUS_CODEC)
        stream = await exchange.stream("phone")
        job, wanted = the_mix(exchange.engine)
        name = input_of(stream.id, "audio")
        assert wanted.audio is not None
        assert wanted.audio.without == (name,)
        assert exchange.heard("phone") == source_of(job, own_mix(name))
        assert exchange.meeting.sinks()[sink_of(job, name)] == (
            exchange.ports("phone")["audio"].facts.source
        )


@pytest.mark.parametrize("outputs", [MIXED.outputs, OutputRules()])
async def test_sound_is_converted_for_telephones_whatever_the_room_offers(
    outputs: OutputRules,
) -> None:
    async with open_exchange(replace(MIXED, outputs=outputs)) as exchange:
        await exchange.talk("phone", PCMU)
        stream = await exchange.stream("phone")
        mix, wanted = the_mix(exchange.engine)
        assert wanted.audio is not None
        own = OtherSound(AudioTarget("pcmu", 8000, 1), input_of(stream.id, "audio"))
        assert own in wanted.audio.others
        assert exchange.heard("phone") == source_of(mix, sound_name(own))


async def test_two_telephones_hear_each_other_and_not_themselves() -> None:
    async with open_exchange() as exchange:
        for name in ("one", "two"):
            await exchange.talk(name, OPUS_CODEC)
        job, _ = the_mix(exchange.engine)
        for name in ("one", "two"):
            own = input_of((await exchange.stream(name)).id, "audio")
            assert exchange.heard(name) == source_of(job, own_mix(own))


async def test_a_picture_is_shown_and_sent() -> None:
    async with open_exchange() as exchange:
        await exchange.talk("phone", OPUS_CODEC, video=True)
        stream = await exchange.stream("phone")
        assert stream.video is not None
        assert (stream.video.origin, stream.video.format) == ("camera", VideoFormat("vp8"))
        job, wanted = the_mix(exchange.engine)
        assert inputs_of(wanted) == [(stream.id, "audio"), (stream.id, "video")]
        assert exchange.heard("phone", "video") == source_of(job, PICTURE)


async def test_a_picture_is_not_taken_of_who_may_not_send_one() -> None:
    sound_only = Permission(Abilities(audio=True), Abilities(audio=True))
    async with open_exchange() as exchange:
        leg = await exchange.ring("phone", WITH_PICTURE, sound_only)
        assert [len(it.codecs) for it in leg.answers[0].sections] == [1, 0]
        assert list(exchange.ports("phone")) == ["audio"]


async def test_without_an_offer_we_make_one() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.ring("phone", None)
        (ours,) = leg.answers
        assert [it.kind for it in ours.sections] == ["audio", "video"]
        assert await exchange.views() == ()
        leg.confirm(sections(sound_section(OPUS_CODEC), replace(picture_section(), remote=None)))
        await settle()
        (view,) = await exchange.views()
        assert view.audio == AudioWanted(COMMON_MIX, AudioFormat("opus", 48_000, 2))
        assert list(exchange.ports("phone")) == ["audio"]  # of the picture, none is left


async def test_a_call_without_an_answer_to_our_offer_is_given_up(autojump_clock: MockClock) -> None:
    async with open_exchange() as exchange:
        leg = await exchange.ring("phone", None)
        leg.confirm()
        await pause(70)
        assert leg.hung_up is CallEnd.FAILED
        assert await exchange.members() == []


# --- refusals


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (RULES, CallRefused),  # no mixed view
        (replace(MIXED, audio_in=frozenset()), CallRefused),
        (replace(MIXED, input_limit=0), TooManyStreams),
        (replace(MIXED, audio_in=frozenset({"opus"})), CallRefused),
    ],
)
async def test_a_room_that_cannot_take_a_call_says_so(
    rules: ConferenceRules, why: type[ActorError]
) -> None:
    async with open_exchange(rules) as exchange:
        with pytest.raises(why):
            await exchange.ring("phone")
        assert await exchange.members() == []
        assert exchange.engine.ports == {}


async def test_a_room_without_sound_takes_no_call_out() -> None:
    async with open_exchange(replace(MIXED, audio_in=frozenset())) as exchange:
        dialling = await exchange.call()
        assert isinstance(dialling.refusal, AudioForbidden)


async def test_a_call_without_a_codec_of_ours_is_refused() -> None:
    async with open_exchange() as exchange:
        g729 = sections(sound_section(replace(PCMU, name="g729", payload_type=18)))
        with pytest.raises(CallRefused) as raised:
            await exchange.ring("phone", g729)
        assert raised.value.why is CallEnd.NO_COMMON_CODEC


async def test_who_may_neither_speak_nor_hear_does_not_call() -> None:
    async with open_exchange() as exchange:
        with pytest.raises(NotAllowed):
            await exchange.ring("phone", permission=Permission())


async def test_a_room_takes_so_many_calls_and_no_more() -> None:
    async with open_exchange(calls=CallPlan(per_room=1)) as exchange:
        leg = await exchange.talk("one")
        with pytest.raises(CallRefused) as raised:
            await exchange.ring("two")
        assert raised.value.why is CallEnd.BUSY
        leg.end()
        await settle()
        await exchange.talk("three")


async def test_all_rooms_take_so_many_calls_and_no_more() -> None:
    elsewhere = {"another/call"}
    plan = CallPlan(most=2)
    async with open_exchange(calls=plan, calls_open=elsewhere) as exchange:
        leg = await exchange.talk("one")
        with pytest.raises(CallRefused):
            await exchange.ring("two")
        leg.end()
        await settle()
        assert elsewhere == {"another/call"}


async def test_a_call_counts_while_it_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: set[str] = set()
    real = FakeEngine.check_jobs

    async def check(self: FakeEngine, *arguments: Any, **more: Any) -> None:
        assert len(opened) == 1  # other rooms go on meanwhile
        await real(self, *arguments, **more)

    monkeypatch.setattr(FakeEngine, "check_jobs", check)
    async with open_exchange(calls_open=opened) as exchange:
        exchange.engine.jobs.places = 0
        with pytest.raises(NoCapacity):
            await exchange.ring("phone")
        assert opened == set()
        exchange.engine.jobs.places = 8
        await exchange.talk("phone")
    assert opened == set()


async def test_a_full_room_takes_no_call() -> None:
    async with open_exchange(spec={"capacity": 1}) as exchange:
        await exchange.meeting.member("ann")
        with pytest.raises(RoomFull):
            await exchange.ring("phone")
        assert exchange.engine.ports == {}


async def test_a_call_for_which_no_process_can_mix_is_refused() -> None:
    async with open_exchange() as exchange:
        exchange.engine.jobs.places = 0
        with pytest.raises(NoCapacity):
            await exchange.ring("phone")
        assert await exchange.members() == []
        exchange.engine.jobs.places = 8
        await exchange.talk("phone")


async def test_a_call_without_a_free_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(self: FakeEngine, id: str, wanted: PortWanted, events: PortSink) -> None:
        raise NoFreePort

    async with open_exchange() as exchange:
        monkeypatch.setattr(FakeEngine, "open_port", full)
        leg = await exchange.ring("phone")
        assert leg.refused == [CallEnd.NO_CAPACITY]
        assert await exchange.members() == []


async def test_a_member_is_no_call_of_that_id() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        with pytest.raises(NotAllowed):
            await exchange.ring("ann")
        assert await exchange.members() == ["ann"]
        assert ann.told(PeerLeft) == []
