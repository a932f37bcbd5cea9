"""The kinds of values a configuration file may hold, each checked where it is declared.

Knows nothing of sections. TOML gives typed values, so nothing is converted: "10" is not a number.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

DEFAULTS: Any = {}
"""Default of a sub-table: an empty one, validated like one from a file."""


class Section(BaseModel):
    """One table of the file: immutable, and an unknown key in it is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


Item = TypeVar("Item")
Many = Annotated[tuple[Item, ...], Field(strict=False)]
"""A TOML array; a tuple once read."""

Seconds = Annotated[float, Field(gt=0)]
SecondsOrZero = Annotated[float, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
"""A number of things where 0 has a meaning of its own (usually: no limit)."""

Secret = Annotated[str, Field(repr=False)]
"""Text that a repr of the settings never shows."""

Name = Annotated[str, Field(min_length=1)]


def _from_file(value: object, info: ValidationInfo) -> object:
    """Make a path of a string, relative to the folder of the configuration file."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    base = (info.context or {}).get("base") or Path.cwd()
    return Path(base, value).absolute()


def _named(value: object) -> object:
    if value is None:
        raise ValueError("must not be empty")
    return value


FilePath = Annotated[Path, BeforeValidator(_named), BeforeValidator(_from_file)]
OptionalPath = Annotated[Path | None, BeforeValidator(_from_file)]
"""A path; the empty string means none."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression that compiles."""


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ip_network(value)
    except ValueError:
        hint = 'write it like "10.0.0.0/8", "192.168.1.5" or "fd00::/8"'
        raise ValueError(f"is not an IP network: {hint}") from None


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError("is not an IP address") from None


def _address_or_none(value: str) -> str:
    return _address(value) if value else value


Address = Annotated[str, AfterValidator(_address)]
OptionalAddress = Annotated[str, AfterValidator(_address_or_none)]
"""An IP address; the empty string means none."""


def is_origin(text: str) -> bool:
    """Tell whether `text` is `scheme://host[:port]` and nothing more."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        return False
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    return bool(parts.scheme and parts.hostname and not rest and not re.search(r"\s", text))


def _origin(value: str) -> str:
    if value != "*" and not is_origin(value):
        raise ValueError('must be an origin like "https://example.org", or "*" for any')
    return value


Origin = Annotated[str, AfterValidator(_origin)]


def _host(value: str) -> str:
    """Accept "" or a host with or without a port, IPv6 addresses in brackets."""
    if value and not (is_origin(f"http://{value}") and "://" not in value):
        raise ValueError('must be a host like "meet.example.org:443", or "[2001:db8::1]:443"')
    return value


Host = Annotated[str, AfterValidator(_host)]


def web_parts(value: str) -> SplitResult | None:
    """Take an absolute http(s) URL without user and password apart; None for anything else."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return parts if usable else None


def _web_url(value: str) -> str:
    """Accept "" or an absolute http(s) URL; a trailing slash is dropped."""
    if not value:
        return value
    parts = web_parts(value)
    if parts is None or parts.query or parts.fragment:
        raise ValueError('must be a URL like "https://meet.example.org"')
    return value.rstrip("/")


WebUrl = Annotated[str, AfterValidator(_web_url)]


def _store_url(value: str) -> str:
    """Accept "" or the URL of a PostgreSQL database; what is said of others repeats nothing."""
    if not value:
        return value
    from sqlalchemy import make_url  # 100 ms, which most configurations do without
    from sqlalchemy.exc import ArgumentError

    example = (
        'must be a URL like "postgresql+psycopg://user:password@host/database", or empty for'
        " SQLite; @, : and / in a password are written %40, %3A and %2F"
    )
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(example) from None
    host, database = url.host or "", url.database or ""
    if (
        url.drivername != "postgresql+psycopg"
        or not value.isprintable()
        or not re.fullmatch(r"[\w.:%-]*", host)
        or not 0 < (url.port or 5432) <= 65535
    ):
        raise ValueError(example)
    if not database or "/" in database or "@" in database:
        raise ValueError(f"must name a database: it {example}")
    return value


StoreUrl = Annotated[Secret, AfterValidator(_store_url)]
"""Where a database is; may hold a password."""


def _base_path(value: str) -> str:
    if not re.fullmatch(r"/|(/[\w.~-]+)+/?", value, re.ASCII):
        raise ValueError('must be a path like "/" or "/meet/"')
    return value if value.endswith("/") else value + "/"


BasePath = Annotated[str, AfterValidator(_base_path)]
"""A URL path that begins and ends with a slash."""


def _ports(value: tuple[int, int]) -> tuple[int, int]:
    low, high = value
    if value != (0, 0) and not 1 <= low <= high <= 65535:
        raise ValueError("must be two ports from 1 to 65535, the lower first; [0, 0] means any")
    return value


PortRange = Annotated[tuple[int, int], Field(strict=False), AfterValidator(_ports)]


def split_bind(value: str) -> tuple[str, int]:
    """Split "host:port" or "[v6]:port" into its two parts; ValueError says what is wrong."""
    host, colon, digits = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise ValueError("has brackets around something that is not an IPv6 address")
        _address(host)
    elif ":" in host:
        raise ValueError('needs brackets around an IPv6 address, like "[::1]:8080"')
    if not colon or not host or re.search(r"[\s/]", host):
        raise ValueError('must be "host:port", like "127.0.0.1:8080" or "[::]:8080"')
    if not (digits.isascii() and digits.isdigit() and int(digits) <= 65535):
        raise ValueError("has a port that is not a number from 0 to 65535")
    return host, int(digits)


def _bind(value: str) -> str:
    split_bind(value)
    return value


Bind = Annotated[str, AfterValidator(_bind)]
"""Where to listen; port 0 is any free port."""
