"""Facts of rooms and peers as Spreed's documents, and the client that they are shown to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Raw
from trio import current_time

from actors.member.client import TooSlow
from actors.words.close_reasons import CloseReason
from actors.words.facts import (
    Dropped,
    Expelled,
    Fact,
    Introduced,
    Joined,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    Presence,
    RoomChanged,
    RoomClosed,
    RoomView,
    RosterAnnounced,
    RosterListed,
    Said,
    Signalled,
)
from api.http.partners import Partners
from api.http.refused_flows import RefusedFlows
from api.http.sockets import Socket, SocketFull, SourceFull
from api.spreed.signing import Signer, SpreedSession
from api.spreed.turn import stun_uris, turn_document
from api.spreed.wire import DIALECT, Chat, broadcast, chat_time, echo, encode, relay, reply

if TYPE_CHECKING:
    from api.settings import IceSettings

ToAll = PeerJoined | PeerLeft | PeerChanged | Said
API_VERSION = 1.4
PRIORITY = 100
LISTED_BYTES = 4_194_304  # of statuses: half of those of a full room at 16 KiB each
LISTED_USERS = 5000  # a room's list is cut here, as the original's
CLOSE_CODES = {
    CloseReason.SHUTTING_DOWN: (1001, "server is going away"),
    CloseReason.TOO_SLOW: (1013, "too slow"),
    CloseReason.DISCONNECTED: (1000, ""),
    CloseReason.PUT_OUT: (4001, "put out by the operator"),
}
CLOSED_BY_OPERATOR = (4000, "the room was closed by the operator")


class SpreedRenderer:
    """Turn what goes to a whole room into bytes once, not once a member."""

    def __init__(self, signer: Signer, clock: Callable[[], float] = time.time) -> None:
        self.signer = signer
        self._clock = clock
        self._last: tuple[Fact | None, bytes] = (None, b"")
        self._listed: tuple[tuple[Presence, ...], bytes] = ((), b"")

    def broadcast(self, fact: ToAll) -> bytes:
        """Return the frame for everyone; a room tells the same fact to its members in turn."""
        known, frame = self._last
        if known is not fact:
            sender, data = self._document(fact)
            frame = broadcast(sender, self.signer.attest(sender), data)
            self._last = (fact, frame)
        return frame

    def users(self, members: tuple[Presence, ...]) -> bytes:
        """Return a list of users; the same as before is not made again."""
        known, listed = self._listed
        if known is not members and known != members:
            listed = encode(_users(members))
            self._listed = (members, listed)
        return listed

    def _document(self, fact: ToAll) -> tuple[str, bytes]:
        match fact:
            case PeerJoined(presence):
                return presence.peer, encode(_joined(presence))
            case PeerLeft(peer, gone):
                left = {"Type": "Left", "Id": peer, "Status": "hard" if gone else "soft"}
                return peer, encode(left)
            case PeerChanged(presence):
                return presence.peer, encode(user_document(presence, "Status", agent=False))
            case Said(sender):
                return sender, self.chat(fact)

    def chat(self, said: Said) -> bytes:
        """Return what was said as a Chat document: the sender's own, if it is of this dialect."""
        if said.extra is not None and said.extra.dialect == DIALECT:
            return said.extra.body
        return Chat(Message=said.text).document(said.to or "", chat_time(self._clock()))


def user_document(
    presence: Presence, kind: str = "Online", *, agent: bool = True
) -> dict[str, object]:
    """Return a session as lists of users show it; empty fields are left out."""
    document: dict[str, object] = {"Type": kind, "Id": presence.peer}
    if presence.user:
        document["Userid"] = presence.user
    if agent and presence.agent:
        document["Ua"] = presence.agent
    if presence.revision:
        document["Rev"] = presence.revision
    document["Prio"] = PRIORITY
    if presence.status is not None:
        document["Status"] = Raw(presence.status)
    return document


def _joined(presence: Presence) -> dict[str, object]:
    return user_document(presence, "Joined") | {"Ua": presence.agent}


def _users(members: Sequence[Presence]) -> list[dict[str, object]]:
    """Return a list of users; once it has LISTED_BYTES of statuses, without those of the rest."""
    listed, left = [], LISTED_BYTES
    for presence in members[:LISTED_USERS]:
        left -= len(presence.status or b"")
        listed.append(user_document(presence if left >= 0 else replace(presence, status=None)))
    return listed


def _room(view: RoomView) -> dict[str, object]:
    return {"Type": view.kind, "Name": view.title, "Credentials": None}


