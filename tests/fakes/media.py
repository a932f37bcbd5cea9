"""A media engine without media: same contract, no socket, no asyncio, connected in no time.

It passes the contract tests of the real one (tests/media/test_engine_contract.py). Two sessions of
one fake engine that exchange descriptions are connected; ones that exchange them with anybody else
stay CONNECTING until `connect` or `fail` is called.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

import trio

from media.candidates import parse_remote
from media.descriptions import Section, SessionText, chosen_layer, read
from media.engine import (
    Candidate,
    ChannelClosed,
    ChannelOpened,
    ChannelWanted,
    Description,
    Direction,
    EngineStats,
    Event,
    EventSink,
    MessageReceived,
    Reachable,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
    Track,
    TracksChanged,
    TrackWanted,
)
from media.errors import (
    BadCandidate,
    CodecMismatch,
    IdTaken,
    NoCommonCodec,
    TooMuch,
    UnknownChannel,
    UnknownSink,
    UnknownSource,
    WrongState,
)
from media.stats import RouterStats, Totals

CODECS = {"audio": ("opus", "g722", "pcmu", "pcma"), "video": ("vp8", "h264")}
MAX_CANDIDATES = 64
MAX_CHANNELS = 64
MAX_MESSAGE = 262_144
FINAL = (State.FAILED, State.CLOSED)
TOWARDS = {  # what they do, seen from here
    "sendonly": (False, True),
    "recvonly": (True, False),
    "sendrecv": (True, True),
    "inactive": (False, False),
}


@dataclass
class FakeChannel:
    id: str
    wanted: ChannelWanted
    twin: tuple[FakeSession, str] | None = None


@dataclass
class FakeTrack:
    mid: str
    kind: str
    codecs: tuple[str, ...]
    sends: bool
    receives: bool
    rid: str | None = None


class FakeEngine:
    """See media.engine.MediaEngine. What was attached to what can be read in `attached`."""

    def __init__(self) -> None:
        self.sessions: dict[str, FakeSession] = {}
        self.attached: dict[str, str] = {}
        self.paused: set[str] = set()
        self.keyframes_requested: list[str] = []
        self.closing = False

    async def open_session(
        self, session_id: str, wanted: SessionWanted, events: EventSink
    ) -> FakeSession:
        await trio.lowlevel.checkpoint()
        if self.closing:
            raise WrongState("the engine is closing")
        if session_id in self.sessions:
            raise IdTaken("an open session has that id")
        session = FakeSession(self, session_id, wanted, events)
        self.sessions[session_id] = session
        return session

    async def attach(self, source: str, sink: str) -> None:
        carried = self._codecs("source").get(source)
        taken = self._codecs("sink").get(sink)
        if carried is None:
            raise UnknownSource(source)
        if taken is None:
            raise UnknownSink(sink)
        if carried != taken:
            raise CodecMismatch(sink)
        self.attached[sink] = source

    async def detach(self, sink: str) -> None:
        self._check_sink(sink)
        self.attached.pop(sink, None)

    async def pause(self, sink: str) -> None:
        self._check_sink(sink)
        self.paused.add(sink)

    async def resume(self, sink: str) -> None:
        self._check_sink(sink)
        self.paused.discard(sink)

    async def request_keyframe(self, source: str) -> None:
        if source not in self._codecs("source"):
            raise UnknownSource(source)
        self.keyframes_requested.append(source)

    async def stats(self) -> EngineStats:
        return EngineStats(len(self.sessions), 0, RouterStats((), (), 0, Totals()))

    async def close(self) -> None:
        self.closing = True
        for session in list(self.sessions.values()):
            await session.close("the server is closing")

    def _codecs(self, end: str) -> dict[str, str]:
        tracks = [t for session in self.sessions.values() for t in session.tracks]
        return {getattr(t, end): t.codec for t in tracks if getattr(t, end) is not None}

    def _check_sink(self, sink: str) -> None:
        if sink not in self._codecs("sink"):
            raise UnknownSink(sink)


@dataclass(eq=False)
class FakeSession:
    """See media.engine.MediaSession."""

    engine: FakeEngine
    id: str
    wanted: SessionWanted
    events: EventSink
    state: State = State.NEW
    tracks: tuple[Track, ...] = ()
    candidates: list[str] = field(default_factory=list)
    other: FakeSession | None = None

    def __post_init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self.channels: dict[str, FakeChannel] = {}
        self._sections = [_section(t) for t in self.wanted.tracks]
        self._data = self.wanted.data
        self._offered: list[FakeTrack] | None = None
        self._count = 0

    async def create_offer(self) -> Description:
        self._check_open()
        for number, track in enumerate(self._sections):
            track.mid = track.mid or str(number)
        self._offered = self._sections
        return self._describe(self._sections, "actpass")

    async def accept_offer(self, sdp: str) -> Description:
        self._check_open()
        if self._offered is not None:
            raise WrongState("an offer is out")
        offer = read(sdp)
        answered = self._answered(offer)
        self._data = self._data or any(s.kind == "application" for s in offer.sections)
        self._agree(answered, offer)
        return self._describe(answered, "active")

    async def accept_answer(self, sdp: str) -> None:
        self._check_open()
        answer = read(sdp)
        if self._offered is None:
            raise WrongState("no offer is out")
        offered, self._offered = self._offered, None
        theirs = {section.mid: section for section in answer.sections}
        agreed = [
            replace(
                track,
                sends=track.sends and _theirs(theirs[track.mid])[0],
                receives=track.receives and _theirs(theirs[track.mid])[1],
                codecs=_names(theirs[track.mid])[:1],
            )
            for track in offered
        ]
        self._agree(agreed, answer)

    async def add_candidate(self, candidate: Candidate) -> None:
        self._check_open()
        if parse_remote(candidate.text) is not None:
            if len(self.candidates) >= MAX_CANDIDATES:
                raise BadCandidate("too many")
            self.candidates.append(candidate.text)

    async def add_tracks(self, tracks: tuple[TrackWanted, ...]) -> None:
        self._check_open()
        self._sections = [*self._sections, *(_section(t) for t in tracks)]

    async def open_channel(self, wanted: ChannelWanted) -> str:
        self._check_open()
        if wanted.max_retransmits is not None and wanted.max_lifetime is not None:
            raise ValueError("at most one of the two")
        if wanted.negotiated and wanted.id is None:
            raise ValueError("without an id")
        if len(self.channels) >= MAX_CHANNELS:
            raise TooMuch("channels")
        channel = self._new_channel(wanted)
        if self.state is State.CONNECTED:
            self._open(channel)
        return channel.id

    async def send(self, channel: str, data: str | bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._check_open()
        found = self.channels.get(channel)
        if found is None or found.twin is None:
            raise UnknownChannel(channel)
        if len(data.encode() if isinstance(data, str) else data) > MAX_MESSAGE:
            raise TooMuch("bytes")
        session, twin = found.twin
        session.tell(MessageReceived(session.id, twin, data))

    async def close_channel(self, channel: str) -> None:
        self._check_open()
        if channel not in self.channels:
            raise UnknownChannel(channel)
        self._close(channel)

    async def stats(self) -> SessionStats:
        return SessionStats(self.state, 0, 0, 0, 0, 0, len(self.channels), 0)

    async def close(self, reason: str = "closed") -> None:
        await trio.lowlevel.checkpoint()
        if self.state is State.CLOSED:
            return
        for channel in list(self.channels):
            self._close(channel)
        sinks = {track.sink for track in self.tracks}
        self.engine.attached = {
            sink: source for sink, source in self.engine.attached.items() if sink not in sinks
        }
        self.tracks = ()
        self._enter(State.CLOSED, reason)
        self.engine.sessions.pop(self.id, None)
        other, self.other = self.other, None
        if other is not None:
            await other.close("the other side closed")

    # What tests may do to it.

    def connect(self, other: FakeSession | None = None) -> None:
        """Be connected, to nobody or to another session."""
        self.other = other
        self.tell(Reachable(self.id))
        self._enter(State.CONNECTED)
        for channel in list(self.channels.values()):
            self._open(channel)

    def fail(self, reason: str) -> None:
        """Be failed, and then closed."""
        self._enter(State.FAILED, reason)
        self._enter(State.CLOSED, reason)
        self.engine.sessions.pop(self.id, None)

    def tell(self, event: Event) -> None:
        self.events(event)

    # Inside.

    def _check_open(self) -> None:
        if self.state in FINAL:
            raise WrongState("the session is closed")

    def _enter(self, state: State, reason: str = "") -> None:
        order = list(State)
        if order.index(state) > order.index(self.state):
            self.state = state
            self.tell(StateChanged(self.id, state, reason))

    def _agree(self, tracks: list[FakeTrack], remote: SessionText) -> None:
        self._enter(State.CONNECTING)
        self.tracks = tuple(
            Track(
                mid=track.mid,
                kind=track.kind,
                codec=track.codecs[0],
                source=f"{self.id}/in/{track.mid}" if track.receives else None,
                sink=f"{self.id}/out/{track.mid}" if track.sends else None,
                rid=track.rid,
            )
            for track in tracks
        )
        self.tell(TracksChanged(self.id, self.tracks))
        password = remote.tagged.value("a=ice-pwd:")
        other = next((s for s in self.engine.sessions.values() if s.secret == password), None)
        if other is not None and other.state is State.CONNECTING is self.state:
            self.connect(other)
            other.connect(self)

    def _answered(self, offer: SessionText) -> list[FakeTrack]:
        free = list(self._sections)
        answered = []
        for section in (s for s in offer.sections if s.kind != "application"):
            mine = next((t for t in free if t.kind == section.kind), None)
            wanted = mine.codecs if mine is not None else CODECS[section.kind]
            codecs = tuple(name for name in wanted if name in _names(section))[:1]
            if not codecs:
                raise NoCommonCodec(section.kind)
            sends = receives = False
            if mine is not None:
                free.remove(mine)
                theirs = _theirs(section)
                sends, receives = mine.sends and theirs[0], mine.receives and theirs[1]
            rid = chosen_layer(section)
            answered.append(FakeTrack(section.mid, section.kind, codecs, sends, receives, rid))
        return answered

    def _describe(self, tracks: list[FakeTrack], setup: str) -> Description:
        candidate = "candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host"
        transport = [
            "a=ice-ufrag:fake",
            f"a=ice-pwd:{self.secret}",
            "a=fingerprint:sha-256 " + ":".join(["00"] * 32),
            f"a=setup:{setup}",
            f"a={candidate}",
        ]
        mids = [track.mid for track in tracks] + ["data"] * self._data
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE " + " ".join(mids),
        ]
        for track in tracks:
            names = list(enumerate(track.codecs, 96))
            lines.append(f"m={track.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(str(n) for n, _ in names)}")
            lines += [f"a=mid:{track.mid}", f"a={_direction(track).value}", "a=rtcp-mux"]
            lines += [f"a=rtpmap:{number} {name}/90000" for number, name in names]
            lines += transport
        if self._data:
            lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:data", *transport]
        return Description("\r\n".join(lines) + "\r\n", (Candidate(candidate, mids[0], 0),))

    def _new_channel(self, wanted: ChannelWanted) -> FakeChannel:
        self._count += 1
        channel = FakeChannel(f"{self.id}/data/{self._count}", wanted)
        self.channels[channel.id] = channel
        return channel

    def _open(self, channel: FakeChannel) -> None:
        if channel.twin is not None or self.other is None:
            return
        if channel.wanted.negotiated:
            twin = next(
                (
                    c
                    for c in self.other.channels.values()
                    if c.wanted.negotiated and c.wanted.id == channel.wanted.id
                ),
                None,
            )
            if twin is None:
                return
        else:
            twin = self.other._new_channel(channel.wanted)
        channel.twin, twin.twin = (self.other, twin.id), (self, channel.id)
        theirs = not channel.wanted.negotiated
        self.other.tell(ChannelOpened(self.other.id, twin.id, twin.wanted, theirs))
        self.tell(ChannelOpened(self.id, channel.id, channel.wanted, False))

    def _close(self, id: str) -> None:
        channel = self.channels.pop(id, None)
        if channel is not None:
            self.tell(ChannelClosed(self.id, id))
            if channel.twin is not None:
                channel.twin[0]._close(channel.twin[1])


def _section(wanted: TrackWanted) -> FakeTrack:
    known = CODECS[wanted.kind]
    codecs = tuple(name for name in wanted.codecs or known if name in known)
    if not codecs:
        raise NoCommonCodec(wanted.kind)
    direction = wanted.direction.value
    sends, receives = direction in ("sendonly", "sendrecv"), direction in ("recvonly", "sendrecv")
    return FakeTrack("", wanted.kind, codecs, sends, receives)


def _direction(track: FakeTrack) -> Direction:
    if track.sends:
        return Direction.BOTH if track.receives else Direction.SEND
    return Direction.RECEIVE if track.receives else Direction.NONE


def _theirs(section: Section) -> tuple[bool, bool]:
    """Return whether we may send, and whether we may receive."""
    found = next((line[2:] for line in section.lines if line[2:] in TOWARDS), "sendrecv")
    return TOWARDS[found]


def _names(section: Section) -> tuple[str, ...]:
    """Return the codec names of a section, in its order."""
    return tuple(v.split(" ")[1].split("/")[0].lower() for v in section.values("a=rtpmap:"))
