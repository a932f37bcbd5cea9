"""The official samples of SkyWay's gateway, replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from tests.support.skyway import gateway


async def test_the_sequence_of_the_official_samples(tmp_path: Path) -> None:
    """Form content type around JSON, `Accept: */*`, polls that skip all but what they want."""
    async with gateway(tmp_path) as served, served.http() as http:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}

        async def ask(method: str, path: str, body: object = None) -> httpx.Response:
            content = None if body is None else json.dumps(body).encode()
            return await http.request(method, path, content=content, headers=headers)

        async def until(path: str, event: str) -> dict[str, Any]:
            while True:
                response = await ask("GET", path)
                found: dict[str, Any] = response.json() if response.status_code == 200 else {}
                if found.get("event") == event:
                    return found

        async def peer(id_: str) -> str:
            body = {"key": "KEY", "domain": "localhost", "turn": False, "peer_id": id_}
            response = await ask("POST", "/peers", body)
            assert response.status_code == 201
            token: str = response.json()["params"]["token"]
            opened = await until(f"/peers/{id_}/events?token={token}", "OPEN")
            assert opened["params"]["peer_id"] == id_
            return token

        callee_token, caller_token = await peer("data_callee"), await peer("data_caller")
        response = await ask("POST", "/data", {})
        assert response.status_code == 201
        feed = response.json()["data_id"]
        response = await ask("POST", "/data/connections", {
            "peer_id": "data_caller", "token": caller_token,
            "options": {"metadata": "string", "serialization": "NONE",
                        "dcInit": {"ordered": True, "maxPacketLifeTime": 0, "protocol": "string",
                                   "negotiated": False, "id": 0, "priority": "string"}},
            "target_id": "data_callee", "params": {"data_id": feed},
            "redirect_params": {"ip_v4": "127.0.0.1", "port": 10_000},
        })  # fmt: skip
        assert response.status_code == 202
        events = f"/peers/data_callee/events?token={callee_token}"
        theirs = (await until(events, "CONNECTION"))["data_params"]["data_connection_id"]
        await until(f"/data/connections/{theirs}/events", "OPEN")
        body = {"feed_params": {}, "redirect_params": {"ip_v4": "127.0.0.1", "port": 10_001}}
        assert (await ask("PUT", f"/data/connections/{theirs}", body)).status_code == 200
        response = await ask("DELETE", f"/data/connections/{theirs}")
        assert (response.status_code, response.content) == (204, b"")
        for id_, token in (("data_caller", caller_token), ("data_callee", callee_token)):
            assert (await ask("DELETE", f"/peers/{id_}?token={token}")).status_code == 204