@dataclass(slots=True, eq=False)
class SpreedClient:
    """One websocket of a session. `room` and `user` mirror what the client was last shown."""

    socket: Socket
    session: SpreedSession
    renderer: SpreedRenderer
    ice: Callable[[], IceSettings]
    version: str
    forget: Callable[[str], None]  # told the session id when the session ends
    room: RoomView | None = None
    user: str = ""
    moves: int = 0  # of those who came and left
    partners: Partners = field(default_factory=Partners)
    gone: bool = False
    clock: Callable[[], float] = field(default=time.time)
    flows: RefusedFlows = field(default_factory=RefusedFlows)

    def show(self, fact: Fact) -> None:
        """Send the fact as this protocol has it, if it has a word for it. Raises TooSlow."""
        if isinstance(fact, Signalled):  # first: these are by far the most
            attestation = self.renderer.signer.attest(fact.sender)
            frame = relay(fact.sender, self.session.id, attestation, fact.body)
            self.partners.add(fact.sender)
            self.push(frame, source=fact.sender)
            return
        match fact:
            case PeerJoined() | PeerLeft() | PeerChanged():
                self._show_peer(fact)
            case Said():
                self._show_chat(fact)
            case Introduced(tag, user):
                self.user = user
                self.answer(tag, encode(self._self_document(user)))
            case Joined(tag, room, members):
                self.room = room
                self.moves += 1
                users = Raw(self.renderer.users(members))
                welcome = {"Type": "Welcome", "Room": _room(room), "Users": users}
                self.answer(tag, encode(welcome))
            case RosterListed(tag, members):
                self.answer(
                    tag, encode({"Type": "Users", "Users": Raw(self.renderer.users(members))})
                )
            case RoomChanged():
                self._show_room(fact)
            case RosterAnnounced(room, peers):
                self.push(_conference(room, peers))
            case RoomClosed(_, closing):
                self.room = None
                if closing is not None:
                    seconds = max(1, ceil(closing.until - self.clock()))
                    self._say_goodbye("room", closing.text, seconds)
                    self.socket.close(*CLOSED_BY_OPERATOR)
                self.socket.close(1001, "the room was closed")
            case Expelled(text):
                self.room = None
                self._say_goodbye("person", text, 0)
            case Dropped():
                self.room = None
                self.socket.close(1001, "put out of the room")

    def answer(self, tag: str, data: bytes) -> None:
        """Send a document as the answer to a request of this client. Raises TooSlow."""
        self.push(reply(self.session.id, tag, data))

    def echo(self, tag: str, data: bytes) -> None:
        """Send back what this client said to one other. Raises TooSlow."""
        me = self.session.id
        self.push(echo(me, tag, self.renderer.signer.attest(me), data))

    def push(self, frame: bytes, *, replace: str = "", source: str = "") -> bool:
        """Send a frame; of a source that sends more than is read here it is left out: False."""
        try:
            self.socket.push(frame, replace=replace, source=source)
        except SourceFull:
            self.flows.note(source, self.session.id, current_time())
            return False
        except SocketFull:
            raise TooSlow from None
        return True

    def close(self, reason: CloseReason) -> None:
        if reason is CloseReason.REPLACED:
            self.socket.abort()
            return
        self.forget(self.session.id)
        self.socket.close(*CLOSE_CODES.get(reason, (1011, "session ended")))

    def _show_peer(self, fact: PeerJoined | PeerLeft | PeerChanged) -> None:
        """Send who came, left or shows himself otherwise: however slowly this client reads.

        Of a status the latest is enough, but none may be seen before its peer has come. Somebody
        of whom more waits here than his part is read more slowly.
        """
        frame, source, replace = self.renderer.broadcast(fact), "", ""
        match fact:
            case PeerChanged(presence):
                source, replace = presence.peer, f"status {self.moves} {presence.peer}"
            case PeerJoined(presence):
                source = presence.peer
                self.moves += 1
            case PeerLeft(peer):
                self.partners.discard(peer)
                self.moves += 1
        if not self.push(frame, replace=replace, source=source):
            self.flows.note_room(source, current_time())
            self.push(frame, replace=replace)

    def _say_goodbye(self, kind: str, text: str, seconds: int) -> None:
        """Say what the operator has ended, and why. Clients made for the original know no such
        document: they hang up on whom they hear to have left.
        """
        closed = {"Kind": kind, "Reason": text, "Seconds": seconds}
        self.answer("", encode({"Type": "Closed", "Closed": closed}))
        for other in self.partners:
            self.push(self.renderer.broadcast(PeerLeft(other, gone=True)))

    def _show_chat(self, said: Said) -> None:
        if not said.means_something_to(DIALECT):
            return
        if said.to is None:
            self.push(self.renderer.broadcast(said), source=said.sender)
            return
        attestation = self.renderer.signer.attest(said.sender)
        frame = relay(said.sender, self.session.id, attestation, self.renderer.chat(said))
        self.push(frame, source=said.sender)

    def _show_room(self, fact: RoomChanged) -> None:
        document = _room(fact.room)
        if fact.pin is not None:
            document["Credentials"] = {"PIN": fact.pin}
        data = encode(document)
        if fact.by == self.session.id:
            self.answer(fact.tag, data)
        else:
            self.push(broadcast(fact.by, self.renderer.signer.attest(fact.by), data))

    def _self_document(self, user: str) -> dict[str, object]:
        signer, ice = self.renderer.signer, self.ice()
        return {
            "Type": "Self",
            "Id": self.session.id,
            "Sid": self.session.sid,
            "Userid": user,
            "Suserid": signer.suserid(user),
            "Token": signer.resume_token(self.session, user),
            "Version": self.version,
            "ApiVersion": API_VERSION,
            "Turn": turn_document(ice, self.session.id, self.clock()),
            "Stun": stun_uris(ice),
        }


def _conference(room: RoomView, peers: tuple[str, ...]) -> bytes:
    name = room.key.name
    data = {"Type": "Conference", "Id": name, "Conference": list(peers)}
    return encode({"Data": data, "To": name})
