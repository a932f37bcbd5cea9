"""The operator who gives orders by REST to a server of all dialects, and reads its log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import trio

from actors.words.keys import MemberKey, RoomKey
from api.operator.ids import person_id, room_id
from tests.support.levels import BEARER, OPERATOR_TOKEN
from tests.support.owt import KEYS, SAMPLE
from tests.support.server_process import ServerProcess

CONFIG = f"""
dialects = ["spreed", "owt", "peerjs", "barertc", "skyway", "operator"]
root = "spreed"
[operator]
token = "{OPERATOR_TOKEN}"
closed_seconds = 3600.0
[limits]
messages_per_second = 0
[barertc]
messages_per_second = 0
[ice]
listen_ips = ["127.0.0.1"]
[owt]
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
"""
PATIENCE = 60.0
NETWORK = "127.0.0.0/24"  # of whoever orders: as much as log.addresses shows by default


@dataclass
class Operator:
    """Gives orders by REST, as somebody who calls herself Olga, and reads the log."""

    server: ServerProcess
    http: httpx.AsyncClient

    async def order(
        self, method: str, path: str, status: int, body: object = None
    ) -> dict[str, Any]:
        answer = await self.http.request(method, f"/-{path}", json=body)
        assert answer.status_code == status, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(answer.json()) if answer.content else {}

    async def close(self, key: RoomKey, reason: str = "Repairs", **more: object) -> float:
        """Close a room; return until when."""
        path = f"/rooms/{room_id(key)}/close"
        answer = await self.order("POST", path, 202, {"reason": reason} | more)
        assert answer["id"] == room_id(key)
        return float(answer["closed_until"])

    async def open(self, key: RoomKey) -> None:
        await self.order("DELETE", f"/closed/{room_id(key)}", 204)

    async def put_out(self, key: MemberKey, reason: str = "Sorry") -> None:
        await self.order("POST", f"/people/{person_id(key)}/put-out", 202, {"reason": reason})

    async def peer_of(self, name: str) -> str:
        """Return the id of somebody of that name, once the operator is shown who that is."""
        with trio.fail_after(PATIENCE):  # looks are shared for a moment
            while True:
                people = (await self.order("GET", "/people?per_page=500", 200))["people"]
                for each in people:
                    if each["name"] == name:
                        return str(each["peer"])
                await trio.sleep(0.05)

    def said(self, event: str, **values: object) -> list[dict[str, Any]]:
        """Return the log lines of this event that have these values, up to now."""
        lines = [json.loads(line) for line in self.server.output if line.startswith("{")]
        return [
            line for line in lines if line.get("event") == event and values.items() <= line.items()
        ]

    async def until_said(self, event: str, **values: object) -> dict[str, Any]:
        """Return the first log line of this event that has these values."""
        with trio.fail_after(PATIENCE):
            while not (found := self.said(event, **values)):
                await trio.sleep(0.02)
        return found[0]


@asynccontextmanager
async def ordering(server: ServerProcess) -> AsyncIterator[Operator]:
    """The operator with a connection of hers."""
    headers = BEARER | {"X-Operator": "Ölga"}
    encoded = {name: value.encode() for name, value in headers.items()}
    async with httpx.AsyncClient(
        base_url=server.url, headers=encoded, timeout=PATIENCE, verify=False
    ) as http:
        yield Operator(server, http)


def websocket(server: ServerProcess, path: str) -> str:
    return f"ws://127.0.0.1:{server.port}{path}"
