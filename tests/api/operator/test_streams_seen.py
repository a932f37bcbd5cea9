"""What is made of the facts of rooms, members, calls and connections."""

from __future__ import annotations

from typing import Any

import pytest

from actors.core import Glimpse
from actors.words.keys import MemberKey, RoomKey
from actors.words.quality import Rating
from api.operator.overview.rooms import with_known
from api.operator.overview.seen import call_seen, member_seen, rate, room_seen, shown_name
from api.operator.overview.streams import StreamSeen, quality_of, streams_of
from api.operator.overview.summary import loss_of
from media.contract.stats import SourceCounts, SourceStats

NOW = 1_800_000_000.0  # when Trio's clock began
ROOM = {
    "realm": "spreed", "name": "Room:tea", "title": "Tea", "type": "Room", "dialect": "spreed",
    "members": 2, "locked": True, "streams": 0, "recordings": 0,
}  # fmt: skip


def glimpse(path: str, kind: str, **facts: Any) -> Glimpse:
    return Glimpse(path, kind, 60.0, facts)


def tea() -> Any:
    return room_seen(glimpse("/conferencing/rooms/spreed:Room%3Atea", "room", **ROOM), NOW)


def source(fraction: float | None = 0.2, **more: Any) -> dict[str, Any]:
    values = {"id": "p1/in/0", "kind": "video", "codec": "vp8", "bitrate": 5e5, "jitter": 0.004}
    return {**values, "lost": 9, "fraction_lost": fraction, "counts": {"packets": 100}, **more}


def leg(fraction: float | None = 0.05, **more: Any) -> dict[str, Any]:
    told = {"lost": 3, "fraction_lost": fraction, "jitter": 0.01, "round_trip": 0.3, "limit": None}
    values = {"id": "s1/out/0", "kind": "audio", "codec": "opus", "bitrate": 3e4}
    return {**values, "receiver": told, "state": "flowing", **more}


@pytest.mark.parametrize(
    ("name", "type_", "shown"),
    [
        ("Room:tea", "Room", "tea"),
        ("Room:", "Room", ""),
        ("a%3Ab:x:y", "a:b", "x:y"),
        ("64ab", "Room", "64ab"),
        ("Roommate", "Room", "Roommate"),
        ("Conference:Room:x", "Conference", "Room:x"),
        ("Room:tea", "", "Room:tea"),
    ],
)
def test_a_room_is_shown_without_the_type_in_front(name: str, type_: str, shown: str) -> None:
    assert shown_name(name, type_) == shown


def test_a_room_is_as_its_actor_tells() -> None:
    room = tea()
    assert room.key == RoomKey("spreed", "Room:tea")
    assert (room.name, room.title, room.people, room.locked) == ("tea", "Tea", 2, True)
    assert (room.since, room.quality) == (NOW + 60, None)


def test_an_actor_that_cannot_tell_is_shown_all_the_same() -> None:
    failed = {"snapshot_failed": "room.py:12"}
    room = room_seen(glimpse("/conferencing/rooms/spreed:a", "room", **failed), NOW)
    person = member_seen(glimpse("/conferencing/members/spreed:b", "peer", **failed), {}, NOW)
    assert (room.name, room.people, room.shown()["quality"]) == ("a", 0, None)
    assert (person.key.id, person.shown()["address"], person.room) == ("b", None, None)


def test_a_member_is_as_it_tells_with_what_it_tells_besides() -> None:
    quality = {"rating": "bad", "loss": 0.2}
    told = {
        "dialect": "spreed", "room": "spreed:Room%3Atea", "name": "Ann", "user": "ann@shop",
        "address": "192.0.2.0/24", "device": "Firefox", "since": NOW - 7, "away": True,
        "quality": quality,
    }  # fmt: skip
    room = tea()
    seen = glimpse("/conferencing/members/spreed:x1", "peer", **told)
    person = member_seen(seen, {room.key: room}, NOW)
    assert (person.room, person.room_name, person.name) == (room.key, "tea", "Ann")
    assert (person.room_title, member_seen(seen, {}, NOW).room_title) == ("Tea", "")
    assert (person.since, person.away, person.rating) == (NOW - 7, True, Rating.BAD)
    shown = person.shown()
    assert (shown["peer"], shown["room"], shown["quality"]) == ("x1", room.id, quality)
    assert (shown["address"], shown["device"]) == ("192.0.2.0/24", "Firefox")


def test_a_call_is_somebody_once_it_is_in_the_room() -> None:
    told = {"dialect": "sip", "member": "SipIn1", "name": "+4930", "device": "telephone"}
    path = "/conferencing/rooms/owt:r/call:SipIn1"
    assert call_seen(glimpse(path, "sip_call", incoming=False, **told), tea(), NOW) is None
    for state in ({"incoming": True}, {"incoming": False, "agreed": True}):
        call = call_seen(
            glimpse(path, "sip_call", codecs={"audio": "opus"}, **state, **told), tea(), NOW
        )
        assert call is not None
        assert call.key == MemberKey("spreed", "SipIn1")
        assert (call.name, call.dialect, call.streams) == ("+4930", "sip", 1)
        assert call.shown()["room_title"] == "Tea"


