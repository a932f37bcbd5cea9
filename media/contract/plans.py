"""What callers ask an engine to open, a UDP port or a data channel: plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from media.contract.codec import Codec
from media.contract.stats import SinkStats, SourceStats

HIGHEST_PAYLOAD_TYPE = 127
HIGHEST_PORT = 65535
LONGEST_LABEL = 65_535  # bytes

Address = tuple[str, int]
"""A numeric host, and a port."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to send; `rtcp` is the port above that of `rtp` unless it is given.

    Hosts are kept in their shortest form, in which sockets tell them, and an IPv4 address mapped
    into IPv6 as the IPv4 address that it is. Raises ValueError for one that is no numeric address,
    or has a zone ("fe80::1%eth0"): looking up a name would wait.
    """

    rtp: Address
    rtcp: Address | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rtp", _shortest(self.rtp))
        if self.rtcp is not None:
            object.__setattr__(self, "rtcp", _shortest(self.rtcp))


@dataclass(frozen=True, slots=True)
class PortReceives:
    """What comes, and becomes a source. `kind` is "audio" or "video".

    It must have the payload type of `codec`, and come from the host `only_from` if it is given.
    Ports with the same `publisher` are of one sender: sound and picture are kept in step. What is
    said back to the sender (RTCP: keyframe requests, reports) goes to all of `feedback`; with None,
    to where its own RTCP comes from, else to the port above that of its RTP. Only packets from the
    networks of `allow` are taken; None: from anywhere. `digits` is the payload type in which keys
    that are pressed come beside it (telephone-event, RFC 4733): they are told as DigitPressed.

    Raises ValueError for what no RTP packet can say, and for hosts that are no numeric addresses.
    """

    kind: str
    codec: Codec
    only_from: str | None = None
    publisher: str = ""
    feedback: tuple[Address, ...] | None = None
    allow: tuple[IPv4Network | IPv6Network, ...] | None = None
    digits: int | None = None

    def __post_init__(self) -> None:
        _check(self.kind, self.codec)
        if self.only_from is not None:
            ip_address(self.only_from)
        if self.feedback is not None:
            shortest = tuple(_shortest(address) for address in self.feedback)
            object.__setattr__(self, "feedback", shortest)


@dataclass(frozen=True, slots=True)
class PortSends:
    """What goes from a sink to `remote`; without `ssrc`, one is picked. Raises like the other.

    Without `reports` no RTCP is sent along: the receiver has no place for it. With `symmetric` it
    goes to where what the port receives comes from, as soon as something does: the other side may
    be behind a NAT (RFC 4961). The first sender has the port for good then; one from the host of
    `remote`, or from `also_from`, where its signalling comes from, takes it from another.
    """

    kind: str
    codec: Codec
    remote: Remote
    ssrc: int | None = None
    reports: bool = True
    symmetric: bool = False
    also_from: str | None = None

    def __post_init__(self) -> None:
        _check(self.kind, self.codec)


@dataclass(frozen=True, slots=True)
class PortWanted:
    """A port to open on `address`, out of the range `ports` with both its ends; (0, 0) is any.

    With `mux` it takes RTP and RTCP; without, RTP has an even port and RTCP the one above it.
    """

    address: str
    ports: tuple[int, int] = (0, 0)
    mux: bool = False
    receives: PortReceives | None = None
    sends: PortSends | None = None


@dataclass(frozen=True, slots=True)
class PortFacts:
    """Where a port is, and the ids to attach with (None where nothing goes that way).

    `strangers` are the packets of others than who sends to the port, or is sent to. `received` and
    `sent` are the figures of the source and the sink; they do not count where facts are compared.
    """

    address: Address
    rtcp_address: Address
    source: str | None
    sink: str | None
    strangers: int = 0
    received: SourceStats | None = field(default=None, compare=False)
    sent: SinkStats | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key was pressed at the other side of a port: "0" to "9", "*", "#", "A" to "D"."""

    port: str
    digit: str
    milliseconds: int


PortSink = Callable[[DigitPressed], None]
"""Takes what comes to a port and is no media. It must not wait; where it raises, it is logged."""


def _check(kind: str, codec: Codec) -> None:
    """Raise ValueError for what no RTP packet can say."""
    if kind not in ("audio", "video"):
        raise ValueError("a kind is audio or video")
    if not 0 <= codec.payload_type <= HIGHEST_PAYLOAD_TYPE or codec.clock_rate <= 0:
        raise ValueError("a payload type is a number from 0 to 127, a clock rate above 0")


def _shortest(address: Address) -> Address:
    host, port = address
    if not 1 <= port <= HIGHEST_PORT:
        raise ValueError("a port is a number from 1 to 65535")
    if "%" in host:
        raise ValueError("an address with a zone, which is a name")
    found = ip_address(host)
    return str(getattr(found, "ipv4_mapped", None) or found), port


@dataclass(frozen=True, slots=True)
class ChannelWanted:
    """A data channel to open. Of `max_retransmits` and `max_lifetime` (ms) at most one is set.

    With `negotiated`, both sides open it with the same `id` and nobody is told. Raises ValueError
    for what cannot be said on the wire (RFC 8832, section 5.1).
    """

    label: str = ""
    protocol: str = ""
    ordered: bool = True
    max_retransmits: int | None = None
    max_lifetime: int | None = None
    negotiated: bool = False
    id: int | None = None

    def __post_init__(self) -> None:
        if max(len(self.label.encode()), len(self.protocol.encode())) > LONGEST_LABEL:
            raise ValueError("a label or protocol that is too long")
        limits = [it for it in (self.max_retransmits, self.max_lifetime) if it is not None]
        if len(limits) > 1 or not all(0 <= limit < 1 << 32 for limit in limits):
            raise ValueError("retransmissions or a lifetime, of 32 bits")
