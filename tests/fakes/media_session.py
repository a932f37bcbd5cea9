"""The sessions of the fake media engine; see `tests/fakes/media.py`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

import trio

from media.contract.engine import (
    HUNG_UP,
    Candidate,
    ChannelClosed,
    ChannelOpened,
    Description,
    Direction,
    Event,
    EventSink,
    Failure,
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
from media.contract.errors import (
    BadCandidate,
    BadDescription,
    NoCommonCodec,
    TooMuch,
    UnknownChannel,
    WrongState,
)
from media.contract.plans import ChannelWanted
from media.webrtc.candidates import parse_remote
from media.webrtc.descriptions import MAX_SECTIONS, MediaSection, SessionText, chosen_layer, read
from media.webrtc.rejected_sections import reject_rest

if TYPE_CHECKING:
    from tests.fakes.media import FakeEngine

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
    rejected: bool = False
    rid: str | None = None


@dataclass(eq=False)
class FakeSession:
    """See media.contract.engine.MediaSession."""

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
        self._remote: SessionText | None = None
        self._refused = False  # data channels
        self._count = 0

    async def create_offer(self) -> Description:
        self._check_open()
        for track in self._sections:
            taken = {other.mid for other in self._sections}
            track.mid = track.mid or next(n for n in map(str, count()) if n not in taken)
        self._offered = self._sections
        return self._describe(self._sections, "actpass")

    async def accept_offer(self, sdp: str) -> Description:
        self._check_open()
        if self._offered is not None:
            raise WrongState("an offer is out")
        offer = read(sdp, self._remote)
        if self.wanted.rejects_rest:
            free = [(t.kind, _direction(t)) for t in self._sections if not t.mid]
            kept = {t.mid for t in self._sections if t.mid}
            offer = reject_rest(offer, free, kept, data=self.wanted.data)
            if all(section.rejected for section in offer.sections):
                raise BadDescription("nothing in it is wanted")
        answered = self._answered(offer)
        self._data = self._data or any(s.kind == "application" for s in offer.sections)
        self._agree(answered, offer)
        return self._describe(answered, "active")

    async def accept_answer(self, sdp: str) -> None:
        self._check_open()
        answer = read(sdp, self._remote)
        if self._offered is None:
            raise WrongState("no offer is out")
        theirs = {section.mid: section for section in answer.sections}
        if not {track.mid for track in self._offered if track.rejected} <= answer.rejected:
            raise BadDescription("not offered")
        offered, self._offered = self._offered, None
        for track in offered:
            track.rejected = theirs[track.mid].rejected
        agreed = [
            replace(
                track,
                sends=track.sends and _theirs(theirs[track.mid])[0],
                receives=track.receives and _theirs(theirs[track.mid])[1],
                codecs=track.codecs if track.rejected else _names(theirs[track.mid])[:1],
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
        if len(self._sections) + len(tracks) >= MAX_SECTIONS:
            raise TooMuch("sections")
        self._sections = [*self._sections, *(_section(t) for t in tracks)]

    async def open_channel(self, wanted: ChannelWanted) -> str:
        self._check_open()
        if self._refused:
            raise WrongState("data channels were rejected")
        taken = {channel.wanted.id for channel in self.channels.values()}
        if wanted.negotiated and wanted.id in {None, *taken}:
            raise ValueError("without an id of its own")
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
        self._release()
        self._enter(State.CLOSED, reason)
        self.engine.sessions.pop(self.id, None)
        other, self.other = self.other, None
        if other is not None:
            await other.close(HUNG_UP)

    # What tests may do to it.

    def connect(self, other: FakeSession | None = None) -> None:
        """Be connected, to nobody or to another session."""
        self.other = other
        self.tell(Reachable(self.id))
        self._enter(State.CONNECTED)
        for channel in list(self.channels.values()):
            self._open(channel)

    def fail(self, reason: str, failure: Failure = Failure.ICE) -> None:
        """Be failed, and then closed."""
        self._enter(State.FAILED, reason, failure)
        self._release()
        self._enter(State.CLOSED, reason)
        self.engine.sessions.pop(self.id, None)

    def tell(self, event: Event) -> None:
        self.events(event)

    # Inside.

    def _release(self) -> None:
        """Take sources and sinks out of the engine."""
        ends = {end for track in self.tracks for end in (track.source, track.sink)}
        self.engine.attached = {
            sink: source
            for sink, source in self.engine.attached.items()
            if not {sink, source} & ends
        }
        self.tracks = ()

    def _check_open(self) -> None:
        if self.state in FINAL:
            raise WrongState("the session is closed")

    def _enter(self, state: State, reason: str = "", failure: Failure | None = None) -> None:
        order = list(State)
        if order.index(state) > order.index(self.state):
            self.state = state
            self.tell(StateChanged(self.id, state, reason, failure))

    def _agree(self, tracks: list[FakeTrack], remote: SessionText) -> None:
        self._enter(State.CONNECTING)
        self._remote = remote
        if any(section.kind == "application" for section in remote.sections if section.rejected):
            self._refused = True
            for channel in list(self.channels):
                self._close(channel)
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
        answered = []
        for section in (s for s in offer.sections if s.kind != "application"):
            fits = [t for t in self._sections if t.kind == section.kind]
            mids = [section.mid] if section.rejected else [section.mid, ""]
            mine = next((t for mid in mids for t in fits if t.mid == mid), None)
            wanted = mine.codecs if mine is not None else CODECS[section.kind]
            codecs = wanted if section.rejected else _names(section)
            codecs = tuple(name for name in wanted if name in codecs)[:1]
            if not codecs:
                raise NoCommonCodec(section.kind)
            if mine is None:
                mine = FakeTrack("", section.kind, CODECS[section.kind], False, False)
                self._sections.append(mine)
            mine.mid, mine.rejected = section.mid, section.rejected
            theirs = _theirs(section)
            sends, receives = mine.sends and theirs[0], mine.receives and theirs[1]
            rid = chosen_layer(section)
            track = replace(mine, codecs=codecs, sends=sends, receives=receives, rid=rid)
            answered.append(track)
        places = [section.mid for section in offer.sections]
        self._sections.sort(key=lambda t: places.index(t.mid) if t.mid in places else len(places))
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
        mids = [track.mid for track in tracks if not track.rejected]
        mids += ["data"] * (self._data and not self._refused)
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE " + " ".join(mids),
        ]
        for track in tracks:
            names = list(enumerate(track.codecs, 96))
            formats = " ".join(str(number) for number, _ in names)
            port = 0 if track.rejected else 9
            lines.append(f"m={track.kind} {port} UDP/TLS/RTP/SAVPF {formats}")
            lines += [f"a=mid:{track.mid}", f"a={_direction(track).value}", "a=rtcp-mux"]
            lines += [f"a=rtpmap:{number} {name}/90000" for number, name in names]
            lines += transport
        if self._data:
            port = 0 if self._refused else 9
            lines.append(f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel")
            lines += ["a=mid:data", "a=sctp-port:5000", *transport]
        return Description(
            "\r\n".join(lines) + "\r\n", (Candidate(candidate, mids[0], 0),) if mids else ()
        )

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
    known = CODECS.get(wanted.kind, ())
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


def _theirs(section: MediaSection) -> tuple[bool, bool]:
    """Return whether we may send, and whether we may receive."""
    found = next((line[2:] for line in section.lines if line[2:] in TOWARDS), "sendrecv")
    return TOWARDS["inactive" if section.rejected else found]


def _names(section: MediaSection) -> tuple[str, ...]:
    """Return the codec names of a section, in its order."""
    return tuple(v.split(" ")[1].split("/")[0].lower() for v in section.values("a=rtpmap:"))
