"""A room's streams: carries `streams.rules.Conference` within the room's actor.

It takes the orders of members, the requests of management APIs, and what the room's connections
tell, and carries out what follows: facts to tell, connections to end, media to lead elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from actors.core import Actor, Down, MailboxFull, Message, ReplyTo
from actors.jobs.recordings import RoomRecordings
from actors.jobs.room_jobs import RoomJobs
from actors.streams.connection import FromConnection
from actors.streams.publishing import Publication
from actors.streams.rules import NOTHING, Conference, Outcome
from actors.streams.services import MediaServices
from actors.streams.sessions import Answered, OfferDue, RoomSessions, WordDue
from actors.streams.wiring import NotWired
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import (
    Presence,
    SessionEnded,
    SessionReady,
)
from actors.words.orders import (
    ChangeRecording,
    ChangeStream,
    ControlStream,
    ControlSubscription,
    EndRecording,
    EndStream,
    GetRecordings,
    GetStreams,
    Offer,
    Order,
    Publish,
    StartRecording,
    Subscribe,
    Trickle,
    Unpublish,
    Unsubscribe,
)
from actors.words.rooms import ConferenceRules, Notice
from actors.words.streams import RecordingView, Stream

Done = tuple[str | None, Outcome]
"""What an order answers, and what follows from it once it is answered."""


class RoomConference:
    """Belongs to one room, whose handlers call it."""

    __slots__ = ("_conference", "_jobs", "_note", "_recordings", "_room", "_sessions", "_tell")

    takes = (
        GetStreams, ChangeStream, EndStream, StartRecording, GetRecordings, ChangeRecording,
        EndRecording, FromConnection, Answered, OfferDue, WordDue, NotWired,
    )  # fmt: skip

    def __init__(
        self,
        room: Actor[Message],
        rules: ConferenceRules,
        media: MediaServices,
        tell: Callable[[Iterable[Notice]], None],
        log: Callable[..., None],
    ) -> None:
        limits = (
            media.stream_limits.sessions_per_participant,
            media.stream_limits.recordings_per_room,
        )
        self._conference = Conference(rules, *limits)
        self._room = room
        self._tell = tell
        self._note = log
        self._sessions = RoomSessions(room, self._conference, media)
        self._jobs = RoomJobs(room)
        self._recordings = RoomRecordings(self._jobs, self._conference, media, self._sessions)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams whose media can flow, in order of coming."""
        return tuple(self._conference.streams.values())

    @property
    def busy(self) -> bool:
        """Whether the room is in use, members or not."""
        return self._conference.busy

    def figures(self) -> Mapping[str, object]:
        """Return what the tree page shows."""
        conference = self._conference
        return {
            "publications": len(conference.publications),
            "subscriptions": len(conference.subscriptions),
            "recordings": len(conference.recordings),
        }

    async def handle(self, message: Message) -> object:
        """Take one of `takes`; what is raised is a Refused, for who asked."""
        match message:
            case GetStreams():
                return self.streams
            case ChangeStream(stream, changes):
                self.carry_out(self._conference.change(stream, changes))
                return self._conference.streams[stream]
            case EndStream(stream):
                self.carry_out(self._conference.end_stream(stream))
            case StartRecording():
                return await self._record(message)
            case GetRecordings():
                return self._recordings.views()
            case ChangeRecording(recording, to):
                self.carry_out(self._conference.change_recording(recording, to))
                return self._recordings.view(recording)
            case EndRecording(recording):
                self._conference.end_recording(recording)
                self._stop(recording, self._room.ctx.defer())
            case FromConnection():
                self.carry_out(self._sessions.hear(message))
            case Answered():
                self.carry_out(self._sessions.answered(message))
            case OfferDue(session):
                self.carry_out(self._sessions.overdue(session))
            case NotWired():
                self.carry_out(self._sessions.unwired(message))
            case WordDue(session):
                self.carry_out(self._sessions.unexplained(session))
        return None

    def leave(self, member: str) -> None:
        """End what a member sent and took, now that it is no member any more."""
        self.carry_out(self._conference.leave(member))

    def miss(self, down: Down) -> None:
        """Take the end of a child of the room."""
        self.carry_out(self._sessions.miss(down))
        job = self._jobs.ended(down)
        if job is not None:
            self.carry_out(self._conference.end_recording(job))

    def close(self) -> None:
        """Have everything end at once; the room ends when all of it has."""
        self._jobs.stop_all()
        self._sessions.close_all()

    # --- orders

    async def done(self, order: Order, presence: Presence) -> Done:
        """Carry out an order of a member. Raises its refusals, NotAllowed for one unknown here."""
        conference, sessions, by = self._conference, self._sessions, presence.peer
        match order:
            case Publish():
                return self._publish(order, presence), NOTHING
            case Subscribe(audio, video):
                id_ = sessions.new_id()
                conference.subscribe(id_, by, audio, video, presence.permission)
                sessions.open(id_, by)
                return id_, NOTHING
            case Unpublish(stream):
                return None, conference.unpublish(by, stream)
            case Unsubscribe(subscription):
                return None, conference.unsubscribe(by, subscription)
            case ControlStream(stream, changes):
                return None, conference.control(by, stream, changes)
            case ControlSubscription(subscription, to):
                return None, conference.control_subscription(by, subscription, to)
            case Offer(session, sdp):
                conference.require_own(by, session)
                return None, await sessions.offer(session, sdp)
            case Trickle(session, candidates):
                conference.require_own(by, session)
                sessions.trickle(session, candidates)
                return None, NOTHING
        raise NotAllowed

    def _publish(self, order: Publish, presence: Presence) -> str:
        id_ = self._sessions.new_id()
        publication = Publication(
            id_,
            presence.peer,
            order.audio_origin,
            order.video_origin,
            order.parameters,
            order.attributes,
        )
        self._conference.publish(publication, presence.permission)
        self._sessions.open(id_, presence.peer)
        return id_

    # --- management

    async def _record(self, order: StartRecording) -> RecordingView:
        """Start a recording. Raises what the order says, and Busy at the limit."""
        output = self._conference.record(self._sessions.new_id(), order.audio, order.video)
        await self._recordings.start(output, order.container)
        return self._recordings.view(output.id)

    # --- what follows

    def carry_out(self, outcome: Outcome) -> None:
        """Do what follows from a change; what waits for the engine is done beside the room."""
        self._tell(outcome.notices)
        self._log(outcome)
        for session in outcome.ended:
            self._sessions.close(session)
        for job in outcome.stopped:
            self._stop(job)
        for output in dict.fromkeys(outcome.rewired):
            if output in self._conference.subscriptions:
                self._sessions.rewire(output)
            elif output in self._conference.recordings:
                self._rewire(output)

    def _rewire(self, job: str) -> None:
        """Tell a job what it takes now; one that does not listen would go on with what is held."""
        try:
            self._recordings.rewire(job)
        except MailboxFull:
            self.carry_out(self._conference.end_recording(job))

    def _stop(self, job: str, asker: ReplyTo[None] | None = None) -> None:
        self._recordings.forget(job)
        self._jobs.stop(job, asker)

    def _log(self, outcome: Outcome) -> None:
        """Log what becomes of sessions, also what their owners need not be told."""
        reasons: dict[str, dict[str, str]] = {}
        for notice in outcome.notices:
            match notice.fact:
                case SessionReady(session):
                    sends = session in self._conference.publications
                    what = "publication" if sends else "subscription"
                    self._note("session.ready", session=session, peer=notice.to, what=what)
                case SessionEnded(session, why, detail):
                    reasons[session] = {
                        "reason": why.value,
                        **({"detail": detail} if detail else {}),
                    }
        for session in outcome.ended:
            owner = self._sessions.owner(session)
            if owner is not None:
                reason = reasons.get(session, {"reason": "removed"})
                self._note("session.ended", session=session, peer=owner, **reason)
