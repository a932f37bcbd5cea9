"""What is refused whatever is asked for: in the one form of errors, over both carriers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import CARRIERS
from tests.support.skyway import Gateway, StrictClient, gateway

NOBODY = "dc-4995f372-fb6a-4196-b30a-ce11e5c7f56c"


async def ask_all(served: Gateway, client: StrictClient, status: int, **request: Any) -> None:
    for method, path, command in (
        ("POST", "/peers", "PEERS_CREATE"), ("POST", "/data", "DATA_CREATE"),
        ("POST", "/media", "MEDIA_CREATE"), ("POST", "/media/rtcp", "RTCP_CREATE"),
        ("POST", "/data/connections", "DATA_CONNECTION_CREATE"),
        ("POST", "/media/connections", "MEDIA_CONNECTION_CREATE"),
        ("PUT", f"/data/connections/{NOBODY}", "DATA_CONNECTION_PUT"),
    ):  # fmt: skip
        await client.refused(status, command, method, path, **request)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_large_bodies_are_refused_in_the_form_of_errors(tmp_path: Path, carrier: str) -> None:
    limits = {"body_bytes": 1000}
    async with gateway(tmp_path, carrier, limits=limits) as served, served.strict() as client:
        await ask_all(served, client, 413, body=b'{"a":"' + b"x" * 1000 + b'"}')


async def test_full_is_503_in_the_form_of_errors(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path, peers=2, connections_per_peer=1) as served,
        served.strict() as client,
    ):
        peer, other = await client.opened_peer("a"), await client.opened_peer("b")
        body = {"key": "k", "domain": "d"}
        found = await client.refused(503, "PEERS_CREATE", "POST", "/peers", body)
        assert list(found) == ["peer_id"]
        await client.connect(peer, "b")
        body = {"peer_id": "a", "token": peer.token, "target_id": "b"}
        path = "/data/connections"
        await client.refused(503, "DATA_CONNECTION_CREATE", "POST", path, body)
        await client.delete_peer(other)
        await client.opened_peer("c")


async def test_one_address_leaves_ports_to_the_others(tmp_path: Path) -> None:
    keys = [{"key": "k"}]
    limits = {"trusted_proxies": ["127.0.0.1"]}
    async with (
        gateway(tmp_path, limits=limits, api_keys=keys, sockets_per_address=3) as served,
        served.strict() as here,
    ):
        one, other = (
            StrictClient(here.http, {"X-Forwarded-For": f"192.0.2.{number}"}) for number in (1, 2)
        )

        async def opened(client: StrictClient, path: str = "/data") -> Any:
            answer = await client.ask("POST", path, {})
            assert answer.status_code == 201
            return answer.json()

        first, *_ = [await opened(one, path) for path in ("/data", "/media/rtcp", "/data")]
        found = await one.refused(503, "DATA_CREATE", "POST", "/data", {})
        assert found == {"port": "no port is free"}
        for client in (other, here, here, here, here):
            await opened(client)
        assert (await one.ask("DELETE", f"/data/{first['data_id']}")).status_code == 204
        await opened(one)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_other_paths_and_methods_are_refused_in_the_form_of_errors(
    tmp_path: Path, carrier: str
) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        for status, command, method, path in (
            (404, "UNKNOWN", "GET", "/"),
            (405, "PEERS_DELETE", "GET", "/peers/a/b/c"),  # an id may hold slashes
            (405, "PEERS_CREATE", "GET", "/peers"),
            (405, "PEERS_DELETE", "POST", "/peers/a"),
            (405, "PEERS_EVENTS", "PUT", "/peers/a/events"),
            (405, "PEERS_DELETE", "DELETE", "/peers/a/status?token=x"),
            (405, "PEERS_CREDENTIAL_UPDATE", "GET", "/peers/a/credential"),
            (405, "DATA_CREATE", "GET", "/data"),
            (405, "DATA_CREATE", "OPTIONS", "/data"),
            (405, "MEDIA_CONNECTION_PLI", "GET", f"/media/connections/{NOBODY}/pli"),
            (404, "MEDIA_CONNECTION_DELETE", "GET", f"/media/connections/{NOBODY}/nothing"),
        ):
            await client.refused(status, command, method, path)


async def test_pages_of_other_sites_are_kept_away(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.http() as http:
        page = StrictClient(http, {"Origin": "https://evil.example"})
        found = await page.refused(403, "DATA_CREATE", "POST", "/data", {})
        assert list(found) == ["origin"]
        own = StrictClient(http, {"Origin": served.serving.url})
        await own.data()


async def test_nothing_new_begins_while_the_server_goes(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        await served.services.lifecycle.drain(0, 5)
        body = {"key": "k", "domain": "d"}
        await client.refused(503, "PEERS_CREATE", "POST", "/peers", body)
        await client.refused(503, "DATA_CREATE", "POST", "/data", {})
