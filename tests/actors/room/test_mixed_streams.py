"""Mixed streams of a room: listed from its start, mixed while somebody takes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trio.testing import MockClock

from actors.jobs.mix import input_of
from actors.jobs.room_processes import IDLE_SECONDS
from actors.streams.layouts import fluid
from actors.words.conference_refusals import (
    LayoutImpossible,
    NotAllowed,
    RegionUnknown,
    StreamNotInView,
    StreamUnknown,
    TargetUnsatisfying,
    ViewUnknown,
)
from actors.words.facts import SessionEnded, StreamAdded, StreamChanged
from actors.words.media_refusals import NoCapacity
from actors.words.orders import (
    ChangeStream,
    ControlStream,
    EndStream,
    GetRegion,
    GetStreams,
    SetRegion,
    Unpublish,
    Unsubscribe,
)
from actors.words.streams import StatusChange, ViewChange
from actors.words.views import LayoutChange, MixedStream, PlacedRegion, RegionChange
from media.contract.jobs import COMMON, PICTURE, ActiveInput, own_mix, sink_of, source_of
from tests.support.actors import settle
from tests.support.conference import (
    Meeting,
    Member,
    conference_spec,
    open_meeting,
    pause,
    streams_of,
)
from tests.support.mixes import AUTO, COMMON_MIX, MIXED, VIEW, inputs_of, pictures_of, the_mix

MIX = (ViewChange("common", True),)
UNMIX = (ViewChange("common", False),)


async def come(meeting: Meeting, *names: str, rules: object = MIXED) -> list[Member]:
    spec = conference_spec(rules)  # type: ignore[arg-type]
    found = [await meeting.member(name, spec=spec) for name in names]
    for member in found:
        member.clear()
    return found


async def the_stream(meeting: Meeting) -> MixedStream:
    mixed = (await meeting.manage(GetStreams()))[0]
    assert isinstance(mixed, MixedStream)
    return mixed


def shown(mixed: MixedStream) -> list[str | None]:
    return [placed.stream for placed in mixed.layout]


# --- without anybody who takes it


async def test_a_mixed_stream_is_there_from_the_start_and_costs_nothing() -> None:
    async with open_meeting() as meeting:
        ann = await meeting.member("ann", spec=conference_spec(MIXED))
        (mixed,) = streams_of(ann)
        assert await meeting.manage(GetStreams()) == (mixed,)
        assert isinstance(mixed, MixedStream)
        assert (mixed.id, mixed.label, mixed.layout) == (COMMON_MIX, "common", ())
        assert mixed.video is not None
        assert mixed.video.parameters.bitrate == 512
        await ann.publish()
        assert meeting.engine.jobs.jobs == {}


async def test_a_room_without_mixes_lists_none_and_gives_none() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish()
        await meeting.manage(ChangeStream(stream, MIX))
        assert [it.id for it in await meeting.manage(GetStreams())] == [stream]
        with pytest.raises(TargetUnsatisfying, match="audio: stream"):
            await ann.subscribe(COMMON_MIX)


async def test_inputs_alone_change_the_layout_only() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        one, two = await ann.publish(), await bob.publish("audio")
        await ann.order(ControlStream(one, MIX))
        await meeting.manage(ChangeStream(two, MIX))
        mixed = await the_stream(meeting)
        assert (shown(mixed), mixed.inputs) == ([one], (one, two))
        (told,) = [it for it in bob.told(StreamChanged) if it.stream.id == COMMON_MIX]
        assert (told.field, told.stream) == ("video.layout", replace(mixed, inputs=(one,)))
        await ann.order(ControlStream(one, UNMIX))
        assert (await the_stream(meeting)).layout == ()
        assert meeting.engine.jobs.jobs == {}


async def test_with_auto_mix_every_stream_is_in_the_first_view_once_it_is_there() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        stream = await ann.publish()
        (added,) = bob.told(StreamAdded)
        assert added.stream.in_views == ("common",)
        assert shown(await the_stream(meeting)) == [stream]
        await ann.order(Unpublish(stream))
        assert (await the_stream(meeting)).layout == ()


async def test_what_a_mixed_stream_is_not_for() -> None:
    async with open_meeting() as meeting:
        await come(meeting, "ann")
        for request in (
            EndStream(COMMON_MIX),
            ChangeStream(COMMON_MIX, MIX),
            ChangeStream(COMMON_MIX, (StatusChange("audio", False),)),
        ):
            with pytest.raises(NotAllowed):
                await meeting.manage(request)


# --- layouts


async def test_a_layout_is_set_as_a_whole_or_by_region() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        one, two = await ann.publish(), await bob.publish()
        four = fluid(4)[1]
        layout = tuple(map(PlacedRegion, four, (two, one, None, None)))
        changed = await meeting.manage(ChangeStream(COMMON_MIX, (LayoutChange(layout),)))
        assert changed.layout == layout
        changed = await meeting.manage(ChangeStream(COMMON_MIX, (RegionChange(0, one),)))
        assert shown(changed) == [one, two, None, None]
        fields = [it.field for it in ann.told(StreamChanged) if it.stream.id == COMMON_MIX]
        assert fields == ["video.layout"] * 4
        for change in (
            RegionChange(2, one),
            RegionChange(0, COMMON_MIX),
            LayoutChange(tuple(map(PlacedRegion, four, (None, one)))),
        ):
            good = RegionChange(0, two)  # is not done either
            with pytest.raises(LayoutImpossible):
                await meeting.manage(ChangeStream(COMMON_MIX, (good, change)))
            assert await the_stream(meeting) == changed
        with pytest.raises(NotAllowed):
            await meeting.manage(ChangeStream(one, (RegionChange(0, one),)))


async def test_a_member_moves_a_stream_of_its_own() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        one, two = await ann.publish(), await bob.publish()
        assert await bob.order(GetRegion(two, "common")) == "2"
        await bob.order(SetRegion(two, "common", "1"))
        assert await bob.order(GetRegion(two, "common")) == "1"
        assert shown(await the_stream(meeting))[:2] == [two, one]
        for order, refusal in (
            (SetRegion(two, "common", "1"), NotAllowed),
            (GetRegion("1", "common"), StreamUnknown),
            (GetRegion(one, "stage"), ViewUnknown),
            (SetRegion(one, "common", "99"), RegionUnknown),
        ):
            with pytest.raises(refusal):
                await ann.order(order)
        await ann.order(ControlStream(one, UNMIX))
        with pytest.raises(StreamNotInView):
            await ann.order(GetRegion(one, "common"))


# --- with takers


async def test_its_process_starts_with_the_first_taker_and_takes_what_is_in_it() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid", rules=AUTO)
        one, two = await ann.publish(), await bob.publish("video")
        taken = await cid.subscribe(COMMON_MIX, COMMON_MIX)
        assert cid.is_ready(taken)
        job, wanted = the_mix(meeting.engine)
        assert inputs_of(wanted) == [(one, "audio"), (one, "video"), (two, "video")]
        assert pictures_of(wanted) == [one, two, None, None]
        assert meeting.sinks() == {
            sink_of(job, input_of(one, "audio")): f"{one}/in/0",
            sink_of(job, input_of(one, "video")): f"{one}/in/1",
            sink_of(job, input_of(two, "video")): f"{two}/in/0",
            f"{taken}/out/0": source_of(job, COMMON),
            f"{taken}/out/1": source_of(job, PICTURE),
        }


async def test_it_ends_some_seconds_after_the_last_taker(autojump_clock: MockClock) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        await ann.publish()
        first, second = await bob.subscribe(COMMON_MIX), await ann.subscribe(None, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        await bob.order(Unsubscribe(first))
        await pause(2 * IDLE_SECONDS)
        assert list(meeting.engine.jobs.jobs) == [job]
        await ann.order(Unsubscribe(second))
        await pause(IDLE_SECONDS - 1)
        again = await bob.subscribe(COMMON_MIX)
        await pause(2 * IDLE_SECONDS)
        assert list(meeting.engine.jobs.jobs) == [job]
        await bob.order(Unsubscribe(again))
        await pause(IDLE_SECONDS + 1)
        assert meeting.engine.jobs.jobs == {}
        assert meeting.engine.jobs.started.total() == 1


async def test_streams_that_come_and_go_change_what_is_mixed() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid", rules=AUTO)
        await cid.subscribe(COMMON_MIX, COMMON_MIX)
        one, two = await ann.publish(), await bob.publish()
        assert pictures_of(the_mix(meeting.engine)[1]) == [one, two, None, None]
        await ann.leave()
        _, wanted = the_mix(meeting.engine)
        assert pictures_of(wanted) == [two]
        assert inputs_of(wanted) == [(two, "audio"), (two, "video")]
        assert cid.told(SessionEnded) == []


async def test_who_is_in_it_hears_all_but_himself() -> None:
    async with open_meeting() as meeting:
        ann, bob, cid = await come(meeting, "ann", "bob", "cid", rules=AUTO)
        one, two = await ann.publish(), await bob.publish()
        mine, theirs = await ann.subscribe(COMMON_MIX), await cid.subscribe(COMMON_MIX)
        job, wanted = the_mix(meeting.engine)
        own = input_of(one, "audio")
        assert wanted.audio is not None
        assert wanted.audio.without == (own,)
        assert meeting.sinks()[f"{mine}/out/0"] == source_of(job, own_mix(own))
        assert meeting.sinks()[f"{theirs}/out/0"] == source_of(job, COMMON)
        await ann.order(ControlStream(one, UNMIX))
        assert meeting.sinks()[f"{mine}/out/0"] == source_of(job, COMMON)
        await ann.order(ControlStream(one, MIX))
        assert meeting.sinks()[f"{mine}/out/0"] == source_of(job, own_mix(own))
        await ann.order(Unsubscribe(mine))
        wanted = the_mix(meeting.engine)[1]
        assert wanted.audio is not None
        assert wanted.audio.without == ()
        assert (two, "audio") in inputs_of(wanted)


async def test_what_is_held_flows_into_no_mix_and_is_not_shown() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        stream = await ann.publish()
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        await ann.order(ControlStream(stream, (StatusChange("video", False),)))
        assert pictures_of(the_mix(meeting.engine)[1]) == [None]
        held = sink_of(job, input_of(stream, "video"))
        assert meeting.engine.paused == {held}
        await ann.order(ControlStream(stream, (StatusChange("audio", False),)))
        assert meeting.engine.paused == {held, sink_of(job, input_of(stream, "audio"))}
        on = (StatusChange("audio", True), StatusChange("video", True))
        await ann.order(ControlStream(stream, on))
        assert meeting.engine.paused == set()
        assert pictures_of(the_mix(meeting.engine)[1]) == [stream]


async def test_what_is_held_flows_into_no_mix_that_is_idle_either(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        stream = await ann.publish()
        taken = await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        await bob.order(Unsubscribe(taken))
        await ann.order(ControlStream(stream, (StatusChange("audio", False),)))
        assert meeting.engine.paused == {sink_of(job, input_of(stream, "audio"))}


async def test_who_speaks_is_told_and_brought_into_the_first_region(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=AUTO)
        one, two = await ann.publish(), await bob.publish()
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        bob.clear()
        meeting.engine.tell_of_job(job, ActiveInput(input_of(two, "audio")))
        await settle()
        assert [it.field for it in bob.told(StreamChanged)] == ["video.layout", "activeInput"]
        assert pictures_of(the_mix(meeting.engine)[1])[:2] == [two, one]
        meeting.engine.tell_of_job(job, ActiveInput(input_of(one, "audio")))
        await settle()
        mixed = await the_stream(meeting)
        assert (mixed.active_input, shown(mixed)[0]) == (one, two)
        await pause(3.1)
        assert shown(await the_stream(meeting))[0] == one
        meeting.engine.tell_of_job(job, ActiveInput(None))
        await settle()
        mixed = await the_stream(meeting)
        assert (mixed.active_input, shown(mixed)[0]) == (None, one)


async def test_without_room_for_a_process_nobody_is_let_in_to_it() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        meeting.engine.jobs.places = 0
        with pytest.raises(NoCapacity, match="mix"):
            await ann.subscribe(COMMON_MIX)
        assert ann.told(SessionEnded) == []
        assert meeting.served == set()
        meeting.engine.jobs.places = 1
        assert await ann.subscribe(COMMON_MIX)


async def test_a_view_of_sound_alone_has_no_picture() -> None:
    rules = replace(AUTO, mixes=(replace(VIEW, video=None),))
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob", rules=rules)
        stream = await ann.publish()
        mixed = await the_stream(meeting)
        assert (mixed.video, mixed.layout, mixed.inputs) == (None, (), (stream,))
        with pytest.raises(TargetUnsatisfying, match="video: stream"):
            await bob.subscribe(None, COMMON_MIX)
        with pytest.raises(LayoutImpossible):
            await meeting.manage(ChangeStream(COMMON_MIX, (LayoutChange(()),)))
        await bob.subscribe(COMMON_MIX)
        assert inputs_of(the_mix(meeting.engine)[1]) == [(stream, "audio")]
