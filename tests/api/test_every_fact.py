"""Every fact and every dialect: it is shown, or there is a reason why it is not said here.

A new fact needs a line in both tables. Auvious has none: its endpoints are shown deliveries.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

import actors
from actors.core import Refused
from actors.member.messages import Resumed
from actors.signalling.absent import AbsentPeers
from actors.words.facts import (
    Dropped,
    Expelled,
    Fact,
    Introduced,
    Joined,
    JoinRefused,
    MediaLost,
    OrderDone,
    OrderRefused,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PermissionSet,
    Presence,
    Restarted,
    RoomChanged,
    RoomClosed,
    RoomView,
    RosterAnnounced,
    RosterListed,
    Said,
    SessionAnswered,
    SessionEnded,
    SessionReady,
    Signalled,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
    Unreached,
)
from actors.words.keys import MemberKey, RoomKey
from actors.words.permission import NO_MEDIA
from actors.words.site import (
    NO_STANDING,
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
    Video,
    Written,
)
from actors.words.streams import AudioFormat, AudioTrack, SessionEnd, Stream
from api.barertc.events import BareClient, BareRenderer
from api.barertc.tokens import Bearer
from api.http.refused_flows import RefusedFlows
from api.owt.portal.client import PortalClient
from api.owt.portal.notifications import PortalRenderer
from api.peerjs.events import PeerJsClient
from api.settings import IceSettings
from api.spreed.events import SpreedClient, SpreedRenderer
from api.spreed.signing import Signer

CARD = Presence("bob", "Bob")
STREAM = Stream("17", "bob", AudioTrack("mic", AudioFormat("opus", 48000, 2)), None)
VIEW = RoomView(RoomKey("test", "blue"), "Blue", "Room")
BUSY = Refused("busy")

WRITTEN = Written("lobby", "Bob", "<p>hi</p>", 17, 1_700_000_000)
PERSON = Person("Bob", NO_STANDING, "online", Video.OFF, False, 1_700_000_000)

BEARER = Bearer("Ann", NO_STANDING)

OF_A_SITE: tuple[Fact, ...] = (
    BlockSet("Bob"),
    CameraCut(),
    CameraOpened("Bob", "abcdefghijklmnop"),
    CameraRung("Bob", "abcdefghijklmnop"),
    CameraSet("Bob", Video.NSFW),
    Echoed((WRITTEN,)),
    MessageTakenBack(17),
    NameGiven("Bob 2"),
    PeopleListed((PERSON,)),
    PersonMoved("Bob", Movement.JOINED),
    ReactionAdded("Bob", 17, "!"),
    Relayed("sdp", "Bob", "{}"),
    StandingSet("Bob", NO_STANDING),
    Told("<p>hm</p>"),
    WRITTEN,
)

EXAMPLES: tuple[Fact, ...] = (
    *OF_A_SITE,
    Dropped(),
    Expelled("Sorry"),
    Introduced("", "Ann"),
    JoinRefused("", VIEW.key, BUSY),
    Joined("", VIEW, (Presence("ann"), CARD)),
    MediaLost(("17",), ()),
    OrderDone(""),
    OrderRefused("", BUSY),
    PeerChanged(CARD),
    PeerJoined(CARD),
    PeerLeft("bob", gone=True),
    PermissionSet(NO_MEDIA),
    Restarted(2),
    Resumed("", "1.1"),
    RoomChanged("bob", "", VIEW, "1234"),
    RoomClosed(VIEW),
    RosterAnnounced(VIEW, ("ann", "bob")),
    RosterListed("", (CARD,)),
    Said("bob", None, "hi"),
    SessionAnswered("17", "v=0"),
    SessionEnded("17", SessionEnd.SOURCE_LOST),
    SessionReady("17"),
    Signalled("bob", b'{"Type":"Bye"}'),
    StreamAdded(STREAM),
    StreamChanged(STREAM, "."),
    StreamRemoved("17"),
    Unreached("bob"),
)

TO_THE_MEMBER = "is for the member itself, which answers its dialect by it"
NO_STREAMS = "clients of this protocol have their media among themselves"
PEERS = "peers are in no room"
NOBODY_WAITS = "what is said to somebody who is not there is nothing in this protocol"
BY_NAME = "a site knows people by name, and says it otherwise"
NO_ORDERS = "this protocol has no such order"
ONLY_IN_A_SITE = dict.fromkeys(map(type, OF_A_SITE), "of a chat site")
NOT_SAID: dict[str, dict[type[Fact], str]] = {
    "spreed": {
        **ONLY_IN_A_SITE,
        JoinRefused: TO_THE_MEMBER,
        MediaLost: NO_STREAMS,
        OrderDone: TO_THE_MEMBER,
        OrderRefused: TO_THE_MEMBER,
        PermissionSet: "what it may not do is refused",
        Restarted: "a crash of the room is silent",
        Resumed: "a session comes back as a new one of the same id",
        SessionAnswered: NO_STREAMS,
        SessionEnded: NO_STREAMS,
        SessionReady: NO_STREAMS,
        StreamAdded: NO_STREAMS,
        StreamChanged: NO_STREAMS,
        StreamRemoved: NO_STREAMS,
        Unreached: NOBODY_WAITS,
    },
    "barertc": {
        Dropped: "the end of the member, right behind it, says it",
        Introduced: "who somebody is, his token says",
        Joined: "who is in, lists of people say",
        JoinRefused: TO_THE_MEMBER,
        MediaLost: NO_STREAMS,
        OrderDone: TO_THE_MEMBER,
        OrderRefused: TO_THE_MEMBER,
        PeerChanged: BY_NAME,
        PeerJoined: BY_NAME,
        PeerLeft: BY_NAME,
        PermissionSet: "what it may not do is refused",
        Restarted: "a crash of the room is silent",
        Resumed: "nobody is kept who has lost his connection",
        RoomChanged: "a site has no PIN",
        RosterAnnounced: BY_NAME,
        RosterListed: BY_NAME,
        Said: BY_NAME,
        SessionAnswered: NO_STREAMS,
        SessionEnded: NO_STREAMS,
        SessionReady: NO_STREAMS,
        Signalled: BY_NAME,
        StreamAdded: NO_STREAMS,
        StreamChanged: NO_STREAMS,
        StreamRemoved: NO_STREAMS,
        Unreached: NOBODY_WAITS,
    },
    "owt": {
        **ONLY_IN_A_SITE,
        Introduced: "the answer to a login says it",
        JoinRefused: TO_THE_MEMBER,
        OrderDone: TO_THE_MEMBER,
        OrderRefused: TO_THE_MEMBER,
        PeerChanged: "participants have no status",
        PermissionSet: "clients learn it by what is refused, as with the original",
        Restarted: "a crash of the room is silent; MediaLost says what it has cost",
        RoomChanged: "its rooms have no PIN",
        RosterAnnounced: "nobody calls anybody here",
        RosterListed: NO_ORDERS,
        Signalled: "clients say nothing past the room",
        Unreached: NOBODY_WAITS,
    },
    "peerjs": {
        **ONLY_IN_A_SITE,
        Dropped: PEERS,
        JoinRefused: PEERS,
        Joined: PEERS,
        MediaLost: NO_STREAMS,
        OrderDone: NO_ORDERS,
        OrderRefused: NO_ORDERS,
        PeerChanged: PEERS,
        PeerJoined: PEERS,
        PeerLeft: PEERS,
        PermissionSet: PEERS,
        Restarted: PEERS,
        RoomChanged: PEERS,
        RoomClosed: PEERS,
        RosterAnnounced: PEERS,
        RosterListed: PEERS,
        Said: PEERS,
        SessionAnswered: NO_STREAMS,
        SessionEnded: NO_STREAMS,
        SessionReady: NO_STREAMS,
        StreamAdded: NO_STREAMS,
        StreamChanged: NO_STREAMS,
        StreamRemoved: NO_STREAMS,
    },
}


@dataclass
class Wire:
    """Stands in for a socket of one dialect and a connection of the other; notes what is sent."""

    sent: list[object] = field(default_factory=list)

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        self.sent.append(payload)

    def send(self, packet: bytes, source: str = "") -> bool:
        self.sent.append(packet)
        return True

    def ack(self, number: int, *data: object) -> None:
        self.sent.append((number, *data))

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.sent.append((code, reason))


@dataclass
class PortalHouse:
    """What a PortalClient needs of its house."""

    renderer: PortalRenderer = field(default_factory=PortalRenderer)
    ticket_key: str = "key"

    def clock(self) -> float:
        return 0.0


def client(dialect: str, wire: Any) -> Any:
    if dialect == "owt":
        house: Any = PortalHouse()
        return PortalClient(house, wire, "ann", 1)
    if dialect == "barertc":
        return BareClient(wire, BareRenderer(), lambda bearer: "token", BEARER)
    if dialect == "peerjs":
        return PeerJsClient(wire, MemberKey("peers.peerjs", "ann"), AbsentPeers(), RefusedFlows())
    signer = Signer("secret")
    session = signer.new_session()
    return SpreedClient(wire, session, SpreedRenderer(signer), IceSettings, "1", lambda id_: None)


def every_fact() -> set[type[Fact]]:
    """Find the facts of all that is in `actors`."""
    found: set[type[Fact]] = set()
    for module in pkgutil.walk_packages(actors.__path__, "actors."):
        if "migrations" not in module.name:
            everything = vars(import_module(module.name)).values()
            found |= {it for it in everything if isinstance(it, type) and issubclass(it, Fact)}
    return found - {Fact}


def test_every_fact_has_an_example_and_nothing_else_is_excused() -> None:
    facts = every_fact()
    assert {type(fact) for fact in EXAMPLES} == facts
    for excused in NOT_SAID.values():
        assert set(excused) <= facts


@pytest.mark.parametrize("dialect", NOT_SAID)
@pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: type(fact).__name__)
def test_a_fact_is_shown_or_there_is_a_reason_why_not(dialect: str, fact: Fact) -> None:
    wire = Wire()
    client(dialect, wire).show(fact)
    assert bool(wire.sent) is (type(fact) not in NOT_SAID[dialect])


@dataclass(frozen=True, slots=True)
class Unheard(Fact):
    """A fact of tomorrow."""


@pytest.mark.parametrize("dialect", NOT_SAID)
def test_a_fact_that_nobody_knows_is_nothing(dialect: str) -> None:
    wire = Wire()
    client(dialect, wire).show(Unheard())
    assert wire.sent == []
