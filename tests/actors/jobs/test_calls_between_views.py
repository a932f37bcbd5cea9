"""Calls whose streams and views are gone, or are other ones: they are sent what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.words.calls import CallEnd, ChangeCall, LegOffered
from actors.words.orders import ChangeViews
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    Resolution,
    SourceChange,
    VideoFormat,
    VideoParameters,
)
from actors.words.views import ViewRules, ViewVideo
from media.contract.session import Direction
from tests.support.actors import settle
from tests.support.mixes import COMMON_MIX, MIXED, VIEW
from tests.support.phones import (
    OFFER,
    OPUS_CODEC,
    PCMU,
    SEEN,
    VP8_CODEC,
    Exchange,
    open_exchange,
    picture_section,
    sections,
    sound_section,
)

HOLD = sections(sound_section(PCMU, direction=Direction.SEND))
WITH_PICTURE = sections(sound_section(PCMU), picture_section(VP8_CODEC))
OTHER = replace(VIEW, label="other", id="room-other")
SOUND = AudioWanted(COMMON_MIX)


async def put(exchange: Exchange, *views: ViewRules) -> None:
    await exchange.meeting.manage(ChangeViews(tuple(it.label for it in views), views))
    await settle()


async def test_a_hold_after_what_a_call_heard_is_gone_leaves_it_with_the_view() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        published = await ann.publish("audio")
        leg = await exchange.talk("phone")
        change = ChangeCall("phone", (SourceChange("audio", published),))
        await exchange.meeting.manage(change)
        await ann.leave()
        await settle()
        for offer in (HOLD, OFFER):
            leg.tell(LegOffered(offer))
            await settle()
        (view,) = await exchange.views()
        assert view.audio is not None
        assert view.audio.source == COMMON_MIX
        assert exchange.heard("phone") is not None


async def test_who_takes_a_call_after_what_he_was_to_hear_is_gone_hears_the_view() -> None:
    async with open_exchange() as exchange:
        ann = await exchange.meeting.member("ann")
        published = await ann.publish("audio")
        dialling = await exchange.call(hears=replace(SOUND, source=published))
        await ann.leave()
        await settle()
        exchange.telephone.leg.pick_up(OFFER)
        await settle()
        assert dialling.answer is not None
        assert dialling.answer.audio is not None
        assert dialling.answer.audio.source == COMMON_MIX


@pytest.mark.parametrize(
    "view",
    [
        replace(VIEW, video=None),
        replace(VIEW, audio=AudioFormat("pcmu", 8000, 1)),
        replace(VIEW, video=ViewVideo(VideoFormat("h264", "CB"), VideoParameters())),
        OTHER,
    ],
    ids=["without-picture", "other-sound", "other-picture", "other-view"],
)
async def test_a_call_goes_on_with_the_view_that_a_room_has_by_then(view: ViewRules) -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", video=True)
        other = await exchange.talk("other", OPUS_CODEC)
        await put(exchange, view)
        assert not leg.over
        assert not other.over
        for offer in (HOLD, OFFER, WITH_PICTURE):
            leg.tell(LegOffered(offer))
            await settle()
        assert not leg.over
        for it in await exchange.views():
            assert it.audio is not None
            assert it.audio.source == view.id
            assert exchange.heard(it.id) is not None
        (phone,) = [it for it in await exchange.views() if it.id == "phone"]
        assert (phone.video is None) == (view.video is None)


async def test_a_call_ends_with_the_last_view_of_its_room() -> None:
    async with open_exchange() as exchange:
        leg = await exchange.talk("phone", video=True)
        await put(exchange)
        assert leg.hung_up is CallEnd.MEDIA_LOST
        assert exchange.engine.ports == {}


async def test_a_picture_that_a_view_has_no_more_costs_a_call_its_sound_not() -> None:
    async with open_exchange(replace(MIXED, mixes=(VIEW,))) as exchange:
        small = replace(SEEN, parameters=replace(SEEN.parameters, resolution=Resolution(320, 240)))
        await exchange.call(video=True, sees=small)
        leg = exchange.telephone.leg
        leg.pick_up(WITH_PICTURE)
        await settle()
        assert VIEW.video is not None
        large = replace(VIEW.video.parameters, resolution=Resolution(1280, 720))
        await put(exchange, replace(VIEW, video=replace(VIEW.video, parameters=large)))
        (view,) = await exchange.views()
        assert view.audio is not None
        assert not leg.over
        assert exchange.heard("out") is not None
