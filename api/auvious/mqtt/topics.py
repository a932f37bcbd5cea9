"""The topics of the events: two names of one stream, and whose they are. Pure.

Published clients disagree about the name (`user/{user}/{endpoint}`, earlier
`users/endpoints/{endpoint}`), so both are served. There are no wildcards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from api.auvious.mqtt.encoding import written_topic
from api.auvious.mqtt.reasons import Reason

MOST_QOS = 1
_WILDCARDS = frozenset("+#")


def endpoint_of(topic: str, user: str) -> str | Reason:
    """Return the endpoint whose events a user asks for, or why there are none for them.

    Whether the endpoint exists, and is theirs, is not known here.
    """
    if topic.startswith("$share/"):
        return Reason.SHARED_NOT_SUPPORTED
    for start in (f"user/{user}/", "users/endpoints/"):  # a + within a user's name is no wildcard
        endpoint = topic.removeprefix(start)
        if endpoint != topic and endpoint and not _WILDCARDS.intersection(endpoint):
            return endpoint
    if _WILDCARDS.intersection(topic):
        return Reason.WILDCARDS_NOT_SUPPORTED
    return Reason.NOT_AUTHORIZED


@dataclass(slots=True)
class Subscription:
    """What one session has subscribed to of one endpoint: topic names with their QoS.

    However many names, an event is delivered once: under the name with the highest QoS, of equal
    ones the first.
    """

    qos_of: dict[str, int] = field(default_factory=dict)
    topic: bytes = b""
    qos: int = 0

    def add(self, topic: str, qos: int) -> int:
        """Add a name, or change its QoS; return the QoS granted."""
        self.qos_of[topic] = min(qos, MOST_QOS)
        self._choose()
        return self.qos_of[topic]

    def remove(self, topic: str) -> bool:
        """Take a name away; tell whether any is left."""
        self.qos_of.pop(topic, None)
        self._choose()
        return bool(self.qos_of)

    def _choose(self) -> None:
        if self.qos_of:
            best = max(self.qos_of, key=self.qos_of.__getitem__)
            self.topic, self.qos = written_topic(best), self.qos_of[best]
