"""Views that are watched by HLS: what begins with the first who asks, and ends after the last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorStopped
from actors.jobs import hls_job
from actors.jobs.viewers import WATCHED_SECONDS
from actors.streams.services import StreamingPlan, StreamLimits
from actors.words.broadcasts import GetBroadcasts
from actors.words.conference_refusals import ViewUnknown
from actors.words.media_refusals import NoCapacity
from actors.words.orders import ChangeViews, CloseRoom, GetRecordings, WatchView
from actors.words.refusals import Busy
from actors.words.streams import VideoFormat
from actors.words.views import OutputRules
from media.contract.jobs import (
    PICTURE,
    AudioTarget,
    BroadcastWanted,
    MixWanted,
    OtherSound,
    TranscodeWanted,
    VideoTarget,
    sink_of,
    sound_name,
    source_of,
)
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import MANAGED, Meeting, Member, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, MIXED, VIEW, running

WATCH = WatchView("common")


async def come(meeting: Meeting, rules: object = AUTO) -> Member:
    return await meeting.member("ann", spec=conference_spec(rules))  # type: ignore[arg-type]


def written(meeting: Meeting) -> list[tuple[str, BroadcastWanted]]:
    """Return the jobs that write views."""
    return list(running(meeting.engine, BroadcastWanted))


def names_in(plan: StreamingPlan) -> list[str]:
    assert plan.work is not None
    return [it.name for it in plan.work.iterdir()]


def mode_of(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


async def until(so: Callable[[], bool]) -> None:
    """Wait for what threads do."""
    with trio.fail_after(30):
        while not so():
            await trio.sleep(0.01)


@pytest.fixture
def plan(tmp_path: Path) -> StreamingPlan:
    return StreamingPlan(work=tmp_path / "work")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a disk that answers at once: a clock that jumps waits for no thread."""

    async def do(work: Callable[[], object]) -> None:
        work()

    monkeypatch.setattr(hls_job, "_on_disk", do)


async def test_no_more_views_are_watched_than_a_room_has_processes_for(plan: StreamingPlan) -> None:
    views = VIEW, replace(VIEW, label="other", id=f"{VIEW.id}-other")
    limits = StreamLimits(processes_per_room=3)  # the first needs a mix and an encoder
    async with open_meeting(streaming=plan, stream_limits=limits) as meeting:
        ann = await come(meeting, replace(AUTO, mixes=views))
        await ann.publish()
        await meeting.manage(WATCH)
        with pytest.raises(NoCapacity):
            await meeting.manage(WatchView("other"))
        await until(lambda: len(written(meeting)) == 1)


async def test_a_view_is_written_as_aac_and_h264_into_a_private_folder(plan: StreamingPlan) -> None:
    async with open_meeting(streaming=plan) as meeting:
        ann = await come(
            meeting, replace(AUTO, outputs=OutputRules())
        )  # members may transcode nothing
        await ann.publish()
        folder = Path(await meeting.manage(WATCH))
        await until(lambda: bool(written(meeting)))
        assert await meeting.manage(WATCH) == str(folder)
        ((job, wanted),) = written(meeting)
        assert (wanted.protocol, wanted.target, wanted.folder) == ("hls", None, str(folder))
        assert (wanted.playlist, wanted.segment_seconds, wanted.window) == ("index.m3u8", 2.0, 5)
        assert [(it.id, it.codec) for it in wanted.inputs] == [("audio", "aac"), ("video", "h264")]
        assert len({it.publisher for it in wanted.inputs}) == 1
        (made,) = names_in(plan)
        assert (made, mode_of(folder)) == (folder.name, 0o700)
        ((mix, _),) = running(meeting.engine, MixWanted)
        sound = sound_name(OtherSound(AudioTarget("aac", 48_000, 2)))
        ((encoder, encoded),) = running(meeting.engine, TranscodeWanted)
        picture = encoded.target
        assert isinstance(picture, VideoTarget)
        assert (picture.codec, picture.width, picture.height) == ("h264", 640, 480)
        await settle()
        sinks = meeting.sinks()
        assert sinks[sink_of(job, "audio")] == source_of(mix, sound)
        assert sinks[sink_of(job, "video")] == source_of(encoder, PICTURE)
        assert sinks[sink_of(encoder, encoded.input.id)] == source_of(mix, PICTURE)
        assert await meeting.manage(GetBroadcasts()) == ()
        assert await meeting.manage(GetRecordings()) == ()
        (folder / "index-0.ts").write_bytes(b"segment")
        await meeting.room.ask(CloseRoom(), within=5)
        await until(lambda: not folder.exists())
        await settle()
        assert meeting.engine.jobs.jobs == {}


