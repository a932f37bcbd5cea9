"""One browser's conversation: what it signals goes to the switchboard, unread."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError
from actors.member.client import TooSlow
from actors.member.messages import End
from actors.signalling.frames import CALLING, LEAVE, RELAYED, decode, is_id, relayed, text
from actors.words.close_reasons import CloseReason
from actors.words.facts import Signalled, Unreached
from actors.words.keys import MemberKey
from api.http.credentials import address_key

if TYPE_CHECKING:
    from actors.core import Message, Ref
    from api.http.sockets import Socket
    from api.peerjs.events import PeerJsClient
    from api.peerjs.state import PeerJsState


class PeerJsConversation:
    """Of a socket whose member is open. Every message is a sign of life, also one of no use."""

    __slots__ = ("_address", "_client", "_heard_at", "_key", "_me", "_member", "_socket", "_state")

    def __init__(
        self, state: PeerJsState, socket: Socket, key: MemberKey,
        member: Ref[Message], client: PeerJsClient,
    ) -> None:  # fmt: skip
        self._state = state
        self._socket = socket
        self._key = key
        self._me = text(key.id)
        self._member = member
        self._client = client
        self._address = address_key(socket.upgrade.address)
        self._heard_at = trio.current_time()

    async def run(self) -> None:
        """Serve until the client leaves. Raises SocketClosed."""
        while True:
            payload, is_text = await self._socket.receive()
            self._heard_at = trio.current_time()
            message = decode(payload) if is_text else None
            if message is None or message.type not in RELAYED:
                continue  # a heartbeat, or nothing of this protocol
            if message.dst:
                self._client.partners.add(message.dst)
                body = relayed(message.type, self._me, message.dst, message.payload)
                await self._signal(message.type, message.dst, body)
            elif message.type == LEAVE:
                return

    def tick(self, now: float) -> None:
        """End who has said nothing for `alive_timeout`: nobody may be there any more."""
        if now - self._heard_at > self._state.settings.alive_timeout:
            with suppress(ActorError):
                self._member.tell(End(CloseReason.EXPIRED))

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of the silence."""
        self._heard_at += seconds

    async def _signal(self, kind: str, to: str, body: bytes) -> None:
        calling = kind in CALLING
        wait_seconds = self._state.settings.expire_timeout if calling else 0.0
        flows, realm = self._state.services.flows, self._key.realm
        signal = Signalled(self._key.id, body, self._socket.upgrade.address)
        too_much = flows.refuses(self._key.id, f"{realm} {to}", trio.current_time())
        reached = is_id(to) and not too_much and await self._state.switchboard.signal(
            MemberKey(realm, to), signal, self._address, wait_seconds
        )  # fmt: skip
        if calling and not reached:
            try:
                self._client.show(Unreached(to))
            except TooSlow:
                with suppress(ActorError):
                    self._member.tell(End(CloseReason.TOO_SLOW))
