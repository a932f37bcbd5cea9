"""The channelling websocket: admits a socket, opens its peer, and holds it to the end."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio
from werkzeug.http import parse_cookie

from actors.core import ActorError, ActorStopped
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt, Lost
from actors.member.profile import Profile
from actors.words.close_reasons import CloseReason
from actors.words.closings import MemberExpelled
from actors.words.facts import Expelled
from actors.words.keys import MemberKey
from api.http.credentials import TooManyAttempts
from api.http.origins import origin_refusal
from api.http.sockets import Rejection, Socket, SocketClosed, SocketLimits, Upgrade, WebsocketRoute
from api.spreed.access_tokens import token_attempts
from api.spreed.auth import user_of_header
from api.spreed.conversation import SpreedConversation
from api.spreed.events import SpreedClient
from api.spreed.rooms import REALM
from api.spreed.state import VERSION, SpreedState
from api.spreed.wire import DIALECT

if TYPE_CHECKING:
    from actors.core import Message, Ref

ACCESS_COOKIE = "quintet_access"
GOODBYE_SECONDS = 5.0
TURNED_AWAY_SECONDS = 5.0


def route(state: SpreedState, path: str) -> WebsocketRoute:
    """Return the channelling websocket at `path`, for a listener."""
    return WebsocketRoute(
        path=path,
        admit=partial(admit, state),
        serve=partial(serve, state),
        limits=partial(socket_limits, state),
        dialect=DIALECT,
    )


def socket_limits(state: SpreedState) -> SocketLimits:
    settings, spreed = state.services.settings(), state.settings
    return SocketLimits(
        message_bytes=settings.limits.message_bytes,
        messages_per_second=settings.limits.messages_per_second,
        frames_per_second=settings.limits.frames_per_second,
        message_seconds=settings.limits.message_seconds,
        outbox_messages=spreed.outbox_messages,
        outbox_bytes=spreed.outbox_bytes,
        ping_seconds=spreed.ping_seconds,
    )


def admit(state: SpreedState, upgrade: Upgrade) -> Rejection | None:
    """Refuse pages of other sites, missing access tokens, and newcomers while draining."""
    if not state.services.lifecycle.accepting:
        return Rejection(503, "shutting down", b"The server is shutting down")
    settings, spreed = state.services.settings(), state.settings
    reason = origin_refusal(
        upgrade.headers.get("origin"),
        upgrade.host,
        upgrade.secure,
        settings.server.public_url,
        settings.limits.allowed_origins,
    )
    if reason is not None:
        return Rejection(403, reason, b"Origin not allowed")
    return _access_refusal(state, upgrade) if spreed.require_access_token else None


def _access_refusal(state: SpreedState, upgrade: Upgrade) -> Rejection | None:
    """Refuse who brings no access token; guesses count with those over REST."""
    guard, key = state.services.guard, token_attempts(upgrade.address)
    cookies = parse_cookie(upgrade.headers.get("cookie", ""))
    given = upgrade.query.get("a") or cookies.get(ACCESS_COOKIE)
    if not given:
        return Rejection(403, "no access token", b"Access token required")
    try:
        guard.admit_nowait(*key)
    except TooManyAttempts:
        return Rejection(429, "too many wrong access tokens", b"Too many failed attempts")
    if state.access_tokens.find(given) is None:
        guard.failed(*key)
        state.services.login_refused(DIALECT, "wrong_access_token", upgrade.address)
        return Rejection(403, "wrong access token", b"Access token required")
    guard.succeeded(*key)
    return None


async def serve(state: SpreedState, socket: Socket) -> None:
    """Hold one session from its first frame to its last."""
    state.tallies.connections += 1
    session, user = state.signer.resume(socket.upgrade.query.get("t", "")) or (
        state.signer.new_session(),
        "",
    )
    users = state.settings.users
    if not user and users.enabled and users.mode == "httpheader":
        user = user_of_header(
            socket.upgrade.headers, users.http_header, trusted=socket.upgrade.trusted
        )
    socket.upgrade = socket.upgrade.without_secrets()
    client = SpreedClient(
        socket, session, state.renderer, state.ice, VERSION, state.pictures.forget,
        flows=state.services.flows,
    )  # fmt: skip
    peer: Ref[Message] | None = None
    try:
        peer = await _open_peer(state, client, user)
    except MemberExpelled as expelled:
        await _turn_away(client, expelled.text)
        return
    except ActorError:
        socket.close(1013, "busy")
        return
    finally:
        client.gone = peer is None  # it may still be opened, with nobody there to close it
    leaving = False
    try:
        await SpreedConversation(state, client, peer).run()
    except ActorStopped:
        pass  # the socket has been told
    except SocketClosed as closed:
        leaving = closed.page_left
    finally:
        await _lose(peer, client, leaving=leaving)
        if await state.peer(session.id) is None:  # it ended while a picture was still being read
            state.pictures.forget(session.id)


async def _open_peer(state: SpreedState, client: SpreedClient, user: str) -> Ref[Message]:
    """Find or spawn the peer of this session. Raises an ActorError when there is no place."""
    grace, limits = state.settings.resume_seconds, state.services.settings().limits
    terms = AbsenceTerms(
        queued_messages=limits.echo_messages, queued_bytes=limits.echo_bytes, echo_seconds=grace
    )
    profile = Profile(REALM, DIALECT, account=True, bound_to_room=True, terms=terms)
    upgrade = client.socket.upgrade
    where = state.services.where_from(upgrade.address, upgrade.device)
    identity = Identity(client.session.id, user, callable=True, where=where)
    return await state.services.directory.open_member(
        MemberKey(REALM, client.session.id),
        partial(Member, identity, profile, client),
        Adopt(client, user, grace, where),
    )


async def _turn_away(client: SpreedClient, text: str) -> None:
    """Say why nobody goes on as this session; clients connect again and again, so not at once."""
    client.show(Expelled(text))
    with trio.move_on_after(TURNED_AWAY_SECONDS), suppress(SocketClosed):
        while True:
            await client.socket.receive()
    client.close(CloseReason.PUT_OUT)


async def _lose(peer: Ref[Message], client: SpreedClient, *, leaving: bool) -> None:
    """Tell the peer that its socket is gone, whatever ended it; bounded, since it is shielded."""
    with trio.move_on_after(GOODBYE_SECONDS, shield=True):
        with suppress(ActorStopped):
            await peer.send(Lost(client, leaving))
