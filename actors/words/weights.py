"""About how many bytes a fact takes while it waits for somebody."""

from __future__ import annotations

from actors.words.facts import (
    Fact,
    MediaLost,
    PeerChanged,
    PeerJoined,
    Said,
    SessionAnswered,
    Signalled,
    StreamAdded,
    StreamChanged,
)
from actors.words.views import AnyStream, MixedStream

FACT_BYTES = 512  # what a fact weighs besides the texts that others have written into it
REGION_BYTES = 512  # of a layout


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


def _stream_bytes(stream: AnyStream) -> int:
    if isinstance(stream, MixedStream):
        return REGION_BYTES * len(stream.layout) + sum(map(len, stream.inputs))
    return len(stream.attributes or b"") + sum(map(len, stream.in_views))
