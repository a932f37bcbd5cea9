"""A publication or subscription on its way to media: its connection, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Ref, Timer
from media.contract.candidates import Candidate
from media.contract.session import Track

EARLY_CANDIDATES = 64  # before the offer; a connection takes no more either


@dataclass(slots=True)
class Negotiation:
    """`ends` are the engine's ids by kind: sources of a publication, sinks of a subscription.

    `fmtp` are the parameters of the codecs, by kind.
    """

    id: str
    owner: str
    due: Timer  # for its offer; once the other side has hung up, for its word
    connection: Ref[Message] | None = None  # from the offer on
    early: list[Candidate] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    fmtp: dict[str, str] = field(default_factory=dict)
    answered: bool = False
    connected: bool = False
    ready: bool = False
    hung_up: bool = False  # by the other side, whose word is awaited

    def take_tracks(self, tracks: tuple[Track, ...], *, sends: bool) -> dict[str, str]:
        """Note the ends of a negotiation; return the codec of each kind."""
        used = [(track, track.source if sends else track.sink) for track in tracks]
        self.ends = {track.kind: end for track, end in used if end is not None}
        self.fmtp = {track.kind: track.fmtp for track, end in used if end is not None}
        return {track.kind: track.codec for track, end in used if end is not None}

    def becomes_ready(self) -> bool:
        """Tell, once, that the answer is out, the tracks are known and packets can pass."""
        if self.ready or not (self.answered and self.connected and self.ends):
            return False
        self.ready = True
        return True