async def test_what_a_view_has_as_h264_is_written_as_it_comes(plan: StreamingPlan) -> None:
    assert VIEW.video is not None
    view = replace(VIEW, video=replace(VIEW.video, format=VideoFormat("h264", "B")))
    async with open_meeting(streaming=plan) as meeting:
        await come(meeting, replace(AUTO, mixes=(view,)))
        await meeting.manage(WATCH)
        await until(lambda: bool(written(meeting)))
        await settle()
        ((job, wanted),) = written(meeting)
        ((mix, _),) = running(meeting.engine, MixWanted)
        assert meeting.sinks()[sink_of(job, "video")] == source_of(mix, PICTURE)
        assert "42001f" in wanted.inputs[1].fmtp


async def test_it_ends_when_nobody_has_asked_for_long_enough(
    plan: StreamingPlan, at_once: None, autojump_clock: MockClock
) -> None:
    async with open_meeting(streaming=plan) as meeting:
        await come(meeting)
        folder = Path(await meeting.manage(WATCH))
        for _ in range(5):
            await pause(WATCHED_SECONDS - 1)
            assert await meeting.manage(WATCH) == str(folder)
        assert written(meeting)
        await pause(WATCHED_SECONDS + 1)
        assert written(meeting) == []
        assert names_in(plan) == []
        again = Path(await meeting.manage(WATCH))
        assert again != folder


async def test_a_room_that_all_have_left_ends_though_it_is_watched(
    plan: StreamingPlan, at_once: None, autojump_clock: MockClock
) -> None:
    async with open_meeting(streaming=plan) as meeting:
        ann = await come(meeting)
        await meeting.manage(WATCH)
        await ann.leave()
        with trio.fail_after(120):
            while meeting.house.system.registry.find(MANAGED) is not None:
                with suppress(ActorStopped):
                    await meeting.manage(WATCH)
                await pause(5)
        await settle()
        assert written(meeting) == []
        assert names_in(plan) == []


async def test_what_cannot_be_watched_is_refused_and_leaves_nothing(plan: StreamingPlan) -> None:
    async with open_meeting(streaming=plan) as meeting:
        await come(meeting, MIXED)
        with pytest.raises(ViewUnknown):
            await meeting.manage(WatchView("other"))
        meeting.engine.jobs.places = 2  # of the mix, an encoder, and what writes
        with pytest.raises(NoCapacity):
            await meeting.manage(WATCH)
        await settle()
        assert meeting.engine.jobs.jobs == {}
        meeting.engine.jobs.places = 3
        await meeting.manage(WATCH)
        await until(lambda: len(meeting.engine.jobs.jobs) == 3)
    async with open_meeting() as meeting:
        await come(meeting, MIXED)
        with pytest.raises(Busy):
            await meeting.manage(WATCH)


async def test_a_view_that_is_gone_is_written_no_more(plan: StreamingPlan) -> None:
    async with open_meeting(streaming=plan) as meeting:
        await come(meeting)
        folder = Path(await meeting.manage(WATCH))
        await until(lambda: bool(written(meeting)))
        await meeting.manage(ChangeViews((), ()))
        await until(lambda: written(meeting) == [] and not folder.exists())
        with pytest.raises(ViewUnknown):
            await meeting.manage(WATCH)


async def test_a_disk_that_takes_nothing_ends_it_and_who_asks_again_begins_anew(
    plan: StreamingPlan,
) -> None:
    with logged() as lines:
        async with open_meeting(streaming=plan) as meeting:
            await come(meeting)
            folder = await meeting.manage(WATCH)
            await until(lambda: bool(written(meeting)))
            ((job, _),) = written(meeting)
            meeting.engine.tell_of_job(job, TargetFlows())
            lost = TargetLost(OutsideTrouble.NO_SPACE, "the disk is full", over=True)
            meeting.engine.tell_of_job(job, lost)
            await until(lambda: written(meeting) == [] and not Path(folder).exists())
            await settle()
            assert await meeting.manage(WATCH) != folder
            await until(lambda: bool(written(meeting)))
    assert [line["reason"] for line in lines if line["event"] == "hls.lost"] == ["no_space"]
    ended = [line["reason"] for line in lines if line["event"] == "hls.ended"]
    assert ended[0] == "no_space"


async def test_a_folder_that_cannot_be_made_ends_it(plan: StreamingPlan) -> None:
    assert plan.work is not None
    plan.work.write_text("in the way")
    with logged() as lines:
        async with open_meeting(streaming=plan) as meeting:
            await come(meeting)
            await meeting.manage(WATCH)
            await until(lambda: any(line["event"] == "hls.ended" for line in lines))
            await settle()
            assert written(meeting) == []
            plan.work.unlink()
            await meeting.manage(WATCH)
            await until(lambda: bool(written(meeting)))
