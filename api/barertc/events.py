"""Facts of the chat site and of members as BareRTC's messages, and the client they are shown to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import thread_time
from typing import TYPE_CHECKING

import trio
from msgspec import Raw

from actors.member.client import TooSlow
from actors.room.site_services import CpuSpent
from actors.words.close_reasons import CloseReason
from actors.words.closings import Closing
from actors.words.facts import Expelled, Fact, RoomClosed
from actors.words.site import (
    BlockSet,
    CameraCut,
    CameraOpened,
    CameraRung,
    CameraSet,
    Echoed,
    MessageTakenBack,
    Movement,
    NameGiven,
    PeopleListed,
    Person,
    PersonMoved,
    ReactionAdded,
    Relayed,
    StandingSet,
    Told,
    Written,
)
from api.barertc import errors, wire
from api.barertc.wire import BareMessage
from api.http.sockets import Socket, SocketFull, SourceFull

if TYPE_CHECKING:
    from api.barertc.tokens import Bearer

TOO_SLOW = (1008, "connection too slow to keep up with messages")
GOING_AWAY = 1001
CRASHED = 1011
LARGE_BYTES = 262_144  # of a message; texts have less
SPARE_BYTES = 4_194_304  # of what may be unsent, for what else there is to say while pictures wait

PRESENCE = {
    Movement.JOINED: "has joined the room!",
    Movement.EXITED: "has exited the room!",
    Movement.KICKED: "has been kicked from the room!",
    Movement.BANNED: "has been banned!",
    Movement.TIMED_OUT: "has timed out!",
}
"""Clients and bots look for these words."""

ToMany = Written | PersonMoved | MessageTakenBack | ReactionAdded


@dataclass(frozen=True, slots=True)
class EncodedList:
    """One list as bytes: whole, and in pieces for those to whom it looks otherwise."""

    everybody: tuple[Person, ...]
    fragments: list[bytes]
    places: dict[str, int]
    whole: bytes


class ListEncoder:
    """Lists of people as bytes: what they say is encoded once for all, and once a person.

    The last two are kept: VIPs and others may be told different ones, and newcomers of both kinds
    are told the same again.
    """

    __slots__ = ("_known", "_latest")

    def __init__(self) -> None:
        self._latest: list[EncodedList] = []  # the one used last is the first
        self._known: dict[str, tuple[tuple[Person, bytes], ...]] = {}

    def encode(self, fact: PeopleListed) -> bytes:
        """Return the list as its viewer sees it."""
        listed = self._find(fact.everybody)
        if not (fact.unseen or fact.seen_as):
            return listed.whole
        seen = listed.fragments.copy()
        for person in fact.seen_as:
            at = listed.places.get(person.name)
            if at is not None:
                seen[at] = wire.person(person)
        for name in fact.unseen:
            at = listed.places.get(name)
            if at is not None:
                seen[at] = b""
        return wire.people(seen)

    def _find(self, everybody: tuple[Person, ...]) -> EncodedList:
        latest = self._latest
        for at, listed in enumerate(latest):
            if listed.everybody is everybody:
                latest.insert(0, latest.pop(at))
                return listed
        listed = self._encoded(everybody)
        self._latest = [listed, *latest[:1]]
        return listed

    def _encoded(self, everybody: tuple[Person, ...]) -> EncodedList:
        """Encode those who look otherwise than in the last lists, and put all together."""
        known: dict[str, tuple[tuple[Person, bytes], ...]] = {}
        fragments = []
        for person in everybody:
            before = self._known.get(person.name, ())
            found = next((it for it in before if it[0] is person or it[0] == person), None)
            found = found or (person, wire.person(person))
            known[person.name] = (found, *[it for it in before if it is not found][:1])
            fragments.append(found[1])
        self._known = known
        places = {person.name: at for at, person in enumerate(everybody)}
        return EncodedList(everybody, fragments, places, wire.people(fragments))


class BareRenderer:
    """Turn what goes to many into bytes once, not once for each of them."""

    __slots__ = ("_last", "cost", "people")

    def __init__(self, lists_cost: CpuSpent | None = None) -> None:
        self.people = ListEncoder()
        self.cost = lists_cost or CpuSpent()
        self._last: tuple[Fact | None, bytes] = (None, b"")

    def shared(self, fact: ToMany) -> bytes:
        """Return the message for everybody; a site tells the same fact to its people in turn."""
        known, message = self._last
        if known is not fact:
            message = _shared(fact)
            self._last = (fact, message)
        return message


def _shared(fact: ToMany) -> bytes:
    match fact:
        case Written():
            return wire.encode(_written(fact))
        case PersonMoved(name, how):
            return wire.said("presence", name, message=PRESENCE[how])
        case MessageTakenBack(id):
            return wire.encode(BareMessage(action="takeback", msgID=id))
        case ReactionAdded(sender, id, emoji):
            return wire.encode(
                BareMessage(action="react", username=sender, msgID=id, message=emoji)
            )


def _written(fact: Written) -> BareMessage:
    return BareMessage(
        action="message",
        channel=fact.channel,
        username=fact.sender,
        message=fact.html,
        msgID=fact.id,
    )


def _echo(fact: Echoed) -> bytes:
    if not fact.messages:
        return wire.encode(BareMessage(action="echo"))
    messages = []
    for each in fact.messages:
        message = _written(each)
        message.timestamp = wire.rfc3339(each.at)
        messages.append(wire.encode(message))
    return wire.encode(BareMessage(action="echo", messages=Raw(b"[%b]" % b",".join(messages))))


def _relayed(fact: Relayed) -> bytes:
    message = BareMessage(action=fact.kind, username=fact.sender)
    if fact.kind == "sdp":
        message.description = fact.payload
    elif fact.kind == "candidate":
        message.candidate = fact.payload
    return wire.encode(message)


@dataclass(slots=True, eq=False)
class BareClient:
    """One person, from login to the end, on one socket. `name` is what he was last told.

    `bearer` is what his token says of him, None for a guest; `sign` makes him a fresh one. `ended`
    tells how it ended. The socket may outlive it: who was put out closes it himself.
    """

    socket: Socket
    renderer: BareRenderer
    sign: Callable[[Bearer], str]
    bearer: Bearer | None = None
    name: str = ""
    gone: bool = False
    ended: CloseReason | None = None
    sent_away: bool = False  # by the operator
    over: trio.Event = field(default_factory=trio.Event)

    def show(self, fact: Fact) -> None:
        """Send the fact as this protocol has it, if it has a word for it. Raises TooSlow."""
        match fact:
            case Written():
                self._show_written(self.renderer.shared(fact), fact.sender)
            case ReactionAdded():
                self.push(self.renderer.shared(fact), source=fact.sender)
            case PersonMoved() | MessageTakenBack():
                self.push(self.renderer.shared(fact))
            case Relayed():
                self.push(_relayed(fact), source=fact.sender)
            case PeopleListed():
                before = thread_time()
                self.push(self.renderer.people.encode(fact), replace="who")
                self.renderer.cost.seconds += thread_time() - before
            case NameGiven(name):
                self.name = name
                self.push(wire.said("me", name))
            case CameraSet(name, video):
                self.push(wire.said("me", name, video=video.value))
            case StandingSet():
                self._show_standing(fact)
            case Echoed():
                self.push(_echo(fact))
            case Told(html, channel):
                self.push(wire.told(html, channel))
            case BlockSet(name):
                self.push(wire.said("block", name))
            case CameraRung(name, secret):
                self.push(_secret("ring", name, secret))
            case CameraOpened(name, secret):
                self.push(_secret("open", name, secret))
            case CameraCut():
                self.push(wire.said("cut"))
            case RoomClosed(_, None):
                self.push(wire.told(errors.CLOSED))
            case RoomClosed(_, Closing(text=text)):
                self._send_away(errors.because(errors.CLOSED_BY_OPERATOR, text))
            case Expelled(text):
                self._send_away(errors.because(errors.PUT_OUT, text))

    def ping(self) -> None:
        """Send the sign of life, with a fresh token for who came with one. Raises TooSlow."""
        if self.bearer is None:
            self.push(wire.ping())
        else:
            self.push(wire.ping(self.sign(self.bearer), self.bearer.standing.rules))

    def push(self, message: bytes, *, replace: str = "", source: str = "") -> None:
        """Send a message; of a source that sends more than is read here it is left out."""
        try:
            self.socket.push(message, replace=replace, source=source)
        except SourceFull:
            pass
        except SocketFull:
            raise TooSlow from None

    def close(self, reason: CloseReason) -> None:
        """Say goodbye. Who was put out is told to go, and closes the socket himself."""
        self.ended = reason
        self.over.set()
        if self.gone:
            return
        with suppress(TooSlow):
            match reason:
                case CloseReason.REFUSED | CloseReason.LOGOUT:
                    pass  # the socket goes on without anybody
                case CloseReason.DROPPED:
                    self.push(wire.DISCONNECT)
                case CloseReason.DISCONNECTED | CloseReason.EXPIRED:
                    self.socket.close(1000, "")
                case CloseReason.TOO_SLOW:
                    self.socket.close(*TOO_SLOW)
                case CloseReason.SHUTTING_DOWN | CloseReason.SHUTDOWN:
                    self.push(wire.told(errors.SHUTTING_DOWN))
                    self.socket.close(GOING_AWAY, "the server is shutting down")
                case CloseReason.ROOM_CLOSED | CloseReason.PUT_OUT if self.sent_away:
                    pass  # he closes the socket himself
                case CloseReason.ROOM_CLOSED | CloseReason.PUT_OUT:
                    self.socket.close(GOING_AWAY, "the chat was closed")
                case _:
                    self.push(wire.told(errors.CRASHED))
                    self.socket.close(CRASHED, "session ended")

    def _send_away(self, html: str) -> None:
        """Have him go, and not come back by himself."""
        self.sent_away = True
        self.push(wire.told(html))
        self.push(wire.DISCONNECT)

    def _show_written(self, message: bytes, sender: str) -> None:
        """Send a message; a large one, a picture, is left out for who cannot take it now.

        Four of them at once would end everybody who does not read faster than they come.
        """
        if len(message) <= LARGE_BYTES:
            self.push(message, source=sender)
            return
        try:
            self.socket.push(message, spare=SPARE_BYTES)
        except SocketFull:
            self.push(wire.told(errors.LEFT_OUT))

    def _show_standing(self, fact: StandingSet) -> None:
        if self.bearer is None:
            return
        self.bearer = replace(self.bearer, standing=fact.standing)
        self.ping()
        self.push(wire.said("me", fact.name))


def _secret(action: str, name: str, secret: str) -> bytes:
    return wire.encode(BareMessage(action=action, username=name, openSecret=secret))
