"""The sessions of the fake media engine; see `tests/fakes/media.py`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

import trio

from media.contract.candidates import Candidate, Description
from media.contract.datagrams import ChannelRelay
from media.contract.errors import (
    BadCandidate,
    BadDescription,
    NoCommonCodec,
    TooMuch,
    UnknownChannel,
    WrongState,
)
from media.contract.plans import ChannelWanted
from media.contract.session import (
    HUNG_UP,
    ChannelClosed,
    ChannelOpened,
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
from media.webrtc.bitrate_lines import with_bitrates
from media.webrtc.candidates import parse_remote
from media.webrtc.descriptions import MAX_SECTIONS, SessionText, chosen_layer, read
from media.webrtc.rejected_sections import reject_rest
from tests.fakes.media_datagrams import MAX_MESSAGE, FakeRelay
from tests.fakes.media_tracks import (
    CODECS,
    FakeTrack,
    codec_names,
    direction_of,
    wanted_track,
    ways_of,
)

if TYPE_CHECKING:
    from tests.fakes.media import FakeEngine

MAX_CANDIDATES = 64
MAX_CHANNELS = 64
FINAL = (State.FAILED, State.CLOSED)


@dataclass
class FakeChannel:
    id: str
    wanted: ChannelWanted
    twin: tuple[FakeSession, str] | None = None


@dataclass(eq=False)
class FakeSession:
    """See media.contract.session.MediaSession."""

    engine: FakeEngine
    id: str
    wanted: SessionWanted
    events: EventSink
    state: State = State.NEW
    tracks: tuple[Track, ...] = ()
    candidates: list[str] = field(default_factory=list)
    answer_from: str | None = None
    other: FakeSession | None = None

    def __post_init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self.channels: dict[str, FakeChannel] = {}
        self.opened: list[str] = []  # of channels, in this order
        self.relayed: ChannelRelay | None = None
        self.relaying: FakeRelay | None = None
        self._sections = [wanted_track(t) for t in self.wanted.tracks]
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
            free = [(t.kind, direction_of(t)) for t in self._sections if not t.mid]
            kept = {t.mid for t in self._sections if t.mid}
            offer = reject_rest(offer, free, kept, data=self.wanted.data)
            if all(section.rejected for section in offer.sections):
                raise BadDescription("nothing in it is wanted")
        answered = self._answered(offer)
        self._data = self._data or any(s.kind == "application" for s in offer.sections)
        self._agree(answered, offer)
        return self._describe(answered, "active")

    async def accept_answer(self, sdp: str, remote_address: str | None = None) -> None:
        self._check_open()
        answer = read(sdp, self._remote)
        if self._offered is None:
            raise WrongState("no offer is out")
        self.answer_from = remote_address
        theirs = {section.mid: section for section in answer.sections}
        if not {track.mid for track in self._offered if track.rejected} <= answer.rejected:
            raise BadDescription("not offered")
        offered, self._offered = self._offered, None
        for track in offered:
            track.rejected = theirs[track.mid].rejected
        agreed = [
            replace(
                track,
                sends=track.sends and ways_of(theirs[track.mid])[0],
                receives=track.receives and ways_of(theirs[track.mid])[1],
                codecs=track.codecs if track.rejected else codec_names(theirs[track.mid])[:1],
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
        self._sections = [*self._sections, *(wanted_track(t) for t in tracks)]

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
        session.receive(twin, data)

    async def close_channel(self, channel: str) -> None:
        self._check_open()
        if channel not in self.channels:
            raise UnknownChannel(channel)
        self._close(channel)

    async def relay(self, relay: ChannelRelay) -> None:
        self._check_open()
        feed = None if relay.feed is None else self.engine.datagram_port(relay.feed)
        if self.relaying is None:
            self.relaying = FakeRelay(self._deliver, self._close, self.engine.redirected)
            self.engine.relays.append(self.relaying)
        self.relaying.set(relay, feed)
        self.relayed = relay

    async def stats(self) -> SessionStats:
        relayed = None if self.relaying is None else self.relaying.stats
        return SessionStats(self.state, 0, 0, 0, 0, 0, len(self.channels), 0, relay=relayed)

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

    def receive(self, channel: str, data: str | bytes) -> None:
        """Have a message come on a channel."""
        if self.relaying is None:
            self.tell(MessageReceived(self.id, channel, data))
        else:
            self.relaying.take_message(channel, data)

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
        if self.relaying is not None:
            self.relaying.end()

    def _deliver(self, message: bytes) -> bool:
        """Send on the channel that opened first, if there is one."""
        for twin in (self.channels[channel].twin for channel in self.opened):
            if twin is not None:
                twin[0].receive(twin[1], message)
                return True
        return False

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
            codecs = wanted if section.rejected else codec_names(section)
            codecs = tuple(name for name in wanted if name in codecs)[:1]
            if not codecs:
                raise NoCommonCodec(section.kind)
            if mine is None:
                mine = FakeTrack("", section.kind, CODECS[section.kind], False, False)
                self._sections.append(mine)
            mine.mid, mine.rejected = section.mid, section.rejected
            theirs = ways_of(section)
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
            lines += [f"a=mid:{track.mid}", f"a={direction_of(track).value}", "a=rtcp-mux"]
            lines += [f"a=rtpmap:{number} {name}/90000" for number, name in names]
            lines += transport
        if self._data:
            port = 0 if self._refused else 9
            lines.append(f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel")
            lines += ["a=mid:data", "a=sctp-port:5000", *transport]
        sdp = with_bitrates("\r\n".join([*lines, ""]), {it.mid: it.bitrate for it in tracks})
        return Description(sdp, (Candidate(candidate, mids[0], 0),) if mids else ())

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
        self.opened.append(channel.id)
        self.other.opened.append(twin.id)
        theirs = not channel.wanted.negotiated
        self.other.tell(ChannelOpened(self.other.id, twin.id, twin.wanted, theirs))
        self.tell(ChannelOpened(self.id, channel.id, channel.wanted, False))

    def _close(self, id: str) -> None:
        channel = self.channels.pop(id, None)
        if channel is not None:
            self.opened = [opened for opened in self.opened if opened != id]
            self.tell(ChannelClosed(self.id, id))
            if channel.twin is not None:
                channel.twin[0]._close(channel.twin[1])
