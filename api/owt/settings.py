"""The section [owt] of the configuration, and what it means together with the others."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from api.settings.fields import (
    Count,
    Host,
    Many,
    Origin,
    Positive,
    Seconds,
    Secret,
    Section,
)
from api.settings.findings import Found

if TYPE_CHECKING:
    from api.settings import Settings

ServiceId = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{24})?$")]


class OwtSettings(Section):
    """The Open WebRTC Toolkit dialect."""

    portal_host: Host = ""
    portal_secure: bool = False
    allowed_origins: Many[Origin] = ("*",)
    messages_per_second: Count = 200
    login_seconds: Seconds = 180.0
    resume_seconds: Seconds = 60.0
    left_seconds: Seconds = 2.0
    queued_messages: Positive = 1024
    queued_bytes: Positive = 1_048_576
    sockets: Positive = 20_000
    ping_seconds: Annotated[float, Field(ge=1)] = 25.0
    ping_timeout_seconds: Annotated[float, Field(ge=1)] = 5.0
    outbox_messages: Positive = 2048
    outbox_bytes: Positive = 16_777_216
    replay_window_seconds: Count = 0
    replay_nonces: Positive = 100_000
    attribute_bytes: Positive = 16_384
    body_values: Positive = 50_000
    room_lists_per_service: Positive = 2
    rooms_per_service: Count = 0
    room_bytes_per_service: Count = 0
    tokens_per_service: Count = 0
    token_bytes_per_service: Count = 0
    auto_mix: bool = False
    super_service_id: ServiceId = ""
    super_service_key: Secret = ""
    sample_service_id: ServiceId = ""
    sample_service_key: Secret = ""


def problems(settings: Settings) -> Found:
    """Find keys without their ids, and queues that their outboxes cannot take."""
    owt = settings.section(OwtSettings)
    for kind in ("super", "sample"):
        key = getattr(owt, f"{kind}_service_key")
        if key and not getattr(owt, f"{kind}_service_id"):
            yield ("owt", f"{kind}_service_key"), f"needs {kind}_service_id beside it"
    at_once = "who comes back is sent all that was kept at once"
    if owt.queued_messages >= owt.outbox_messages:  # the answer to its relogin goes first
        yield (
            ("owt", "queued_messages"),
            f"must be below outbox_messages ({owt.outbox_messages}): {at_once}",
        )
    if owt.queued_bytes > owt.outbox_bytes:
        yield (
            ("owt", "queued_bytes"),
            f"must not be above outbox_bytes ({owt.outbox_bytes}): {at_once}",
        )


def hints(settings: Settings) -> Iterator[str]:
    """Warn of tokens that would name an address which others may not reach."""
    if settings.section(OwtSettings).portal_host or settings.server.public_url:
        return
    for listener in settings.listeners:
        if "owt" in listener.dialects and _is_wildcard(listener.host):
            yield (
                f"the listener on {listener.bind} serves owt, and neither owt.portal_host nor "
                "server.public_url is set: tokens name the address that the request for them "
                "came in on, which others may not reach"
            )


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host
