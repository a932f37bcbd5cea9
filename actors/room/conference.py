"""A room's streams: carries `streams.rules.Conference` within the room's actor.

It takes the orders of members, the requests of management APIs, and what the room's connections
tell, and carries out what follows: facts to tell, connections to end, media to lead elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from actors.core import Actor, Down, Message
from actors.jobs.call_lines import Seats
from actors.jobs.media_job import JobNoted, JobRuns
from actors.jobs.room_processes import JobIdle, PrimaryDue, RoomProcesses
from actors.room.conference_jobs import RoomConferenceJobs
from actors.room.roster import Roster
from actors.streams.connection import FromConnection
from actors.streams.feed_paths import FeedPaths
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.pacing import KeyframePacer, KeyframesDue
from actors.streams.publishing import Publication
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.sessions import Answered, OfferDue, RoomSessions, WordDue
from actors.streams.wiring import NotWired
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import (
    Presence,
    SessionEnded,
    SessionReady,
    StreamChanged,
)
from actors.words.orders import (
    ChangeStream,
    ChangeViews,
    ControlStream,
    ControlSubscription,
    EndStream,
    GetRegion,
    GetStreams,
    Offer,
    Order,
    Publish,
    SetRegion,
    Subscribe,
    Trickle,
    Unpublish,
    Unsubscribe,
)
from actors.words.rooms import ConferenceRules, Notice
from actors.words.streams import AudioWanted, VideoWanted
from actors.words.views import AnyStream

Done = tuple[str | None, Outcome]
"""What an order answers, and what follows from it once it is answered."""


class RoomConference:
    """Belongs to one room, whose handlers call it."""

    __slots__ = (
        "_conference", "_dialect", "_jobs", "_note", "_pacer", "_paths", "_processes", "_room",
        "_roster", "_sessions", "_tell",
    )  # fmt: skip

    takes = (
        GetStreams, ChangeStream, ChangeViews, EndStream, FromConnection, Answered, OfferDue,
        WordDue, NotWired, JobRuns, JobNoted, JobIdle, PrimaryDue, KeyframesDue,
        *RoomConferenceJobs.takes,
    )  # fmt: skip

    def __init__(
        self,
        room: Actor[Message],
        rules: ConferenceRules,
        media: MediaServices,
        tell: Callable[[Iterable[Notice]], None],
        log: Callable[..., None],
        roster: Roster,
        name: str,
        dialect: str,
        seats: Seats,
    ) -> None:
        rules = roster.rules or rules
        limits = (
            media.stream_limits.sessions_per_participant,
            media.stream_limits.recordings_per_room,
            media.streaming.per_room,
            media.stream_limits.analytics_per_room,
        )
        self._conference = Conference(rules, *limits)
        self._room = room
        self._dialect = dialect
        self._roster = roster
        self._tell = tell
        self._note = log
        self._sessions = sessions = RoomSessions(room, self._conference, media)
        self._processes = RoomProcesses(
            room, self._conference, media, sessions.end_of, sessions.fmtp_of
        )
        self._paths = sessions.paths = FeedPaths(self._conference, self._processes)
        self._pacer = KeyframePacer(room, self._conference, self._processes, media.engine)
        self._jobs = jobs = RoomConferenceJobs(
            room,
            name,
            self._conference,
            media,
            sessions,
            self._processes,
            self.carry_out,
            seats,
            tell,
        )
        sessions.others = jobs

    @property
    def streams(self) -> tuple[AnyStream, ...]:
        """The mixed streams, and those whose media can flow, in order of coming."""
        conference = self._conference
        return (*conference.mixing.streams.values(), *conference.streams.values())

    @property
    def busy(self) -> bool:
        """Whether the room is in use, members or not."""
        return self._conference.busy

    def figures(self) -> Mapping[str, object]:
        """Return what the tree page shows."""
        conference = self._conference
        return {
            "streams": len(conference.streams),
            "publications": len(conference.publications),
            "subscriptions": len(conference.subscriptions),
            "recordings": len(conference.recordings),
            "streaming_ins": len(conference.pulled),
            "streaming_outs": len(conference.broadcasts),
            "watched_views": len(conference.watched),
            "calls": self._jobs.calls.count,
            "analytics": len(conference.analytics),
            "processes": self._processes.count,
        }

    async def handle(self, message: Message) -> object:
        """Take one of `takes`; what is raised is a Refused, for who asked."""
        match message:
            case GetStreams():
                return self.streams
            case ChangeStream(stream, changes):
                self.carry_out(self._conference.change(stream, changes))
                return self._conference.known[stream]
            case ChangeViews(labels, mixes):
                self._follow(replace(self._conference.rules, views=labels, mixes=mixes))
            case EndStream(stream):
                outcome = self._conference.end_stream(stream)
                self._jobs.end_stream(stream)
                self.carry_out(outcome)
            case FromConnection():
                self._note_failed_call(message)
                self.carry_out(self._sessions.hear(message))
            case Answered():
                self.carry_out(self._sessions.answered(message))
            case OfferDue(session):
                self.carry_out(self._sessions.overdue(session))
            case NotWired():
                outcome = self._sessions.unwired(message)
                if outcome != NOTHING:  # else what is late would be wired in vain over and over
                    self.carry_out(outcome)
            case WordDue(session):
                self.carry_out(self._sessions.unexplained(session))
            case JobRuns() | JobNoted() | JobIdle() | PrimaryDue():
                if isinstance(message, JobNoted):
                    self._jobs.hear(message)
                self.carry_out(self._processes.hear(message))
            case KeyframesDue():
                self._pacer.ask()
            case _:
                return await self._jobs.handle(message)
        return None

    def leave(self, member: str) -> None:
        """End what a member sent and took, now that it is no member any more."""
        self._jobs.calls.leave(member)
        self.carry_out(self._conference.leave(member))

    def miss(self, down: Down) -> None:
        """Take the end of a child of the room."""
        self.carry_out(self._sessions.miss(down))
        self.carry_out(self._processes.miss(down))
        self._jobs.miss(down)

    def come_back(self) -> None:
        """Tell how the mixed streams are, now that the room is empty of others after a crash."""
        if self._conference.rules.announces_streams:
            mixed = self._conference.mixing.streams.values()
            self._tell([Notice(StreamChanged(stream, ".")) for stream in mixed])

    def close(self) -> None:
        """Have everything end at once; the room ends when all of it has."""
        self._jobs.close()
        self._sessions.close_all()

    def ended(self) -> None:
        """Take that the room and all its children have ended."""
        self._jobs.calls.ended()

    # --- orders

    async def done(self, order: Order, presence: Presence) -> Done:
        """Carry out an order of a member. Raises its refusals, NotAllowed for one unknown here."""
        conference, sessions, by = self._conference, self._sessions, presence.peer
        match order:
            case Publish():
                return self._publish(order, presence), NOTHING
            case Subscribe(audio, video):
                return await self._subscribe(audio, video, presence), NOTHING
            case Unpublish(stream):
                return None, conference.unpublish(by, stream)
            case Unsubscribe(subscription):
                return None, conference.unsubscribe(by, subscription)
            case ControlStream(stream, changes):
                return None, conference.control(by, stream, changes)
            case GetRegion(stream, view):
                return conference.own_region(by, stream, view), NOTHING
            case SetRegion(stream, view, region):
                return None, conference.set_own_region(by, stream, view, region)
            case ControlSubscription(subscription, to):
                await self._processes.check(conference.controlled(by, subscription, to))
                return None, conference.control_subscription(by, subscription, to)
            case Offer(session, sdp, address):
                conference.require_own(by, session)
                return None, await sessions.offer(session, sdp, address)
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

    async def _subscribe(
        self, audio: AudioWanted | None, video: VideoWanted | None, presence: Presence
    ) -> str:
        id_, conference = self._sessions.new_id(), self._conference
        who = presence.peer, audio, video, presence.permission
        await self._processes.check(conference.subscription(id_, *who))
        conference.subscribe(id_, *who)
        self._sessions.open(id_, presence.peer)
        return id_

    # --- management

    def _follow(self, rules: ConferenceRules) -> None:
        """Go by other rules from now on, and after a crash."""
        if rules != self._conference.rules:
            self._roster.rules = rules
            self.carry_out(self._conference.follow(rules))
            self._note("room.views_changed", views=len(rules.views), mixed=len(rules.mixes))

    # --- what follows

    def carry_out(self, outcome: Outcome) -> None:
        """Do what follows from a change; what waits for the engine is done beside the room."""
        self._tell(outcome.notices)
        self._log(outcome)
        for session in outcome.ended:
            self._sessions.close(session)
            self._jobs.calls.lost(session)
        for job in outcome.stopped:
            self._jobs.stop(job)
        self._processes.refresh()
        self._pacer.look()
        for output in dict.fromkeys((*outcome.rewired, *self._paths.late)):
            if output in self._conference.subscriptions:
                by_call = output in self._conference.call_of
                (self._jobs.calls if by_call else self._sessions).rewire(output)
            elif self._conference.is_job(output):
                self._jobs.rewire(output)

    def _note_failed_call(self, told: FromConnection) -> None:
        failed = self._sessions.call_failed(told)
        if failed is not None:
            peer, session, reason = failed
            self._note("call.failed", peer=peer, session=session, reason=reason.value)
            self._room.ctx.count("calls_failed", self._dialect, reason.value)

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
