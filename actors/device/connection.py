"""What data and media connections of devices have in common: a session, a line, UDP sockets.

A connection is a child of its peer and owns one media session, whose id is its own. It uses UDP
sockets, which it releases when it ends; by then the session is closed. What it says to the other
side goes by the peer's line, what the other side says comes from the peer (`FromPeer`). A session
cannot be rebuilt, so a connection is never restarted.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import trio
from msgspec import Raw

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    Down,
    MailboxFull,
    Message,
    Ref,
    Refused,
    Request,
)
from actors.device.events import Closed, ConnectionFailed, DeviceEvent
from actors.device.failures import words_for
from actors.device.messages import EndConnection, FromPeer, OtherSideUnreached, RedirectsChanged
from actors.device.offers import read_candidate
from actors.device.services import ConnectionSpec
from actors.device.socket import ReleaseSocket, SocketFacts, SocketKind, UseSocket, find_socket
from actors.signalling.frames import LEAVE, is_id, relayed, text
from actors.streams.connection import MEASURE_SECONDS, MeasureTraffic, SessionTold
from actors.streams.failed_calls import REASONS
from actors.words.device_refusals import RedirectForbidden, SocketInUse, SocketUnknown
from actors.words.refusals import Busy
from media.contract import errors
from media.contract.candidates import Candidate
from media.contract.codec import Codec
from media.contract.datagrams import Network
from media.contract.plans import Address
from media.contract.session import (
    Event,
    MediaSession,
    MessageReceived,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
)

EARLY_CANDIDATES = 64
RELEASE_SECONDS = 2.0
CONNECTION_GRACE = 12.0  # more than it takes to close a session that got stuck


@dataclass(frozen=True, slots=True)
class Begin(Request[None]):
    """Take the sockets of a connection to another peer: the first thing it is asked.

    Answered before anything is said to the other side. What it refuses, ends the connection, as if
    it had never been.
    """


@dataclass(frozen=True, slots=True)
class Proceed(Message):
    """Say what is next to the other side; from the connection itself."""


class DeviceConnection(Actor[Message]):
    """The base of both kinds. They fill in the methods marked so, each of which may refuse.

    `incoming` says who began; `open` is for the kind to set. Whatever the media layer raises in one
    of the methods ends the connection with `ConnectionFailed`.
    """

    accepts: ClassVar[tuple[type[Message], ...]] = (
        Begin, Proceed, FromPeer, OtherSideUnreached, EndConnection, RedirectsChanged, SessionTold,
        MeasureTraffic,
    )  # fmt: skip

    def __init__(self, spec: ConnectionSpec, *, incoming: bool) -> None:
        self.spec = spec
        self.incoming = incoming
        self.open = False
        self.session: MediaSession | None = None
        self.state = State.NEW
        self.sockets: dict[str, Ref[Message]] = {}  # those it uses, by id
        self.figures: Mapping[str, object] = {}  # as they were at the last look
        self._early: list[Candidate] = []  # of the other side, until there is a session
        self._appeared = False
        self._failed = False
        self._session_over = False

    # --- to be filled in

    def news(self) -> DeviceEvent:
        """Return what the peer's program is told of a connection that others begin."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Check what was asked for, and use the sockets; for one to another peer."""

    async def proceed(self) -> None:
        """Say the first thing to the other side, or, where it began, the next."""

    async def hear(self, kind: str, payload: bytes, address: str | None) -> None:
        """Take what the other side says, from its address if known; no candidates any more."""

    async def happen(self, event: Event) -> None:
        """Take what the session tells; its end is taken already."""

    async def answer(self, message: Message) -> object:
        """Take any other message."""

    async def allow_redirects(self, allow: tuple[Network, ...]) -> None:
        """Stop sending to where nothing may be sent any more."""

    async def measure(self, stats: SessionStats) -> Mapping[str, object]:
        """Return the figures for the tree page: plain data, also of what is beside the session."""
        return {}

    async def lose_socket(self, id: str) -> None:
        """Go on without a socket that has ended by itself."""

    async def hang_up(self, reason: str) -> None:
        """End the connection in an orderly way."""
        self.ctx.stop(reason)

    async def finish(self) -> None:
        """Do what is to be done before the session is closed, whatever ended the connection."""

    # --- life

    async def setup(self) -> None:
        if self.incoming:
            self.ctx.self_ref.tell(Proceed())
            self._appear()

    async def handle(self, message: Message) -> object:
        try:
            return await self._handle(message)
        except errors.MediaError as error:
            if not (self._session_over and isinstance(error, errors.WrongState)):
                self.fail(words_for(error))
            raise Busy from error  # or else its end is on the way here

    async def on_down(self, down: Down) -> None:
        lost = next((id for id, ref in self.sockets.items() if ref == down.ref), None)
        if lost is not None:
            del self.sockets[lost]
            try:
                await self.lose_socket(lost)
            except errors.MediaError as error:
                self.fail(words_for(error))

    async def teardown(self, reason: str) -> None:
        try:
            if self.session is not None:
                try:
                    await self.finish()
                finally:
                    await self.session.close(reason)
        finally:
            try:
                for id_ in tuple(self.sockets):
                    await self.release_socket(id_, keep=not self._appeared)
            finally:
                if self._appeared:
                    self.ctx.log.info(
                        "device.connection_ended", dialect=self.spec.dialect, reason=reason
                    )
                    self.show(Closed())
                    self.spec.services.observer.ended(self.spec.id)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "incoming": self.incoming,
            "state": self.state.value,
            "open": self.open,
            "remote": self.spec.remote,
            "sockets": len(self.sockets),
            **self.figures,
        }

    # --- for the kinds

    def show(self, event: DeviceEvent) -> None:
        """Show the program what happened to the connection."""
        self.spec.services.observer.happened(self.spec.id, event)

    def fail(self, words: str) -> None:
        """End the connection as failed; `words` are without user data."""
        if not self._failed:
            self._failed = True
            if self._appeared:
                self.show(ConnectionFailed(words))
            self.ctx.stop(words)

    async def open_session(self, wanted: SessionWanted) -> MediaSession:
        """Open the session; candidates that came before are taken. Raises a MediaError."""
        services, allow = self.spec.services, self.spec.services.limits().remote_allow
        wanted = replace(
            wanted,
            remote_address=self.spec.remote_address,
            remote_allow=tuple(map(str, allow)),
        )
        session = await services.engine.open_session(self.spec.id, wanted, self._listen)
        self.session = session
        self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())
        while self._early:
            await self._add(session, self._early.pop(0))
        return session

    async def signal(self, kind: str, payload: bytes) -> bool:
        """Say something to the other side; False where it cannot be reached, nor waited for."""
        spec = self.spec
        if not is_id(spec.remote):
            return False
        frame = relayed(kind, text(spec.me.id), spec.remote, Raw(payload))
        with trio.move_on_after(spec.services.limits().ask_seconds):
            return await spec.line.signal(kind, spec.remote, frame)
        return False

    def check_redirect(self, to: Address | None, field: str) -> None:
        """Raise RedirectForbidden, naming the field, unless data or media may be sent there."""
        if to is None:
            return
        try:
            allowed = self.spec.services.limits().may_redirect(to)
        except ValueError:
            allowed = False
        if not allowed:
            raise RedirectForbidden(field)

    async def use_socket(
        self,
        id: str,
        kind: SocketKind,
        field: str,
        *,
        codec: Codec | None = None,
        feedback: Address | None = None,
        streams: tuple[str, ...] = (),
    ) -> SocketFacts:
        """Use a socket until it is released; see UseSocket.

        Raises SocketUnknown and SocketInUse, both with the name of the field, and Busy.
        """
        socket = find_socket(self.ctx.registry, id)
        if socket is None:
            raise SocketUnknown(field)
        use = UseSocket(self.ctx.self_ref, kind, codec, feedback, streams)
        used = self.sockets.get(id)
        self.sockets[id] = socket  # where nobody answers it may be used all the same
        try:
            facts = await socket.ask(use, within=self.spec.services.limits().ask_seconds)
        except (SocketUnknown, SocketInUse) as refusal:
            self._forget(id, used)
            raise type(refusal)(field) from None
        except ActorStopped:
            self._forget(id, used)
            raise SocketUnknown(field) from None
        except ActorError as error:
            raise Busy from error
        if used != socket:
            self.ctx.watch(socket)
        return facts

    async def release_socket(self, id: str, *, keep: bool = False) -> None:
        """Use a socket no more. It ends with its last use, unless `keep`: the use came to nothing.

        Fine if it has ended already.
        """
        socket = self.sockets.pop(id, None)
        if socket is not None:
            self.ctx.unwatch(socket)
            release = ReleaseSocket(self.ctx.self_ref, keep)
            try:
                await socket.ask(release, within=RELEASE_SECONDS)
            except ActorError:
                with suppress(ActorError):  # one that has not answered would pass over it
                    socket.tell(release)

    # --- inside

    def _appear(self) -> None:
        spec = self.spec
        self._appeared = True
        spec.services.observer.appeared(spec.id, self.ctx.self_ref)
        if self.incoming:
            spec.services.observer.happened(spec.token, self.news())

    async def _handle(self, message: Message) -> object:
        match message:
            case Begin():
                try:
                    await self.begin()
                except (Refused, errors.MediaError):
                    self.ctx.stop("refused")
                    raise
                if not self.ctx.self_ref.alive:  # it was stopped meanwhile
                    raise Busy
                self._appear()
                self.ctx.self_ref.tell(Proceed())
            case Proceed():
                await self.proceed()
            case FromPeer(kind, payload, address):
                await self._hear(kind, payload, address)
            case OtherSideUnreached():
                if not self.open:
                    self.fail("the other side cannot be reached")
            case EndConnection(reason):
                await self.hang_up(reason)
            case RedirectsChanged(allow):
                await self.allow_redirects(allow)
            case SessionTold(event):
                await self._happen(event)
            case MeasureTraffic() if self.session is not None:
                with suppress(errors.MediaError):  # it has just ended
                    self.figures = await self.measure(await self.session.stats())
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())
            case _:
                return await self.answer(message)
        return None

    async def _hear(self, kind: str, payload: bytes, address: str | None) -> None:
        if kind == LEAVE:
            if not self.open:
                self.fail("the other side has left")
            return
        candidate = read_candidate(payload) if kind == "CANDIDATE" else None
        if candidate is None:
            await self.hear(kind, payload, address)
        elif self.session is not None:
            await self._add(self.session, candidate[1])
        elif len(self._early) < EARLY_CANDIDATES:
            self._early.append(candidate[1])

    async def _add(self, session: MediaSession, candidate: Candidate) -> None:
        with suppress(errors.BadCandidate, errors.WrongState):  # theirs to lose, or it has ended
            await session.add_candidate(candidate)

    async def _happen(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            connected, self.state = self.state is State.CONNECTED, event.state
            if event.state is State.FAILED:
                self._note_failed_call(connected, event)
                self.fail(f"the connection failed: {event.failure or event.reason}")
                return
            if event.state is State.CLOSED:
                self.ctx.stop(event.reason or "closed")
                return
        await self.happen(event)

    def _note_failed_call(self, connected: bool, event: StateChanged) -> None:
        if connected or event.failure is None:
            return  # it has come about, and is lost
        me, dialect, reason = self.spec.me.id, self.spec.dialect, REASONS[event.failure].value
        self.ctx.log.info("call.failed", peer=me, dialect=dialect, reason=reason)
        self.ctx.count("calls_failed", dialect, reason)

    def _listen(self, event: Event) -> None:
        """Take an event of the session. Called by the media layer, so it neither waits nor raises.

        Messages of channels go on over UDP, if anywhere, and are none of the actor's.
        """
        if isinstance(event, MessageReceived):
            return
        if isinstance(event, StateChanged) and event.state in (State.FAILED, State.CLOSED):
            self._session_over = True
        self.notice(event)
        try:
            self.ctx.self_ref.tell(SessionTold(event))
        except MailboxFull:
            self.ctx.stop("too_slow")
        except ActorStopped:
            return  # its teardown closes the session, which tells so

    def notice(self, event: Event) -> None:
        """Take an event of the session at once, also in the teardown; to be filled in."""

    def _forget(self, id: str, used: Ref[Message] | None) -> None:
        """Undo the note of a use that was refused; `used` is the socket if it was used before."""
        if used is None:
            self.sockets.pop(id, None)
        else:
            self.sockets[id] = used
