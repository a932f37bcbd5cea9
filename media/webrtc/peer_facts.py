"""Plain data between the aiortc seam and the sessions that use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from media.contract.codec import Codec
from media.webrtc.candidates import denied_to


@dataclass(frozen=True, slots=True)
class IceConfig:
    """Where media sockets are bound, and what is told about it (see config.example.toml).

    No `listen_ips`: the addresses of every interface. One that stands for all of them ("0.0.0.0",
    "::") needs an announced one of its family. The range holds both its ends; (0, 0) is any port.
    In the networks `remote_deny` no other side is, unless its own connection comes from there.
    """

    listen_ips: tuple[str, ...] = ()
    announced_ips: tuple[str, ...] = ()
    udp_port_range: tuple[int, int] = (0, 0)
    remote_deny: tuple[str, ...] = ()

    def towards(self, remote_address: str | None, allowed: tuple[str, ...] = ()) -> IceConfig:
        """Return these as they are towards somebody whose connection comes from there.

        `allowed` is what is not denied where that is not known.
        """
        return replace(self, remote_deny=denied_to(remote_address, self.remote_deny, allowed))


@dataclass(frozen=True, slots=True)
class PeerListener:
    """Whom a peer tells things; all are called from the loop and must neither wait nor raise.

    Packets are decrypted, and arrive at a time.monotonic().
    """

    rtp: Callable[[bytes, float], None]
    rtcp: Callable[[bytes, float], None]
    state: Callable[[str], None]
    reachable: Callable[[], None]


@dataclass(frozen=True, slots=True)
class NegotiatedSection:
    """One audio or video section after an offer and its answer.

    `ssrc` is what we send with, `rtx_ssrc` what we may send again with. `mid_extension` is the id
    of the RTP header extension that carries the mid, `send_time_extension` of the one with the time
    of sending; 0 without one. `bitrate` is how many kbit/s the other side may send, 0: any.
    """

    mid: str
    kind: str
    codec: Codec
    receives: bool
    sends: bool
    ssrc: int
    rtx_ssrc: int
    mid_extension: int
    send_time_extension: int
    bitrate: int = 0


@dataclass(slots=True)
class PeerTraffic:
    """Counters of one peer.

    `heard` is the time.monotonic() of the last thing that the other side alone can have sent;
    `too_long` are those of the dropped packets that have no room where they are encrypted.
    """

    heard: float = 0.0
    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    dropped: int = 0
    too_long: int = 0
