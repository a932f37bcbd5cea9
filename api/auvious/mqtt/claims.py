"""Which session listens as which client: the last one that says so, as MQTT has it (3.1.1, 3.1.4).

Published clients choose ids that others have too, also other devices of one user. So an id counts
only together with its user and the endpoint listened to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actors.endpoint.rules import Owner
    from api.auvious.mqtt.listener import MqttListener


class EndpointClaim(NamedTuple):
    owner: Owner
    client_id: str
    endpoint: str


class Claims:
    """The claims of all sessions, whichever listener they came by; bounded by subscriptions."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[EndpointClaim, MqttListener] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, claim: EndpointClaim, listener: MqttListener) -> MqttListener | None:
        """Let a listener have it; return who had it before, whose session is to end."""
        former = self._held.get(claim)
        self._held[claim] = listener
        return former

    def give_up(self, claim: EndpointClaim, listener: MqttListener) -> None:
        """Free it, unless it is another's by now."""
        if self._held.get(claim) is listener:
            del self._held[claim]
