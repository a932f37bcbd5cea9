"""Jobs as every media engine offers them, the real one and the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from media.contract.codec import Codec
from media.contract.engine import MediaEngine
from media.contract.errors import (
    IdTaken,
    JobFailed,
    NoCapacity,
    UnknownJob,
    UnknownSource,
    WrongState,
)
from media.contract.jobs import COMMON, PICTURE, JobKind, own_mix, sink_of, source_of
from media.contract.paths import PathTrouble
from media.contract.plans import PortReceives, PortSends, PortWanted, Remote
from media.webrtc.bridge import open_media_loop
from tests.fakes.media import FakeEngine
from tests.support.jobs import JobTold, job_engine, mix, picture, transcode, voice
from tests.support.paths import lead, trouble_with

HERE = "127.0.0.1"
VP8 = Codec("vp8", 90_000, 96)
CAMERA = PortWanted(HERE, receives=PortReceives("video", VP8))
SCREEN = PortWanted(HERE, sends=PortSends("video", VP8, Remote((HERE, 40_000))))


@pytest.fixture(params=["fake", "real"])
async def jobs(request: pytest.FixtureRequest) -> AsyncIterator[MediaEngine]:
    """Give an engine of each kind, whose processes echo."""
    if request.param == "fake":
        fake = FakeEngine()
        yield fake
        await fake.close()
        return
    async with open_media_loop() as loop, job_engine(loop) as engine:
        yield engine
        await engine.close()
        assert loop.stray_errors == 0
        assert (await engine.stats()).jobs.running == {}
        assert engine.router.empty


async def test_a_job_takes_and_sends_by_its_ids(jobs: MediaEngine):
    told = JobTold()
    await jobs.open_port("camera", CAMERA)
    await jobs.open_port("screen", SCREEN)
    await jobs.open_job("view", transcode(), told)
    await lead(jobs, "camera/in", sink_of("view", "camera"))
    await lead(jobs, source_of("view", PICTURE), "screen/out")
    await jobs.request_keyframe(source_of("view", PICTURE))
    stats = (await jobs.stats()).jobs
    assert stats.running == {JobKind.TRANSCODE: 1}
    assert stats.started == {JobKind.TRANSCODE: 1}
    await jobs.close_job("view", "nobody looks")
    assert (await told.end()).reason == "nobody looks"
    assert await trouble_with(jobs, "camera/in", sink_of("view", "camera")) is PathTrouble.SINK_GONE
    with pytest.raises(UnknownSource):
        await jobs.request_keyframe(source_of("view", PICTURE))
    assert (await jobs.stats()).jobs.running == {}


async def test_a_mix_sends_its_picture_and_a_sound_for_whoever_hears_it(jobs: MediaEngine):
    await jobs.open_job("view", mix(voice("a"), picture("b"), without=("a",)), JobTold())
    for name in (PICTURE, COMMON, own_mix("a")):
        await jobs.request_keyframe(source_of("view", name))
    await jobs.close_job("view")


async def test_a_change_ends_what_is_not_wanted_and_leaves_the_rest_attached(jobs: MediaEngine):
    await jobs.open_port("camera", CAMERA)
    await jobs.open_port("screen", SCREEN)
    await jobs.open_job("view", mix(picture("a"), picture("b"), voice("c")), JobTold())
    await lead(jobs, "camera/in", sink_of("view", "a"))
    await lead(jobs, source_of("view", PICTURE), "screen/out")
    await jobs.change_job("view", mix(picture("a"), picture("d"), voice("c"), without=("c",)))
    await jobs.request_keyframe(source_of("view", own_mix("c")))
    await lead(jobs, "camera/in", sink_of("view", "d"))
    gone = await trouble_with(jobs, "camera/in", sink_of("view", "b"))
    assert gone is PathTrouble.SINK_GONE
    if isinstance(jobs, FakeEngine):
        attached = jobs.attached
    else:
        attached = {it.id: it.source for it in (await jobs.stats()).router.sinks}
    assert attached[sink_of("view", "a")] == "camera/in"
    assert attached["screen/out"] == source_of("view", PICTURE)


async def test_an_id_is_taken_while_its_job_runs(jobs: MediaEngine):
    told = JobTold()
    await jobs.open_job("view", transcode(), told)
    with pytest.raises(IdTaken):
        await jobs.open_job("view", transcode(), JobTold())
    await jobs.close_job("view")
    assert (await told.end()).reason == "stopped"
    await jobs.open_job("view", transcode(), JobTold())


async def test_a_job_that_is_not_there_is_unknown(jobs: MediaEngine):
    with pytest.raises(UnknownJob):
        await jobs.close_job("view")
    with pytest.raises(UnknownJob):
        await jobs.change_job("view", transcode())


async def test_a_job_stays_of_its_kind(jobs: MediaEngine):
    await jobs.open_job("view", transcode(), JobTold())
    with pytest.raises(JobFailed):
        await jobs.change_job("view", mix(picture("camera")))
    await jobs.change_job("view", transcode())


async def test_an_engine_that_closes_ends_its_jobs_and_opens_no_more(jobs: MediaEngine):
    told = JobTold()
    await jobs.open_job("view", transcode(), told)
    await jobs.close()  # type: ignore[attr-defined]  # its opener's
    assert (await told.end()).reason == "the server is closing"
    with pytest.raises(WrongState):
        await jobs.open_job("other", transcode(), JobTold())


async def test_what_does_not_fit_is_refused_and_harms_nobody(jobs: MediaEngine):
    if isinstance(jobs, FakeEngine):
        jobs.jobs.places = 1
        await jobs.check_jobs([transcode()])
        with pytest.raises(NoCapacity, match="mix"):
            await jobs.check_jobs([transcode(), mix(picture("a"))])
        jobs.jobs.places = 2
        with pytest.raises(NoCapacity, match=r"^mix$"):
            await jobs.check_jobs([transcode(), mix(picture("a"))], at_most=1)
        jobs.jobs.places = 1
        await jobs.open_job("view", transcode(), JobTold())
        with pytest.raises(NoCapacity, match="mix"):
            await jobs.open_job("other", mix(picture("a")), JobTold())
        assert (await jobs.stats()).jobs.refused == {JobKind.MIX: 3}
        return
    huge = mix(*(voice(f"microphone {number}") for number in range(20_000)))
    await jobs.check_jobs([transcode(), transcode()])
    with pytest.raises(NoCapacity, match=r"^mix$"):
        await jobs.check_jobs([transcode(), mix(picture("a"))], at_most=1)
    with pytest.raises(NoCapacity, match="mix"):
        await jobs.check_jobs([transcode(), huge])
    await jobs.open_job("view", transcode(), JobTold())
    with pytest.raises(NoCapacity, match="mix"):
        await jobs.open_job("other", huge, JobTold())
    stats = (await jobs.stats()).jobs
    assert stats.refused == {JobKind.MIX: 3}
    assert stats.running == {JobKind.TRANSCODE: 1}
    with pytest.raises(UnknownJob):
        await jobs.close_job("other")
