"""What a websocket is to a dialect: receive, push without blocking, close.

A dialect's `socket.py` is written against `Socket` alone. Two carriers implement it, both
in `api/http/carriers/`: the lane and Quart-Trio's websocket; one test suite holds both. Nothing
here knows a dialect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

NOTHING: Mapping[str, str] = MappingProxyType({})


GOING_AWAY = 1001


class SocketClosed(Exception):
    """The far side is gone, or the socket was closed from here. Normal end of `receive`.

    `theirs` tells that the far side closed, and that the code is its own; 1006 is nobody's.
    """

    def __init__(self, code: int = 1006, reason: str = "", theirs: bool = False) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.theirs = theirs

    @property
    def page_left(self) -> bool:
        """Whether a browser leaves the page (RFC 6455, 7.4.1): it was closed, or is loaded anew."""
        return self.theirs and self.code == GOING_AWAY


class SocketFull(Exception):
    """The unsent queue is at its limit: the peer reads too slowly."""


class SourceFull(Exception):
    """One source has more unsent here than its part: it sends more than this peer reads."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The request that asked for a websocket.

    `query` holds the first value of each parameter and may carry secrets: never log it.
    `address` and `secure` already account for trusted proxies. Header names are lower case; the
    headers of the handshake itself are left out.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    address: str
    host: str
    secure: bool
    subprotocols: tuple[str, ...] = ()
    trusted: bool = False  # the TCP peer is one of limits.trusted_proxies
    device: str = ""  # as in WhereFrom

    def without_secrets(self) -> Upgrade:
        """Return it without query and headers, to be kept as long as the connection lives."""
        return replace(self, query=NOTHING, headers=NOTHING)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an upgrade is not granted; `reason` goes to the log, `body` to the client."""

    status: int
    reason: str
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Intake(Protocol):
    """Who bounds the large messages that come in at a time, over all sockets."""

    async def enter(self, size: int) -> bool:
        """Wait for a place for a message of `size` bytes; False when none came in time."""

    def leave(self, size: int) -> None:
        """Give a place back."""

    @property
    def slowest(self) -> int:
        """The bytes per second with which a message must come in."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Bounds of one websocket; rates delay the reader, they never drop (limits.* in the config).

    `frames_per_second` are those that are no whole message: pings, pongs, pieces. A message must be
    whole `message_seconds` after it has begun, unless a place of the `intake` is its bound.
    `burst` messages may come at once, if that is more than a second's; the mean stays the rate.
    `message_bytes` may be raised to `largest_message` once it is known who is there; what is larger
    than `message_bytes` then comes in with a place of the `intake`, where there is one.
    """

    message_bytes: int = 1_048_576
    messages_per_second: int = 20
    burst: int = 0
    frames_per_second: int = 200
    message_seconds: float = 120.0
    largest_message: int = 0  # 0: message_bytes, for good
    intake: Intake | None = None
    outbox_messages: int = 2048
    outbox_bytes: int = 16_777_216  # unsent, so that large messages cannot fill the memory either
    too_slow: tuple[int, str] = (1013, "too slow")  # the close where all have too much unsent
    ping_seconds: float = 54.0

    @property
    def largest(self) -> int:
        """The bytes of a message that may ever be taken."""
        return max(self.message_bytes, self.largest_message)

    def within(self, message_bytes: int) -> int:
        """Return that limit, or the largest there may be."""
        return min(message_bytes, self.largest)


class Socket(Protocol):
    """One accepted websocket, owned by the task that serves it."""

    upgrade: Upgrade
    subprotocol: str | None

    async def receive(self) -> tuple[bytes, bool]:
        """Return the next message as (payload, is_text); text is checked to be UTF-8 (else 1007).

        Raises SocketClosed at the end. Waits for the rate limit, so a fast sender is delayed.
        """

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        """Send at once, or queue behind what is unsent; never blocks.

        It takes the place of an unsent one that was pushed with the same `replace`, so that what
        only the latest counts of does not pile up. Raises SocketFull at `outbox_messages` (or
        `outbox_bytes`, of which `spare` are to be left for others) unsent; does nothing once
        closed. `source` names another client whose message this is: SourceFull is raised, and
        nothing sent, where it has more unsent here than its part. A payload that goes to many is to
        be the same object, which is then kept once.
        """

    def limit_messages(self, message_bytes: int) -> None:
        """Take messages of that size from now on, of `largest_message` at most.

        A larger one than `SocketLimits.message_bytes` waits for a place of the `intake`, unread; it
        keeps it until the next `receive`. Without one in time the socket is closed with 1013; who
        sends it too slowly is closed with 1008.
        """

    def count_kept(self, size: int) -> None:
        """Have so many bytes counted with what is unfinished: what its handler keeps of messages.

        Raises SocketClosed once the socket has ended; then nobody is to keep anything.
        """

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake, which has a deadline; `receive` then raises SocketClosed."""

    def abort(self) -> None:
        """Drop the connection without a close frame."""


@dataclass(frozen=True, slots=True)
class WebsocketRoute:
    """One path that speaks websocket, for both carriers.

    `admit` is sync and decides before the handshake; `serve` runs for the connection's life.
    `limits` is asked for each connection: SIGHUP may change them. `subprotocol` None means none is
    negotiated; otherwise the route is taken only by upgrades that offer it.
    """

    path: str
    admit: Callable[[Upgrade], Rejection | None]
    serve: Callable[[Socket], Awaitable[None]]
    limits: Callable[[], SocketLimits]
    dialect: str
    subprotocol: str | None = None
