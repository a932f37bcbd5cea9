"""The sections that belong to no dialect: process, listeners, limits, media, telephones."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from api.dialects import DEFAULT_ROOT, DEFAULTS
from api.settings.fields import (
    Address,
    Bind,
    Count,
    FilePath,
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
    StoreUrl,
    WebUrl,
    split_bind,
)
from api.settings.telephones import CallTarget, SipBind, SipBinds, TrunkUri, split_sip_bind


class ServerSettings(Section):
    """The process: where it keeps its data, how the world calls it, how long it takes to stop."""

    data_dir: FilePath = "data"  # type: ignore[assignment]  # made a Path by its validator
    public_url: WebUrl = ""
    shutdown_grace: Seconds = 20.0
    drain_delay: SecondsOrZero = 0.0


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, for itself alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class ListenerSettings(Section):
    """One address to listen on, and the dialects served there.

    `root` is the dialect that owns `/` and `/ws`: the one named, else the only one there (operator
    does not count), else the default one where no dialects are named, else "".
    """

    bind: Bind = "127.0.0.1:8080"
    dialects: Many[Name] = DEFAULTS
    root: str = ""
    tls_certfile: OptionalPath = None
    tls_keyfile: OptionalPath = None

    @model_validator(mode="before")
    @classmethod
    def _as_embedded(cls, data: Any) -> Any:
        if isinstance(data, dict) and "dialects" not in data and not data.get("root"):
            return {**data, "root": DEFAULT_ROOT}
        return data

    @field_validator("root")
    @classmethod
    def _alone(cls, value: str, info: ValidationInfo) -> str:
        named = info.data.get("dialects", ())
        others = [name for name in named if name != "operator"]
        alone = len(others) == 1 or named == DEFAULTS
        return others[0] if not value and alone else value

    @property
    def host(self) -> str:
        """The host of `bind`, without brackets."""
        return split_bind(self.bind)[0]

    @property
    def port(self) -> int:
        """The port of `bind`; 0 means any free one."""
        return split_bind(self.bind)[1]

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine reach this listener."""
        return is_loopback(self.host)

    @property
    def secure(self) -> bool:
        """Whether this listener itself speaks TLS."""
        return self.tls_certfile is not None


EMBEDDED_LISTENERS: Any = ({"bind": "127.0.0.1:8080", "root": DEFAULT_ROOT},)


