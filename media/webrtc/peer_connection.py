"""A session of the real engine: one WebRTC connection, wired to the router.

It negotiates through the aiortc seam, gives the router a source or sink per section and a way to
send, and turns what happens into events. It ends by itself when the other side leaves or vanishes.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
import trio
from aiortc.exceptions import InvalidStateError

from media.contract.candidates import Candidate, Description
from media.contract.datagrams import ChannelRelay
from media.contract.errors import BadCandidate, BadDescription, TooMuch, WrongState
from media.contract.plans import ChannelWanted
from media.contract.session import (
    HUNG_UP,
    Direction,
    Event,
    EventSink,
    Failure,
    Reachable,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
    TrackWanted,
)
from media.rtp.demux import Demux
from media.rtp.router import Router, RtpSource
from media.udp.datagram_port import DatagramPort
from media.webrtc.aiortc_dtls import LONGEST_PACKET
from media.webrtc.aiortc_seam import Peer
from media.webrtc.bridge import MediaLoop
from media.webrtc.candidates import MAX_CANDIDATES, RemoteCandidate, parse_remote
from media.webrtc.data_channels import DataChannels
from media.webrtc.described import described, read_remote
from media.webrtc.descriptions import MAX_SECTIONS, SessionText, accept_simulcast
from media.webrtc.feedback_negotiation import accept_feedback, offer_feedback
from media.webrtc.peer_facts import IceConfig, PeerListener
from media.webrtc.rejected_sections import reject, reject_rest, with_stand_ins
from media.webrtc.retransmission_format import accept_retransmissions
from media.webrtc.session_tracks import SessionTracks

R = TypeVar("R")
Put = tuple[str, list[RemoteCandidate], frozenset[str]]
log = structlog.get_logger("media.session")

NEGOTIATE_SECONDS = 10.0  # for one step; gathering may wait for STUN and TURN servers
CLOSE_SECONDS = 5.0
MAX_UNFINISHED_BYTES = 4 << 20  # four times what the other side is told it may send
STARTING = (State.NEW, State.CONNECTING)
FINAL = (State.FAILED, State.CLOSED)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session shares with all others of its engine.

    `close_soon` has a session closed with a reason, by a task of the engine; `gone` is told once a
    session is closing. `datagram_port` raises UnknownPort. `failures` is by what sessions fail for.
    """

    loop: MediaLoop
    router: Router
    ice: IceConfig
    close_soon: Callable[[PeerSession, str], None]
    gone: Callable[[PeerSession], None]
    datagram_port: Callable[[str], DatagramPort]
    failures: Counter[Failure] = field(default_factory=Counter)


async def open_peer_session(
    id: str, wanted: SessionWanted, events: EventSink, around: Surroundings
) -> PeerSession:
    """Open a session. Raises NoCommonCodec, TooMuch; ValueError for ICE servers without a URL."""
    session = PeerSession(id, wanted, events, around)
    await around.loop.call(session._open, within=NEGOTIATE_SECONDS)
    return session


