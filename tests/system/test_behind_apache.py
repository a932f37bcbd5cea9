"""The Apache of the guide, started in front of a real server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from tests.support import apache
from tests.support.operators_paths import reach_the_operators_paths
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_portal import WAYS, Elsewhere, guest, token
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

TRUSTED = '[limits]\ntrusted_proxies = ["127.0.0.1/32", "::1/128"]\n'
Start = Callable[..., str]
PATIENCE = 60.0


@pytest.fixture
def behind_apache(tmp_path: Path) -> Iterator[Start]:
    """Start a server with a config, and Apache in front of it; gives Apache's URL."""
    with ExitStack() as stack:

        def start(config: str, *paths: str, port: int = 0) -> str:
            server = stack.enter_context(ServerProcess(tmp_path, config=config))
            port = port or free_port()
            upstream = f"127.0.0.1:{server.port}"
            file = apache.write_config(tmp_path, list(paths), port=port, upstream=upstream)
            stack.enter_context(apache.serving(file))
            return f"https://127.0.0.1:{port}"

        yield start


def through_apache(url: str, folder: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, verify=apache.trusting(folder), timeout=PATIENCE)


async def first_document(url: str, folder: Path, origin: str) -> dict[str, object]:
    """Connect as a browser of that origin and return the document with which the server begins."""
    headers = [("Origin", origin)]
    with trio.fail_after(PATIENCE):
        async with open_websocket_url(
            url.replace("https", "wss", 1), apache.trusting(folder), extra_headers=headers
        ) as socket:
            return dict(json.loads(await socket.get_message())["Data"])


@pytest.mark.parametrize(
    "paths",
    [["/"], ["/meet/", "/socket.io", "/static/quintet/"], ["/-/", "/"]],
    ids=str,
)
def test_configuration_of_the_guide_is_accepted(tmp_path: Path, paths: list[str]) -> None:
    config = apache.write_config(tmp_path, paths, port=8443, upstream="127.0.0.1:8080")
    done = apache.check(config)
    assert done.returncode == 0, done.stderr


async def test_websocket_and_rest_work_through_apache(behind_apache: Start, tmp_path: Path) -> None:
    base = behind_apache(TRUSTED, "/-/", "/")
    assert (await first_document(f"{base}/ws", tmp_path, base))["Type"] == "Self"
    async with through_apache(base, tmp_path) as http:
        room = (await http.post("/api/v1/rooms")).json()
        assert room["url"] == f"{base}/{room['name']}"
        assert (await http.get(f"/{room['name']}")).status_code == 200
        assert (await http.get("/a%2Fb")).status_code == 200
        assert (await http.get("/-/healthz")).status_code in (403, 404), "Apache's own answer"


async def test_path_below_a_host_works_through_apache(behind_apache: Start, tmp_path: Path) -> None:
    below = TRUSTED + '[spreed]\nbase_path = "/meet/"\n'
    base = behind_apache(below, "/static/quintet/", "/meet/")
    assert (await first_document(f"{base}/meet/ws", tmp_path, base))["Type"] == "Self"
    async with through_apache(base, tmp_path) as http:
        room = (await http.post("/meet/api/v1/rooms")).json()
        assert room["url"] == f"{base}/meet/{room['name']}"
        assert (await http.get(f"/meet/{room['name']}")).status_code == 200
        assert (await http.get("/meet/-/healthz")).status_code == 404
        await reach_the_operators_paths(http)


async def test_page_of_another_site_is_kept_out(behind_apache: Start, tmp_path: Path) -> None:
    base = behind_apache(TRUSTED, "/")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "https://elsewhere.example",
    }
    async with through_apache(base, tmp_path) as http:
        assert (await http.get("/ws", headers=upgrade)).status_code == 403


def owt(port: int) -> str:
    """Configure the server as it is seen through Apache, with one ping a second."""
    return (
        f'{TRUSTED}[owt]\nsample_service_id = "{SAMPLE}"\nsample_service_key = "{KEYS[SAMPLE]}"\n'
        f'portal_host = "127.0.0.1:{port}"\nportal_secure = true\nping_seconds = 1.0\n'
    )


@pytest.mark.parametrize("paths", [["/"], ["/meet/", "/socket.io", "/static/quintet/"]], ids=str)
async def test_conferences_work_through_apache(
    behind_apache: Start, tmp_path: Path, paths: list[str]
) -> None:
    port = free_port()
    base = behind_apache(owt(port), *paths, port=port)
    server = Elsewhere(base, apache.trusting(tmp_path))
    room = (await server.manager().create_room())["_id"]
    told = json.loads(base64.b64decode(await token(server, room)))
    assert (told["host"], told["secure"]) == (f"127.0.0.1:{port}", True)
    async with guest(server, room, "bob") as bob:
        for version, way in WAYS:
            async with guest(server, room, version=version, way=way) as ann:
                await ann.ok("text", {"to": "all", "message": "é😀" * 1000})
                await bob.told("text", message="é😀" * 1000)
                await bob.ok("text", {"to": ann.id, "message": "at once"})
                await ann.told("text", message="é😀" * 1000)
                await ann.told("text", message="at once")
                await ann.ok("logout")
                assert await ann.client.gone() == "disconnect"
        await trio.sleep(3)  # and a few pings
        await bob.ok("refreshReconnectionTicket")


async def test_pages_of_other_sites_use_portal_and_api_through_apache(
    behind_apache: Start, tmp_path: Path
) -> None:
    base = behind_apache(TRUSTED, "/")
    origin = {"Origin": "https://app.example"}
    asked = {"Access-Control-Request-Method": "PATCH"}
    async with through_apache(base, tmp_path) as http:
        polled = await http.get("/socket.io/?EIO=3&transport=polling", headers=origin)
        allowed = await http.options("/v1/rooms/x", headers=origin | asked)
    assert polled.headers["access-control-allow-origin"] == "https://app.example"
    assert polled.headers["access-control-allow-credentials"] == "true"
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
