"""A medium of a call, at either end: on its connection, and at the UDP ports of a program. Pure.

Nothing is converted: what comes to a media socket goes on in its codec, under the payload type that
the other side has agreed on, and what comes from there is sent on under the payload type that the
program expects. The programs themselves are written for SkyWay's gateway (seed, PeerCallOptions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from media.contract.codec import Codec
from media.contract.paths import MediaPath
from media.contract.plans import HIGHEST_PAYLOAD_TYPE, Address, PortSends, Remote
from media.contract.session import Direction, Track, TrackWanted

KINDS = ("audio", "video")
FRAGMENTS = "packetization-mode=1"  # of H.264: what programs such as ffmpeg send (RFC 6184)

_USUAL = {
    "opus": Codec("opus", 48_000, 111, 2),
    "pcmu": Codec("pcmu", 8_000, 0),
    "pcma": Codec("pcma", 8_000, 8),
    "g722": Codec("g722", 8_000, 9),
    "vp8": Codec("vp8", 90_000, 96),
    "h264": Codec("h264", 90_000, 100),
}
_LIKE = {"audio": "opus", "video": "vp8"}  # of a codec that nobody knows, which none agrees on
_ANY = {"audio": ("opus", "pcmu", "pcma", "g722"), "video": ("vp8", "h264")}
_DIRECTIONS = {
    (True, True): Direction.BOTH,
    (True, False): Direction.SEND,
    (False, True): Direction.RECEIVE,
    (False, False): Direction.NONE,
}


@dataclass(frozen=True, slots=True)
class MediumWanted:
    """One medium of a call, "audio" or "video".

    `socket` is the media socket whose packets are sent, None to send nothing; `receives` whether to
    take what the other side sends. `codecs` are lower-case names, best first; () for any.
    `payload_type` is that of the RTP packets at the UDP ports, both ways; None: the usual one of
    the codec. `rtcp_socket` takes RTCP about either direction, `redirect` gets the packets that
    come, `rtcp_redirect` RTCP about either direction. `bitrate` in kbit/s limits the other side; 0:
    not. `clock_rate` counts for nothing, see `udp_codec`.

    Raises ValueError for another kind, what is no payload type, or no numeric address.
    """

    kind: str
    socket: str | None = None
    receives: bool = False
    codecs: tuple[str, ...] = ()
    payload_type: int | None = None
    clock_rate: int | None = None
    bitrate: int = 0
    rtcp_socket: str | None = None
    redirect: Address | None = None
    rtcp_redirect: Address | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError("a medium is audio or video")
        if self.payload_type is not None and not 0 <= self.payload_type <= HIGHEST_PAYLOAD_TYPE:
            raise ValueError("a payload type is a number from 0 to 127")
        for name in ("redirect", "rtcp_redirect"):
            address: Address | None = getattr(self, name)
            if address is not None:  # in its shortest form, so that it can be compared
                object.__setattr__(self, name, Remote(address).rtp)


def by_kind(media: Iterable[MediumWanted]) -> dict[str, MediumWanted]:
    """Return what is wanted of audio and of video: the first of each."""
    found: dict[str, MediumWanted] = {}
    for medium in media:
        found.setdefault(medium.kind, medium)
    return found


def codecs(wanted: MediumWanted) -> tuple[str, ...]:
    """Return which codecs a medium may have, best first.

    What is sent has one codec, the first that is named, as nothing can convert it; where none is,
    it is the usual one.
    """
    named = tuple(dict.fromkeys(name.lower() for name in wanted.codecs)) or _ANY[wanted.kind]
    return named[:1] if wanted.socket is not None else named


def udp_codec(wanted: MediumWanted, name: str, fmtp: str = "") -> Codec:
    """Return a codec as RTP packets at the program's ports have it.

    Their payload type is what the program names, or the usual one. Their clock rate is that of the
    codec, whatever the program says of it: of those that are known none has a choice (RFC 3551,
    6184, 7587, 7741).
    """
    usual = _USUAL.get(name) or replace(_USUAL[_LIKE[wanted.kind]], name=name)
    number = usual.payload_type if wanted.payload_type is None else wanted.payload_type
    return replace(usual, payload_type=number, fmtp=fmtp)


def sent_codec(wanted: MediumWanted) -> Codec:
    """Return what comes to the media socket of a medium; see `udp_codec`."""
    name = codecs(wanted)[0]
    return udp_codec(wanted, name, FRAGMENTS if name == "h264" else "")


def track_wanted(wanted: MediumWanted) -> TrackWanted:
    """Return the section of a description that a medium asks for.

    Of H.264 that is sent, only what may be fragmented is agreed on.
    """
    sends = wanted.socket is not None
    return TrackWanted(
        wanted.kind,
        _DIRECTIONS[sends, wanted.receives],
        codecs(wanted),
        fmtp=sent_codec(wanted).fmtp if sends else "",
        bitrate=max(wanted.bitrate, 0) if wanted.receives else 0,
    )


def tracks_offered(media: Mapping[str, MediumWanted]) -> tuple[TrackWanted, ...]:
    """Return the sections of an offer of ours: of what goes either way."""
    tracks = (track_wanted(media[kind]) for kind in KINDS if kind in media)
    return tuple(track for track in tracks if track.direction is not Direction.NONE)


def tracks_answered(media: Mapping[str, MediumWanted]) -> tuple[TrackWanted, ...]:
    """Return what is wanted of an offer of theirs; a section for nothing is answered inactive."""
    return tuple(track_wanted(media[kind]) for kind in KINDS if kind in media)


def negotiated(tracks: Iterable[Track]) -> dict[str, Track]:
    """Return by kind what goes either way, once a negotiation is done."""
    found: dict[str, Track] = {}
    for track in tracks:
        if track.source is not None or track.sink is not None:
            found.setdefault(track.kind, track)
    return found


def redirected(wanted: MediumWanted, track: Track) -> PortSends | None:
    """Return what the UDP port does that sends a medium on; None where there is nothing to send.

    That is so without a `redirect`, and where the other side sends nothing. RTCP goes along only
    with an `rtcp_redirect`. Alone, that is told only about what comes to the media socket.
    """
    if wanted.redirect is None or track.source is None:
        return None
    codec = udp_codec(wanted, track.codec, track.fmtp)
    remote = Remote(wanted.redirect, wanted.rtcp_redirect)
    return PortSends(wanted.kind, codec, remote, reports=wanted.rtcp_redirect is not None)


def paths(
    media: Mapping[str, MediumWanted], tracks: Mapping[str, Track], sinks: Mapping[str, str]
) -> tuple[MediaPath, ...]:
    """Return what is to flow: from media sockets to the other side, and from there to `sinks`.

    All are by kind; `sinks` are those of the UDP ports that send on.
    """
    found = []
    for kind, track in tracks.items():
        socket = media[kind].socket if kind in media else None
        if socket is not None and track.sink is not None:
            found.append(MediaPath(track.sink, source_of(socket)))
        if kind in sinks and track.source is not None:
            found.append(MediaPath(sinks[kind], track.source))
    return tuple(found)


def rtcp_streams(
    media: Mapping[str, MediumWanted], sinks: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return by RTCP socket what the program's RTCP there is about.

    It tells about its own packets as their sender, and about what it is sent as its receiver. Media
    may share a socket.
    """
    found: dict[str, tuple[str, ...]] = {}
    for kind, wanted in media.items():
        if wanted.rtcp_socket is None:
            continue
        own = () if wanted.socket is None else (source_of(wanted.socket),)
        sent_on = (sinks[kind],) if kind in sinks else ()
        found[wanted.rtcp_socket] = found.get(wanted.rtcp_socket, ()) + own + sent_on
    return found


def source_of(socket: str) -> str:
    """Return the engine's source of what comes to a media socket (see `UseSocket`)."""
    return f"{socket}/in"


def listens_on(remote: str) -> str:
    """Return the address to bind a port to that sends to a host, given as a numeric address."""
    if ":" in remote:
        return "::1" if remote == "::1" else "::"
    return "127.0.0.1" if remote.startswith("127.") else "0.0.0.0"  # noqa: S104 to send from
