"""The connections of a room's publications and subscriptions, and what flows between them.

A connection is a child of the room, named as its session; it is spawned when the offer is there,
and a helper task waits for its answer, since gathering candidates may take seconds. Whatever a
connection does, the room hears it as a message.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from actors.core import Actor, ActorError, ActorStopped, Down, MailboxFull, Message, Ref
from actors.streams.alternatives import parameters_sent, video_target_of
from actors.streams.connection import (
    AcceptOffer,
    AddCandidate,
    FromConnection,
    HangUp,
    connection_spec,
)
from actors.streams.failed_calls import REASONS
from actors.streams.feed_paths import FeedPaths
from actors.streams.negotiation import EARLY_CANDIDATES, Negotiation
from actors.streams.offers import MISSING, NO_CODEC, Unfit, tracks_for
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.publishing import PROFILES
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.takers import Feed
from actors.streams.wiring import NotWired, Wiring
from actors.words import media_refusals
from actors.words.conference_refusals import SessionUnknown
from actors.words.facts import SessionAnswered
from actors.words.quality import CallFailedReason
from actors.words.refusals import Busy
from actors.words.rooms import Notice
from actors.words.streams import SessionEnd
from media.contract.candidates import Candidate
from media.contract.codec import h264_profile
from media.contract.errors import BadCandidate
from media.contract.paths import MediaPath, PathTrouble
from media.contract.session import (
    HUNG_UP,
    Direction,
    Failure,
    MessageReceived,
    SessionWanted,
    State,
    StateChanged,
    TracksChanged,
    TrackWanted,
)
from media.webrtc.candidates import parse_remote

NEGOTIATE_SECONDS = 15.0  # more than the engine takes for a step that gets stuck
WORD_SECONDS = 2.0  # for who has hung up to say why: the two come by different ways
ID_LIMIT = 10**18
GONE = (PathTrouble.SOURCE_GONE, PathTrouble.SINK_GONE)


@dataclass(frozen=True, slots=True)
class Answered(Message):
    """What came of an offer: the answer, or why there is none."""

    session: str
    sdp: str
    why: SessionEnd | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OfferDue(Message):
    """The timer of a session that waits for its offer."""

    session: str


@dataclass(frozen=True, slots=True)
class WordDue(Message):
    """The timer of a session whose other side has hung up, and may say yet that it has ended it."""

    session: str


class StreamEnds(Protocol):
    """What the engine has of streams."""

    def end_of(self, stream: str, kind: str) -> str | None:
        """Return the engine's id of what sends this kind, None while it is not there."""

    def fmtp_of(self, stream: str, kind: str) -> str | None:
        """Return the parameters of its codec."""


