"""The websocket of the broker: admits a socket, opens the member of its id, holds it to the end."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError, ActorStopped
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Lost, Resume, ResumeRefused
from actors.member.profile import Profile
from actors.signalling.frames import ID_BYTES, is_id
from actors.words.closings import MemberExpelled
from actors.words.keys import MemberKey
from actors.words.refusals import TooManyPeers
from api.http.credentials import TooManyAttempts
from api.http.sockets import Rejection, Socket, SocketClosed, SocketLimits, Upgrade, WebsocketRoute
from api.peerjs.conversation import PeerJsConversation
from api.peerjs.errors import BrokerRefusal
from api.peerjs.events import PeerJsClient
from api.peerjs.wire import DIALECT

if TYPE_CHECKING:
    from actors.core import Message, Ref
    from api.peerjs.state import PeerJsState

BURST = 200  # the candidates of a few calls that begin at once
PING_SECONDS = 30.0  # of the websocket itself: clients send heartbeats of their own
GOODBYE_SECONDS = 5.0
TAKEN_OVER = AbsenceTerms(resume_seconds=1.0)  # by the same client; without a socket it ends


class Refuse(Exception):
    """This socket is told why, and closed."""

    def __init__(self, refusal: BrokerRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def route(state: PeerJsState, path: str) -> WebsocketRoute:
    """Return the broker's websocket at `path`, for a listener."""
    return WebsocketRoute(
        path=path,
        admit=partial(admit, state),
        serve=partial(serve, state),
        limits=partial(socket_limits, state),
        dialect=DIALECT,
    )


def socket_limits(state: PeerJsState) -> SocketLimits:
    """Return the bounds of a socket as they are configured now."""
    limits, settings = state.services.settings().limits, state.settings
    return SocketLimits(
        message_bytes=limits.message_bytes,
        messages_per_second=limits.messages_per_second,
        frames_per_second=limits.frames_per_second,
        message_seconds=limits.message_seconds,
        burst=BURST if limits.messages_per_second else 0,
        outbox_messages=settings.outbox_messages,
        outbox_bytes=settings.outbox_bytes,
        ping_seconds=PING_SECONDS,
    )


def admit(state: PeerJsState, _upgrade: Upgrade) -> Rejection | None:
    """Refuse newcomers while draining. Pages of any site may come: that is what a broker is for."""
    if state.services.lifecycle.accepting:
        return None
    return Rejection(503, "shutting down", b"The server is shutting down")


async def serve(state: PeerJsState, socket: Socket) -> None:
    """Hold one browser's connection from its first frame to its last."""
    upgrade, socket.upgrade = socket.upgrade, socket.upgrade.without_secrets()
    state.sockets += 1
    try:
        key, token = _claim(state, upgrade)
        del upgrade  # it need not stay in memory as long as the connection
        client = PeerJsClient(socket, key, state.switchboard.absent, state.services.flows)
        member = await _open_member(state, client, key, token, socket.upgrade)
        await _converse(state, socket, key, member, client)
    except Refuse as refused:
        reason = refused.refusal.name.lower()
        state.services.login_refused(DIALECT, reason, socket.upgrade.address)
        socket.push(refused.refusal.value)
        socket.close()
    finally:
        state.sockets -= 1


async def _converse(
    state: PeerJsState, socket: Socket, key: MemberKey, member: Ref[Message], client: PeerJsClient
) -> None:
    conversation = PeerJsConversation(state, socket, key, member, client)
    state.keeper.add(conversation)
    leaving = True
    try:
        await conversation.run()
    except ActorStopped:
        pass  # the socket has been told
    except SocketClosed as closed:
        leaving = closed.page_left
    finally:
        state.keeper.discard(conversation)
        with trio.move_on_after(GOODBYE_SECONDS, shield=True):
            with suppress(ActorStopped):
                await member.send(Lost(client, leaving))


def _claim(state: PeerJsState, upgrade: Upgrade) -> tuple[MemberKey, str]:
    """Read who somebody wants to be, and by which token. Raises Refuse."""
    key, id_, token = (upgrade.query.get(name, "") for name in ("key", "id", "token"))
    if not (key and id_ and token):
        raise Refuse(BrokerRefusal.INCOMPLETE)
    realm = state.realm_of(key, upgrade.headers.get("origin"))
    if realm is None:
        raise Refuse(BrokerRefusal.WRONG_KEY)
    if not is_id(id_):
        raise Refuse(BrokerRefusal.WRONG_ID)
    if len(token.encode("utf-8", "surrogatepass")) > ID_BYTES:
        raise Refuse(BrokerRefusal.WRONG_TOKEN)
    return MemberKey(realm, id_), token


async def _open_member(
    state: PeerJsState, client: PeerJsClient, key: MemberKey, token: str, upgrade: Upgrade
) -> Ref[Message]:
    """Open the member of this id, or go on with it by the same token. Raises Refuse.

    Wrong tokens for an id that is held count as failed credentials: after some, no token of that
    address is looked at any more, whatever it is; an id that is free is nobody's secret.
    """
    guard, attempt = state.services.guard, (upgrade.address, DIALECT, key.realm, key.id)
    directory = state.services.directory
    held = await directory.member(key) is not None
    if held:
        try:
            guard.admit_nowait(*attempt)
        except TooManyAttempts:
            raise Refuse(BrokerRefusal.TAKEN) from None
    elif state.sockets > state.settings.concurrent_limit:
        raise Refuse(BrokerRefusal.FULL)
    settle = guard.undecided
    member: Ref[Message] | None = None
    try:
        profile = Profile(key.realm, DIALECT, account=True, terms=TAKEN_OVER, proof=token)
        where = state.services.where_from(upgrade.address, upgrade.device)
        identity = Identity(key.id, name=key.id, where=where)
        member = await directory.open_member(
            key, partial(Member, identity, profile, client), Resume(client, "", token, where)
        )
        settle = guard.succeeded
    except ResumeRefused:
        settle = guard.failed
        raise Refuse(BrokerRefusal.TAKEN) from None
    except TooManyPeers:
        raise Refuse(BrokerRefusal.FULL) from None
    except MemberExpelled:
        raise Refuse(BrokerRefusal.PUT_OUT) from None
    except ActorError:
        await _give_up(state, client, key)
        raise Refuse(BrokerRefusal.BUSY) from None
    finally:
        client.gone = member is None  # it may still be opened, with nobody there to close it
        if held:
            settle(*attempt)
    return member


async def _give_up(state: PeerJsState, client: PeerJsClient, key: MemberKey) -> None:
    """End the member that was opened for this client after all, when it was too late to be told."""
    member = await state.services.directory.member(key)
    if member is not None:
        with suppress(ActorError):
            member.tell(Lost(client))
