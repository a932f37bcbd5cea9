"""The sections of dialects that are not built yet. They validate all the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from api.settings.fields import (
    Address,
    Many,
    Name,
    Network,
    PortRange,
    Seconds,
    Secret,
    Section,
)


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
