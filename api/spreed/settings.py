"""The section [spreed] of the configuration, and what it means together with the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from api.settings.fields import (
    DEFAULTS,
    BasePath,
    Count,
    Many,
    Name,
    OptionalPath,
    Pattern,
    Positive,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
)
from api.settings.findings import Found, no_folder, unreadable
from api.settings.hints import routeless_hints

if TYPE_CHECKING:
    from api.settings import Settings

SpreedModule = Literal["screensharing", "youtube", "presentation", "contacts", "roomlocking"]


def _header_name(value: str) -> str:
    if not value.replace("-", "").isalnum() or not value.isascii():
        raise ValueError('must be the name of a header, like "x-users"')
    return value.lower()


class SpreedUserSettings(Section):
    """Who a Spreed user is said to be, and by whom."""

    enabled: bool = False
    mode: Literal["sharedsecret", "httpheader"] = "sharedsecret"
    allow_registration: bool = False
    shared_secret: Secret = ""
    http_header: Annotated[str, AfterValidator(_header_name)] = "x-users"


class SpreedSettings(Section):
    """The Spreed WebRTC dialect."""

    title: str = "Quintet"
    web_client: OptionalPath = None
    token_file: OptionalPath = None
    stats: bool = False
    base_path: BasePath = "/"
    default_room_enabled: bool = True
    conference_rooms: Many[Pattern] = ()
    authorize_room_join: bool = False
    authorize_room_creation: bool = False
    case_sensitive_rooms: bool = False
    public_rooms: Pattern = ""
    locked_room_joinable_with_pin: bool = True
    require_access_token: bool = False
    modules: Many[SpreedModule] = (
        "screensharing",
        "youtube",
        "presentation",
        "contacts",
        "roomlocking",
    )
    room_expiry_seconds: SecondsOrZero = 60.0
    resume_seconds: Seconds = 30.0
    ping_seconds: Seconds = 54.0
    outbox_messages: Positive = 2048
    outbox_bytes: Positive = 16_777_216
    conference_ids: Positive = 100
    image_store_bytes: Count = 268_435_456
    image_pixels: Positive = 16_777_216
    image_cache_bytes: Count = 33_554_432
    server_realm: Name = "local"
    users: SpreedUserSettings = DEFAULTS


def hints(settings: Settings) -> Iterator[str]:
    """Warn of calls that find no way through the network."""
    yield from routeless_hints(settings, "spreed", "people in a room of Spreed")


def problems(settings: Settings) -> Found:
    """Find files that are not there, and ways in that nobody or anybody could take."""
    spreed = settings.section(SpreedSettings)
    if spreed.token_file is not None:
        yield from unreadable(("spreed", "token_file"), spreed.token_file)
    if spreed.web_client is not None:
        yield from no_folder(("spreed", "web_client"), spreed.web_client)
    if spreed.users.mode == "httpheader" and not settings.limits.trusted_proxies:
        yield (
            ("spreed", "users", "mode"),
            'is "httpheader", which needs limits.trusted_proxies: without it anyone could send '
            "the header",
        )
    if spreed.require_access_token and spreed.token_file is None:
        yield ("spreed", "require_access_token"), "needs spreed.token_file: nobody could get in"
