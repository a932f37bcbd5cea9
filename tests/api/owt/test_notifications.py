"""Facts as notifications of the portal, in both versions of its protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from actors.words.conference_refusals import (
    NotAllowed,
    ParticipantUnknown,
    SessionUnknown,
    TargetUnsatisfying,
    TrackUnknown,
)
from actors.words.facts import (
    Dropped,
    Fact,
    Joined,
    MediaLost,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PermissionSet,
    Presence,
    RoomClosed,
    RoomView,
    Said,
    SessionAnswered,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.keys import RoomKey
from actors.words.permission import NO_MEDIA, Abilities, Permission
from actors.words.refusals import Busy, RoomFull
from actors.words.streams import AudioFormat, AudioTrack, SessionEnd, Stream
from actors.words.views import Area, MixedStream, PlacedRegion, Region
from api.owt.portal.errors import ENDS, words_for
from api.owt.portal.notifications import PortalRenderer, notifications, welcome
from api.owt.stream_info import Version, stream_info

STREAM = Stream("17", "ann", AudioTrack("mic", AudioFormat("opus", 48000, 2)), None)
HELD = replace(STREAM, audio=AudioTrack("mic", AudioFormat("opus", 48000, 2), active=False))
ALL = Region("1", Area(Fraction(0), Fraction(0), Fraction(1), Fraction(1)))
MIX = MixedStream("room-common", "common", STREAM.audio, None, (PlacedRegion(ALL, "17"),))
CARD = Presence("bob", "Bob", role="presenter")
VIEW = RoomView(RoomKey("owt", "0" * 24), "room", "Conference")
END = "Access node exited unexpectedly"

TABLE: list[tuple[Fact, list[tuple[str, Any]]]] = [
    (
        PeerJoined(CARD),
        [
            (
                "participant",
                {"action": "join", "data": {"id": "bob", "user": "Bob", "role": "presenter"}},
            )
        ],
    ),
    (PeerLeft("bob", True), [("participant", {"action": "leave", "data": "bob"})]),
    (
        Said("bob", None, "hi"),
        [("text", {"from": "bob", "to": "all", "message": "hi"})],
    ),
    (
        Said("bob", "ann", "é😀"),
        [("text", {"from": "bob", "to": "me", "message": "é😀"})],
    ),
    (
        StreamAdded(STREAM),
        [("stream", {"id": "17", "status": "add", "data": stream_info(STREAM)})],
    ),
    (StreamRemoved("17"), [("stream", {"id": "17", "status": "remove"})]),
    (
        StreamChanged(HELD, "audio.status"),
        [
            (
                "stream",
                {
                    "id": "17",
                    "status": "update",
                    "data": {"field": "audio.status", "value": "inactive"},
                },
            )
        ],
    ),
    (
        StreamChanged(MIX, "activeInput"),
        [
            (
                "stream",
                {
                    "id": "room-common",
                    "status": "update",
                    "data": {"field": "activeInput", "value": "unknown"},
                },
            )
        ],
    ),
    (
        StreamChanged(MIX, "video.layout"),
        [
            (
                "stream",
                {
                    "id": "room-common",
                    "status": "update",
                    "data": {
                        "field": "video.layout",
                        "value": stream_info(MIX)["info"]["layout"],
                    },
                },
            )
        ],
    ),
    (
        StreamChanged(STREAM, "."),
        [
            (
                "stream",
                {
                    "id": "17",
                    "status": "update",
                    "data": {"field": ".", "value": stream_info(STREAM)},
                },
            )
        ],
    ),
    (
        SessionAnswered("17", "v=0"),
        [("progress", {"id": "17", "status": "soac", "data": {"type": "answer", "sdp": "v=0"}})],
    ),
    (SessionReady("17"), [("progress", {"id": "17", "status": "ready"})]),
    (
        SessionEnded("17", SessionEnd.SOURCE_LOST),
        [("progress", {"id": "17", "status": "error", "data": "Source stream loss"})],
    ),
    (
        SessionEnded("17", SessionEnd.BAD_OFFER, "not all sections are bundled"),
        [
            (
                "progress",
                {
                    "id": "17",
                    "status": "error",
                    "data": "Invalid offer sdp: not all sections are bundled",
                },
            )
        ],
    ),
    (
        SessionEnded("17", SessionEnd.DTLS_FAILED),
        [("progress", {"id": "17", "status": "error", "data": "Dtls procedure failed."})],
    ),
    (SessionEnded("17", SessionEnd.REMOVED), []),
    (
        MediaLost(("1", "2"), ("3",)),
        [
            ("progress", {"id": "3", "status": "error", "data": END}),
            ("stream", {"id": "1", "status": "remove"}),
            ("stream", {"id": "2", "status": "remove"}),
        ],
    ),
    (Dropped(), [("drop", None)]),
    (RoomClosed(VIEW), [("drop", None)]),
    (PermissionSet(NO_MEDIA), []),
    (PeerChanged(CARD), []),
]


def told(fact: Fact, version: Version = "1.1") -> list[tuple[str, Any]]:
    return [
        (name, None if data is None else json.loads(data))
        for name, data in notifications(fact, version)
    ]


@pytest.mark.parametrize(("fact", "expected"), TABLE, ids=lambda it: type(it).__name__)
def test_a_fact_is_told(fact: Fact, expected: list[tuple[str, Any]]) -> None:
    assert told(fact) == expected


def test_the_older_protocol_has_its_own_streams() -> None:
    ((_, added),) = told(StreamAdded(STREAM), "1.0")
    assert added["data"] == stream_info(STREAM, "1.0")


def test_every_end_of_a_session_has_words() -> None:
    assert set(ENDS) == set(SessionEnd)


def test_a_fact_is_rendered_once_for_all_of_one_version() -> None:
    renderer, fact = PortalRenderer(), StreamAdded(STREAM)
    new, old = renderer.render(fact, "1.1"), renderer.render(fact, "1.0")
    assert renderer.render(fact, "1.1") is new
    assert renderer.render(fact, "1.0") is old
    assert renderer.render(StreamAdded(HELD), "1.1") != new


def test_a_login_is_answered_with_everything_in_the_room() -> None:
    may = Permission(Abilities(True, False), Abilities(True, True))
    me = Presence("ann", "Ann", role="presenter", permission=may)
    joined = Joined("", VIEW, (CARD, me), 1, (STREAM,))
    streams = PortalRenderer().streams(joined.streams, "1.1")
    answer = welcome(me, joined, streams, ("common",), "a ticket")
    assert json.loads(msgspec.json.encode(answer)) == {
        "id": "ann",
        "user": "Ann",
        "role": "presenter",
        "permission": {
            "publish": {"audio": True, "video": False},
            "subscribe": {"audio": True, "video": True},
        },
        "room": {
            "id": "0" * 24,
            "views": ["common"],
            "participants": [
                {"id": "bob", "user": "Bob", "role": "presenter"},
                {"id": "ann", "user": "Ann", "role": "presenter"},
            ],
            "streams": [stream_info(STREAM)],
        },
        "reconnectionTicket": "a ticket",
    }


def test_a_list_of_streams_is_encoded_once_for_all_who_come() -> None:
    renderer = PortalRenderer()
    first = renderer.streams((STREAM,), "1.1")
    assert renderer.streams((STREAM,), "1.1") is first
    assert renderer.streams((STREAM,), "1.0") is not first
    assert renderer.streams((STREAM,), "1.1") is first
    assert json.loads(renderer.streams((HELD,), "1.1")) == [stream_info(HELD)]
    assert renderer.streams((), "1.1") == b"[]"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (NotAllowed(), "unauthorized"),
        (RoomFull(), "Room is full"),
        (ParticipantUnknown("bob"), "Target participant does NOT exist: bob"),
        (SessionUnknown(), "Session 17 does NOT exist"),
        (TrackUnknown(), "Stream does NOT contain valid track to mute/unmute"),
        (
            TargetUnsatisfying("video", "resolution"),
            "Target video stream does NOT satisfy:Resolution is not acceptable",
        ),
        (
            TargetUnsatisfying("audio", "stream"),
            "Target audio stream does NOT satisfy:Requested audio stream",
        ),
        (Busy(), "The server is busy, try again"),
    ],
)
def test_refusals_have_the_words_of_the_sheet(refusal: Any, words: str) -> None:
    assert words_for(refusal, "17") == words
