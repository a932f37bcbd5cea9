"""A call can be read out of the log afterwards, by the room's name."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from api.logs.filter import LogFilter
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


def test_a_room_is_found_with_its_type_and_without() -> None:
    entry = {"level": "info", "room": "Conference:all:hands"}
    for name in ("Conference:all:hands", "all:hands", "hands"):
        assert LogFilter(room=name).passes(entry)
    for name in ("blue", "all", "Conference"):
        assert not LogFilter(room=name).passes(entry)