def test_a_room_is_as_good_as_the_worst_of_its_people() -> None:
    assert rate(tea(), []).quality is None
    assert rate(tea(), [Rating.GOOD, Rating.BAD, Rating.FAIR]).quality is Rating.BAD
    assert rate(tea(), [Rating.GOOD, Rating.FAIR]).shown()["quality"] == "fair"


def test_a_connection_gives_what_comes_and_what_goes() -> None:
    seen = glimpse("/r/p1", "connection", sources=[source()], legs=[leg(state="paused")])
    comes, goes = streams_of(seen)
    assert (comes.id, comes.kind, comes.direction, comes.bits) == ("p1", "video", "in", 5e5)
    assert (comes.loss, comes.jitter, comes.round_trip) == (0.2, 0.004, None)
    assert (goes.direction, goes.loss, goes.round_trip, goes.muted) == ("out", 0.05, 0.3, True)
    assert list(streams_of(glimpse("/r/p1", "connection", state="new"))) == []
    assert list(streams_of(glimpse("/r/x", "recording", sources={"audio": "p1"}))) == []


def test_a_device_has_media_and_data() -> None:
    comes = {"packets": 100, "bytes": 9, "bitrate": 8_000, "fraction_lost": 0.1, "jitter": 0.001}
    goes = {**comes, "bitrate": 9_000, "fraction_lost": None, "jitter": None, "round_trip": 0.2}
    medium = {"kind": "audio", "codec": "opus", "in": comes, "out": goes}
    found = list(streams_of(glimpse("/m/mc-1", "media_connection", media=[medium])))
    told = [(it.direction, it.bits, it.loss, it.round_trip) for it in found]
    assert told == [("in", 9_000, None, 0.2), ("out", 8_000, 0.1, None)]  # it sends what goes
    [data] = streams_of(glimpse("/m/dc-1", "data_connection", incoming=True))
    assert (data.kind, data.direction, data.bits) == ("data", "in", None)


def test_what_a_device_sends_is_as_good_as_the_worse_of_its_two_ways() -> None:
    flow = {"packets": 100, "bytes": 9, "bitrate": 8_000, "fraction_lost": 0.1, "jitter": 0.001}
    fed = {**flow, "bitrate": 9_000, "fraction_lost": 0.2, "jitter": 0.0}
    medium = {"kind": "audio", "codec": "opus", "in": None, "out": flow, "fed": fed}
    for ways in (medium, {**medium, "out": {**flow, "fraction_lost": 0.2}, "fed": flow}):
        [sends] = streams_of(glimpse("/m/mc-1", "media_connection", media=[ways]))
        assert (sends.direction, sends.bits, sends.loss, sends.jitter) == ("in", 8_000, 0.2, 0.001)


def test_the_loss_of_all_is_the_part_of_what_was_sent() -> None:
    def comes(bitrate: float, loss: float | None) -> SourceStats:
        return SourceStats("p1", "audio", "opus", 1, 0, 0, loss, 0, 0.0, bitrate, SourceCounts())

    half, whole = comes(500.0, 0.5), comes(1000.0, 0.0)  # each of them sends 1000
    assert loss_of((half, whole, comes(9.0, None), comes(0.0, 1.0))) == 0.25
    for nothing in ((), (comes(9.0, None),), (comes(0.0, 0.5),)):
        assert loss_of(nothing) is None


def test_quality_is_the_worst_of_the_streams_as_the_person_has_it() -> None:
    streams = [
        StreamSeen("p", "video", "in", bits=500.0, loss=0.01, jitter=0.002),
        StreamSeen("s", "audio", "out", bits=30.0, loss=0.2, jitter=0.03, round_trip=0.1),
        StreamSeen("d", "data", "out"),
    ]
    quality = quality_of(streams, 2, NOW)
    assert quality is not None
    assert (quality.loss, quality.round_trip, quality.jitter) == (0.2, 0.1, 0.03)
    assert (quality.bits_in, quality.bits_out, quality.connections) == (30.0, 500.0, 2)
    assert quality.rating is Rating.BAD
    assert quality_of(streams[2:], 1, NOW) is None


def test_a_room_tells_besides_what_is_muted_and_what_was_not_measured() -> None:
    measured = [
        StreamSeen("s", "audio", "out", bits=1.0),
        StreamSeen("p", "video", "in", bits=2.0, person="me"),
    ]
    known = [
        StreamSeen("p", "video", "in", muted=True, person="me"),
        StreamSeen("q", "audio", "in", muted=False),
    ]
    found = with_known(measured, known)
    assert [(it.id, it.direction) for it in found] == [("q", "in"), ("p", "in"), ("s", "out")]
    assert (found[1].bits, found[1].muted) == (2.0, True)
