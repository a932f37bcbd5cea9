"""A call can be read out of the log afterwards, by the room's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog

from api.logs.filter import LogFilter
from tests.support.owt import owt_server
from tests.support.owt_portal import AGENT, connection, guest
from tests.support.spreed import spreed_server


async def test_the_life_of_a_room_is_in_the_log(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as entries:
        async with spreed_server(tmp_path) as server, server.client() as ann:
            await ann.join("blue", "1234")
            async with server.client() as bob:
                await bob.hello("blue", "4321")
                await bob.error()
                await bob.join("blue", "1234")
                await ann.data("Joined")
                await ann.send("Room", {"Name": "blue", "Credentials": {"PIN": ""}})
                await ann.data("Room")
            await ann.data("Left")
    wanted = LogFilter(room="blue")
    told = [
        (entry["event"], entry.get("peer", ""), entry.get("reason", ""))
        for entry in entries
        if wanted.passes({"level": entry["log_level"]} | entry)
    ]
    assert told[:6] == [
        ("room.created", "", ""),
        ("peer.joined", ann.id, ""),
        ("join.refused", bob.id, "wrong_pin"),
        ("peer.joined", bob.id, ""),
        ("room.unlocked", ann.id, ""),
        ("peer.left", bob.id, ""),
    ]
    ended = {entry["peer"]: entry["reason"] for entry in entries if entry["event"] == "peer.ended"}
    assert ended[bob.id] == "disconnected"
    assert "1234" not in json.dumps(entries, default=str)


async def test_the_life_of_a_conference_is_in_the_log(tmp_path: Path) -> None:
    spoken = {"media": {"audio": {"source": "mic"}, "video": False}}
    junk = {"type": "offer", "sdp": "junk"}
    with structlog.testing.capture_logs() as entries:
        async with owt_server(tmp_path) as server:
            room = (await server.manager().create_room())["_id"]
            async with guest(server, room) as ann:
                one, two = [(await ann.ok("publish", spoken))["id"] for _ in range(2)]
                await ann.ok("soac", {"id": one, "signaling": junk})
                await ann.told("progress", id=one, status="error")
                await ann.ok("unpublish", {"id": two})
                await ann.ok("logout")
                await ann.client.gone()
            async with connection(server) as bob:
                await bob.refused("login", {"token": "x", "userAgent": AGENT, "protocol": "1.1"})
            async with connection(server) as cat:
                await cat.refused("login", {"token": ["x"], "secret": "x"})
    wanted = LogFilter(room=room)
    told = [
        (entry["event"], entry.get("peer", ""), entry.get("session", ""), entry.get("reason", ""))
        for entry in entries
        if wanted.passes({"level": entry["log_level"]} | entry)
    ]
    assert told[:5] == [
        ("room.created", "", "", ""),
        ("peer.joined", ann.id, "", ""),
        ("session.ended", ann.id, one, "bad_offer"),
        ("session.ended", ann.id, two, "removed"),
        ("peer.left", ann.id, "", ""),
    ]
    [ended] = [entry for entry in entries if entry.get("session") == one]
    assert ended["detail"] == "not a session description"
    assert all(entry["dialect"] == "owt" for entry in entries if "room" in entry)
    refused = [entry for entry in entries if entry["event"] == "login.refused"]
    assert [entry["reason"] for entry in refused] == ["Invalid token signature", "bad request"]
    assert {entry["address"] for entry in refused} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "actor",
    [
        "/conferencing/rooms/owt:blue%20tea",
        "/conferencing/rooms/owt:blue%20tea/recording:5",
        "/rooms/owt:blue%20tea",  # in logs of former versions
    ],
)
def test_a_room_is_found_by_what_happens_in_its_actor(actor: str) -> None:
    entry = {"level": "error", "event": "actor.crashed", "actor": actor}
    assert LogFilter(room="blue tea").passes(entry)
    for name in ("blue", "owt", "recording:5", "5"):
        assert not LogFilter(room=name).passes(entry)


def test_a_room_is_found_with_its_type_and_without() -> None:
    entry = {"level": "info", "room": "Conference:all:hands"}
    for name in ("Conference:all:hands", "all:hands"):
        assert LogFilter(room=name).passes(entry)
    for name in ("hands", "blue", "all", "Conference"):
        assert not LogFilter(room=name).passes(entry)
