"""The websockets that MQTT is spoken on: where they are, and whom they admit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from api.auvious.mqtt.client import MqttClient
from api.auvious.mqtt.reasons import CLOSE_CODES, READS_TOO_SLOWLY, Reason
from api.auvious.state import DIALECT
from api.http.origins import origin_refusal
from api.http.sockets import Rejection, Socket, SocketLimits, Upgrade, WebsocketRoute

if TYPE_CHECKING:
    from api.auvious.state import AuviousState

PATHS = ("/ws", "/auvious/ws")
SUBPROTOCOLS = ("mqtt", "mqttv3.1")  # the latter is what clients of MQTT 3.1 offer


def mqtt_routes(state: AuviousState) -> tuple[WebsocketRoute, ...]:
    """Return the websockets of a listener; `/ws` is taken by MQTT's subprotocols only."""
    return tuple(
        WebsocketRoute(
            path=path,
            admit=partial(admit, state),
            serve=partial(serve, state),
            limits=partial(socket_limits, state),
            dialect=DIALECT,
            subprotocol=subprotocol,
        )
        for path in PATHS
        for subprotocol in SUBPROTOCOLS
    )


def socket_limits(state: AuviousState) -> SocketLimits:
    limits, settings = state.services.settings().limits, state.settings.mqtt
    return SocketLimits(
        message_bytes=settings.packet_bytes + 5,  # one whole packet, or any pieces
        messages_per_second=settings.packets_per_second,
        frames_per_second=limits.frames_per_second,
        message_seconds=limits.message_seconds,
        outbox_messages=settings.outbox_messages,
        outbox_bytes=settings.outbox_bytes,
        too_slow=(CLOSE_CODES.get(Reason.QUOTA_EXCEEDED, 1000), READS_TOO_SLOWLY),
        ping_seconds=settings.ping_seconds,
    )


def admit(state: AuviousState, upgrade: Upgrade) -> Rejection | None:
    """Refuse pages that may not connect, and newcomers while draining; CONNECT says who it is."""
    if not state.services.lifecycle.accepting:
        return Rejection(503, "shutting down", b"The server is shutting down")
    reason = origin_refusal(
        upgrade.headers.get("origin"),
        upgrade.host,
        upgrade.secure,
        state.services.settings().server.public_url,
        state.settings.allowed_origins,
    )
    return Rejection(403, reason, b"Origin not allowed") if reason else None


async def serve(state: AuviousState, socket: Socket) -> None:
    """Hold one client from its first frame to its last; its state knows it meanwhile."""
    socket.upgrade = socket.upgrade.without_secrets()
    client = MqttClient(state, socket)
    state.mqtt_clients.add(client)
    try:
        await client.run()
    finally:
        state.mqtt_clients.discard(client)