class LogSettings(Section):
    """What is logged, and where to."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    file: OptionalPath = None
    addresses: Literal["full", "network", "none"] = "network"


class StoreSettings(Section):
    """Where state that outlives the process is kept, and how much of it."""

    url: StoreUrl = ""  # may hold a password
    connections: Annotated[int, Field(gt=0, le=100)] = 4
    answer_seconds: Seconds = 3.0
    start_seconds: SecondsOrZero = 10.0
    waiting: Positive = 256
    services: Positive = 1000
    conferences: Positive = 10_000
    conference_bytes: Positive = 1_073_741_824
    tokens: Positive = 20_000
    token_bytes: Positive = 134_217_728
    document_bytes: Annotated[int, Field(gt=0, le=100_000_000)] = 2_097_152


class LimitSettings(Section):
    """The bounds of everything a stranger can make grow."""

    body_bytes: Positive = 1_048_576
    header_bytes: Annotated[int, Field(ge=1024)] = 16_384
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    answer_seconds: Seconds = 120.0
    message_bytes: Positive = 1_048_576
    messages_per_second: Count = 20
    frames_per_second: Count = 200
    message_seconds: Seconds = 120.0
    unsent_bytes: Positive = 134_217_728
    unsent_bytes_per_address: Positive = 67_108_864
    connections_per_address: Count = 0
    mailbox_messages: Positive = 1024
    ask_seconds: Seconds = 5.0
    rooms: Positive = 10_000
    empty_rooms_per_address: Count = 20
    echo_messages: Count = 100
    echo_bytes: Count = 131_072
    echo_bytes_of_all: Count = 67_108_864
    closed_rooms: Positive = 1000
    expelled_members: Positive = 10_000
    peers_per_room: Positive = 500
    peers: Positive = 20_000
    media_streams: Positive = 4096
    room_name_bytes: Positive = 512
    pin_bytes: Positive = 128
    status_bytes: Positive = 262_144
    credential_failures: Count = 10
    credential_window: Seconds = 1800.0
    credential_failures_per_address: Count = 300
    work_threads: Annotated[int, Field(gt=0, le=64)] = 2
    work_waiting: Positive = 1024
    work_waiting_bytes: Positive = 67_108_864
    allowed_origins: Many[Origin] = ()
    trusted_proxies: Many[Network] = ()


def _ice_url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        scheme, colon, rest = value.partition(":")
        if scheme not in schemes or not colon or not rest:
            raise ValueError("must begin with " + " or ".join(f'"{name}:"' for name in schemes))
        return value

    return AfterValidator(check)


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must name at least one")
    return value


class IceServer(Section):
    """One STUN or TURN server, as browsers take it."""

    urls: Annotated[
        Many[Annotated[str, _ice_url("stun", "stuns", "turn", "turns")]], AfterValidator(_some)
    ]
    username: str = ""
    credential: Secret = ""


REMOTE_DENY = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10")


class IceSettings(Section):
    """How clients and our own connections find a path through the network."""

    servers: Many[IceServer] = ()
    turn_urls: Many[Annotated[str, _ice_url("turn", "turns")]] = ()
    turn_secret: Secret = ""
    listen_ips: Many[Address] = ()
    announced_ips: Many[Address] = ()
    udp_port_range: PortRange = (0, 0)
    remote_deny: Many[Network] = tuple(map(ip_network, REMOTE_DENY))


class StreamSettings(Section):
    """What one member may send and take, and how long it may take to connect."""

    per_member: Positive = 100
    connect_seconds: Seconds = 30.0


class JobSettings(Section):
    """What decodes or encodes, in processes of its own, and how much of the machine it may take."""

    cpu_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    warm: Annotated[int, Field(ge=0, le=16)] = 1
    processes: Annotated[int, Field(ge=0, le=1024)] = 64
    encoder: Literal["auto", "software"] = "auto"
    per_room: Positive = 32
    analytics_per_room: Positive = 20
    start_seconds: Seconds = 10.0
    stalled_seconds: Annotated[float, Field(ge=2)] = 5.0  # a process tells its figures every second
    audio_inputs: Annotated[int, Field(gt=0, le=16)] = 3


class StreamingSettings(Section):
    """What streams may be pulled from and sent to, how long that may take, and HLS for viewers."""

    allow: Many[Network] = ()
    folder: OptionalPath = None
    per_room: Positive = 20
    open_seconds: Seconds = 30.0
    read_seconds: Seconds = 10.0
    reconnect_seconds: Seconds = 30.0
    hls: bool = False
    hls_bytes: Positive = 67_108_864


class SipUser(Section):
    """Somebody who may call in with a password; of sip.trunk, who we are there."""

    name: Name
    password: Annotated[Secret, Field(min_length=1)]


class SipSettings(Section):
    """Telephones: where SIP is listened to, who may call in, and where calls out may go."""

    bind: SipBinds = ()
    allow: Many[Network] = ()
    users: Many[SipUser] = ()
    digest: Annotated[Many[Literal["SHA-256", "MD5"]], Field(min_length=1)] = ("SHA-256", "MD5")
    calls: Positive = 100
    calls_per_room: Positive = 50
    connections: Annotated[int, Field(ge=8, le=10_000)] = 256
    rtp_ports: PortRange = (0, 0)
    call_allow: Many[CallTarget] = ()
    trunk: TrunkUri = ""
    tls_certfile: OptionalPath = None
    tls_keyfile: OptionalPath = None

    @property
    def binds(self) -> tuple[SipBind, ...]:
        """The addresses of `bind`, taken apart."""
        return tuple(map(split_sip_bind, self.bind))


class RecordingSettings(Section):
    """Where recordings go, how many a room may have, and when one ends by itself."""

    per_room: Positive = 20
    dir: OptionalPath = None
    max_seconds: SecondsOrZero = 0
    min_free_bytes: Count = 268_435_456
    retention_days: Count = 0
