"""The jobs of a fake engine: no process, and nothing that they do but their sinks and sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.contract.errors import IdTaken, JobFailed, NoCapacity, UnknownJob
from media.contract.jobs import (
    JobEnded,
    JobEvent,
    JobKind,
    JobSink,
    JobStats,
    JobWanted,
    names_sent,
    sink_of,
    source_of,
)


@dataclass
class FakeJob:
    """`changes` are what it was told to do, one after the other."""

    wanted: JobWanted
    events: JobSink
    changes: list[JobWanted] = field(default_factory=list)


@dataclass
class FakeJobs:
    """At most `places` at a time."""

    places: int = 64
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    prepared: bool = False
    started: Counter[JobKind] = field(default_factory=Counter)
    refused: Counter[JobKind] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)

    def check(self, wanted: Sequence[JobWanted], at_most: int | None) -> None:
        allowed = self.places - len(self.jobs)
        for number, each in enumerate(wanted):
            if number >= (allowed if at_most is None else min(at_most, allowed)):
                self.refused[each.kind] += 1
                raise NoCapacity(each.kind)

    def open(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        if job_id in self.jobs:
            raise IdTaken(job_id)
        if len(self.jobs) >= self.places:
            self.refused[wanted.kind] += 1
            raise NoCapacity(wanted.kind)
        self.started[wanted.kind] += 1
        self.jobs[job_id] = FakeJob(wanted, events, [wanted])

    def change(self, job_id: str, wanted: JobWanted) -> set[str]:
        """Do this from now on; return the ids of sinks and sources that ended."""
        job = self.job(job_id)
        if type(wanted) is not type(job.wanted):
            raise JobFailed("another kind")
        before = self.ends_of(job_id)
        job.wanted = wanted
        job.changes.append(wanted)
        return before - self.ends_of(job_id)

    def end(self, job_id: str, reason: str, detail: str = "", input: str = "") -> set[str]:
        """End a job, and return the ids of its sinks and sources."""
        ends = self.ends_of(job_id)
        job = self.jobs.pop(job_id)
        self.ended[reason] += 1
        job.events(JobEnded(reason, detail, input))
        return ends

    def tell(self, job_id: str, event: JobEvent) -> None:
        self.job(job_id).events(event)

    def job(self, job_id: str) -> FakeJob:
        if job_id not in self.jobs:
            raise UnknownJob(job_id)
        return self.jobs[job_id]

    def ends_of(self, job_id: str) -> set[str]:
        wanted = self.job(job_id).wanted
        sinks = {sink_of(job_id, it.id) for it in wanted.inputs}
        return sinks | {source_of(job_id, name) for name in names_sent(wanted)}

    def codecs(self, end: str) -> dict[str, str]:
        """Return what all "source"s or "sink"s carry, by id."""
        found = {}
        for job_id, job in self.jobs.items():
            if end == "sink":
                found |= {sink_of(job_id, it.id): it.codec for it in job.wanted.inputs}
            else:
                sent = names_sent(job.wanted).items()
                found |= {source_of(job_id, name): target.codec for name, target in sent}
        return found

    @property
    def stats(self) -> JobStats:
        return JobStats(
            processes=len(self.jobs),
            running=dict(Counter(job.wanted.kind for job in self.jobs.values())),
            started=dict(self.started),
            refused=dict(self.refused),
            ended=dict(self.ended),
        )
