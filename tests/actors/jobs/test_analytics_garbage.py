"""What a process may tell of an analytic, and what ends it: whatever a plug-in has done to it."""

from __future__ import annotations

import pytest

from actors.jobs.analysis import Analysis
from actors.jobs.media_job import DoWork
from actors.room.room import Room
from actors.words.analytics import GetAnalytics
from media.analysis.events import written
from media.contract.analysis import AnalysisBegan, AnalysisEnd, AnalysisNoted, AnalysisOver
from tests.actors.core.puppet import logged
from tests.actors.jobs.test_conference_analytics import (
    analyse,
    begin,
    ends,
    join,
    said,
    the_analysis,
)
from tests.support.actors import settle
from tests.support.conference import MANAGED, open_meeting
from tests.support.saboteur import Saboteur


@pytest.mark.parametrize(
    "noted",
    [
        AnalysisNoted("motion", b"no JSON", 1.0),
        AnalysisNoted("motion", b"[1]", 1.0),
        AnalysisNoted("motion", b'{"a":' + b"[" * 1500 + b"]" * 1500 + b"}", 1.0),
        AnalysisNoted("motion", b'{"a":"' + b"x" * 5000 + b'"}', 1.0),
        AnalysisNoted("two\nlines", b"{}", 1.0),
        AnalysisNoted("motion", b"{}", float("nan")),
        AnalysisNoted("motion", b"{}", float("inf")),
        AnalysisNoted("motion", b"{}", -1e300),
        AnalysisNoted("motion", b'{"a":[' + b"0," * 1500 + b"0]}", 1.0),
        AnalysisBegan(("smell",)),
        AnalysisBegan(()),
    ],
)
async def test_a_process_that_tells_no_events_is_ended(
    noted: AnalysisNoted | AnalysisBegan,
) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            await begin(meeting, analyse(None, stream, notify=True))
            meeting.engine.tell_of_job(the_analysis(meeting)[0], noted)
            await settle()
            assert await meeting.manage(GetAnalytics()) == ()
            assert [it["ended"] for it in said(ann)] == ["garbage"]
    assert ends(lines) == ["garbage"]


async def test_whatever_a_plug_in_may_tell_does_not_end_it() -> None:
    deep: object = "leaf"
    for _ in range(8):
        deep = [deep]
    async with open_meeting() as meeting:
        (ann,) = await join(meeting, "ann")
        stream = await ann.publish()
        await begin(meeting, analyse(None, stream))
        job, _ = the_analysis(meeting)
        for values in ({"code": "[{" * 600}, {"empty": [[]] * 900}, {"deep": deep[0]}):
            told = written("read", values)
            meeting.engine.tell_of_job(job, AnalysisNoted(*told, 1.0))
            await settle()
        (view,) = await meeting.manage(GetAnalytics())
        assert len(view.events) == 3


async def test_why_one_is_over_is_one_short_line() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann")
            stream = await ann.publish()
            await begin(meeting, analyse(None, stream, notify=True))
            over = AnalysisOver(AnalysisEnd.RAISED, "two\n\x1b[31mlines " + "x" * 20_000)
            meeting.engine.tell_of_job(the_analysis(meeting)[0], over)
            await settle()
            (end,) = said(ann)
            assert end["detail"].startswith("two ?[31mlines x")
            assert len(end["detail"]) <= 1000
    (told,) = [line for line in lines if line["event"] == "analytic.over"]
    assert told["detail"] == end["detail"]


@pytest.mark.parametrize("kind", [Room, Analysis], ids=["room", "job"])
async def test_a_crash_ends_it_and_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, kind: type[Room | Analysis]
) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await join(meeting, "ann")
            await begin(meeting, analyse(None, await ann.publish()))
            job, wanted = the_analysis(meeting)
            path = MANAGED if kind is Room else f"{MANAGED}/{job}"
            Saboteur(monkeypatch, kind, path).crash("handle")
            order = GetAnalytics() if kind is Room else DoWork(wanted, {})
            meeting.house.find(path).tell(order)
            await settle()
            assert await meeting.manage(GetAnalytics()) == ()
            assert meeting.engine.jobs.jobs == {}
            assert len([line for line in lines if line["event"] == "actor.crashed"]) == 1
    assert len(ends(lines)) == 1
