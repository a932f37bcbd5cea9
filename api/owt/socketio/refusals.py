"""Refusals of Engine.IO in its own words: one table for requests and websockets."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class EngineRefusal:
    """A JSON error `{"code": …, "message": …}` and its status; `reason` is for the log."""

    code: int
    message: str
    reason: str
    status: int = 400

    @property
    def body(self) -> bytes:
        """The JSON document."""
        return msgspec.json.encode({"code": self.code, "message": self.message})


UNKNOWN_TRANSPORT = EngineRefusal(0, "Transport unknown", "unknown transport")
UNKNOWN_SID = EngineRefusal(1, "Session ID unknown", "unknown session")
BAD_METHOD = EngineRefusal(2, "Bad handshake method", "bad method")
BAD_REQUEST = EngineRefusal(3, "Bad request", "bad request")
FORBIDDEN = EngineRefusal(4, "Forbidden", "origin not allowed", 403)
UNSUPPORTED_VERSION = EngineRefusal(5, "Unsupported protocol version", "unsupported version")
TOO_LARGE = EngineRefusal(3, "The request body is too large", "body too large", 413)
STARTING = EngineRefusal(4, "The server is not ready yet, try again", "starting", 503)
BUSY = EngineRefusal(4, "The server has no place for another client", "too many sockets", 503)
CROWDED = EngineRefusal(4, "Too many clients from your address", "connections_per_address", 429)
STOPPING = EngineRefusal(4, "The server is shutting down", "shutting down", 503)
