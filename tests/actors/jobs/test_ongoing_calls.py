"""What becomes of calls: holds, other media, keys, other streams, until the room may go."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from actors.jobs.mix import input_of
from actors.words.calls import (
    CallEnd,
    CallUnknown,
    ChangeCall,
    Digit,
    LegConfirmed,
    LegKeyframe,
    LegOffered,
)
from actors.words.conference_refusals import (
    TargetUnsatisfying,
)
from actors.words.facts import StreamChanged
from actors.words.orders import (
    ChangeStream,
    SetPermissions,
)
from actors.words.permission import PermissionChange
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    SourceChange,
    StatusChange,
)
from media.contract.jobs import PICTURE, own_mix, sink_of, source_of
from media.contract.plans import DigitPressed
from media.contract.session import Direction
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import MANAGED, pause
from tests.support.mixes import COMMON_MIX, inputs_of, the_mix
from tests.support.phones import (
    OFFER,
    OPUS_CODEC,
    PCMA,
    PCMU,
    VP8_CODEC,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

HOLD = sections(sound_section(PCMU, direction=Direction.SEND))
WITH_PICTURE = sections(sound_section(PCMU), picture_section(VP8_CODEC))


async def test_a_hold_makes_the_stream_inactive_and_sends_nothing() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        leg = await exchange.talk("phone", PCMU)
        ann.clear()
        leg.tell(LegOffered(HOLD))
        await settle()
        assert leg.answers[-1].sections[0].direction is Direction.RECEIVE
        stream = await exchange.stream("phone")
        assert stream.audio is not None
        assert not stream.audio.active
        assert ann.told(StreamChanged) == [StreamChanged(stream, "audio.status")]
        assert exchange.heard("phone") is None

        leg.tell(LegOffered(OFFER))
        await settle()
        back = await exchange.stream("phone")
        assert back.audio is not None
        assert back.audio.active
        assert leg.answers[-1].sections[0].direction is Direction.BOTH
        assert exchange.heard("phone") is not None


async def test_what_a_management_holds_stays_held_over_a_hold() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone")
        id_ = (await exchange.stream("phone")).id
        leg.tell(LegOffered(HOLD))
        await settle()
        after = await exchange.meeting.manage(ChangeStream(id_, (StatusChange("audio", True),)))
        assert not after.audio.active  # nothing comes
        await exchange.meeting.manage(ChangeStream(id_, (StatusChange("audio", False),)))
        leg.tell(LegOffered(OFFER))
        await settle()
        stream = await exchange.stream("phone")
        assert stream.audio is not None
        assert not stream.audio.active
        after = await exchange.meeting.manage(ChangeStream(id_, (StatusChange("audio", True),)))
        assert after.audio.active


async def test_a_picture_comes_and_goes_in_a_call() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", PCMU)
        leg.tell(LegOffered(WITH_PICTURE))
        await settle()
        stream = await exchange.stream("phone")
        assert stream.video is not None
        job, wanted = the_mix(exchange.engine)
        assert inputs_of(wanted) == [(stream.id, "audio"), (stream.id, "video")]
        assert exchange.heard("phone", "video") == source_of(job, PICTURE)
        leg.tell(LegOffered(sections(sound_section(PCMU), picture_section())))
        await settle()
        assert (await exchange.stream("phone")).video is None
        assert list(exchange.ports("phone")) == ["audio"]
        (view,) = await exchange.views()
        assert view.video is None


async def test_another_codec_in_a_call_is_taken_and_sent() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", PCMU)
        leg.tell(LegOffered(sections(sound_section(OPUS_CODEC, port=4100))))
        await settle()
        stream = await exchange.stream("phone")
        assert stream.audio is not None
        assert stream.audio.format.codec == "opus"
        job, wanted = the_mix(exchange.engine)
        name = input_of(stream.id, "audio")
        assert [it.codec for it in wanted.inputs] == ["opus"]
        assert exchange.heard("phone") == source_of(job, own_mix(name))
        source = exchange.ports("phone")["audio"].facts.source
        assert exchange.meeting.sinks()[sink_of(job, name)] == source


async def test_an_offer_without_sound_is_refused_and_the_call_goes_on() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone")
        heard = exchange.heard("phone")
        leg.tell(LegOffered(sections(picture_section(VP8_CODEC))))
        await settle()
        assert leg.refused == [CallEnd.NO_COMMON_CODEC]
        assert not leg.over
        assert exchange.heard("phone") == heard


async def test_who_asks_for_our_offer_in_a_call_gets_it() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", PCMU)
        place = leg.answers[0].sections[0].remote
        leg.tell(LegOffered(None))
        await settle()
        audio = leg.answers[-1].sections[0]
        assert audio.remote == place
        assert [it.name for it in audio.codecs] == ["opus", "g722", "pcmu", "pcma"]
        leg.tell(LegConfirmed(sections(sound_section(PCMA))))
        await settle()
        (view,) = await exchange.views()
        assert view.audio == AudioWanted(COMMON_MIX, AudioFormat("pcma", 8000, 1))


async def test_the_last_keys_are_told_and_none_is_logged() -> None:
    with logged() as lines:
        async with open_exchange() as exchange:
            await exchange.talk("phone")
            (sink,) = exchange.engine.port_sinks.values()
            assert sink is not None
            for digit in "0123456789" * 2 + "*#":
                sink(DigitPressed("port", digit, 100))
                await settle()
            (view,) = await exchange.views()
            assert view.digits == tuple(Digit(it, 100) for it in ("23456789" + "0123456789" + "*#"))
    pressed = [it for it in lines if it["event"] == "call.digit"]
    assert len(pressed) == 22
    assert not {"digit", "digits"} & pressed[0].keys()
    assert "30123456" not in str(lines)  # nor the number


async def test_a_picture_is_asked_for_by_signalling_once_a_second(
    autojump_clock: MockClock,
) -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", video=True)
        exchange.engine.keyframes_requested.clear()
        for _ in range(5):
            leg.tell(LegKeyframe())
        await settle()
        job, _ = the_mix(exchange.engine)
        assert exchange.engine.keyframes_requested == [source_of(job, PICTURE)]
        await pause(1.5)
        leg.tell(LegKeyframe())
        await settle()
        assert len(exchange.engine.keyframes_requested) == 2


async def test_a_call_is_sent_another_stream_and_falls_back_to_the_view() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        published = await ann.publish("audio")
        await exchange.talk("phone", OPUS_CODEC)
        change = ChangeCall("phone", (SourceChange("audio", published),))
        view = await exchange.meeting.manage(change)
        assert view.audio.source == published
        assert exchange.heard("phone") == exchange.engine.sessions[published].tracks[0].source
        with pytest.raises(TargetUnsatisfying):
            await exchange.meeting.manage(ChangeCall("phone", (SourceChange("audio", "none"),)))
        with pytest.raises(CallUnknown):
            await exchange.meeting.manage(ChangeCall("none", ()))
        await ann.leave()
        await settle()
        (view,) = await exchange.views()
        assert view.audio == AudioWanted(COMMON_MIX, AudioFormat("opus", 48_000, 2))
        job, _ = the_mix(exchange.engine)
        own = input_of((await exchange.stream("phone")).id, "audio")
        assert exchange.heard("phone") == source_of(job, own_mix(own))


async def test_a_call_is_held_by_a_management() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone")
        hold = StatusChange("audio", active=False)
        await exchange.meeting.manage(ChangeCall("phone", (hold,)))
        assert exchange.heard("phone") is None
        leg.tell(LegOffered(sections(sound_section(PCMA))))  # which does not end that
        await settle()
        assert exchange.heard("phone") is None


async def test_a_call_begins_to_send_no_picture_that_it_may_not_send_any_more() -> None:
    async with open_exchange() as exchange:
        one, two = await exchange.talk("one"), await exchange.talk("two", video=True)
        for call in ("one", "two"):
            change = PermissionChange("publish", "video", False)
            await exchange.meeting.manage(SetPermissions(call, (change,)))
        for leg in (one, two):
            leg.tell(LegOffered(WITH_PICTURE))
        await settle()
        assert (await exchange.stream("one")).video is None
        assert (await exchange.stream("two")).video is not None  # it goes on
        assert one.answers[-1].sections[1].direction is Direction.SEND  # it may see the others
        back = PermissionChange("publish", "video", True)
        await exchange.meeting.manage(SetPermissions("one", (back,)))
        one.tell(LegOffered(WITH_PICTURE))
        await settle()
        assert (await exchange.stream("one")).video is not None


async def test_a_room_does_not_expire_while_somebody_talks(autojump_clock: MockClock) -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone")
        await pause(7200)
        assert len(await exchange.views()) == 1
        leg.end()
        await pause(40)
        assert exchange.meeting.house.system.registry.find(MANAGED) is None
