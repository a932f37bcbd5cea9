"""What somebody is shown of each fact, and how often a list is encoded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.member.client import TooSlow
from actors.words.close_reasons import CloseReason
from actors.words.facts import Fact, RoomClosed, RoomView
from actors.words.keys import RoomKey
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
    Rule,
    Standing,
    StandingSet,
    Told,
    Video,
    Written,
)
from api.barertc import wire
from api.barertc.events import BareClient, BareRenderer, ListEncoder
from api.barertc.tokens import Bearer
from api.http.sockets import SocketFull
from tests.support.examples import examples


@dataclass
class Wire:
    """Stands in for a socket; notes what is sent, and how it is closed."""

    sent: list[bytes] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    full: bool = False

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        if self.full:
            raise SocketFull
        self.sent.append(payload)
        self.replaced.append(replace)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = (code, reason)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.sent]


def client(bearer: Bearer | None = None) -> tuple[BareClient, Wire]:
    socket: Any = Wire()
    return BareClient(socket, BareRenderer(), lambda bearer: f"jwt {bearer.name}", bearer), socket


def guest(name: str) -> Person:
    return Person(name, NO_STANDING, "online", Video.OFF, do_not_disturb=False, here_since=7)


HI = Written("lobby", "ann", "<p>hi</p>", 17, 1_700_000_000)
SAID = {
    "action": "message", "channel": "lobby", "username": "ann", "message": "<p>hi</p>", "msgID": 17
}  # fmt: skip
TABLE: list[tuple[Fact, dict[str, Any]]] = [
    (NameGiven("ann 2"), {"action": "me", "username": "ann 2"}),
    (CameraSet("ann", Video(3)), {"action": "me", "username": "ann", "video": 3}),
    (PersonMoved("bob", Movement.JOINED),
     {"action": "presence", "username": "bob", "message": "has joined the room!"}),
    (PersonMoved("bob", Movement.EXITED),
     {"action": "presence", "username": "bob", "message": "has exited the room!"}),
    (PersonMoved("bob", Movement.KICKED),
     {"action": "presence", "username": "bob", "message": "has been kicked from the room!"}),
    (PersonMoved("bob", Movement.BANNED),
     {"action": "presence", "username": "bob", "message": "has been banned!"}),
    (PersonMoved("bob", Movement.TIMED_OUT),
     {"action": "presence", "username": "bob", "message": "has timed out!"}),
    (HI, SAID),
    (Echoed(()), {"action": "echo"}),
    (Echoed((HI,)), {"action": "echo", "messages": [SAID | {"timestamp": "2023-11-14T22:13:20Z"}]}),
    (Told("<b>no</b>"), {"action": "error", "username": "ChatServer", "message": "<b>no</b>"}),
    (Told("hi", "lobby"),
     {"action": "error", "username": "ChatServer", "message": "hi", "channel": "lobby"}),
    (MessageTakenBack(17), {"action": "takeback", "msgID": 17}),
    (ReactionAdded("bob", 17, "❤"),
     {"action": "react", "username": "bob", "msgID": 17, "message": "❤"}),
    (BlockSet("bob"), {"action": "block", "username": "bob"}),
    (CameraRung("bob", "abc"), {"action": "ring", "username": "bob", "openSecret": "abc"}),
    (CameraOpened("bob", "abc"), {"action": "open", "username": "bob", "openSecret": "abc"}),
    (CameraCut(), {"action": "cut"}),
    (Relayed("sdp", "bob", '{"z":1, "a":2}'),
     {"action": "sdp", "username": "bob", "description": '{"z":1, "a":2}'}),
    (Relayed("candidate", "bob", "{ }"),
     {"action": "candidate", "username": "bob", "candidate": "{ }"}),
    (Relayed("watch", "bob"), {"action": "watch", "username": "bob"}),
    (Relayed("unwatch", "bob"), {"action": "unwatch", "username": "bob"}),
    (PeopleListed((guest("ann"),)),
     {"action": "who", "whoList": [
         {"username": "ann", "status": "online", "video": 0, "loginAt": 7, "op": False}]}),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "message"), TABLE, ids=lambda it: type(it).__name__)
def test_a_fact_is_shown_as(fact: Fact, message: dict[str, Any]) -> None:
    shown, socket = client()
    shown.show(fact)
    assert socket.messages == [message]
    assert socket.replaced == ["who" if isinstance(fact, PeopleListed) else ""]


def test_a_changed_token_is_told_with_a_fresh_one_and_a_guest_has_none() -> None:
    shown, socket = client(Bearer("ann", NO_STANDING))
    shown.show(StandingSet("ann", Standing(operator=True, rules=frozenset({Rule.NO_IMAGE}))))
    ping, me = socket.messages
    assert (ping["action"], ping["jwt"], ping["jwtRules"]["IsNoImageRule"]) == (
        "ping", "jwt ann", True,
    )  # fmt: skip
    assert me == {"action": "me", "username": "ann"}
    assert shown.bearer == Bearer("ann", Standing(operator=True, rules=frozenset({Rule.NO_IMAGE})))
    shown, socket = client()
    shown.show(StandingSet("ann", Standing(operator=True)))
    shown.ping()
    assert socket.messages == [{"action": "ping"}]


def test_what_goes_to_many_is_encoded_once() -> None:
    renderer = BareRenderer()
    assert renderer.shared(HI) is renderer.shared(HI)
    other = replace(HI, channel="offtopic")
    assert json.loads(renderer.shared(other))["channel"] == "offtopic"


def test_a_list_is_encoded_once_and_a_person_as_often_as_he_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded: list[str] = []
    real = wire.person

    def counting(whom: Person) -> bytes:
        encoded.append(whom.name)
        return real(whom)

    monkeypatch.setattr(wire, "person", counting)
    lists = ListEncoder()
    people = tuple(guest(f"p{number:03}") for number in range(100))
    first = lists.encode(PeopleListed(people))
    assert lists.encode(PeopleListed(people)) is first
    assert len(encoded) == 100
    changed = (replace(people[0], status="away"), *people[1:])
    lists.encode(PeopleListed(changed))
    assert encoded[100:] == ["p000"]
    lists.encode(PeopleListed(changed, frozenset({"p001"}), (replace(people[2], video=Video(1)),)))
    assert encoded[101:] == ["p002"]


def test_the_lists_of_vips_and_of_others_are_encoded_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = []
    real = wire.person

    def counting(whom: Person) -> bytes:
        encoded.append(whom.name)
        return real(whom)

    monkeypatch.setattr(wire, "person", counting)
    lists = ListEncoder()
    people = tuple(guest(f"p{number}") for number in range(5))
    for others in (people, (*people, guest("q"))):
        vips = (replace(others[0], video=Video(65)), *others[1:])
        first = [lists.encode(PeopleListed(each)) for each in (others, vips)]
        assert [lists.encode(PeopleListed(each)) for each in (others, vips)] == first
        assert lists.encode(PeopleListed(others)) is first[0]
        assert lists.encode(PeopleListed(vips)) is first[1]
    assert encoded == [*(it.name for it in people), "p0", "q"]


NAMES = st.sampled_from(["ann", "bob", "cid", "dee", "eve", '"<&>', ""])
PEOPLE = st.builds(
    Person,
    NAMES,
    st.builds(Standing, nick=NAMES, operator=st.booleans(), vip=st.booleans()),
    st.sampled_from(["online", "away", "hidden"]),
    st.sampled_from([Video(0), Video(1), Video(33)]),
    st.booleans(),
    st.integers(0, 2_000_000_000),
)
LISTS = st.lists(PEOPLE, max_size=6, unique_by=lambda person: person.name).map(tuple)


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(LISTS, st.frozensets(NAMES), LISTS), min_size=1, max_size=5))
def test_a_list_says_what_its_viewer_sees_whatever_was_listed_before(
    rows: list[tuple[tuple[Person, ...], frozenset[str], tuple[Person, ...]]],
) -> None:
    lists = ListEncoder()
    for everybody, unseen, seen_as in rows:
        variants = {person.name: person for person in seen_as}
        expected = [
            json.loads(wire.person(variants.get(person.name, person)))
            for person in everybody
            if person.name not in unseen
        ]
        said = json.loads(lists.encode(PeopleListed(everybody, unseen, seen_as)))
        assert said == {"action": "who", "whoList": expected}


@pytest.mark.parametrize(
    ("reason", "last", "closed"),
    [
        (CloseReason.DROPPED, "disconnect", None),
        (CloseReason.REFUSED, None, None),
        (CloseReason.TOO_SLOW, None, (1008, "connection too slow to keep up with messages")),
        (CloseReason.SHUTTING_DOWN, "error", (1001, "the server is shutting down")),
        (CloseReason.ROOM_CLOSED, None, (1001, "the chat was closed")),
        (CloseReason.EXPIRED, None, (1000, "")),
        (CloseReason.CRASHED, "error", (1011, "session ended")),
    ],
)
def test_the_goodbye(reason: CloseReason, last: str | None, closed: tuple[int, str] | None) -> None:
    shown, socket = client()
    shown.close(reason)
    assert [message["action"] for message in socket.messages] == ([last] if last else [])
    assert socket.closed == closed
    assert shown.ended is reason


def test_nobody_is_told_goodbye_who_is_gone_and_a_closed_room_is_told() -> None:
    shown, socket = client()
    shown.gone = True
    shown.close(CloseReason.DROPPED)
    assert socket.sent == []
    shown, socket = client()
    shown.show(RoomClosed(RoomView(RoomKey("barertc", "site"), "Site", "Room")))
    assert socket.messages[0]["action"] == "error"


def test_a_full_socket_is_too_slow_but_for_the_goodbye() -> None:
    shown, socket = client()
    socket.full = True
    with pytest.raises(TooSlow):
        shown.show(HI)
    shown.close(CloseReason.DROPPED)
    assert shown.ended is CloseReason.DROPPED
