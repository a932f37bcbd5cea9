"""The jobs of an engine, by id: each has a process, until it is closed or its process is gone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import structlog
import trio

from media.contract.analysis import AnalysisBegan, AnalysisNoted, AnalysisOver
from media.contract.errors import IdTaken, JobFailed, NoCapacity, UnknownJob
from media.contract.jobs import (
    ActiveInput,
    InputSlowed,
    JobEnded,
    JobEvent,
    JobFigures,
    JobKind,
    JobSink,
    JobStats,
    JobWanted,
    PictureSeen,
)
from media.contract.streaming import SourceFound, SourceLost, TargetFlows, TargetLost
from media.job.control import ChangeWork, FromProcess, Garbage, StartWork, StopWork, WorkTaken
from media.rtp.router import Router
from media.rtp.sender_clock import ntp_seconds, ntp_time
from media.webrtc.containment import Stray, contained, contained_async
from media.worker.capacity import Capacity
from media.worker.cores import usable_cores
from media.worker.job_port import JobPort
from media.worker.measured_costs import measured_costs
from media.worker.pool import ProcessPool
from media.worker.process import JobProcess, ProcessPlan

log = structlog.get_logger("media.jobs")

ANSWER_SECONDS = 2.0  # longer than a process is given until it counts as one that hangs
STOP_SECONDS = 1.0  # for the last packets; then it is killed
GONE_SECONDS = 10.0  # for the kernel to end a process that was killed
DEATHS = {"killed", "failed", "stalled", "exited"}  # reasons that may be an input's fault


@dataclass(frozen=True)
class JobsPlan:
    """How many processes there may be, how much of the cores they take, how they are started.

    `costs_file` keeps what was measured; it holds for `version`.
    """

    processes: int = 64
    warm: int = 1
    cpu_share: float = 0.8
    process: ProcessPlan = field(default_factory=ProcessPlan)
    costs_file: Path | None = None
    version: str = ""
    cores: float | None = None  # None: as many as this process may use


@dataclass
class LivingJob:
    """One job. `answers` are the changes that the process was told, until it says it did them."""

    id: str
    wanted: JobWanted
    events: JobSink
    process: JobProcess | None = None
    port: JobPort | None = None
    started: bool = False
    cpu_seconds: float = 0.0
    changes: int = 0
    answers: dict[int, trio.Event] = field(default_factory=dict)
    gone: trio.Event = field(default_factory=trio.Event)
    closed: str = ""  # why, by who closed it
    one_at_a_time: trio.Lock = field(default_factory=trio.Lock)


class MediaJobs:
    """Jobs whose sinks and sources live in `router`. `stray` takes what a bug in one raises."""

    def __init__(self, router: Router, nursery: trio.Nursery, stray: Stray, plan: JobsPlan) -> None:
        self._router = router
        self._nursery = nursery
        self._stray = stray
        self._plan = plan
        self._pool = ProcessPool(nursery, plan.process, min(plan.warm, plan.processes))
        cores = plan.cores if plan.cores is not None else usable_cores()
        self._capacity = Capacity(cores, plan.cpu_share, plan.processes)
        self._jobs: dict[str, LivingJob] = {}
        self._started: Counter[JobKind] = Counter()
        self._refused: Counter[JobKind] = Counter()
        self._ended: Counter[str] = Counter()
        self._cpu_seconds = 0.0  # of jobs that are gone
        self._prepared = False

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def stats(self) -> JobStats:
        """See media.contract.jobs.JobStats."""
        return JobStats(
            processes=self._pool.processes,
            idle=self._pool.idle,
            running=dict(Counter(job.wanted.kind for job in self._jobs.values())),
            started=dict(self._started),
            refused=dict(self._refused),
            ended=dict(self._ended),
            cpu_seconds=self._cpu_seconds + sum(job.cpu_seconds for job in self._jobs.values()),
            cores=self._capacity.limit,
            booked=self._capacity.booked,
        )

    def prepare(self) -> None:
        """See media.contract.engine.MediaEngine.prepare_jobs."""
        if not self._prepared and self._plan.processes and self._plan.warm:
            self._prepared = True
            self._nursery.start_soon(self._prepare)

    def check(self, wanted: Sequence[JobWanted], at_most: int | None) -> None:
        """See media.contract.engine.MediaEngine.check_jobs."""
        for number, each in enumerate(wanted, 1):
            try:
                if at_most is not None and number > at_most:
                    raise NoCapacity(each.kind, "its room has as many as it may")
                self._capacity.check(wanted[:number])
            except NoCapacity as error:
                self._refuse("", each, error)
                raise

    async def open(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        """See media.contract.engine.MediaEngine.open_job."""
        if job_id in self._jobs:
            raise IdTaken(job_id)
        try:
            self._capacity.admit(job_id, wanted)
        except NoCapacity as error:
            self._refuse(job_id, wanted, error)
            raise
        job = self._jobs[job_id] = LivingJob(job_id, wanted, events)
        done = False
        try:
            await self._start(job)
            done = True
        finally:
            if not done:
                self._remove(job)
                self._ended["not_started"] += 1
                log.warning("job.not_started", job=job_id, kind=wanted.kind)
                if job.process is not None:
                    job.process.kill(job.closed or "not_started")

    async def change(self, job_id: str, wanted: JobWanted) -> None:
        """See media.contract.engine.MediaEngine.change_job."""
        job = self._job(job_id)
        async with job.one_at_a_time:
            if self._jobs.get(job_id) is not job or job.port is None or job.process is None:
                raise UnknownJob(job_id)
            if type(wanted) is not type(job.wanted):
                raise JobFailed("a job of another kind")
            before = job.wanted
            try:
                self._capacity.change(job_id, wanted)
            except NoCapacity as error:
                self._refuse(job_id, wanted, error)
                raise
            done = False
            try:
                self._change_port(job.port, wanted)
                done = True
            finally:
                if not done:
                    self._capacity.change(job_id, before)
            job.wanted = wanted
            job.changes += 1
            streams = job.port.inputs, job.port.outputs
            await self._tell(
                job, job.process, ChangeWork(job.changes, wanted, *streams), job.changes
            )

    async def close(self, job_id: str, reason: str = "stopped") -> None:
        """See media.contract.engine.MediaEngine.close_job."""
        job = self._job(job_id)
        job.closed = job.closed or reason
        process = job.process
        if process is None or not job.started:  # `open` sees to what there is of it
            if process is not None:
                process.kill(reason)
            self._remove(job)
            return
        if not process.send(StopWork()):
            process.kill(reason)
        with trio.move_on_after(STOP_SECONDS):
            await job.gone.wait()
        process.kill(reason)
        with trio.move_on_after(GONE_SECONDS):
            await job.gone.wait()

    async def close_all(self) -> None:
        """Close every job."""
        async with trio.open_nursery() as nursery:
            for job_id in list(self._jobs):
                nursery.start_soon(self.close, job_id, "the server is closing")

    def end(self, job_id: str) -> None:
        """End a job in which a bug was found, soon; fine if there is none."""
        job = self._jobs.get(job_id)
        if job is not None and job.process is not None:
            job.process.kill("bug")

    # How a job starts, and what it tells.

    async def _start(self, job: LivingJob) -> None:
        process = job.process = await self._pool.take()
        self._check_open(job)
        port = job.port = JobPort(self._router, job.id, process.media)
        self._change_port(port, job.wanted)
        process.take = partial(self._take, job)
        ahead = ntp_seconds(ntp_time(0.0))
        order = StartWork(job.wanted, port.inputs, port.outputs, ahead)
        await self._tell(job, process, order, 0)
        self._check_open(job)
        job.started = True
        self._started[job.wanted.kind] += 1
        log.info("job.started", job=job.id, kind=job.wanted.kind, pid=process.pid)
        self._nursery.start_soon(self._watch, job, process, port)

    async def _tell(
        self, job: LivingJob, process: JobProcess, message: StartWork | ChangeWork, number: int
    ) -> None:
        """Tell the process something, and wait until it is so. Raises JobFailed; then it ends."""
        answer = job.answers[number] = trio.Event()
        try:
            try:
                told = process.send(message)
            except ValueError as error:
                raise JobFailed("more inputs than can be said") from error
            if told:
                within = self._plan.process.start_seconds
                if not job.started:
                    process.expect(within)  # and where it hangs then, it says where
                with trio.move_on_after(within + ANSWER_SECONDS):
                    await _either(answer, process.ended)
            if not answer.is_set():
                process.kill("stalled", "it did not answer")
                raise JobFailed(f"its process does not answer: {process.end.reason}")
        finally:
            del job.answers[number]

    def _change_port(self, port: JobPort, wanted: JobWanted) -> None:
        try:
            port.change(wanted)
        except ValueError as error:
            raise JobFailed("a target that cannot be") from error

    def _take(self, job: LivingJob, message: FromProcess) -> None:
        """Take what the process tells; a bug here, or in who takes it, ends this job."""
        if job.process is None or self._jobs.get(job.id) is not job:
            return
        if not contained(self._stray, "an event of a job was not taken", self._heed, job, message):
            job.process.kill("bug")

    def _heed(self, job: LivingJob, message: FromProcess) -> None:
        match message:
            case WorkTaken(number):
                if number in job.answers:
                    job.answers[number].set()
                if not job.started and job.process is not None:
                    job.process.watch()
            case JobFigures():
                job.cpu_seconds = message.cpu_seconds
                self._capacity.report(job.id, message.cpu_seconds, time.monotonic())
                job.events(_with_ours(message, job.port))
            case PictureSeen(input, width, height):
                self._capacity.seen(job.id, input, (width, height))
                job.events(message)
            case (
                ActiveInput()
                | InputSlowed()
                | SourceFound()
                | SourceLost()
                | TargetFlows()
                | TargetLost()
                | AnalysisBegan()
                | AnalysisNoted()
                | AnalysisOver()
            ):
                job.events(message)

    async def _watch(self, job: LivingJob, process: JobProcess, port: JobPort) -> None:
        """Take what a job sends until its process is gone, then clear up after it."""
        try:
            whole = await contained_async(
                self._stray, "a packet of a job was not taken", self._carry, process, port
            )
            if not whole:
                process.kill("bug")
            await process.ended.wait()
        finally:  # also where the whole engine is cancelled
            process.kill(job.closed or "stopped")
            self._end(job, process.end, process.marked)

    def _end(self, job: LivingJob, end: JobEnded, marked: int) -> None:
        if end.reason in DEATHS and job.port is not None:
            named = (name for name, ssrc in job.port.inputs.items() if ssrc == marked)
            end = msgspec.structs.replace(end, input=next(named, ""))
        if job.closed and end.reason == "stopped":
            end = JobEnded(job.closed)
        self._remove(job)
        self._ended[_counted(end.reason, job)] += 1
        log.info(
            "job.ended",
            job=job.id,
            kind=job.wanted.kind,
            reason=end.reason,
            detail=end.detail,
            input=end.input,
            cpu_seconds=round(job.cpu_seconds, 3),
        )
        contained(self._stray, "the end of a job was not taken", job.events, end)

    async def _carry(self, process: JobProcess, port: JobPort) -> None:
        try:
            await port.run()
        except Garbage as error:
            process.kill("garbage", str(error))

    def _remove(self, job: LivingJob) -> None:
        """Free what a job holds here; fine if it has been done."""
        if self._jobs.get(job.id) is job:
            del self._jobs[job.id]
            self._capacity.release(job.id)
            self._cpu_seconds += job.cpu_seconds
        if job.port is not None:
            job.port.close()
        job.gone.set()

    async def _prepare(self) -> None:
        """Find out what codecs cost, from the file or from the first process, and keep warm."""
        await contained_async(self._stray, "codecs were not measured", self._measure)
        self._pool.warm_up()

    async def _measure(self) -> None:
        costs = await measured_costs(self._pool, self._plan.costs_file, self._plan.version)
        if costs:
            self._capacity.measured(costs)

    def _check_open(self, job: LivingJob) -> None:
        if self._jobs.get(job.id) is not job:
            raise JobFailed(f"closed while it started: {job.closed}")

    def _refuse(self, job_id: str, wanted: JobWanted, error: NoCapacity) -> None:
        self._refused[wanted.kind] += 1
        log.warning("job.refused", job=job_id, kind=wanted.kind, reason=error.detail)

    def _job(self, job_id: str) -> LivingJob:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None


def _with_ours(figures: JobFigures, port: JobPort | None) -> JobEvent:
    """Add the packets that we had to drop to those that the process did."""
    if port is None or not port.dropped:
        return figures
    return msgspec.structs.replace(figures, dropped=figures.dropped + port.dropped)


def _counted(reason: str, job: LivingJob) -> str:
    """Return a reason of ours for metrics; what a caller of `close` says is of any kind."""
    return "stopped" if reason == job.closed else reason


async def _either(one: trio.Event, other: trio.Event) -> None:
    """Return when one of them is set."""

    async def wait(event: trio.Event) -> None:
        await event.wait()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, one)
        nursery.start_soon(wait, other)
