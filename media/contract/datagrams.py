"""UDP ports that take datagrams as they are, and data channels that go on over UDP: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from media.contract.plans import Address, Remote

LONGEST_DATAGRAM = 65_507
"""Bytes of payload that a UDP datagram over IPv4 can have."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class DatagramPortWanted:
    """A port to open on `address`, out of the range `ports` with both its ends; (0, 0) is any.

    Only datagrams from the networks of `allow` are taken; None: from anywhere.
    """

    address: str
    ports: tuple[int, int] = (0, 0)
    allow: tuple[Network, ...] | None = None


@dataclass(frozen=True, slots=True)
class DatagramPortFacts:
    """Where a port is and what came: datagrams taken, bytes of them, and those of strangers."""

    address: Address
    datagrams: int = 0
    bytes: int = 0
    strangers: int = 0


class MessageFormat(StrEnum):
    """What the messages of a data channel hold, beside the bytes of a datagram.

    A datagram becomes a message of bytes in every format but JSON_TEXT. RAW: the bytes as they are;
    text that comes is its UTF-8. JSON: the bytes are a JSON text in UTF-8, sent in a binary
    message; JSON_TEXT: sent as text, which is all that npm `peerjs` before 1.5 takes. BINARY:
    packed as binarypack does; what comes and is neither bytes nor text goes on as its JSON text,
    and chunks are put together.
    """

    RAW = "raw"
    JSON = "json"
    BINARY = "binary"
    JSON_TEXT = "json-text"


@dataclass(frozen=True, slots=True)
class ChannelRelay:
    """What the data channels of a session are to do with UDP.

    What comes to the datagram port `feed` is sent on the session's channel that opened first; None:
    nothing is. What comes on any of its channels is sent to `redirect`, one datagram a message;
    None: it is dropped, and counted. Raises ValueError for a redirect that is no numeric address.
    """

    format: MessageFormat
    feed: str | None = None
    redirect: Address | None = None

    def __post_init__(self) -> None:
        if self.redirect is not None:
            object.__setattr__(self, "redirect", Remote(self.redirect).rtp)


@dataclass(frozen=True, slots=True)
class RelayStats:
    """What went through a relay so far, in messages and bytes of datagrams, and what did not.

    `in_` is from the other side to UDP, `out` from UDP to the other side. Dropped: with no open
    channel or no redirect (`nowhere`), more unsent than may be (`held_up`), larger than the other
    side or a datagram can be (`too_large`), not in the format (`malformed`), or not taken by the
    network (`unsent`).
    """

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0
    nowhere: int = 0
    held_up: int = 0
    too_large: int = 0
    malformed: int = 0
    unsent: int = 0
