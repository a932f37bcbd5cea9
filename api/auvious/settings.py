"""The section [auvious] of the configuration, and what is wrong with it as a whole."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from api.auvious.event_settings import (
    AuviousBrokerSettings,
    AuviousMqttSettings,
    AuviousStreamSettings,
)
from api.settings.fields import (
    DEFAULTS,
    Many,
    Name,
    Origin,
    Positive,
    Secret,
    Section,
)
from api.settings.findings import Found, twins, unreadable

if TYPE_CHECKING:
    from api.settings import Settings


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


LONGEST_PASSWORD = 1024  # characters


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


def problems(settings: Settings) -> Found:
    """Find a file that is not there, and clients and users that contradict each other."""
    auvious = settings.section(AuviousSettings)
    if auvious.broker.tls_ca_file is not None:
        yield from unreadable(("auvious", "broker", "tls_ca_file"), auvious.broker.tls_ca_file)
    yield from _clients(auvious.clients)
    clients = {(client.organization, client.id) for client in auvious.clients}
    for index, user in enumerate(auvious.users):
        if (user.organization, user.id) in clients:
            yield (
                ("auvious", "users", index, "id"),
                "is that of a client of the same organization: they would share endpoints",
            )
    yield from twins("auvious", "clients", "id", (client.id for client in auvious.clients))
    yield from twins("auvious", "users", "id", (user.id for user in auvious.users))


def _clients(clients: tuple[AuviousClient, ...]) -> Found:
    for index, client in enumerate(clients):
        path = ("auvious", "clients", index)
        if client.public and "client_credentials" in client.grants:
            yield (
                (*path, "grants"),
                "cannot have client_credentials: a public client has no secret to prove itself by",
            )
        if client.public and client.secret:
            yield (*path, "secret"), "is never asked for: the client is public"
    names, ids = [client.secret_name for client in clients], [client.id for client in clients]
    for index, name in enumerate(names):
        if name in names[:index] and ids[index] not in ids[:index]:
            yield (
                ("auvious", "clients", index, "id"),
                f"is {name} in secrets.toml, as an earlier entry: they would share a secret",
            )
