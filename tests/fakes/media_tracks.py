"""The sections of descriptions, as the sessions of the fake media engine have them."""

from __future__ import annotations

from dataclasses import dataclass

from media.contract.errors import NoCommonCodec
from media.contract.session import Direction, TrackWanted
from media.webrtc.descriptions import MediaSection

CODECS = {"audio": ("opus", "g722", "pcmu", "pcma"), "video": ("vp8", "h264")}
TOWARDS = {  # what they do, seen from here
    "sendonly": (False, True),
    "recvonly": (True, False),
    "sendrecv": (True, True),
    "inactive": (False, False),
}


@dataclass
class FakeTrack:
    mid: str
    kind: str
    codecs: tuple[str, ...]
    sends: bool
    receives: bool
    rejected: bool = False
    rid: str | None = None
    bitrate: int = 0


def wanted_track(wanted: TrackWanted) -> FakeTrack:
    known = CODECS.get(wanted.kind, ())
    codecs = tuple(name for name in wanted.codecs or known if name in known)
    if not codecs:
        raise NoCommonCodec(wanted.kind)
    direction = wanted.direction.value
    sends, receives = direction in ("sendonly", "sendrecv"), direction in ("recvonly", "sendrecv")
    return FakeTrack("", wanted.kind, codecs, sends, receives, bitrate=wanted.bitrate)


def direction_of(track: FakeTrack) -> Direction:
    if track.sends:
        return Direction.BOTH if track.receives else Direction.SEND
    return Direction.RECEIVE if track.receives else Direction.NONE


def ways_of(section: MediaSection) -> tuple[bool, bool]:
    """Return whether we may send, and whether we may receive."""
    found = next((line[2:] for line in section.lines if line[2:] in TOWARDS), "sendrecv")
    return TOWARDS["inactive" if section.rejected else found]


def codec_names(section: MediaSection) -> tuple[str, ...]:
    """Return the codec names of a section, in its order."""
    return tuple(v.split(" ")[1].split("/")[0].lower() for v in section.values("a=rtpmap:"))
