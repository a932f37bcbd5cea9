"""A connection: owns one media session, from its opening to its end.

It carries orders to the session and the session's events to its owner, a peer. What ends the
session ends the connection, and the other way round: whoever watches it, a room or a peer, gets the
`Down` with the reason. DTLS and ICE cannot be rebuilt, so it is never restarted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from actors.core import (
    Actor,
    ActorStopped,
    ChildSpec,
    Down,
    MailboxFull,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Request,
)
from actors.streams.media_errors import asked
from actors.words import media_refusals
from actors.words.refusals import Busy
from media.contract.candidates import Candidate, Description
from media.contract.engine import MediaEngine
from media.contract.plans import ChannelWanted
from media.contract.session import (
    ChannelClosed,
    ChannelOpened,
    Event,
    MediaSession,
    MessageReceived,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
    TracksChanged,
    TrackWanted,
)

SENDS_IN_PROGRESS = 64
MEASURE_SECONDS = 5.0  # between looks at the counters, for the tree page
GRACE_SECONDS = 8.0  # more than the engine takes to close a session that got stuck


@dataclass(frozen=True, slots=True)
class CreateOffer(Request[Description]):
    """Offer what is wanted. Raises NegotiationOutOfStep."""


@dataclass(frozen=True, slots=True)
class AcceptOffer(Request[Description]):
    """Take their offer; the answer is answered. Raises BadDescription, NoCommonCodec, …"""

    sdp: str


@dataclass(frozen=True, slots=True)
class AcceptAnswer(Request[None]):
    """Take the answer to our offer. Raises BadDescription, NegotiationOutOfStep."""

    sdp: str


@dataclass(frozen=True, slots=True)
class AddCandidate(Request[None]):
    """Take a remote candidate. Raises BadCandidate."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class AddTracks(Request[None]):
    """Want more sections, from the next negotiation on. Raises TooMuchMedia, NoCommonCodec."""

    tracks: tuple[TrackWanted, ...]


@dataclass(frozen=True, slots=True)
class OpenChannel(Request[str]):
    """Open a data channel; its id is answered. Raises TooMuchMedia, ImpossibleChannel."""

    wanted: ChannelWanted


@dataclass(frozen=True, slots=True)
class SendMessage(Request[None]):
    """Send on a data channel, answered once it has left the queue of unsent ones.

    Raises UnknownChannel, TooMuchMedia; Busy while too many wait already.
    """

    channel: str
    data: str | bytes


@dataclass(frozen=True, slots=True)
class CloseChannel(Request[None]):
    """Close a data channel. Raises UnknownChannel."""

    channel: str


@dataclass(frozen=True, slots=True)
class HangUp(Message):
    """End the connection; `reason` is for those who watch it, without user data."""

    reason: str = "hung up"


@dataclass(frozen=True, slots=True)
class FromConnection(Message):
    """What a connection tells its owner."""

    connection: Ref[Message]
    event: Event


@dataclass(frozen=True, slots=True)
class SessionTold(Message):
    """What the session told; from the media layer only."""

    event: Event


@dataclass(frozen=True, slots=True)
class MeasureTraffic(Message):
    """The timer: look at the counters again."""


