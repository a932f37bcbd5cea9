"""Whether there is processing power left for a job: booked at once, or refused at once. Pure.

A job is booked with what it should cost (Costs) until it has reported for a while; then with what
it takes, but no less than half of that: inputs that rest now may come back.

Pictures may claim to be large and cost nothing, to take from others what they do not need: for the
sizes that they have shown, a job is booked with one core at most, for it has one thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from media.contract.errors import NoCapacity
from media.contract.jobs import JobWanted
from media.worker.costs import Costs

LEAST_SHARE = 0.5  # of what a job should cost
SETTLED_REPORTS = 5  # before they count: encoders and joining inputs cost more at first
SMOOTHING = 0.2
ROUNDING = 1e-9
ONE_THREAD = 1.0  # cores


@dataclass
class Booking:
    """What one job is booked with, in cores."""

    wanted: JobWanted
    expected: float
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    used: float | None = None
    reports: int = 0
    reported: tuple[float, float] | None = None  # CPU seconds, and when

    @property
    def cores(self) -> float:
        """How many cores are not for others."""
        if self.used is None or self.reports < SETTLED_REPORTS:
            return self.expected
        return max(self.used, LEAST_SHARE * self.expected)


class Capacity:
    """At most `processes` jobs, which take `share` of `cores`."""

    def __init__(
        self, cores: float, share: float, processes: int, costs: Costs | None = None
    ) -> None:
        self.limit = cores * share
        self._processes = processes
        self._costs = costs or Costs()
        self._jobs: dict[str, Booking] = {}

    @property
    def booked(self) -> float:
        """How many cores are booked."""
        return sum(job.cores for job in self._jobs.values())

    def measured(self, costs: Mapping[str, float]) -> None:
        """Go by what this machine needs, from now on."""
        self._costs = Costs(dict(costs))
        for job in self._jobs.values():
            job.expected = self._expected(job.wanted, job.sizes)

    def check(self, wanted: Sequence[JobWanted]) -> None:
        """Find out whether all of these fit, and book none. Raises NoCapacity for the first that
        does not."""
        booked = self.booked
        for number, each in enumerate(wanted):
            booked += self._fitting(each, len(self._jobs) + number, booked)

    def admit(self, job_id: str, wanted: JobWanted) -> None:
        """Book a job. Raises NoCapacity."""
        expected = self._fitting(wanted, len(self._jobs), self.booked)
        self._jobs[job_id] = Booking(wanted, expected)

    def change(self, job_id: str, wanted: JobWanted) -> None:
        """Book a job anew. Raises NoCapacity, and leaves it as it was: never if it costs less."""
        job = self._jobs[job_id]
        ids = {it.id for it in wanted.inputs}
        sizes = {name: size for name, size in job.sizes.items() if name in ids}
        expected = self._expected(wanted, sizes)
        grown = self._costs.of(wanted, sizes) - self._costs.of(job.wanted, job.sizes)
        if grown > 0 and self.booked + grown > self.limit + ROUNDING:
            raise NoCapacity(wanted.kind, f"{grown:.2f} more cores are not free")
        if job.used is not None and job.expected > 0:
            job.used *= expected / job.expected
        job.wanted, job.expected, job.sizes = wanted, expected, sizes

    def seen(self, job_id: str, input: str, size: tuple[int, int]) -> None:
        """Note how large the pictures of an input are; what runs is not refused for it."""
        job = self._jobs[job_id]
        if any(it.id == input for it in job.wanted.inputs):
            job.sizes[input] = size
            job.expected = self._expected(job.wanted, job.sizes)

    def report(self, job_id: str, cpu_seconds: float, now: float) -> None:
        """Note what a job has used until now."""
        job = self._jobs[job_id]
        before, job.reported = job.reported, (cpu_seconds, now)
        if before is None or now <= before[1]:
            return
        used = max(0.0, cpu_seconds - before[0]) / (now - before[1])
        job.used = used if job.used is None else job.used + (used - job.used) * SMOOTHING
        job.reports += 1

    def _fitting(self, wanted: JobWanted, jobs: int, booked: float) -> float:
        """Return what a job should cost beside so many others. Raises NoCapacity."""
        expected = self._costs.of(wanted, {})
        if jobs >= self._processes:
            raise NoCapacity(wanted.kind, f"{self._processes} processes")
        if booked + expected > self.limit + ROUNDING:
            raise NoCapacity(wanted.kind, f"{expected:.2f} cores are not free")
        return expected

    def _expected(self, wanted: JobWanted, sizes: Mapping[str, tuple[int, int]]) -> float:
        most = max(ONE_THREAD, self._costs.of(wanted, {}))
        return min(self._costs.of(wanted, sizes), most)

    def release(self, job_id: str) -> None:
        """Book a job no more; fine if it is not."""
        self._jobs.pop(job_id, None)
