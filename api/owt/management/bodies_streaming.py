"""Bodies of the REST API about streams from outside. A null is a key that was left out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, model_validator

from actors.words.orders import StartStreamingIn
from api.owt.management.bodies import Body, Exact

Wanted = Literal["auto"] | bool
MOST_BUFFER = 16_777_216


class ConnectionBody(Exact):
    """Where a source is, and how RTSP brings it; `bufferSize` is that of a UDP socket."""

    url: Annotated[str, Field(min_length=1, max_length=4096, repr=False)]
    transportProtocol: Literal["tcp", "udp"] | None = None  # noqa: N815
    bufferSize: Annotated[int, Field(gt=0, le=MOST_BUFFER)] | None = None  # noqa: N815


class KindsBody(Exact):
    """Which kinds are wanted; "auto" is whatever comes."""

    audio: Wanted
    video: Wanted

    @model_validator(mode="after")
    def _something(self) -> KindsBody:
        if self.audio is False and self.video is False:
            raise ValueError("nothing is wanted")
        return self


class StreamingInRequest(Body):
    """POST …/streaming-ins"""

    type: Literal["streaming"] | None = None
    connection: ConnectionBody
    media: KindsBody
    attributes: dict[str, Any] | None = None

    def order(self, attribute_bytes: int) -> StartStreamingIn | None:
        """Return what the room is asked for; None for more bytes of attributes than may be."""
        attributes = None if self.attributes is None else msgspec.json.encode(self.attributes)
        if attributes is not None and len(attributes) > attribute_bytes:
            return None
        given = self.connection
        return StartStreamingIn(
            given.url,
            _wanted(self.media.audio),
            _wanted(self.media.video),
            given.transportProtocol or "tcp",
            given.bufferSize or 8192,
            attributes,
        )


def _wanted(word: Wanted) -> bool | None:
    return None if word == "auto" else bool(word)
