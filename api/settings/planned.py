"""The sections of dialects that are not built yet. They validate all the same."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.settings.fields import (
    DEFAULTS,
    Address,
    Count,
    Many,
    Name,
    Network,
    OptionalPath,
    Origin,
    PortRange,
    Positive,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
    WebUrl,
)


class BareRtcJwtSettings(Section):
    """Users of BareRTC by signed tokens."""

    enabled: bool = False
    strict: bool = True
    secret_key: Secret = ""
    landing_page_url: WebUrl = ""


class BareRtcChannel(Section):
    """One public chat channel."""

    id: Name
    name: Name
    vip: bool = False
    permit_photos: bool = True
    welcome_messages: Many[str] = ()
    echo_messages_on_join: Count = 10


LOBBY: Any = ({"id": "lobby", "name": "Lobby"},)


class BareRtcSettings(Section):
    """The BareRTC dialect."""

    title: str = "BareRTC"
    website_url: WebUrl = ""
    web_client: OptionalPath = None
    admin_api_key: Secret = ""
    cors_hosts: Many[Origin] = ()
    permit_nsfw: bool = False
    startup_quiet_seconds: SecondsOrZero = 0
    max_image_width: Positive = 1280
    jwt: BareRtcJwtSettings = DEFAULTS
    channels: Many[BareRtcChannel] = LOBBY


class SkywayApiKey(Section):
    """A key that peers of some domains may use."""

    key: Annotated[Name, Field(repr=False)]
    domains: Many[Name] = ()
    secret: Secret = ""


def _given(value: tuple[int, int]) -> tuple[int, int]:
    if value == (0, 0):
        raise ValueError("must name the ports")
    return value


class SkywaySettings(Section):
    """The SkyWay WebRTC Gateway dialect."""

    long_poll_seconds: Seconds = 30.0
    udp_bind: Address = "127.0.0.1"
    udp_advertise: Literal[""] | Address = ""
    udp_ports: Annotated[PortRange, AfterValidator(_given)] = (50001, 50999)
    redirect_allow: Many[Network] = ("127.0.0.0/8", "::1/128")  # type: ignore[assignment]  # parsed
    api_keys: Many[SkywayApiKey] = ()


class PeerJsSettings(Section):
    """The PeerJS dialect."""

    key: Name = "peerjs"
    allow_discovery: bool = False
    alive_timeout: Seconds = 60.0
    expire_timeout: Seconds = 5.0
    concurrent_limit: Positive = 5000
