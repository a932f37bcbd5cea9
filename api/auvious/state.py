"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.core import ActorError, Message, Ref
from actors.endpoint.endpoint import EndEndpoint
from actors.endpoint.outbox import EndpointEvent, OutboxLimits
from actors.endpoint.rules import Owner, Quota
from actors.words.close_reasons import CloseReason
from actors.words.keys import EndpointKey
from api.auvious.keys import KeyRing
from api.auvious.mqtt.claims import Claims
from api.auvious.passwords import Passwords
from api.auvious.refresh_tokens import RefreshTokens
from api.auvious.settings import AuviousSettings
from api.auvious.tokens import Tokens
from api.http.fair_line import LineLimits
from api.http.fair_work import FairWork, line_limits

if TYPE_CHECKING:
    from api.auvious.mqtt.client import MqttClient
    from api.auvious.settings import AuviousClient, AuviousUser
    from api.http.mounts import Services
    from api.settings import LimitSettings

DIALECT = "auvious"
REALM = "auvious"  # of its own endpoints
EventListener = Callable[[Owner, str, EndpointEvent], None]


@dataclass(slots=True)
class AuviousState:
    """`event_listeners` hear of each event that an endpoint took: its owner, its id, the event.

    They are called from requests, never wait and never raise. `reading` has
    requests with masks read one at a time: users take turns.
    """

    services: Services
    ring: KeyRing
    tokens: Tokens
    refresh_tokens: RefreshTokens
    passwords: Passwords
    clients: dict[str, AuviousClient]
    users: dict[str, AuviousUser]
    reading: FairWork
    event_listeners: list[EventListener] = field(default_factory=list)
    claims: Claims = field(default_factory=Claims)
    mqtt_clients: set[MqttClient] = field(default_factory=set)

    @classmethod
    def open(cls, services: Services) -> AuviousState:
        """Read the keys and the tables. Raises DataDirError."""
        settings = services.settings().section(AuviousSettings)
        data_dir = services.settings().server.data_dir
        ring = KeyRing(data_dir, settings.access_token_seconds, needed=bool(settings.clients))
        state = cls(
            services,
            ring,
            Tokens(ring),
            RefreshTokens(
                services.store, settings.refresh_tokens, settings.refresh_tokens_per_user
            ),
            Passwords(
                (user.password for user in settings.users),
                FairWork(lambda: _of_passwords(services.settings().limits)),
            ),
            {client.id: client for client in settings.clients},
            {user.id: user for user in settings.users},
            FairWork(lambda: line_limits(services.settings().limits)),
        )
        for client in settings.clients:
            state.client_secret(client)
        services.lifecycle.reload_hooks.append(ring.reload)
        services.lifecycle.drain_hooks.append(state.say_goodbye)
        return state

    @property
    def settings(self) -> AuviousSettings:
        return self.services.settings().section(AuviousSettings)

    @property
    def quota(self) -> Quota:
        settings = self.settings
        return Quota(
            settings.endpoints_per_user, settings.endpoints_per_organization, settings.endpoints
        )

    def outbox(self, organization: str) -> OutboxLimits:
        """Return the limits of one outbox; an organisation has a part of the room for all."""
        settings = self.settings
        room = self.services.unsent.firm(f"organization {organization}")
        return OutboxLimits(settings.outbox_events, settings.outbox_bytes, room)

    async def endpoint(self, id_: str) -> Ref[Message] | None:
        """Find a live endpoint, whoever's it is: what it is asked names an owner."""
        return await self.services.directory.endpoint(EndpointKey(REALM, id_))

    def client_secret(self, client: AuviousClient) -> str:
        """Return a client's secret, generated if none is configured; "" for a public one."""
        if client.public:
            return ""
        return self.services.secrets.text(client.secret_name, client.secret)

    async def say_goodbye(self) -> None:
        """End every endpoint, whose subscribers hear why, and every MQTT session."""
        for endpoint in await self.services.directory.endpoints(REALM):
            with suppress(ActorError):  # it ends anyway
                endpoint.tell(EndEndpoint(CloseReason.SHUTTING_DOWN))
        for client in tuple(self.mqtt_clients):
            client.shut_down()


def _of_passwords(limits: LimitSettings) -> LineLimits:
    """Return how passwords are checked: each takes a processor, and one is left for the rest."""
    places = max(1, (os.cpu_count() or 1) - 1)
    return line_limits(limits, places=places, of_one=places)
