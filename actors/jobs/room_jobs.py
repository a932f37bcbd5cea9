"""The jobs of a room: children that the room tells what they take, and lets finish their work."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from actors.core import Actor, ActorError, ActorStopped, ChildSpec, Down, Message, Ref, ReplyTo
from actors.jobs.job import StopJob


@dataclass(frozen=True, slots=True)
class RunningJob:
    """`grace` is what it may take to finish its work, in seconds."""

    ref: Ref[Message]
    grace: float


class RoomJobs:
    """Belongs to one room, whose handlers call it. A job goes by the id of its output."""

    __slots__ = ("_jobs", "_room")

    def __init__(self, room: Actor[Message]) -> None:
        self._room = room
        self._jobs: dict[str, RunningJob] = {}

    async def start(self, id: str, spec: ChildSpec) -> None:
        """Spawn a job; it has begun, or ended, when this returns."""
        ref = await self._room.ctx.spawn(spec)
        self._room.ctx.watch(ref)
        self._jobs[id] = RunningJob(ref, spec.grace)

    def tell(self, id: str, message: Message) -> None:
        """Tell a job something; nothing if it has ended. Raises MailboxFull."""
        with suppress(ActorStopped):  # its Down is on the way
            self._jobs[id].ref.tell(message)

    def stop(self, id: str, asker: ReplyTo[None] | None = None) -> None:
        """Have a job finish its work, and forget it; then answer."""
        job = self._jobs.pop(id)
        self._room.ctx.start_task(self._finish, job, asker, name="finishing")

    def stop_all(self) -> None:
        """Have all of them finish, now that the room ends."""
        for job in self._jobs.values():
            with suppress(ActorError):  # it ends with the room anyway
                job.ref.tell(StopJob("room_closed"))

    def ended(self, down: Down) -> str | None:
        """Return which job has ended by itself, if it was one."""
        return next((id_ for id_, job in self._jobs.items() if job.ref == down.ref), None)

    async def _finish(self, job: RunningJob, asker: ReplyTo[None] | None) -> None:
        try:
            await job.ref.ask(StopJob(), within=job.grace)
        except ActorError:  # it has ended already, or does not get to it
            await self._room.ctx.stop_child(job.ref, "stopped")
        if asker is not None:
            asker.reply(None)