class RoomSessions:
    """Belongs to one room, whose handlers call it and carry out what it returns."""

    __slots__ = (
        "_by_connection", "_conference", "_lines", "_media", "_room", "_wiring", "others", "paths",
    )  # fmt: skip

    paths: FeedPaths  # given once there are processes, too
    others: StreamEnds  # what has ends without a session

    def __init__(self, room: Actor[Message], conference: Conference, media: MediaServices) -> None:
        self._room = room
        self._conference = conference
        self._media = media
        self._wiring = Wiring(room, media.engine)
        self._lines: dict[str, Negotiation] = {}
        self._by_connection: dict[Ref[Message], Negotiation] = {}

    def new_id(self) -> str:
        """Return a free id: a decimal number that nobody can guess."""
        while (id_ := str(secrets.randbelow(ID_LIMIT))) in self._lines:
            pass
        return id_

    def open(self, session: str, owner: str) -> None:
        """Await the offer of a session."""
        due = self._room.ctx.tell_self_after(
            self._media.stream_limits.connect_seconds, OfferDue(session)
        )
        self._lines[session] = Negotiation(session, owner, due)

    def owner(self, session: str) -> str | None:
        """Return whose session it is, None where there is none."""
        line = self._lines.get(session)
        return None if line is None else line.owner

    def close(self, session: str) -> None:
        """End the connection of a session, and forget it."""
        line = self._lines.pop(session, None)
        if line is None:
            return
        self._wiring.forget(session)
        self.paths.forget(session)
        line.due.cancel()
        if line.connection is not None and not line.hung_up:
            ctx = self._room.ctx
            del self._by_connection[line.connection]
            ctx.unwatch(line.connection)
            ctx.start_task(ctx.stop_child, line.connection, "session ended", name="hang up")

    def close_all(self) -> None:
        """Have all connections end, now that the room does."""
        for connection in self._by_connection:
            with suppress(ActorError):  # it ends with the room anyway
                connection.tell(HangUp("room closed"))

    # --- negotiation

    async def offer(self, session: str, sdp: str, address: str | None) -> Outcome:
        """Take the offer for a session, from an address that may not be known.

        Raises SessionUnknown, NegotiationOutOfStep.
        """
        line = self._line(session)
        if line.connection is not None:
            raise media_refusals.NegotiationOutOfStep("sessions are negotiated once")
        direction = Direction.RECEIVE if self._sends(session) else Direction.SEND
        fmtp = {} if direction is Direction.RECEIVE else self._fmtp_taken(session)
        tracks = tracks_for(sdp, self._conference.codecs(session), direction, fmtp)
        if isinstance(tracks, Unfit):
            return self._conference.end(session, tracks.why, tracks.detail)
        line.due.cancel()
        line.connection = connection = await self._connect(session, tracks, address)
        self._by_connection[connection] = line
        ctx = self._room.ctx
        ctx.watch(connection)
        for candidate in line.early:
            connection.tell(AddCandidate(candidate))
        line.early.clear()
        kind = tracks[-1].kind
        ctx.start_task(self._negotiate, session, kind, connection, sdp, name="negotiation")
        return NOTHING

    def trickle(self, session: str, candidates: tuple[Candidate, ...]) -> None:
        """Take candidates, before the offer too. Raises SessionUnknown, BadCandidate, Busy."""
        line = self._line(session)
        try:
            for candidate in candidates:
                parse_remote(candidate.text)
        except BadCandidate as error:
            raise media_refusals.BadCandidate(str(error)) from error
        if line.connection is None:
            if len(line.early) + len(candidates) > EARLY_CANDIDATES:
                raise media_refusals.BadCandidate("more candidates than a connection needs")
            line.early += candidates
            return
        try:
            with suppress(ActorStopped):  # its Down is on the way
                for candidate in candidates:
                    line.connection.tell(AddCandidate(candidate))
        except MailboxFull:
            raise Busy from None

    async def _connect(
        self, session: str, tracks: tuple[TrackWanted, ...], address: str | None
    ) -> Ref[Message]:
        media = self._media
        wanted = SessionWanted(
            tracks,
            rejects_rest=True,
            ice_servers=media.ice_servers,
            connect_seconds=media.stream_limits.connect_seconds,
            remote_address=address,
        )
        ctx = self._room.ctx
        owner = self._lines[session].owner
        spec = connection_spec(
            media.engine, session, session, wanted, ctx.self_ref, _unread, member=owner
        )
        return await ctx.spawn(spec)

    async def _negotiate(self, session: str, kind: str, connection: Ref[Message], sdp: str) -> None:
        """Wait for the answer, beside the room."""
        try:
            answer = await connection.ask(AcceptOffer(sdp), within=NEGOTIATE_SECONDS)
            told = Answered(session, answer.sdp)
        except media_refusals.NoCommonCodec as refusal:  # the name was right, not a profile of it
            told = Answered(session, "", NO_CODEC[kind], str(refusal))
        except media_refusals.BadDescription as refusal:
            told = Answered(session, "", SessionEnd.BAD_OFFER, str(refusal))
        except ActorError:
            told = Answered(session, "", SessionEnd.MEDIA_LOST)
        with suppress(ActorStopped):
            await self._room.ctx.self_ref.send(told)

    # --- what becomes of it

    def answered(self, told: Answered) -> Outcome:
        """Take the outcome of a negotiation."""
        line = self._lines.get(told.session)
        if line is None or line.hung_up:
            return NOTHING
        if told.why is not None:
            return self._conference.end(line.id, told.why, told.detail)
        line.answered = True
        answer = Notice(SessionAnswered(line.id, told.sdp), to=line.owner)
        return Outcome((answer,)) + self._perhaps_ready(line)

    def overdue(self, session: str) -> Outcome:
        """Give up on a session without an offer."""
        line = self._lines.get(session)
        if line is None or line.connection is not None:
            return NOTHING
        return self._conference.end(session, SessionEnd.ICE_FAILED)

    def unexplained(self, session: str) -> Outcome:
        """End a session whose other side has hung up without a word."""
        line = self._lines.get(session)
        if line is None or not line.hung_up:
            return NOTHING
        return self._conference.end(session, SessionEnd.HUNG_UP)

    def hear(self, told: FromConnection) -> Outcome:
        """Take what a connection tells."""
        line = self._by_connection.get(told.connection)
        if line is None:
            return NOTHING
        match told.event:
            case TracksChanged():
                return self._take_tracks(line, told.event)
            case StateChanged(state=State.CONNECTED):
                line.connected = True
                return self._perhaps_ready(line)
            case StateChanged(failure=Failure.DTLS):
                return self._conference.end(line.id, SessionEnd.DTLS_FAILED)
            case StateChanged(state=State.FAILED):
                return self._conference.end(line.id, SessionEnd.ICE_FAILED)
            case StateChanged(state=State.CLOSED, reason=reason):
                if reason != HUNG_UP:
                    return self._conference.end(line.id, SessionEnd.MEDIA_LOST)
                self._await_word(line, told.connection)
        return NOTHING

    def call_failed(self, told: FromConnection) -> tuple[str, str, CallFailedReason] | None:
        """Return whose session has failed before it was connected, its id, and why; else None."""
        line = self._by_connection.get(told.connection)
        match told.event:
            case StateChanged(state=State.FAILED, failure=failure) if line and not line.connected:
                why = REASONS[failure] if failure is not None else CallFailedReason.OTHER
                return line.owner, line.id, why
        return None

    def _await_word(self, line: Negotiation, connection: Ref[Message]) -> None:
        """Keep a session whose other side has hung up, for as long as its word may take."""
        ctx = self._room.ctx
        del self._by_connection[connection]
        ctx.unwatch(connection)  # it ends by itself
        line.hung_up = True
        line.due = ctx.tell_self_after(WORD_SECONDS, WordDue(line.id))
        self._conference.hang_up(line.id)

    def miss(self, down: Down) -> Outcome:
        """Take the end of a connection that did not announce it."""
        line = self._by_connection.get(down.ref)
        if line is None:
            return NOTHING
        return self._conference.end(line.id, SessionEnd.MEDIA_LOST)

    def _take_tracks(self, line: Negotiation, told: TracksChanged) -> Outcome:
        sends = self._sends(line.id)
        codecs = line.take_tracks(told.tracks, sends=sends)
        for kind in self._conference.codecs(line.id):
            if kind not in codecs:  # offered, but the other way round
                return self._conference.end(line.id, MISSING[kind])
        rid = next((track.rid for track in told.tracks if track.kind == "video"), None)
        profile = PROFILES.get(h264_profile(line.fmtp.get("video", "")))
        self._conference.negotiated(line.id, codecs, rid, profile)
        return Outcome(rewired=() if sends else (line.id,)) + self._perhaps_ready(line)

    def _perhaps_ready(self, line: Negotiation) -> Outcome:
        return self._conference.ready(line.id) if line.becomes_ready() else NOTHING

    # --- what flows

    def end_of(self, stream: str, kind: str) -> str | None:
        """Return the engine's id of what comes as a stream of this kind."""
        line = self._lines.get(stream)
        return self.others.end_of(stream, kind) if line is None else line.ends.get(kind)

    def fmtp_of(self, stream: str, kind: str) -> str | None:
        """Return the parameters of the codec of what comes as a stream of this kind."""
        line = self._lines.get(stream)
        return self.others.fmtp_of(stream, kind) if line is None else line.fmtp.get(kind)

    def rewire(self, subscription: str) -> None:
        """Have the engine brought in line with what a subscription takes now."""
        line = self._lines.get(subscription)
        if line is None:
            return
        paths = {
            kind: MediaPath(sink, *self.paths.path(line.id, kind))
            for kind, sink in line.ends.items()
        }
        self._wiring.want(subscription, paths)

    def unwired(self, told: NotWired) -> Outcome:
        """Take that some subscriptions do not have what they were to take; those end."""
        outcome = NOTHING
        for session, kind, failure in told.failures:
            if session not in self._conference.subscriptions:
                continue
            if failure is not None and failure.why in GONE:
                continue  # one side has just ended, which the room will hear
            if failure is not None and failure.why is PathTrouble.CODEC_MISMATCH:
                outcome += self._conference.end(session, NO_CODEC[kind], failure.detail)
            else:
                outcome += self._conference.end(session, SessionEnd.MEDIA_LOST)
        return outcome

    # --- inside

    def _fmtp_taken(self, output: str) -> dict[str, str]:
        """Return the parameters of what an output takes, by kind."""
        feeds = self._conference.takers.feeds.get(output, {})
        return {kind: self._fmtp_fed(feed) for kind, feed in feeds.items()}

    def _fmtp_fed(self, feed: Feed) -> str:
        if feed.target is not None:
            return parameters_sent(feed.target)
        mixed = self._conference.mixing.streams.get(feed.stream)
        if mixed is not None and mixed.video is not None and feed.kind == "video":
            return parameters_sent(video_target_of(mixed.video))
        return self.fmtp_of(feed.stream, feed.kind) or ""

    def _sends(self, session: str) -> bool:
        return session in self._conference.publications

    def _line(self, session: str) -> Negotiation:
        if session not in self._lines:
            raise SessionUnknown(session)
        return self._lines[session]


def _unread(_: MessageReceived) -> None:
    """Leave unread what comes on data channels: nobody asked for any."""
