"""The channelling websocket: admits a socket, opens its peer, and holds it to the end."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio
from werkzeug.http import parse_cookie

from actors.core import ActorError, ActorStopped
from actors.member.absence import Terms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt, Lost
from actors.member.profile import Profile
from actors.words.keys import MemberKey
from api.http.credentials import TooManyAttempts
from api.http.origins import origin_refusal
from api.http.sockets import Rejection, Socket, SocketClosed, SocketLimits, Upgrade, WebsocketRoute
from api.spreed.access_tokens import token_attempts
from api.spreed.auth import user_of_header
from api.spreed.conversation import Conversation
from api.spreed.events import SpreedClient
from api.spreed.rooms import REALM
from api.spreed.state import VERSION, House
from api.spreed.wire import DIALECT

if TYPE_CHECKING:
    from actors.core import Message, Ref

ACCESS_COOKIE = "quintet_access"
GOODBYE_SECONDS = 5.0


def route(house: House, path: str) -> WebsocketRoute:
    """Return the channelling websocket at `path`, for a listener."""
    return WebsocketRoute(
        path=path,
        admit=partial(admit, house),
        serve=partial(serve, house),
        limits=partial(socket_limits, house),
        dialect=DIALECT,
    )


def socket_limits(house: House) -> SocketLimits:
    settings = house.services.settings()
    return SocketLimits(
        message_bytes=settings.limits.message_bytes,
        messages_per_second=settings.limits.messages_per_second,
        outbox_messages=settings.spreed.outbox_messages,
        outbox_bytes=settings.spreed.outbox_bytes,
        ping_seconds=settings.spreed.ping_seconds,
    )


def admit(house: House, upgrade: Upgrade) -> Rejection | None:
    """Refuse pages of other sites, missing access tokens, and newcomers while draining."""
    if not house.services.lifecycle.accepting:
        return Rejection(503, "shutting down", b"The server is shutting down")
    settings = house.services.settings()
    reason = origin_refusal(
        upgrade.headers.get("origin"),
        upgrade.host,
        upgrade.secure,
        settings.server.public_url,
        settings.limits.allowed_origins,
    )
    if reason is not None:
        return Rejection(403, reason, b"Origin not allowed")
    return _access_refusal(house, upgrade) if settings.spreed.require_access_token else None


def _access_refusal(house: House, upgrade: Upgrade) -> Rejection | None:
    """Refuse who brings no access token; guesses count with those over REST."""
    guard, key = house.services.guard, token_attempts(upgrade.address)
    cookies = parse_cookie(upgrade.headers.get("cookie", ""))
    given = upgrade.query.get("a") or cookies.get(ACCESS_COOKIE)
    if not given:
        return Rejection(403, "no access token", b"Access token required")
    try:
        guard.admit_nowait(*key)
    except TooManyAttempts:
        return Rejection(429, "too many wrong access tokens", b"Too many failed attempts")
    if house.access_tokens.find(given) is None:
        guard.failed(*key)
        return Rejection(403, "wrong access token", b"Access token required")
    guard.succeeded(*key)
    return None


async def serve(house: House, socket: Socket) -> None:
    """Hold one session from its first frame to its last."""
    house.tallies.connections += 1
    session, user = house.signer.resume(socket.upgrade.query.get("t", "")) or (
        house.signer.new_session(),
        "",
    )
    users = house.settings.users
    if not user and users.enabled and users.mode == "httpheader":
        user = user_of_header(
            socket.upgrade.headers, users.http_header, trusted=socket.upgrade.trusted
        )
    socket.upgrade = socket.upgrade.without_secrets()
    client = SpreedClient(
        socket, session, house.renderer, house.ice, VERSION, house.pictures.forget
    )
    peer: Ref[Message] | None = None
    try:
        peer = await _open_peer(house, client, user)
    except ActorError:
        socket.close(1013, "busy")
        return
    finally:
        client.gone = peer is None  # it may still be opened, with nobody there to close it
    leaving = False
    try:
        await Conversation(house, client, peer).run()
    except ActorStopped:
        pass  # the socket has been told
    except SocketClosed as closed:
        leaving = closed.page_left
    finally:
        await _lose(peer, client, leaving=leaving)
        if await house.peer(session.id) is None:  # it ended while a picture was still being read
            house.pictures.forget(session.id)


async def _open_peer(house: House, client: SpreedClient, user: str) -> Ref[Message]:
    """Find or spawn the peer of this session. Raises an ActorError when there is no place."""
    grace, limits = house.settings.resume_seconds, house.services.settings().limits
    terms = Terms(
        queued_messages=limits.echo_messages, queued_bytes=limits.echo_bytes, echo_seconds=grace
    )
    profile = Profile(REALM, DIALECT, account=True, terms=terms)
    return await house.services.directory.open_member(
        MemberKey(REALM, client.session.id),
        partial(Member, Identity(client.session.id, user, callable=True), profile, client),
        Adopt(client, user, grace),
    )


async def _lose(peer: Ref[Message], client: SpreedClient, *, leaving: bool) -> None:
    """Tell the peer that its socket is gone, whatever ended it; bounded, since it is shielded."""
    with trio.move_on_after(GOODBYE_SECONDS, shield=True):
        with suppress(ActorStopped):
            await peer.send(Lost(client, leaving))
