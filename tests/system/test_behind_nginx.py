"""The nginx of the guide, started in front of a real server."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from tests.support import nginx
from tests.support.operators_paths import reach_the_operators_paths
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_portal import WAYS, Elsewhere, guest, token
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

TRUSTED = '[limits]\ntrusted_proxies = ["127.0.0.1/32", "::1/128"]\n'
Start = Callable[..., str]
PATIENCE = 60.0


@pytest.fixture
def behind_nginx(tmp_path: Path) -> Iterator[Start]:
    """Start a server with a config, and nginx in front of it; gives nginx's URL."""
    with ExitStack() as stack:

        def start(config: str, *locations: str, port: int = 0) -> str:
            server = stack.enter_context(ServerProcess(tmp_path, config=config))
            port = port or free_port()
            upstream = f"127.0.0.1:{server.port}"
            file = nginx.write_config(tmp_path, list(locations), port=port, upstream=upstream)
            stack.enter_context(nginx.serving(file))
            return f"https://127.0.0.1:{port}"

        yield start


def through_nginx(url: str, folder: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, verify=nginx.trusting(folder), timeout=PATIENCE)


async def first_document(url: str, folder: Path, origin: str) -> dict[str, object]:
    """Connect as a browser of that origin and return the document with which the server begins."""
    headers = [("Origin", origin)]
    with trio.fail_after(PATIENCE):
        async with open_websocket_url(
            url.replace("https", "wss", 1), nginx.trusting(folder), extra_headers=headers
        ) as socket:
            return dict(json.loads(await socket.get_message())["Data"])


@pytest.mark.parametrize(
    "locations",
    [
        ["location /"],
        ["location /meet/", "location ~ ^/(socket"],
        ["location /", "location ^~ /-/"],
    ],
    ids=str,
)
def test_configuration_of_the_guide_is_accepted(tmp_path: Path, locations: list[str]) -> None:
    config = nginx.write_config(tmp_path, locations, port=8443, upstream="127.0.0.1:8080")
    done = nginx.check(config)
    assert done.returncode == 0, done.stderr


async def test_websocket_and_rest_work_through_nginx(behind_nginx: Start, tmp_path: Path) -> None:
    base = behind_nginx(TRUSTED, "location /", "location ^~ /-/")
    assert (await first_document(f"{base}/ws", tmp_path, base))["Type"] == "Self"
    async with through_nginx(base, tmp_path) as http:
        room = (await http.post("/api/v1/rooms")).json()
        assert room["url"] == f"{base}/{room['name']}"
        assert (await http.get(f"/{room['name']}")).status_code == 200
        assert (await http.get("/-/healthz")).status_code == 404


async def test_path_below_a_host_works_through_nginx(behind_nginx: Start, tmp_path: Path) -> None:
    below = TRUSTED + '[spreed]\nbase_path = "/meet/"\n'
    base = behind_nginx(below, "location /meet/", "location ~ ^/(-")
    assert (await first_document(f"{base}/meet/ws", tmp_path, base))["Type"] == "Self"
    async with through_nginx(base, tmp_path) as http:
        room = (await http.post("/meet/api/v1/rooms")).json()
        assert room["url"] == f"{base}/meet/{room['name']}"
        assert (await http.get(f"/meet/{room['name']}")).status_code == 200
        assert (await http.get("/meet/-/healthz")).status_code == 404
        await reach_the_operators_paths(http)


async def test_page_of_another_site_is_kept_out(behind_nginx: Start, tmp_path: Path) -> None:
    base = behind_nginx(TRUSTED, "location /")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "https://elsewhere.example",
    }
    async with through_nginx(base, tmp_path) as http:
        assert (await http.get("/ws", headers=upgrade)).status_code == 403


def owt(port: int) -> str:
    """Configure the server as it is seen through nginx, with one ping a second."""
    return (
        f'{TRUSTED}[owt]\nsample_service_id = "{SAMPLE}"\nsample_service_key = "{KEYS[SAMPLE]}"\n'
        f'portal_host = "127.0.0.1:{port}"\nportal_secure = true\nping_seconds = 1.0\n'
    )


@pytest.mark.parametrize(
    "locations", [["location /"], ["location /meet/", "location ~ ^/(socket"]], ids=str
)
async def test_conferences_work_through_nginx(
    behind_nginx: Start, tmp_path: Path, locations: list[str]
) -> None:
    port = free_port()
    base = behind_nginx(owt(port), *locations, port=port)
    server = Elsewhere(base, nginx.trusting(tmp_path))
    room = (await server.manager().create_room())["_id"]
    told = json.loads(base64.b64decode(await token(server, room)))
    assert (told["host"], told["secure"]) == (f"127.0.0.1:{port}", True)
    async with guest(server, room, "bob") as bob:
        for version, way in WAYS:
            async with guest(server, room, version=version, way=way) as ann:
                await ann.ok("text", {"to": "all", "message": "é😀" * 1000})
                await bob.told("text", message="é😀" * 1000)
                await ann.told("text", message="é😀" * 1000)
                waits = []  # what a proxy keeps back goes with the next ping, a second later
                for number in range(5):
                    began = time.monotonic()
                    await bob.ok("text", {"to": ann.id, "message": f"at once {number}"})
                    await ann.told("text", message=f"at once {number}")
                    waits.append(time.monotonic() - began)
                assert median(waits) < 0.5, waits
                await ann.ok("logout")
                assert await ann.client.gone() == "disconnect"
        await trio.sleep(3)  # and a few pings
        await bob.ok("refreshReconnectionTicket")


async def test_pages_of_other_sites_use_portal_and_api_through_nginx(
    behind_nginx: Start, tmp_path: Path
) -> None:
    base = behind_nginx(TRUSTED, "location /")
    origin = {"Origin": "https://app.example"}
    asked = {"Access-Control-Request-Method": "PATCH"}
    async with through_nginx(base, tmp_path) as http:
        polled = await http.get("/socket.io/?EIO=3&transport=polling", headers=origin)
        allowed = await http.options("/v1/rooms/x", headers=origin | asked)
    assert polled.headers["access-control-allow-origin"] == "https://app.example"
    assert polled.headers["access-control-allow-credentials"] == "true"
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
