"""The section [skyway] of the configuration, and what it means together with the others."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from api.settings.fields import (
    Address,
    Count,
    Many,
    Name,
    Network,
    OptionalAddress,
    PortRange,
    Positive,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
)
from api.settings.findings import Found, twins

if TYPE_CHECKING:
    from api.settings import Settings

PREFIXES = ("/peers", "/data", "/media")  # at the root, as programs expect them
LOOPBACK = ("127.0.0.0/8", "::1/128")


class SkywayApiKey(Section):
    """A key that peers of some domains may use."""

    key: Annotated[Name, Field(repr=False)]
    domains: Many[Name] = ()
    secret: Secret = ""
    browsers: bool = False


def _given(value: tuple[int, int]) -> tuple[int, int]:
    if value == (0, 0):
        raise ValueError("must name the ports")
    return value


def _broker_url(value: str) -> str:
    """Accept "", or what a peer takes for the URL of a PeerServer; drop a slash at its end."""
    if not value:
        return value
    from api.skyway.remote_frames import broker_address  # commands do without it

    try:
        broker_address(value, "key", "id", "token")
    except ValueError:
        raise ValueError('must be a URL like "wss://broker.example.org/path"') from None
    return value.rstrip("/")


class SkywaySettings(Section):
    """The SkyWay WebRTC Gateway dialect."""

    long_poll_seconds: Seconds = 30.0
    answer_seconds: Seconds = 60.0
    udp_bind: Address = "127.0.0.1"
    udp_advertise: OptionalAddress = ""
    udp_ports: Annotated[PortRange, AfterValidator(_given)] = (50001, 50999)
    redirect_allow: Many[Network] = LOOPBACK  # type: ignore[assignment]  # parsed
    broker_url: Annotated[str, AfterValidator(_broker_url)] = ""
    udp_allow: Many[Network] = LOOPBACK  # type: ignore[assignment]  # parsed
    peer_idle_seconds: SecondsOrZero = 0.0
    socket_idle_seconds: SecondsOrZero = 0.0
    sockets_per_address: Count = 0
    silence_seconds: Seconds = 15.0
    peers: Positive = 500
    connections_per_peer: Positive = 32
    connections_per_caller: Count = 0
    remote_allow: Many[Network] = ()
    api_keys: Many[SkywayApiKey] = ()

    @property
    def advertised(self) -> str:
        """The address of UDP ports that programs are told."""
        return self.udp_advertise or self.udp_bind

    @property
    def of_one_address(self) -> int:
        """How many UDP sockets one address other than this machine's may have."""
        first, last = self.udp_ports
        return self.sockets_per_address or max(1, (last - first + 1) // 2)


RELOADABLE = (
    "long_poll_seconds", "answer_seconds", "udp_advertise", "redirect_allow", "udp_allow",
    "peer_idle_seconds", "silence_seconds", "peers", "connections_per_peer",
    "connections_per_caller", "remote_allow", "socket_idle_seconds", "sockets_per_address",
    "api_keys",
)  # fmt: skip


def problems(settings: Settings) -> Found:
    """Find keys that are listed twice or missing, and UDP ports that no program could find."""
    skyway = settings.section(SkywaySettings)
    yield from twins("skyway", "api_keys", "key", (entry.key for entry in skyway.api_keys))
    if ip_address(skyway.advertised).is_unspecified:
        yield (
            ("skyway", "udp_advertise"),
            f"must be given where udp_bind is {skyway.udp_bind}: it is what programs are told",
        )
    if 0 < skyway.peer_idle_seconds <= skyway.long_poll_seconds:
        yield (
            ("skyway", "peer_idle_seconds"),
            f"must be longer than long_poll_seconds ({skyway.long_poll_seconds:g}), or 0: a "
            "program that waits for an event asks no sooner",
        )
    if skyway.api_keys:
        return
    for index, listener in enumerate(settings.listeners):
        if "skyway" in listener.dialects and not listener.loopback:
            yield (
                ("listeners", index, "dialects"),
                f"names skyway on {listener.bind}, where anybody could use it: list who may in "
                "[[skyway.api_keys]], or listen on loopback",
            )


def hints(settings: Settings) -> Iterator[str]:
    """Warn of what is open to more than it says, or closed to all."""
    skyway = settings.section(SkywaySettings)
    if not any("skyway" in listener.dialects for listener in settings.listeners):
        return
    bound, taken = ip_address(skyway.udp_bind), skyway.udp_allow
    if not bound.is_loopback and all(network.is_loopback for network in taken):
        yield (
            f"skyway.udp_bind is {bound}, but skyway.udp_allow takes datagrams of this machine "
            "alone: name the networks of your programs there"
        )
    if any(network.prefixlen == 0 for network in taken):
        yield "skyway.udp_allow takes datagrams from anywhere, and UDP does not say who sends them"
    if any(network.prefixlen == 0 for network in skyway.redirect_allow):
        yield "skyway.redirect_allow lets programs have data and media sent to any address"
    if skyway.broker_url.startswith("ws://"):
        yield "skyway.broker_url is not encrypted: API keys and what is signalled can be read"
