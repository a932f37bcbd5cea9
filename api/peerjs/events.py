"""Facts as frames of PeerJS, and the client that they are shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw
from trio import current_time

from actors.member.client import TooSlow
from actors.member.messages import Resumed
from actors.signalling.frames import LEAVE, relayed
from actors.signalling.frames import text as json_text
from actors.words.close_reasons import CloseReason
from actors.words.facts import Expelled, Fact, Introduced, Signalled, Unreached
from api.http.partners import Partners
from api.http.refused_flows import RefusedFlows
from api.http.sockets import Socket, SocketFull, SourceFull
from api.peerjs.errors import BrokerRefusal
from api.peerjs.wire import OPEN, error, expired

if TYPE_CHECKING:
    from actors.signalling.absent import AbsentPeers
    from actors.words.keys import MemberKey

CLOSE_CODES = {
    CloseReason.SHUTTING_DOWN: (1001, "server is going away"),
    CloseReason.TOO_SLOW: (1013, "too slow"),
    CloseReason.CRASHED: (1011, "internal error"),
    CloseReason.PUT_OUT: (4001, "put out by the operator"),
}


class PeerJsClient:
    """One websocket of a browser. What has waited for its id comes right behind its OPEN."""

    __slots__ = ("_absent", "_flows", "_key", "_socket", "gone", "partners")

    def __init__(
        self, socket: Socket, key: MemberKey, absent: AbsentPeers, flows: RefusedFlows
    ) -> None:
        self._flows = flows
        self._socket = socket
        self._key = key
        self._absent = absent
        self.gone = False
        self.partners = Partners()

    def show(self, fact: Fact) -> None:
        """Send the fact as this protocol has it, if it has a word for it. Raises TooSlow."""
        match fact:
            case Signalled(sender, body):  # first: these are by far the most
                self.partners.add(sender)
                self._push(body, sender)
            case Unreached(peer):
                self._push(expired(peer, self._key.id))
            case Expelled(text):
                me = self._key.id
                for other in self.partners:  # the client closes its connections with them
                    self._push(relayed(LEAVE, json_text(other), me, Raw()))
                self._push(error(text) if text else BrokerRefusal.PUT_OUT.value)
            case Introduced() | Resumed():
                self._push(OPEN)
                for signal in self._absent.take(self._key):
                    self._push(signal.body)

    def close(self, reason: CloseReason) -> None:
        """Close the websocket: clients of PeerJS learn no more than that."""
        self._socket.close(*CLOSE_CODES.get(reason, (1000, "")))

    def _push(self, frame: bytes, source: str = "") -> None:
        try:
            self._socket.push(frame, source=source)
        except SourceFull:
            receiver = f"{self._key.realm} {self._key.id}"
            self._flows.note(source, receiver, current_time())
        except SocketFull:
            raise TooSlow from None
