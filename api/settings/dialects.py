"""The section of each dialect. All of them validate, also of a dialect not built yet."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.settings.auvious_wires import (
    AuviousBrokerSettings,
    AuviousMqttSettings,
    AuviousStreamSettings,
)
from api.settings.fields import (
    DEFAULTS,
    Address,
    BasePath,
    Count,
    Host,
    Many,
    Name,
    Network,
    OptionalPath,
    Origin,
    Pattern,
    PortRange,
    Positive,
    Seconds,
    SecondsOrZero,
    Secret,
    Section,
    WebUrl,
)

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
    super_service_id: ServiceId = ""
    super_service_key: Secret = ""
    sample_service_id: ServiceId = ""
    sample_service_key: Secret = ""


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


class AuviousClient(Section):
    """An OAuth 2.0 client."""

    id: Name
    secret: Secret = ""
    public: bool = False
    grants: Many[Literal["client_credentials", "password", "refresh_token"]] = (
        "client_credentials",
    )
    organization: str = ""
    roles: Many[Literal["ROLE_USER", "ROLE_SERVICE"]] = ("ROLE_SERVICE",)

    @property
    def secret_name(self) -> str:
        """The name under which its secret is kept if it is generated."""
        plain = re.fullmatch(r"[A-Za-z0-9_-]+", self.id)
        name = self.id if plain else hashlib.sha256(self.id.encode()).hexdigest()[:16]
        return f"auvious.clients.{name}"


def _password(value: str) -> str:
    parts = r"\$argon2(id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
    if value.startswith("$argon2") and not re.fullmatch(parts, value):
        raise ValueError("is no whole argon2 hash")
    return value


class AuviousUser(Section):
    """A user of the password grant."""

    id: Name
    password: Annotated[Secret, AfterValidator(_password)] = ""
    organization: str = ""
    roles: Many[Literal["ROLE_USER", "ROLE_SERVICE"]] = ("ROLE_USER",)


def _event_type(value: str) -> str:
    if not re.fullmatch(r"(?:[A-Z][a-z0-9]*){2,}Event", value):
        raise ValueError('must be the name of an event, like "EndpointRemindedEvent"')
    return value


class AuviousSettings(Section):
    """The Auvious RTC dialect."""

    allowed_origins: Many[Origin] = ("*",)
    access_token_seconds: Annotated[int, Field(ge=300)] = 3600
    refresh_token_seconds: Positive = 86_400
    refresh_tokens: Positive = 100_000
    refresh_tokens_per_user: Positive = 100
    max_keep_alive_seconds: Positive = 3600
    reminder_event_type: Annotated[str, AfterValidator(_event_type)] = (
        "UserEndpointKeepAliveReminderEvent"
    )
    endpoints: Positive = 20_000
    endpoints_per_organization: Positive = 10_000
    endpoints_per_user: Positive = 100
    subscribers_per_endpoint: Positive = 16
    outbox_events: Positive = 1000
    outbox_bytes: Positive = 2_097_152
    clients: Many[AuviousClient] = ()
    users: Many[AuviousUser] = ()
    mqtt: AuviousMqttSettings = DEFAULTS
    event_streams: AuviousStreamSettings = DEFAULTS
    broker: AuviousBrokerSettings = DEFAULTS


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
