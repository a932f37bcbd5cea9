"""Processes that are killed, stopped, broken or late: a reason is told, and nothing is left."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
import trio

from media.contract.errors import JobFailed, UnknownJob
from media.contract.jobs import JobEnded, JobEvent, JobFigures, PictureSeen, sink_of
from media.job.control import MeasureCosts
from media.local_engine import LocalEngine
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.worker.process import JobProcess
from tests.support.job_works import ENDLESS, POISON
from tests.support.jobs import (
    SECONDS,
    JobTold,
    be_patient,
    children,
    clean_engine,
    job_engine,
    mix,
    picture,
    process_of,
    transcode,
    until_warm,
)
from tests.support.rtp import a_source, rtp, vp8

SHORT = 1.5  # seconds that a process is waited for which answers nothing


async def spawned(engine: LocalEngine, job: str = "view") -> JobProcess:
    """Return the process of a job that starts, as soon as there is one."""
    with trio.fail_after(SECONDS):
        while True:
            starting = engine._jobs._jobs.get(job)
            if starting is not None and starting.process is not None:
                return starting.process
            await trio.sleep(0.005)


async def failure(engine: LocalEngine, names: tuple[str, ...] = ("camera",)) -> JobFailed:
    with pytest.raises(JobFailed) as failed:
        await engine.open_job("view", mix(*map(picture, names)), JobTold())
    return failed.value


async def warmed(engine: LocalEngine) -> None:
    """Have one process wait, however long that takes, and none after it."""
    pool = engine._jobs._pool
    pool._idle.append(pool.start())
    await until_warm(engine, 1)


async def until_gone(process: JobProcess) -> None:
    with trio.fail_after(SECONDS):
        await process.ended.wait()


async def test_a_process_that_is_killed_ends_its_job(media_loop: MediaLoop):
    told = JobTold()
    with structlog.testing.capture_logs() as logs:
        async with clean_engine(media_loop) as engine:
            await engine.open_job("view", transcode(), told)
            os.kill(process_of(engine).pid, signal.SIGKILL)
            assert await told.end() == JobEnded("killed", "SIGKILL")
            with pytest.raises(UnknownJob):
                await engine.close_job("view")
            assert (await engine.stats()).jobs.ended == {"killed": 1}
            await engine.open_job("view", transcode(), JobTold())
            await engine.close_job("view")
    ends = [line["reason"] for line in logs if line["event"] == "job.ended"]
    assert ends == ["killed", "stopped"]
    assert [line["event"] for line in logs].count("job.started") == 2


async def test_a_process_that_is_stopped_is_found_killed_and_told_of(media_loop: MediaLoop):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), told)
        be_patient(engine, stalled_seconds=SHORT)
        await told.first(JobFigures)
        os.kill(process_of(engine).pid, signal.SIGSTOP)
        assert (await told.end()).reason == "stalled"


async def test_a_process_that_hangs_says_where_before_it_is_killed(media_loop: MediaLoop):
    told = JobTold()
    with structlog.testing.capture_logs() as logs:
        async with clean_engine(media_loop) as engine:
            await engine.open_job("view", mix(picture("camera")), told)
            be_patient(engine, stalled_seconds=3 * SHORT)
            await told.first(JobFigures)
            with pytest.raises(JobFailed):
                await engine.change_job("view", mix(picture("hang")))
            assert (await told.end()).reason == "stalled"
    lines = [line["line"] for line in logs if line["event"] == "job.error_output"]
    assert any("in change" in line and "job_works.py" in line for line in lines), logs


async def test_a_process_that_never_takes_its_work_fails_to_start(media_loop: MediaLoop):
    with structlog.testing.capture_logs() as logs:
        async with clean_engine(media_loop) as engine:
            await warmed(engine)
            be_patient(engine, start_seconds=SHORT)
            assert "does not answer" in str(await failure(engine, ("hang",)))
            assert (await engine.stats()).jobs.ended == {"not_started": 1}
    assert any("in change" in line.get("line", "") for line in logs)


async def test_work_that_cannot_begin_fails_to_start(media_loop: MediaLoop):
    with structlog.testing.capture_logs() as logs:
        async with clean_engine(media_loop) as engine:
            assert "failed" in str(await failure(engine, ("fail",)))
    assert any("as it was asked for" in line.get("line", "") for line in logs)


async def test_a_process_that_cannot_start_at_all_fails(media_loop: MediaLoop):
    async with clean_engine(media_loop, kinds="tests.support.nowhere:KINDS") as engine:  # type: ignore[arg-type]
        assert "did not start" in str(await failure(engine))


async def test_work_that_breaks_ends_its_job(media_loop: MediaLoop):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        camera = a_source("camera")
        engine.router.add_source(camera)
        await engine.open_job("view", transcode("raise"), told)
        engine.router.attach("camera", sink_of("view", "raise"))
        camera.feed(rtp(1, 0, vp8(1, keyframe=True)), 1000.0)
        assert await told.end() == JobEnded("failed", "RuntimeError", input="raise")
        engine.router.remove_source("camera")


@pytest.mark.parametrize(
    ("packet", "end"),
    [(POISON, ("killed", "SIGSEGV")), (ENDLESS, ("stalled", "it does not answer"))],
    ids=["dies", "hangs"],
)
async def test_the_input_of_which_a_process_dies_is_known(
    media_loop: MediaLoop, packet: bytes, end: tuple[str, str]
):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", mix(picture("good"), picture("bad")), told)
        be_patient(engine, stalled_seconds=SHORT)
        await told.first(JobFigures)
        for name in ("good", "bad"):
            camera = a_source(name)
            engine.router.add_source(camera)
            engine.router.attach(name, sink_of("view", name))
            camera.feed(rtp(1, 0, vp8(1, keyframe=True)), 1000.0)
            await told.first(PictureSeen, lambda event, name=name: event.input == name)
        camera.feed(rtp(2, 0, vp8(2, packet)), 1000.0)
        assert await told.end() == JobEnded(*end, input="bad")
        for name in ("good", "bad"):
            engine.router.remove_source(name)


@pytest.mark.parametrize("socket", ["control", "media"])
async def test_garbage_from_a_process_ends_its_job(media_loop: MediaLoop, socket: str):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", mix(picture("camera")), told)
        await engine.open_job("other", transcode(), JobTold())
        with suppress(JobFailed):  # where it was noticed before the answer
            await engine.change_job("view", mix(picture(f"garbage {socket}")))
        assert (await told.end()).reason == "garbage"
        await engine.change_job("other", transcode())
        await engine.close_job("other")


@pytest.mark.parametrize("junk", [b"\xc1", b"\x80\x60", bytes(5000), b"\x80\xc8\xff\xff"])
@pytest.mark.parametrize("socket", ["control", "media"])
async def test_garbage_to_a_process_ends_its_job(media_loop: MediaLoop, socket: str, junk: bytes):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), told)
        process = process_of(engine)
        (process._control if socket == "control" else process.media).send(junk)
        assert (await told.end()).reason == "garbage"


async def test_an_order_out_of_turn_ends_the_job(media_loop: MediaLoop):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), told)
        process_of(engine).send(MeasureCosts())
        assert (await told.end()).reason == "garbage"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_wrecked_while_it_loads_fails_to_start(
    media_loop: MediaLoop, number: signal.Signals
):
    async with clean_engine(media_loop, start_seconds=SHORT) as engine:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failure, engine)
            with trio.fail_after(SECONDS):
                while not (new := _loading(engine)):
                    await trio.sleep(0.001)
            os.kill(new, number)


def _loading(engine: LocalEngine) -> int:
    """Return the process that is neither of a job nor ready."""
    for pid in children():
        if b"media.job" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_wrecked_while_it_begins_fails_to_start(
    media_loop: MediaLoop, number: signal.Signals
):
    async with clean_engine(media_loop) as engine:
        await warmed(engine)
        be_patient(engine, start_seconds=SHORT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failure, engine, ("hang",))
            process = await spawned(engine)
            os.kill(process.pid, number)
        await until_gone(process)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_wrecked_while_it_changes_ends_its_job(
    media_loop: MediaLoop, number: signal.Signals
):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", mix(picture("camera")), told)
        be_patient(engine, stalled_seconds=3 * SHORT)
        await told.first(JobFigures)
        process = process_of(engine)

        async def change() -> None:
            with pytest.raises(JobFailed):
                await engine.change_job("view", mix(picture("hang")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(process.pid, number)
        assert (await told.end()).reason == ("killed" if number == signal.SIGKILL else "stalled")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_wrecked_while_it_ends_is_gone_all_the_same(
    media_loop: MediaLoop, number: signal.Signals
):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), told)
        os.kill(process_of(engine).pid, signal.SIGSTOP)  # so that it has no time to end by itself
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.close_job, "view", "enough")
            await trio.testing.wait_all_tasks_blocked()
            os.kill(process_of(engine).pid, number)
        assert (await told.end()).reason in {"enough", "killed"}


async def test_a_job_closed_while_it_starts_never_was(media_loop: MediaLoop):
    told = JobTold()
    async with clean_engine(media_loop) as engine:

        async def fail() -> None:
            with pytest.raises(JobFailed, match=r"closed|answer"):
                await engine.open_job("view", mix(picture("hang")), told)

        for wait in (trio.testing.wait_all_tasks_blocked, lambda: spawned(engine)):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
                await wait()
                await engine.close_job("view", "not wanted")
        assert told.events == []
        with trio.fail_after(SECONDS):
            while (await engine.stats()).jobs.processes:
                await trio.sleep(0.01)


async def test_a_caller_who_gives_up_leaves_no_process(media_loop: MediaLoop):
    async with clean_engine(media_loop) as engine:
        for seconds in (0.0, 0.1, 1.5):
            with trio.move_on_after(seconds) as scope:
                await engine.open_job("view", mix(picture("hang")), JobTold())
            assert scope.cancelled_caught
        with trio.fail_after(SECONDS):
            while (await engine.stats()).jobs.processes:
                await trio.sleep(0.01)


async def test_an_engine_that_is_cancelled_leaves_no_process(media_loop: MediaLoop):
    with trio.CancelScope() as scope:
        async with job_engine(media_loop) as engine:
            await engine.open_job("view", transcode(), JobTold())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.open_job, "other", mix(picture("hang")), JobTold())
                await spawned(engine, "other")
                scope.cancel()


async def test_a_sink_of_events_that_raises_ends_its_job_only():
    async with open_media_loop() as loop, clean_engine(loop) as engine:
        ended = trio.Event()

        def broken(event: JobEvent) -> None:
            if isinstance(event, JobEnded):
                ended.set()
            else:
                raise RuntimeError("a bug")

        other = JobTold()
        await engine.open_job("other", transcode(), other)
        await engine.open_job("view", transcode(), broken)
        with trio.fail_after(SECONDS):
            await ended.wait()
        assert (await engine.stats()).jobs.ended == {"bug": 1}
        assert loop.stray_errors == 1
        await other.first(JobFigures)
        await engine.close_job("other")


async def test_a_stream_in_which_a_bug_is_found_ends_its_job(
    monkeypatch: pytest.MonkeyPatch,
):
    async with open_media_loop() as loop, clean_engine(loop) as engine:
        told = JobTold()
        await engine.open_job("view", transcode(), told)
        [source] = engine.router._sources.values()

        def broken(now: float) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(source, "tick", broken)
        assert (await told.end()).reason == "bug"
        assert loop.stray_errors >= 1