class MediaConnection(Actor[Message]):
    kind = "connection"
    accepts = (
        CreateOffer, AcceptOffer, AcceptAnswer, AddCandidate, AddTracks, OpenChannel, SendMessage,
        CloseChannel, HangUp, SessionTold, MeasureTraffic,
    )  # fmt: skip

    def __init__(
        self,
        engine: MediaEngine,
        session_id: str,
        wanted: SessionWanted,
        owner: Ref[Any],
        messages: Callable[[MessageReceived], None] | None = None,
        member: str = "",
    ) -> None:
        self._engine = engine
        self._session_id = session_id
        self._wanted = wanted
        self._owner = owner
        self._messages = messages
        self._member = member
        self._session: MediaSession
        self._state = State.NEW
        self._tracks = 0
        self._channels = 0
        self._sends = 0
        self._stats: SessionStats | None = None  # as they were at the last look

    async def setup(self) -> None:
        self.ctx.watch(self._owner)
        self._session = await self._engine.open_session(self._session_id, self._wanted, self._hear)
        self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())

    async def handle(self, message: Message) -> object:
        session = self._session
        match message:
            case CreateOffer():
                return await asked(session.create_offer())
            case AcceptOffer(sdp):
                return await asked(session.accept_offer(sdp))
            case AcceptAnswer(sdp):
                return await asked(session.accept_answer(sdp))
            case AddCandidate(candidate):
                return await asked(session.add_candidate(candidate))
            case AddTracks(tracks):
                return await asked(session.add_tracks(tracks))
            case OpenChannel(wanted):
                return await self._open_channel(wanted)
            case CloseChannel(channel):
                return await asked(session.close_channel(channel))
            case SendMessage(channel, data):
                self._begin_sending(channel, data)
            case HangUp(reason):
                self.ctx.stop(reason)
            case SessionTold(event):
                self._pass_on(event)
            case MeasureTraffic():
                self._stats = await session.stats()
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())
        return None

    async def on_down(self, down: Down) -> None:
        self.ctx.stop("owner gone")

    async def teardown(self, reason: str) -> None:
        await self._session.close(reason)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "state": self._state.value,
            "member": self._member,
            "tracks": self._tracks,
            "channels": self._channels,
            "sending": self._sends,
            **_figures(self._stats),
        }

    async def _open_channel(self, wanted: ChannelWanted) -> str:
        try:
            return await asked(self._session.open_channel(wanted))
        except ValueError as error:
            raise media_refusals.ImpossibleChannel(str(error)) from error

    def _begin_sending(self, channel: str, data: str | bytes) -> None:
        """Send in a helper task: one channel that is stuck must not hold up the others."""
        if self._sends >= SENDS_IN_PROGRESS:
            raise Busy("too many messages wait to be sent")
        self._sends += 1
        self.ctx.start_task(self._send, channel, data, self.ctx.defer(), name="send")

    async def _send(self, channel: str, data: str | bytes, reply: ReplyTo[None]) -> None:
        try:
            await asked(self._session.send(channel, data))
        except Refused as refused:
            reply.refuse(refused)
        else:
            reply.reply(None)
        finally:
            self._sends -= 1

    def _hear(self, event: Event) -> None:
        """Take an event of the session. Called by the media layer, so it neither waits nor raises.

        Messages of data channels go straight to where they were asked for, if anywhere: they may be
        many, and have no order with anything else.
        """
        if isinstance(event, MessageReceived) and self._messages is not None:
            self._messages(event)
            return
        try:
            self.ctx.self_ref.tell(SessionTold(event))
        except MailboxFull:
            self.ctx.stop("too_slow")
        except ActorStopped:
            return  # its teardown closes the session, which tells so

    def _pass_on(self, event: Event) -> None:
        match event:
            case StateChanged(state=state):
                self._state = state
            case TracksChanged(tracks=tracks):
                self._tracks = len(tracks)
            case ChannelOpened():
                self._channels += 1
            case ChannelClosed():
                self._channels -= 1
        try:
            self._owner.tell(FromConnection(self.ctx.self_ref, event))
        except MailboxFull:
            self.ctx.stop("owner too slow")
            return
        except ActorStopped:
            return  # its Down is on the way
        if isinstance(event, StateChanged) and event.state in (State.FAILED, State.CLOSED):
            self.ctx.stop(f"{event.state.value}: {event.reason}")


def _figures(stats: SessionStats | None) -> dict[str, object]:
    """Return what the tree page shows of the traffic."""
    if stats is None:
        return {}
    return {
        "bytes_received": stats.bytes_received,
        "bytes_sent": stats.bytes_sent,
        "sources": [asdict(source) for source in stats.sources],
        "legs": [asdict(sink) for sink in stats.sinks],
    }


def connection_spec(
    engine: MediaEngine,
    name: str,
    session_id: str,
    wanted: SessionWanted,
    owner: Ref[Any],
    messages: Callable[[MessageReceived], None] | None = None,
    *,
    member: str = "",
) -> ChildSpec:
    """Return how to spawn a connection of `owner`; it accepts FromConnection.

    `session_id` is unique in the engine: the ids of sources and sinks begin with it. `messages`
    takes what arrives on data channels instead of the owner; it neither waits nor raises.
    `member` is whom its media is of, for the tree page.
    """
    return ChildSpec(
        name,
        lambda: MediaConnection(engine, session_id, wanted, owner, messages, member),
        grace=GRACE_SECONDS,
    )
