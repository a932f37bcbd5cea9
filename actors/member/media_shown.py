"""The media a member knows of: the streams it was shown, and the sessions it has asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.words.facts import (
    Fact,
    Joined,
    MediaLost,
    SessionEnded,
    StreamAdded,
    StreamRemoved,
)
from actors.words.orders import Order, Publish, Subscribe, Unpublish, Unsubscribe
from actors.words.streams import Stream


@dataclass(slots=True)
class MediaShown:
    """Ids only, in the order of coming: what to take back when the room has crashed.

    Mixed streams are none of it: they are back with the room.
    """

    streams: dict[str, None] = field(default_factory=dict)
    sessions: dict[str, None] = field(default_factory=dict)

    def note(self, fact: Fact) -> None:
        """Take from what the member is shown what must be known of it later."""
        match fact:
            case Joined(streams=streams):
                sent = (stream.id for stream in streams if isinstance(stream, Stream))
                self.streams = dict.fromkeys(sent)
            case StreamAdded(Stream() as stream):  # mixed ones are there again with the room
                self.streams[stream.id] = None
            case StreamRemoved(id_):
                self.streams.pop(id_, None)
                self.sessions.pop(id_, None)
            case SessionEnded(session=session):
                self.sessions.pop(session, None)

    def done(self, order: Order, value: str | None) -> None:
        """Take what follows from an order of the member's own that was carried out."""
        match order:
            case Publish() | Subscribe() if value is not None:
                self.sessions[value] = None
            case Unpublish(stream=session) | Unsubscribe(subscription=session):
                self.sessions.pop(session, None)

    def lose(self) -> MediaLost | None:
        """Forget all: the room that held it is another one now. None where there was nothing."""
        if not self.streams and not self.sessions:
            return None
        lost = MediaLost(tuple(self.streams), tuple(self.sessions))
        self.streams.clear()
        self.sessions.clear()
        return lost
