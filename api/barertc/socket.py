"""The websocket: admits a socket and holds its conversation to the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from api.barertc.conversation import BareConversation
from api.barertc.events import TOO_SLOW
from api.barertc.state import DIALECT
from api.http.origins import origin_refusal
from api.http.sockets import Rejection, Socket, SocketLimits, Upgrade, WebsocketRoute

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

BURST = 200  # what a client asks for anew when it comes back
PING_SECONDS = 30.0  # of the websocket itself, beside those of the protocol


def route(state: BareRtcState, path: str) -> WebsocketRoute:
    """Return the websocket at `path`, for a listener."""
    return WebsocketRoute(
        path=path,
        admit=partial(admit, state),
        serve=partial(converse, state),
        limits=partial(socket_limits, state),
        dialect=DIALECT,
    )


def socket_limits(state: BareRtcState) -> SocketLimits:
    """Return the bounds of a socket as they are configured now; larger messages after login."""
    limits, settings = state.services.settings().limits, state.settings
    return SocketLimits(
        message_bytes=limits.message_bytes,
        messages_per_second=settings.messages_per_second,
        frames_per_second=limits.frames_per_second,
        message_seconds=limits.message_seconds,
        burst=BURST,
        largest_message=settings.message_bytes,
        intake=state.uploads,
        outbox_messages=settings.outbox_messages,
        outbox_bytes=settings.outbox_bytes,
        too_slow=TOO_SLOW,
        ping_seconds=PING_SECONDS,
    )


def admit(state: BareRtcState, upgrade: Upgrade) -> Rejection | None:
    """Refuse pages of other sites, and newcomers while draining."""
    if not state.services.lifecycle.accepting:
        return Rejection(503, "shutting down", b"The server is shutting down")
    settings = state.services.settings()
    reason = origin_refusal(
        upgrade.headers.get("origin"),
        upgrade.host,
        upgrade.secure,
        settings.server.public_url,
        settings.limits.allowed_origins,
    )
    return None if reason is None else Rejection(403, reason, b"Origin not allowed")


async def converse(
    state: BareRtcState, socket: Socket, named: Callable[[str], None] | None = None
) -> None:
    """Hold one conversation from its first message to its last, on whatever carries it.

    `named` is told who has logged in.
    """
    socket.upgrade = socket.upgrade.without_secrets()
    conversation = BareConversation(state, socket, named)
    state.sessions.add(conversation)
    try:
        await conversation.run()
    finally:
        state.sessions.discard(conversation)
