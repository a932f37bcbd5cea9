"""Processes that wait, and what all of them are: made anew, without secrets, limited."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
import trio

from media.contract.errors import JobFailed
from media.contract.jobs import JobFigures
from media.webrtc.bridge import MediaLoop
from tests.support.jobs import (
    JOBS,
    SECONDS,
    JobTold,
    be_patient,
    clean_engine,
    descriptors,
    job_engine,
    mix,
    picture,
    process_of,
    transcode,
    until_warm,
)

SHORT = 1.5  # seconds that a process is waited for which answers nothing


async def test_warm_processes_are_ready_taken_and_made_anew(media_loop: MediaLoop):
    plan = replace(JOBS, warm=2)
    async with job_engine(media_loop, plan) as engine:
        engine._jobs._pool.warm_up()
        await until_warm(engine, 2)
        pids = {it.pid for it in engine._jobs._pool._idle}
        await engine.open_job("view", transcode(), JobTold())
        assert process_of(engine).pid in pids
        await until_warm(engine, 2)
        assert (await engine.stats()).jobs.processes == 3
        with structlog.testing.capture_logs() as logs:
            os.kill(engine._jobs._pool._idle[0].pid, signal.SIGKILL)
            with trio.fail_after(SECONDS):
                while not any(line["event"] == "job.not_warm" for line in logs):
                    await trio.sleep(0.01)
            await until_warm(engine, 2)
        await engine.close_job("view")


async def test_a_warm_process_that_was_stopped_is_given_up_by_who_takes_it(media_loop: MediaLoop):
    plan = replace(JOBS, warm=1)
    async with job_engine(media_loop, plan) as engine:
        engine._jobs._pool.warm_up()
        await until_warm(engine, 1)
        be_patient(engine, start_seconds=SHORT)
        os.kill(engine._jobs._pool._idle[0].pid, signal.SIGSTOP)
        with pytest.raises(JobFailed):
            await engine.open_job("view", transcode(), JobTold())
        be_patient(engine, start_seconds=SECONDS)
        await engine.open_job("view", transcode(), JobTold())
        await engine.close_job("view")


async def test_costs_are_measured_once_for_a_machine(media_loop: MediaLoop, tmp_path: Path):
    plan = replace(JOBS, warm=1, costs_file=tmp_path / "jobs.json", version="1")
    for measured in (1, 0):
        with structlog.testing.capture_logs() as logs:
            async with job_engine(media_loop, plan) as engine:
                engine.prepare_jobs()
                engine.prepare_jobs()
                await until_warm(engine, 1)
                assert "encode.vp8" in engine._jobs._capacity._costs.measured
        assert [line["event"] for line in logs].count("jobs.measured") == measured


async def test_a_process_has_no_secrets_and_limits_of_its_own(
    media_loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QUINTET_TEST_SECRET", "hidden")
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), JobTold())
        pid = process_of(engine).pid
        environment = await trio.Path(f"/proc/{pid}/environ").read_bytes()
        assert b"hidden" not in environment
        assert b"PATH=" in environment
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
        limits = await trio.Path(f"/proc/{pid}/limits").read_text()
        assert f"Max address space         {4 << 30}" in limits
        await engine.close_job("view")


async def test_signals_for_the_server_do_not_end_its_processes(media_loop: MediaLoop):
    told = JobTold()
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), told)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(process_of(engine).pid, number)
        await told.first(JobFigures)
        await engine.close_job("view", "enough")
        assert (await told.end()).reason == "enough"


async def test_starts_and_ends_leave_no_descriptor(media_loop: MediaLoop):
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), JobTold())
        await engine.close_job("view")
        before = descriptors()
        for name in ("fail", "camera"):
            try:
                await engine.open_job("view", mix(picture(name)), JobTold())
                await engine.close_job("view")
            except JobFailed:
                pass
        with trio.fail_after(SECONDS):
            while (await engine.stats()).jobs.processes:
                await trio.sleep(0.01)
        assert descriptors() == before


async def test_a_folder_where_we_are_is_not_taken_for_ours(
    media_loop: MediaLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("media", "av", "numpy", "msgspec"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    async with clean_engine(media_loop) as engine:
        await engine.open_job("view", transcode(), JobTold())
        await engine.close_job("view")


async def test_without_descriptors_a_job_fails_and_the_next_one_runs(media_loop: MediaLoop):
    async with clean_engine(media_loop) as engine:
        held: list[int] = []
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + 30, limits[1]))
        try:
            with suppress(OSError):
                while True:
                    held.append(os.dup(0))
            for free in range(8):  # so that it fails at each of its steps
                for _ in range(min(free, 1)):
                    os.close(held.pop())
                with pytest.raises(JobFailed, match="did not start"):
                    await engine.open_job("view", transcode(), JobTold())
                with trio.fail_after(SECONDS):
                    while (await engine.stats()).jobs.processes:
                        await trio.sleep(0.01)
        finally:
            for each in held:
                os.close(each)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await engine.open_job("view", transcode(), JobTold())
        await engine.close_job("view")
