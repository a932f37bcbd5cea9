"""The streams that a room pulls from outside: one job each, from asking for it to its end.

Whoever asks for one waits until its media flows. It ends where its source answers that there is
nothing, after `open_seconds` without any, and where nobody waits for it any more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from actors.core import Actor, Down, Message, Ref, Refused, ReplyTo
from actors.jobs.ingest import NO_CAPACITY, Pulled, SourceStands, ingest_spec
from actors.jobs.ingest_rules import KindsWanted, PulledTracks, trouble_words
from actors.jobs.media_job import DoWork
from actors.jobs.outside_addresses import outside_address
from actors.streams.alternatives import parameters_sent
from actors.streams.media_errors import asked
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.tables import PulledStream
from actors.words.media_refusals import NoCapacity, SourceRefused
from actors.words.orders import StartStreamingIn
from media.contract.jobs import COMMON, PICTURE, IngestWanted, JobKind, source_of
from media.contract.streaming import OutsideTrouble, SourceLost

OPENING_MARGIN = 5.0  # more than a process takes to say that a source gives nothing
LOOK_SECONDS = 1.0  # between looks whether somebody still waits for a source


@dataclass(frozen=True, slots=True)
class IngestLooked(Message):
    """The timer of a stream in that has not flowed yet."""

    stream: str


@dataclass(slots=True)
class IngestLine:
    """One stream in. `asker` is there until it flows; `tracks` are what has come of it last."""

    stream: str
    job: str
    ref: Ref[Message]
    due: float
    asker: ReplyTo[object] | None
    tracks: PulledTracks | None = None
    trouble: SourceLost | None = None


class RoomIngests:
    """Belongs to one room, whose handlers call it and carry out what it returns."""

    __slots__ = ("_conference", "_lines", "_media", "_name", "_room")

    def __init__(
        self, room: Actor[Message], name: str, conference: Conference, media: MediaServices
    ) -> None:
        self._room = room
        self._name = name
        self._conference = conference
        self._media = media
        self._lines: dict[str, IngestLine] = {}

    async def start(self, id: str, order: StartStreamingIn) -> None:
        """Begin to pull; whoever asks is answered later. Raises what the order says."""
        plan, engine = self._media.streaming, self._media.engine
        first = IngestWanted(
            outside_address(order.url, plan),
            transport=order.transport,
            buffer_bytes=order.buffer_bytes,
            open_seconds=plan.open_seconds,
            read_seconds=plan.read_seconds,
            reconnect_seconds=plan.reconnect_seconds,
        )
        await asked(engine.check_jobs([first], at_most=plan.per_room - len(self._lines)))
        stream = PulledStream(id, order.attributes)
        self._conference.pull(stream, audio=order.audio, video=order.video)
        rules, ctx, job = self._conference.rules, self._room.ctx, _new_id()
        kinds = KindsWanted.of(order.audio, order.video, rules.audio_in, rules.video_in)
        pulled = Pulled(id, self._name, first, kinds)
        try:
            ref = await ctx.spawn(ingest_spec(job, engine, ctx.self_ref, pulled))
        except BaseException:
            self._conference.end_pulled(id)
            raise
        ctx.watch(ref)
        ref.tell(DoWork(first, {}))
        due = ctx.now() + plan.open_seconds + OPENING_MARGIN
        self._lines[id] = IngestLine(id, job, ref, due, ctx.defer())
        ctx.tell_self_after(LOOK_SECONDS, IngestLooked(id))

    def hear(self, message: SourceStands | IngestLooked) -> Outcome:
        """Take what a job, or the timer of one, tells."""
        line = self._lines.get(message.stream)
        if line is None:
            return NOTHING
        if isinstance(message, IngestLooked):
            return self._look(line)
        if message.tracks is not None:
            line.tracks = message.tracks
            return self._flow(line, message.tracks)
        line.trouble = trouble = message.trouble
        if trouble is None:
            return NOTHING
        if trouble.over or (line.asker and trouble.reason is not OutsideTrouble.UNREACHABLE):
            return self._fail(line, trouble)
        return self._conference.lose_source(line.stream)

    def miss(self, down: Down) -> Outcome:
        """Take that a job has ended by itself."""
        line = next((it for it in self._lines.values() if it.ref == down.ref), None)
        if line is None:
            return NOTHING
        del self._lines[line.stream]
        if line.asker is not None:
            line.asker.refuse(
                NoCapacity(JobKind.INGEST)
                if down.reason == NO_CAPACITY
                else SourceRefused("the process that reads the source has ended")
            )
        return self._conference.end_pulled(line.stream)

    def has(self, stream: str) -> bool:
        """Tell whether a stream is pulled here."""
        return stream in self._lines

    def close(self, stream: str, reason: str, asker: ReplyTo[object] | None = None) -> None:
        """End the job of a stream, then answer."""
        line = self._lines.pop(stream)
        self._room.ctx.unwatch(line.ref)
        self._room.ctx.start_task(self._end, line.ref, reason, asker, name="end")

    # --- what comes of it, for who takes it

    def end_of(self, stream: str, kind: str) -> str | None:
        """Return the engine's id of what comes of a source of this kind."""
        line = self._lines.get(stream)
        if line is None or line.tracks is None:
            return None
        target = line.tracks.audio_target if kind == "audio" else line.tracks.video_target
        name = COMMON if kind == "audio" else PICTURE
        return None if target is None else source_of(line.job, name)

    def fmtp_of(self, stream: str, kind: str) -> str | None:
        """Return the parameters of the codec of what comes of a source of this kind."""
        line = self._lines.get(stream)
        if line is None or line.tracks is None or kind != "video":
            return None
        return parameters_sent(line.tracks.video_target)

    # --- inside

    def _look(self, line: IngestLine) -> Outcome:
        if line.asker is None:
            return NOTHING
        if line.asker.done:
            return self._drop(line, "caller_left")
        if self._room.ctx.now() >= line.due:
            nothing = SourceLost(OutsideTrouble.SILENT, "")
            return self._fail(line, line.trouble or nothing)
        self._room.ctx.tell_self_after(LOOK_SECONDS, IngestLooked(line.stream))
        return NOTHING

    def _flow(self, line: IngestLine, tracks: PulledTracks) -> Outcome:
        asker, line.asker = line.asker, None
        if asker is not None and asker.done:
            return self._drop(line, "caller_left")
        outcome = self._conference.flow_in(line.stream, tracks.audio, tracks.video)
        if asker is not None:
            asker.reply(self._conference.streams[line.stream])
        return outcome

    def _fail(self, line: IngestLine, trouble: SourceLost) -> Outcome:
        asker, line.asker = line.asker, None
        refusal = SourceRefused(trouble_words(trouble))
        return self._drop(line, trouble.reason.value, asker, refusal)

    def _drop(
        self,
        line: IngestLine,
        reason: str,
        asker: ReplyTo[object] | None = None,
        refusal: Refused | None = None,
    ) -> Outcome:
        self.close(line.stream, reason)
        if asker is not None and refusal is not None:
            asker.refuse(refusal)
        return self._conference.end_pulled(line.stream)

    async def _end(self, job: Ref[Message], reason: str, asker: ReplyTo[object] | None) -> None:
        await self._room.ctx.stop_child(job, reason)
        if asker is not None:
            asker.reply(None)


def _new_id() -> str:
    return f"{JobKind.INGEST}:{secrets.token_hex(8)}"
