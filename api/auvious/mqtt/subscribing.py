"""What one client has subscribed to: wishes become listeners at endpoints, if they are its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from actors.core import ActorError, ActorStopped, MailboxFull
from actors.endpoint.endpoint import Attach, Detach
from actors.words.refusals import EndpointUnknown
from api.auvious.mqtt.claims import EndpointClaim
from api.auvious.mqtt.listener import Hearer, MqttListener
from api.auvious.mqtt.reasons import Reason
from api.auvious.mqtt.topics import endpoint_of

if TYPE_CHECKING:
    from api.auvious.mqtt.packets import Wish
    from api.auvious.state import AuviousState
    from api.auvious.tokens import Principal


class Subscriptions:
    """The listeners of one client, at most `auvious.mqtt.subscriptions`; iterable."""

    __slots__ = ("_client", "_client_id", "_listeners", "_state", "_who")

    def __init__(self, state: AuviousState, client: Hearer, who: Principal, client_id: str) -> None:
        self._state = state
        self._client = client
        self._client_id = client_id
        self._who = who
        self._listeners: dict[str, MqttListener] = {}

    def __iter__(self) -> Iterator[MqttListener]:
        return iter(self._listeners.values())

    def __len__(self) -> int:
        return len(self._listeners)

    async def add(self, wishes: Sequence[Wish]) -> tuple[list[int | Reason], list[MqttListener]]:
        """Return the QoS granted to each wish, or why not; and the listeners that are new.

        Those are shown nothing before `Resume`, so that the answer goes out first.
        """
        results: list[int | Reason] = []
        before = set(self)
        for wish in wishes:
            found = endpoint_of(wish.topic, self._who.user)
            listener = found if isinstance(found, Reason) else await self._listener_at(found)
            if isinstance(listener, Reason):
                results.append(listener)
            else:
                results.append(listener.subscription.add(wish.topic, wish.qos))
        return results, [listener for listener in self if listener not in before]

    def remove(self, topics: Sequence[str]) -> list[Reason]:
        """Take topics away; a listener without any leaves its endpoint."""
        return [self._remove(topic) for topic in topics]

    def lose(self, listener: MqttListener) -> None:
        """Forget a listener whose endpoint has ended."""
        self._state.claims.give_up(self._claim(listener.endpoint), listener)
        if self._listeners.get(listener.endpoint) is listener:
            del self._listeners[listener.endpoint]

    def leave(self) -> None:
        """Leave every endpoint; the client is gone."""
        for listener in list(self):
            self._drop(listener)

    def _claim(self, endpoint: str) -> EndpointClaim:
        return EndpointClaim(self._who.owner, self._client_id, endpoint)

    async def _listener_at(self, endpoint: str) -> MqttListener | Reason:
        known = self._listeners.get(endpoint)
        if known is not None:
            return known
        settings = self._state.services.settings()
        if len(self._listeners) >= self._state.settings.mqtt.subscriptions:
            return Reason.QUOTA_EXCEEDED
        ref = await self._state.endpoint(endpoint)
        if ref is None:
            return Reason.NOT_AUTHORIZED
        listener = self._listeners[endpoint] = MqttListener(endpoint, ref, self._client)
        if self._client_id:
            former = self._state.claims.take(self._claim(endpoint), listener)
            if former is not None:
                former.hearer.displace()
        try:
            await ref.ask(Attach(listener, self._who.owner), within=settings.limits.ask_seconds)
        except (EndpointUnknown, ActorStopped):
            self._drop(listener)
            return Reason.NOT_AUTHORIZED
        except ActorError:  # too many subscribers, or busy
            self._drop(listener)
            return Reason.QUOTA_EXCEEDED
        return listener

    def _remove(self, topic: str) -> Reason:
        endpoint = endpoint_of(topic, self._who.user)
        listener = None if isinstance(endpoint, Reason) else self._listeners.get(endpoint)
        if listener is None or topic not in listener.subscription.qos_of:
            return Reason.NO_SUBSCRIPTION_EXISTED
        if not listener.subscription.remove(topic):
            self._drop(listener)
        return Reason.SUCCESS

    def _drop(self, listener: MqttListener) -> None:
        """Leave an endpoint, also where the answer to `Attach` may still be under way."""
        self.lose(listener)
        listener.left = True
        with suppress(ActorStopped, MailboxFull):  # it looks at `gone` itself
            listener.ref.tell(Detach(listener))
