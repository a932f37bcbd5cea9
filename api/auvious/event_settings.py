"""How events travel: the sections below [auvious] of MQTT, event streams and a broker."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from api.settings.fields import OptionalPath, Positive, Seconds, Section


class AuviousMqttSettings(Section):
    """MQTT over websocket."""

    packet_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 65_536
    packets_per_second: Positive = 500
    inflight: Annotated[int, Field(gt=0, le=65_535)] = 64
    acknowledge_seconds: Seconds = 60.0
    subscriptions: Positive = 32
    outbox_messages: Positive = 1024
    outbox_bytes: Positive = 4_194_304
    ping_seconds: Seconds = 54.0


class AuviousStreamSettings(Section):
    """Server-sent events."""

    heartbeat_seconds: Seconds = 15.0
    queue_events: Positive = 64
    unacknowledged: Positive = 256


def _broker_url(value: str) -> str:
    """Accept "" or mqtt(s)://[user[:password]@]host[:port]."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname)
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError('must be a URL like "mqtts://user:password@broker.example.org:8883"')
    return value


def _topic(value: str) -> str:
    if not value.strip("/") or value.startswith("$") or any(sign in value for sign in "+#\0"):
        raise ValueError("must be the beginning of a topic, without wildcards")
    return value.strip("/")


class AuviousBrokerSettings(Section):
    """An MQTT broker elsewhere that is given every event."""

    url: Annotated[str, Field(repr=False), AfterValidator(_broker_url)] = ""
    topic: Annotated[str, AfterValidator(_topic)] = "quintet/auvious"
    tls_ca_file: OptionalPath = None
    queue_events: Positive = 10_000
    queue_bytes: Positive = 67_108_864
    reconnect_seconds: Seconds = 30.0
