"""The telephone calls of a room, in and out: one actor each, from asking for it to its end.

One that comes in is a member at once, one that goes out as soon as it is taken: whoever asks for it
waits for that. It ends with its actor, with its membership, and with what it sends or takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from actors.core import (
    Actor,
    ActorStopped,
    Down,
    MailboxFull,
    Message,
    Refused,
    ReplyTo,
    Request,
)
from actors.jobs.call import call_spec, open_name
from actors.jobs.call_lines import WORDS, CallDue, CallLine, Seats, refuse, usual_terms
from actors.jobs.call_messages import CallAgreed, CallDigits, CallOver, CallPlanned
from actors.jobs.call_rules import AUDIO, VIDEO, Allowed, answered, terms_of
from actors.jobs.job import Take
from actors.jobs.room_processes import RoomProcesses
from actors.streams.call_sources import SOUNDS
from actors.streams.conference_calls import CallTerms
from actors.streams.feed_paths import FeedPaths
from actors.streams.outcome import Outcome
from actors.streams.publishing import VIDEO_FORMATS
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.tables import CallMedia
from actors.words.calls import (
    CallEnd,
    CallRefused,
    CallUnknown,
    CallView,
    ChangeCall,
    EndCall,
    GetCalls,
    StartCall,
    TakeCall,
)
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import Presence
from actors.words.streams import AudioWanted, VideoWanted
from actors.words.views import MixedStream

LOOK_SECONDS = 1.0  # between looks whether somebody still waits for a call
AGREE_SECONDS = 60.0  # for who calls to say what he sends, where we had to ask
DIAL_MARGIN = 10.0  # more than signalling takes to say that nobody answers


class RoomCalls:
    """Belongs to one room, whose handlers call it. `carry_out` does what follows from a change."""

    __slots__ = (
        "_carry_out", "_conference", "_lines", "_media", "_name", "_new_id", "_paths", "_processes",
        "_room", "_seats",
    )  # fmt: skip

    takes = (
        TakeCall, StartCall, GetCalls, ChangeCall, EndCall, CallAgreed, CallOver, CallDigits,
        CallDue,
    )  # fmt: skip

    def __init__(
        self,
        room: Actor[Message],
        name: str,
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        processes: RoomProcesses,
        seats: Seats,
        new_id: Callable[[], str],
        carry_out: Callable[[Outcome], None],
    ) -> None:
        self._room = room
        self._name = name
        self._conference = conference
        self._media = media
        self._paths = paths
        self._processes = processes
        self._seats = seats
        self._new_id = new_id
        self._carry_out = carry_out
        self._lines: dict[str, CallLine] = {}

    @property
    def count(self) -> int:
        """How many there are, those that begin too."""
        return len(self._lines)

    async def handle(self, message: Message) -> object:
        """Take one of `takes`; what is raised is a Refused, for who asked."""
        match message:
            case TakeCall():
                await self._take(message)
            case StartCall():
                await self._start(message)
            case GetCalls():
                return tuple(self._view(it) for it, line in self._lines.items() if line.agreed)
            case ChangeCall(call, changes):
                self._ongoing(call)
                await self._processes.check(self._conference.call_after(call, changes))
                self._carry_out(self._conference.change_call(call, changes))
                return self._view(call)
            case EndCall(call):
                self._ongoing(call)
                self._end(call, CallEnd.HUNG_UP, self._room.ctx.defer())
            case CallAgreed(call) if call in self._lines:
                self._agree(message, self._lines[call])
            case CallOver(call) if call in self._lines:
                self._lines[call].over = message
            case CallDigits(call, digits) if call in self._lines:
                self._lines[call].digits = digits
            case CallDue(call) if call in self._lines:
                self._look(call, self._lines[call])
            case Request():
                raise NotAllowed("not in a room of this kind")
        return None

    def miss(self, down: Down) -> None:
        """Take that a call has ended by itself."""
        call = next((it for it, line in self._lines.items() if line.ref == down.ref), None)
        if call is not None:
            over = self._lines[call].over
            self._end(call, CallEnd.FAILED if over is None else over.why)

    def leave(self, member: str) -> None:
        """Hang up on a call that is no member any more."""
        if member in self._lines:
            over = self._lines[member].over
            self._end(member, CallEnd.DROPPED if over is None else over.why)

    def lost(self, session: str) -> None:
        """Hang up on a call that cannot send, or take, any more; nothing for other sessions."""
        call = self._conference.call_of.get(session)
        if call is not None and call in self._lines:
            removed = session == self._conference.calls[call].stream  # nobody else ends that
            self._end(call, CallEnd.DROPPED if removed else CallEnd.MEDIA_LOST)

    def close(self) -> None:
        """Refuse those who wait, now that the room ends; the calls end with it."""
        for line in self._lines.values():
            refuse(line, CallEnd.ROOM_ENDED)

    def ended(self) -> None:
        """Leave nobody ringing: of a call that never began, nobody else has the leg."""
        for call, line in self._lines.items():
            self._media.calls_open.discard(open_name(self._name, call))
            if line.leg is not None:
                line.leg.hang_up(CallEnd.ROOM_ENDED)

    # --- what flows

    def end_of(self, stream: str, kind: str) -> str | None:
        """Return the engine's id of what comes of a call of this kind."""
        line = self._lines.get(self._conference.call_of.get(stream, ""))
        return None if line is None else line.sources.get(kind)

    def fmtp_of(self, stream: str, kind: str) -> str | None:
        """Return the parameters of the codec of what comes of a call of this kind."""
        line = self._lines.get(self._conference.call_of.get(stream, ""))
        return None if line is None else line.fmtp.get(kind)

    def rewire(self, output: str) -> None:
        """Tell a call what it takes now; one that does not listen is hung up on."""
        call = self._conference.call_of[output]
        line = self._lines.get(call)
        if line is None:
            return
        sources = self._conference.subscriptions[output].sources
        try:
            line.ref.tell(Take({kind: self._paths.path(output, kind) for kind in sources}))
        except ActorStopped:
            return  # its Down is on the way
        except MailboxFull:
            self._end(call, CallEnd.MEDIA_LOST)

    # --- how calls begin

    async def _take(self, order: TakeCall) -> None:
        """Raises what the order says."""
        presence, view = order.presence, self._view_for(order.presence)
        sees = VideoWanted(view.id) if view.video is not None else None
        allowed = self._allowed(presence, sees is not None, video=True)
        terms = usual_terms(allowed)
        if order.offer is not None:
            agreed = answered(order.offer, allowed)
            if agreed is None:
                raise CallRefused(CallEnd.NO_COMMON_CODEC, WORDS[CallEnd.NO_COMMON_CODEC])
            terms = terms_of(agreed, allowed)
        plan = CallPlanned(presence.peer, self._name, order.peer, allowed, order.leg, order.offer)
        line = await self._begin(plan, presence, AudioWanted(view.id), sees, terms)
        self._seats.seat(line.ref, presence)

    async def _start(self, order: StartCall) -> None:
        """Raises what the order says, but for what the other side does."""
        self._view_for(order.presence)
        sees = order.sees if order.video else None
        allowed = self._allowed(order.presence, sees is not None, video=order.video)
        plan = CallPlanned(order.presence.peer, self._name, order.uri, allowed)
        terms = usual_terms(allowed)
        line = await self._begin(plan, order.presence, order.hears, sees, terms)
        line.asker = self._room.ctx.defer()

    async def _begin(
        self,
        plan: CallPlanned,
        presence: Presence,
        hears: AudioWanted,
        sees: VideoWanted | None,
        terms: CallTerms,
    ) -> CallLine:
        """Begin a call that would be like this."""
        conference, ctx, call = self._conference, self._room.ctx, plan.id
        self._seats.check_seat(presence)
        conference.begin_call(CallMedia(call, self._new_id(), self._new_id(), hears, sees))
        counted = open_name(self._name, call)
        self._media.calls_open.add(counted)  # before other rooms look how many there are
        try:
            await self._processes.check(conference.call_output(call, terms))
            ref = await ctx.spawn(call_spec(plan, self._media, ctx.self_ref))
        except BaseException:
            self._media.calls_open.discard(counted)
            conference.end_call(call)
            raise
        ctx.watch(ref)
        rings = self._media.calls.ring_seconds + DIAL_MARGIN
        due = ctx.now() + (AGREE_SECONDS if plan.leg is not None else rings)
        self._lines[call] = line = CallLine(presence, plan.peer, ref, due, plan.leg)
        ctx.tell_self_after(LOOK_SECONDS, CallDue(call))
        return line

    def _view_for(self, presence: Presence) -> MixedStream:
        """Return the view that a call is mixed into. Raises CallRefused."""
        plan = self._media.calls
        if len(self._lines) >= plan.per_room or len(self._media.calls_open) >= plan.most:
            raise CallRefused(CallEnd.BUSY, "there are as many calls as there may be")
        if presence.peer in self._lines:
            raise CallRefused(CallEnd.FAILED, "another call has that id")
        view = self._conference.call_view()
        if view is None:
            raise CallRefused(CallEnd.NOT_ALLOWED, "the room has no mixed view with sound")
        return view

    def _allowed(self, presence: Presence, sees: bool, *, video: bool) -> Allowed:
        """Return what a call may be. Raises NotAllowed where that is no sound."""
        may, rules = presence.permission, self._conference.rules
        codecs = {
            AUDIO: rules.audio_in.intersection(SOUNDS),
            VIDEO: rules.video_in.intersection(VIDEO_FORMATS),
        }
        comes = {AUDIO: may.publish.audio, VIDEO: video and may.publish.video}
        goes = {AUDIO: may.subscribe.audio, VIDEO: sees and may.subscribe.video}
        if not (comes[AUDIO] or goes[AUDIO]):
            raise NotAllowed
        ways = (frozenset(kind for kind, it in way.items() if it) for way in (comes, goes))
        return Allowed(codecs, *ways)

    # --- how they go on, and end

    def _agree(self, fact: CallAgreed, line: CallLine) -> None:
        call, conference = fact.call, self._conference
        if not line.agreed and line.leg is None:
            if line.asker is None or line.asker.done:
                self._end(call, CallEnd.CANCELLED)
                return
            try:
                self._seats.seat(line.ref, line.presence)
            except Refused as refusal:
                line.asker.refuse(refusal)
                self._end(call, CallEnd.NO_CAPACITY)
                return
        line.agreed, line.sources, line.fmtp = True, fact.sources, fact.fmtp
        stream = conference.calls[call].stream
        try:
            outcome = conference.agree(call, fact.terms)
        except Refused:  # what it was to hear is gone
            self._end(call, CallEnd.MEDIA_LOST)
            return
        self._carry_out(outcome)
        if fact.anew:
            self._processes.retell(stream)
        if line.asker is not None and call in self._lines:
            line.asker.reply(self._view(call))
            line.asker = None

    def _look(self, call: str, line: CallLine) -> None:
        """See whether a call that has not come about yet may go on."""
        if line.agreed:
            return
        if line.asker is not None and line.asker.done:
            self._end(call, CallEnd.CANCELLED)
        elif self._room.ctx.now() >= line.due:
            self._end(call, CallEnd.FAILED if line.leg is not None else CallEnd.UNANSWERED)
        else:
            self._room.ctx.tell_self_after(LOOK_SECONDS, CallDue(call))

    def _end(self, call: str, why: CallEnd, asker: ReplyTo[None] | None = None) -> None:
        """Forget a call and have its actor end; answer when nothing of it is left."""
        line, ctx = self._lines.pop(call), self._room.ctx
        self._paths.forget(self._conference.calls[call].output)
        ctx.unwatch(line.ref)
        outcome = self._conference.end_call(call)
        if line.agreed or line.leg is not None:
            self._seats.unseat(call)
        refuse(line, why)
        self._carry_out(outcome)
        ctx.start_task(self._stop, call, line, why, asker, name="hang up")

    async def _stop(
        self, call: str, line: CallLine, why: CallEnd, asker: ReplyTo[None] | None
    ) -> None:
        await self._room.ctx.stop_child(line.ref, why.value)
        self._media.calls_open.discard(open_name(self._name, call))
        if line.leg is not None:
            line.leg.hang_up(why)  # where its actor never came so far
        if asker is not None:
            asker.reply(None)

    def _ongoing(self, call: str) -> None:
        """Raises CallUnknown."""
        if call not in self._lines or not self._lines[call].agreed:
            raise CallUnknown(call)

    def _view(self, call: str) -> CallView:
        conference, line, media = self._conference, self._lines[call], self._conference.calls[call]
        output = conference.subscriptions[media.output]
        audio, video = output.audio, output.video
        return CallView(
            call,
            line.leg is not None,
            line.peer,
            conference.streams.get(media.stream),
            media.output,
            None if audio is None else replace(audio, format=output.audio_format),
            None if video is None else replace(video, format=output.video_format),
            line.digits,
        )
