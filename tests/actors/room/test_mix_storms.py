"""Storms of orders about a view: its process is told at a pace, and shows what was ordered last."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.jobs.media_job import CHANGES, CHANGES_SECONDS
from actors.words.orders import ChangeStream, GetStreams, SetRegion
from actors.words.streams import ViewChange
from actors.words.views import MixedStream, RegionChange
from tests.support.conference import conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, pictures_of, the_mix

pytestmark = pytest.mark.slow

ORDERS = 1000  # ten times as many are told to a job in test_media_job.py
SECONDS = 3.0  # that they take


@pytest.mark.parametrize("kind", ["set-region", "layout", "mix and unmix"])
async def test_a_storm_of_orders_costs_a_process_ten_changes_a_second(
    kind: str, autojump_clock: MockClock
) -> None:
    async with open_meeting() as meeting:
        ann, bob = [await meeting.member(it, spec=conference_spec(AUTO)) for it in ("ann", "bob")]
        streams = await ann.publish(), await bob.publish()
        await bob.subscribe(COMMON_MIX, COMMON_MIX)
        job, _ = the_mix(meeting.engine)
        await pause(CHANGES_SECONDS)
        changes = meeting.engine.jobs.jobs[job].changes
        before = len(changes)
        (mixed,) = (it for it in await meeting.manage(GetStreams()) if it.id == COMMON_MIX)
        assert isinstance(mixed, MixedStream)
        region = mixed.layout[0].region.id
        began = trio.current_time()
        for number in range(ORDERS):
            stream = streams[number % 2]
            if kind == "set-region":
                await (ann, bob)[number % 2].order(SetRegion(stream, "common", region))
            elif kind == "layout":
                await meeting.manage(ChangeStream(COMMON_MIX, (RegionChange(0, stream),)))
            else:
                change = ViewChange("common", number % 2 == 1)
                await meeting.manage(ChangeStream(streams[0], (change,)))
            if number % 100 == 99:
                await pause(SECONDS * 100 / ORDERS)
        seconds = trio.current_time() - began
        await pause(2 * CHANGES_SECONDS)
        told = len(changes) - before
        assert CHANGES < told <= CHANGES * (seconds / CHANGES_SECONDS + 2)
        now, wanted = the_mix(meeting.engine)
        assert now == job
        (mixed,) = (it for it in await meeting.manage(GetStreams()) if it.id == COMMON_MIX)
        assert isinstance(mixed, MixedStream)
        shown = pictures_of(wanted)
        assert shown == [placed.stream for placed in mixed.layout]
        assert set(streams) <= set(shown)