class PeerSession:
    """See media.contract.session.MediaSession. Made by `open_peer_session` only."""

    _peer: Peer
    _tracks: SessionTracks

    def __init__(
        self, id: str, wanted: SessionWanted, events: EventSink, around: Surroundings
    ) -> None:
        self.id = id
        self.state = State.NEW
        self._wanted = wanted
        self._events = events
        self._around = around
        self._loop = around.loop
        self._queue: deque[Event] = deque()
        self._early: list[Candidate] = []
        self._remote: SessionText | None = None  # what the other side said last
        self._offered_since = self._connecting_since = 0.0
        self._tagged = ""  # the mid of its tagged section
        self._told_too_long = self._reachable = False
        self._ended = trio.Event()
        self._demux: Demux[RtpSource] = Demux()
        self.channels = DataChannels(id, around.loop, self._tell)

    # --- negotiation -----------------------------------------------------------------------

    async def create_offer(self) -> Description:
        self._check_open()
        offer = offer_feedback(await self._step(self._peer.offer))
        text = described(reject(offer, self._rejected))
        self._offered_since = self._offered_since or time.monotonic()
        return text

    async def accept_offer(self, sdp: str) -> Description:
        self._check_open()
        offer, listed = read_remote(sdp, self._remote)
        tagged = offer.tagged.mid
        if self._wanted.rejects_rest:
            offer = self._less_the_rest(offer)
        answer = await self._step(self._peer.answer, *self._put(offer, listed))
        await self._agreed(offer)
        self._tagged = tagged  # where its candidates belong, whether we take that section or not
        accepted = accept_feedback(offer, accept_simulcast(offer, answer))
        accepted = accept_retransmissions(accepted, self._tracks.retransmissions)
        return described(reject(accepted, offer.rejected))

    async def accept_answer(self, sdp: str, remote_address: str | None = None) -> None:
        self._check_open()
        if remote_address is not None:
            self._peer.denied.become(self._around.ice.towards(remote_address).remote_deny)
        answer, listed = read_remote(sdp, self._remote)
        if not self._rejected <= answer.rejected:
            raise BadDescription("the answer takes a section that was not offered")
        await self._step(self._peer.take_answer, *self._put(answer, listed))
        await self._agreed(answer)

    async def add_candidate(self, candidate: Candidate) -> None:
        self._check_open()
        parsed = parse_remote(candidate.text)
        if parsed is None:
            return
        taken = True
        if self._remote is None:
            taken = len(self._early) < MAX_CANDIDATES
            self._early += [candidate] if taken else []
        elif candidate.mid in (None, self._tagged):  # others' transports are not used
            taken = await self._step(self._peer.add_candidate, parsed)
        if not taken:
            raise BadCandidate("more candidates than a connection needs")

    async def add_tracks(self, tracks: tuple[TrackWanted, ...]) -> None:
        self._check_open()
        await self._step(self._want, tracks)

    # --- data channels ---------------------------------------------------------------------

    async def open_channel(self, wanted: ChannelWanted) -> str:
        self._check_open()
        self.channels.check_room()
        return await self._step(self._open_channel, wanted)

    async def send(self, channel: str, data: str | bytes) -> None:
        self._check_open()
        await self.channels.send(channel, data)

    async def close_channel(self, channel: str) -> None:
        self._check_open()
        await self.channels.close(channel)

    async def relay(self, relay: ChannelRelay) -> None:
        self._check_open()
        feed = None if relay.feed is None else self._around.datagram_port(relay.feed)
        self.channels.relay(relay, feed)

    # --- life ------------------------------------------------------------------------------

    async def stats(self) -> SessionStats:
        traffic = self._peer.traffic
        sources, sinks = self._tracks.stats()
        return SessionStats(
            state=self.state,
            packets_received=traffic.packets_received,
            bytes_received=traffic.bytes_received,
            packets_sent=traffic.packets_sent,
            bytes_sent=traffic.bytes_sent,
            packets_dropped=traffic.dropped + sum(s.dropped for s in self._peer.sockets),
            channels=len(self.channels),
            buffered_bytes=self.channels.buffered,
            sources=sources,
            sinks=sinks,
            relay=self.channels.relayed,
        )

    async def close(self, reason: str = "closed") -> None:
        if self.state is State.CLOSED:
            await self._ended.wait()
            return
        try:
            with ExitStack() as ending:  # backwards, and all of it whatever one raises
                ending.callback(self._around.gone, self)
                ending.callback(self._enter, State.CLOSED, reason)
                ending.callback(self.channels.end)
                ending.callback(self._demux.set, ())
                ending.callback(self._tracks.clear)
        finally:
            await self._release()

    def fail(self, reason: str, failure: Failure) -> None:
        """End the session, as failed; a task of the engine closes it."""
        if self.state not in FINAL:
            self._around.failures[failure] += 1
            self._enter(State.FAILED, reason, failure)
            self._around.close_soon(self, reason)

    def pause(self, sink: str) -> None:
        """Hold one of this session's sinks back. Raises UnknownSink."""
        self._tracks.pause(sink)

    def resume(self, sink: str) -> None:
        """Let one of this session's sinks flow as soon as it can. Raises UnknownSink."""
        self._tracks.resume(sink)

    def check(self, now: float) -> None:
        """End the session if it connects too slowly, is silent or floods us; called each second."""
        self._tell_too_long()
        heard, since = self._peer.traffic.heard, self._connecting_since or self._offered_since
        if self.state is State.CONNECTED and now - heard > self._wanted.silence_seconds:
            self.fail("the other side fell silent", Failure.SILENCE)
        elif self.state in STARTING and since and now - since > self._wanted.connect_seconds:
            self._fail_to_connect("in time")
        elif self._peer.unfinished_bytes > MAX_UNFINISHED_BYTES:
            self.fail("too much of unfinished messages", Failure.UNFINISHED)

    def _tell_too_long(self) -> None:
        """Log, once, that packets are too long to leave: counters alone would not be looked at."""
        if self._peer.traffic.too_long and not self._told_too_long:
            self._told_too_long = True
            log.warning("packets.too_long", session=self.id, most_bytes=LONGEST_PACKET)

    # --- from the peer, on the loop --------------------------------------------------------

    def _on_rtp(self, packet: bytes, arrival: float) -> None:
        self._tracks.note_arrival(packet, arrival)
        source = self._demux.stream(packet)
        if source is not None:
            source.feed(packet, arrival)

    def _on_rtcp(self, packet: bytes, arrival: float) -> None:
        if not self._tracks.feed_rtcp(packet, arrival):
            self._peer.traffic.dropped += 1

    def _on_state(self, state: str) -> None:
        match state:
            case "connecting":
                self._enter(State.CONNECTING)
            case "connected":
                self._enter(State.CONNECTED)
                self._tracks.begin_sending()
            case "failed":
                self._fail_to_connect()
            case "closed" if self.state not in FINAL:
                self._around.close_soon(self, HUNG_UP)

    def _on_reachable(self) -> None:
        self._reachable = True
        self._tell(Reachable(self.id))

    # --- inside ----------------------------------------------------------------------------

    def _fail_to_connect(self, when: str = "") -> None:
        """Fail, and say what for: an operator looks at firewalls for ICE, elsewhere for DTLS."""
        if not self._connecting_since:
            self.fail(f"no answer {when}".rstrip(), Failure.NO_ANSWER)
        elif self._reachable and self.state in STARTING:
            self.fail(f"no agreement on keys (DTLS) {when}".rstrip(), Failure.DTLS)
        else:
            self.fail(f"no path to the other side (ICE) {when}".rstrip(), Failure.ICE)

    async def _step(self, step: Callable[..., Coroutine[Any, Any, R]], *args: object) -> R:
        """Have the peer do something. Raises WrongState if the session is closed meanwhile."""
        try:
            return await self._loop.call(step, *args, within=NEGOTIATE_SECONDS)
        except InvalidStateError:
            self._check_open()
            raise

    async def _release(self) -> None:
        """Close the connection; whoever else waits for the end goes on."""
        try:
            await self._loop.finish(self._peer.close, within=CLOSE_SECONDS)
        finally:
            for socket in self._peer.sockets:
                socket.close()  # those of a close that got stuck; the others are closed
            self._ended.set()

    async def _open(self) -> None:
        """Make the peer; on the loop."""
        listener = PeerListener(self._on_rtp, self._on_rtcp, self._on_state, self._on_reachable)
        ice = self._around.ice.towards(self._wanted.remote_address, self._wanted.remote_allow)
        self._peer = peer = Peer(ice, self._wanted.ice_servers, self._loop.readers, listener)
        peer.on("datachannel", self.channels.add_theirs)
        self._tracks = SessionTracks(self.id, self._around.router, peer.send_rtp, peer.send_rtcp)
        await self._want(self._wanted.tracks)
        if self._wanted.data:
            peer.want_channels()

    async def _want(self, tracks: tuple[TrackWanted, ...]) -> None:
        if len(self._peer.getTransceivers()) + len(tracks) >= MAX_SECTIONS:  # one is for channels
            raise TooMuch("more sections than a description may have")
        self._peer.want(tracks)

    async def _open_channel(self, wanted: ChannelWanted) -> str:
        return self.channels.add(self._peer.open_channel(wanted), wanted)

    async def _agreed(self, remote: SessionText) -> None:
        """Take in what offer and answer say together, once aiortc has."""
        self._check_open()  # it may have been closed meanwhile
        if self._peer.channels_refused:
            self.channels.forget()
        self._demux.set(self._tracks.update(self._peer.sections(), remote))
        self._tell(self._tracks.fact())
        self._connecting_since = self._connecting_since or time.monotonic()
        self._remote, self._tagged = remote, remote.tagged.mid
        self._early.clear()
        await self._step(self._delivered)

    async def _delivered(self) -> None:
        """Run on the loop behind the delivery of what was told so far."""

    @property
    def _rejected(self) -> frozenset[str]:
        """The sections that stay rejected until the other side offers something in their place."""
        return self._remote.rejected if self._remote is not None else frozenset()

    def _less_the_rest(self, offer: SessionText) -> SessionText:
        """Return an offer without the sections that nobody here wants. Raises BadDescription."""
        mine = self._peer.getTransceivers()
        free = [(it.kind, Direction(it.direction)) for it in mine if it.mid is None]
        kept = {str(it.mid) for it in mine if it.mid is not None}
        less = reject_rest(offer, free, kept, data=self._wanted.data)
        if all(section.rejected for section in less.sections):
            raise BadDescription("nothing in it is wanted")
        return less

    def _put(self, remote: SessionText, listed: list[RemoteCandidate]) -> Put:
        """Return a description as the peer takes it."""
        return str(with_stand_ins(remote)), self._early_ones(remote) + listed, remote.rejected

    def _early_ones(self, remote: SessionText) -> list[RemoteCandidate]:
        """Return the candidates that came before any description, and are of use with this one."""
        mids = (None, remote.tagged.mid)
        parsed = [parse_remote(early.text) for early in self._early if early.mid in mids]
        return [candidate for candidate in parsed if candidate is not None]

    def _check_open(self) -> None:
        if self.state in FINAL:
            raise WrongState("the session is closed")

    def _enter(self, state: State, reason: str = "", failure: Failure | None = None) -> None:
        """Go on to a later state, and tell; never back, and nothing after CLOSED."""
        order = list(State)
        if order.index(state) > order.index(self.state):
            self.state = state
            self._tell(StateChanged(self.id, state, reason, failure))

    def _tell(self, event: Event) -> None:
        """Have an event delivered, soon: so that no sink runs inside of aiortc."""
        self._queue.append(event)
        if len(self._queue) == 1:
            self._loop.soon(self._deliver)

    def _deliver(self) -> None:
        """Hand out what is to be told. If the sink raises, that is a stray error of the loop."""
        while self._queue:
            event, taken = self._queue[0], False
            try:
                self._events(event)
                taken = True
            finally:
                self._queue.popleft()
                if not taken:
                    self._queue.clear()
                    self._events = _nobody
                    self._around.close_soon(self, "its events were not taken")


def _nobody(_: Event) -> None:
    """Take the events of a session whose sink failed."""
