"""The rules of a participant: what it may do, what it was shown, what is kept while it is away."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from actors.words.facts import (
    Fact,
    Joined,
    MediaLost,
    PeerChanged,
    PeerJoined,
    PermissionSet,
    Presence,
    Said,
    SessionAnswered,
    SessionEnded,
    Signalled,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.permission import NOTHING, Permission
from actors.words.streams import Stream

FACT_BYTES = 512  # what a fact weighs besides the texts that others have written into it


@dataclass(slots=True)
class ParticipantState:
    """One member of a room with streams. `streams` are those it was shown, `sessions` its own."""

    id: str
    user: str = ""
    role: str = ""
    permission: Permission = NOTHING
    revision: int = 0
    streams: dict[str, None] = field(default_factory=dict)
    sessions: dict[str, None] = field(default_factory=dict)

    @property
    def presence(self) -> Presence:
        return Presence(
            self.id,
            self.user,
            revision=self.revision,
            role=self.role,
            permission=self.permission,
        )

    def note(self, fact: Fact) -> None:
        """Take from what the participant is shown what must be known of it later."""
        match fact:
            case Joined(streams=streams):
                self.streams = dict.fromkeys(stream.id for stream in streams)
            case StreamAdded(stream):
                self.streams[stream.id] = None
            case StreamRemoved(id_):
                self.streams.pop(id_, None)
                self.sessions.pop(id_, None)
            case SessionEnded(session=session):
                self.sessions.pop(session, None)
            case PermissionSet(permission):
                self.permission = permission
                self.revision += 1

    def lose_media(self) -> MediaLost:
        """Forget all streams and sessions: the room that held them is another one now."""
        lost = MediaLost(tuple(self.streams), tuple(self.sessions))
        self.streams.clear()
        self.sessions.clear()
        return lost


class BacklogFull(Exception):
    """More has happened than may be kept for somebody who is away."""


@dataclass(slots=True)
class Backlog:
    """Facts in order for somebody who is away: so many, and so many bytes of them."""

    messages: int
    bytes: int
    facts: deque[Fact] = field(default_factory=deque)
    weight: int = 0

    def add(self, fact: Fact) -> None:
        """Keep a fact. Raises BacklogFull."""
        self.weight += weight_of(fact)
        if len(self.facts) >= self.messages or self.weight > self.bytes:
            raise BacklogFull
        self.facts.append(fact)


def weight_of(fact: Fact) -> int:
    """Return about how many bytes a fact takes, on the generous side."""
    match fact:
        case Said(text=text, extra=extra):
            return FACT_BYTES + _text_bytes(text) + len(extra.body if extra else b"")
        case SessionAnswered(sdp=sdp):
            return FACT_BYTES + _text_bytes(sdp)
        case StreamAdded(stream) | StreamChanged(stream=stream):
            return FACT_BYTES + _stream_bytes(stream)
        case PeerJoined(presence) | PeerChanged(presence):
            return FACT_BYTES + len(presence.status or b"") + len(presence.user)
        case Signalled(body=body):
            return FACT_BYTES + len(body)
        case MediaLost(streams, sessions):
            return FACT_BYTES * (1 + len(streams) + len(sessions))
    return FACT_BYTES


def _text_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _stream_bytes(stream: Stream) -> int:
    return len(stream.attributes or b"") + sum(map(len, stream.in_views))
