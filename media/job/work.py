"""What the loop of a process and the work in it are to each other.

The process has one thread. Its loop reads what comes, calls the work, and sleeps until the time
that the work says; nothing in the work waits. All times are seconds of time.monotonic, which is the
same clock in all processes of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from media.contract.jobs import JobWanted, WorkEvent


@dataclass(slots=True)
class WorkFigures:
    """What a work counts; see media.contract.jobs.JobFigures."""

    frames_in: int = 0
    frames_out: int = 0
    late_frames: int = 0
    decode_errors: int = 0
    skipped_frames: int = 0


class Outside(Protocol):
    """What a work may do. None of it waits or raises."""

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        """Send one RTP packet of an output: its payload and time; return whether there was room.

        Numbers, SSRC and payload type are added. `timestamp` counts in the clock of the codec and
        may be of any size; outputs of one job must count the same moment for the same time: the
        loop tells receivers how they relate by `clock`.
        """

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        """Say at which moment (time.monotonic) an output's timestamp was; once a second is enough.

        Sender reports are made of it, which keep sound and picture in step.
        """

    def request_keyframe(self, input: str) -> None:
        """Ask the sender of an input for a keyframe, as often as it is missed: it is paced."""

    def mark(self, input: str) -> None:
        """Say which input is worked on from now on, "" for none.

        Should the process die, the server knows of what. `take` is called with its input marked.
        """

    def tell(self, event: WorkEvent) -> None:
        """Tell the server something; dropped where it does not listen."""

    def wake(self) -> None:
        """Have `tick` called soon, whatever `due` says. For threads of the work, too."""


class Work(Protocol):
    """One kind of work. Raises what it likes for a bug of ours only: the process ends, then."""

    @property
    def figures(self) -> WorkFigures:
        """What was counted so far."""

    def change(self, wanted: JobWanted) -> None:
        """Do this from now on; called once before anything else."""

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Take one RTP packet of an input, as it came: in any order, perhaps twice, or broken."""

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Take when (time.monotonic) this RTP time of an input was captured, by sender reports."""

    def keyframe_wanted(self, name: str) -> None:
        """Have an output send a keyframe soon."""

    def due(self) -> float:
        """Return when `tick` shall be called next; `inf` for not before something comes."""

    def tick(self, now: float) -> None:
        """Do what is due."""


@runtime_checkable
class ClosingWork(Protocol):
    """A work that has something to end in order, when it is stopped; others need no `close`."""

    def close(self) -> None:
        """End what was begun, within a second. Nothing is called after it."""
