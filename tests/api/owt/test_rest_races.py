"""Two who manage rooms at a time, and rooms that do not end as they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.store_records import ConferenceRecord
from actors.store_tables import MemoryTables
from tests.api.owt.test_rest_rooms import trouble
from tests.support.owt import OwtServer, owt_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path) as server:
        yield server


def beside(server: OwtServer, monkeypatch: pytest.MonkeyPatch, *others: Any) -> None:
    """Have the store do something else first whenever a room is about to be replaced."""
    left, real = list(others), MemoryTables.replace_conference

    def replace(tables: MemoryTables, record: ConferenceRecord, before: bytes) -> bool:
        if left:
            left.pop(0)(tables, record)
        return real(tables, record, before)

    monkeypatch.setattr(MemoryTables, "replace_conference", replace)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_does_not_bring_a_deleted_room_back(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    beside(server, monkeypatch, lambda tables, record: tables.drop_conference(record.id))
    body: Any = {"inputLimit": 5}
    if method == "PATCH":
        body = [{"op": "replace", "path": "/inputLimit", "value": 5}]
    answer = await manager.ask(method, f"/v1/rooms/{room}", body)
    assert trouble(answer)[:2] == (404, 1003)
    assert (await manager.ask("GET", "/v1/rooms")).json() == []


async def test_of_two_changes_at_once_both_are_made(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]

    def rename(tables: MemoryTables, record: ConferenceRecord) -> None:
        known = tables.get_conference(record.id)
        assert known is not None
        document = json.dumps(json.loads(known.document) | {"name": "renamed"}).encode()
        tables.put_conference(replace(known, name="renamed", document=document))

    beside(server, monkeypatch, rename)
    answer = await manager.ask("PUT", f"/v1/rooms/{room}", {"inputLimit": 5})
    assert (answer.json()["name"], answer.json()["inputLimit"]) == ("renamed", 5)
    assert (await manager.ask("GET", f"/v1/rooms/{room}")).json()["inputLimit"] == 5


async def test_who_is_never_fast_enough_is_told_to_try_again(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]

    def touch(tables: MemoryTables, record: ConferenceRecord) -> None:
        known = tables.get_conference(record.id)
        assert known is not None
        tables.put_conference(replace(known, document=known.document + b" "))

    beside(server, monkeypatch, *[touch] * 20)
    assert (await manager.ask("PUT", f"/v1/rooms/{room}", {"inputLimit": 5})).status_code == 503
