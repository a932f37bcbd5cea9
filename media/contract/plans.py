"""A UDP port for plain RTP as callers ask for it, and what they are told: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from media.contract.codec import Codec
from media.udp.plain_rtp import Address, Remote

HIGHEST_PAYLOAD_TYPE = 127


@dataclass(frozen=True, slots=True)
class PortReceives:
    """What comes, and becomes a source. `kind` is "audio" or "video".

    It must have the payload type of `codec`, and come from the host `only_from` if it is given.
    Ports with the same `publisher` are of one sender: sound and picture are kept in step. What is
    said back to the sender (RTCP: keyframe requests, reports) goes to `feedback`; without it, to
    where its own RTCP comes from, else to the port above that of its RTP.

    Raises ValueError for what no RTP packet can say, and for hosts that are no numeric addresses.
    """

    kind: str
    codec: Codec
    only_from: str | None = None
    publisher: str = ""
    feedback: Address | None = None

    def __post_init__(self) -> None:
        _check(self.kind, self.codec)
        if self.only_from is not None:
            ip_address(self.only_from)
        if self.feedback is not None:
            Remote(self.feedback)


@dataclass(frozen=True, slots=True)
class PortSends:
    """What goes from a sink to `remote`; without `ssrc`, one is picked. Raises like the other."""

    kind: str
    codec: Codec
    remote: Remote
    ssrc: int | None = None

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

    `strangers` are the packets of others than who sends to the port, or is sent to.
    """

    address: Address
    rtcp_address: Address
    source: str | None
    sink: str | None
    strangers: int = 0


def _check(kind: str, codec: Codec) -> None:
    """Raise ValueError for what no RTP packet can say."""
    if kind not in ("audio", "video"):
        raise ValueError("a kind is audio or video")
    if not 0 <= codec.payload_type <= HIGHEST_PAYLOAD_TYPE or codec.clock_rate <= 0:
        raise ValueError("a payload type is a number from 0 to 127, a clock rate above 0")
