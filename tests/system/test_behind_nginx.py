"""The nginx of the guide, started in front of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from tests.support import nginx
from tests.support.server_process import ServerProcess, free_port

TRUSTED = '[limits]\ntrusted_proxies = ["127.0.0.1/32", "::1/128"]\n'
Start = Callable[..., str]


@pytest.fixture
def behind_nginx(tmp_path: Path) -> Iterator[Start]:
    """Start a server with a config, and nginx in front of it; gives nginx's URL."""
    with ExitStack() as stack:

        def start(config: str, *locations: str) -> str:
            server = stack.enter_context(ServerProcess(tmp_path, config=config))
            port = free_port()
            upstream = f"127.0.0.1:{server.port}"
            file = nginx.write_config(tmp_path, list(locations), port=port, upstream=upstream)
            stack.enter_context(nginx.serving(file))
            return f"https://127.0.0.1:{port}"

        yield start


async def first_document(url: str, folder: Path, origin: str) -> dict[str, object]:
    """Connect as a browser of that origin and return the document with which the server begins."""
    headers = [("Origin", origin)]
    with trio.fail_after(10):
        async with open_websocket_url(
            url.replace("https", "wss", 1), nginx.trusting(folder), extra_headers=headers
        ) as socket:
            return dict(json.loads(await socket.get_message())["Data"])


@pytest.mark.parametrize(
    "locations", [["location /"], ["location /meet/"], ["location /", "location /-/"]], ids=str
)
def test_configuration_of_the_guide_is_accepted(tmp_path: Path, locations: list[str]) -> None:
    config = nginx.write_config(tmp_path, locations, port=8443, upstream="127.0.0.1:8080")
    done = nginx.check(config)
    assert done.returncode == 0, done.stderr


async def test_websocket_and_rest_work_through_nginx(behind_nginx: Start, tmp_path: Path) -> None:
    base = behind_nginx(TRUSTED, "location /", "location /-/")
    assert (await first_document(f"{base}/ws", tmp_path, base))["Type"] == "Self"
    async with httpx.AsyncClient(base_url=base, verify=nginx.trusting(tmp_path)) as http:
        room = (await http.post("/api/v1/rooms")).json()
        assert room["url"] == f"{base}/{room['name']}"
        assert (await http.get(f"/{room['name']}")).status_code == 200
        assert (await http.get("/-/healthz")).status_code == 404


async def test_path_below_a_host_works_through_nginx(behind_nginx: Start, tmp_path: Path) -> None:
    below = TRUSTED + '[spreed]\nbase_path = "/meet/"\n'
    base = behind_nginx(below, "location /meet/")
    assert (await first_document(f"{base}/meet/ws", tmp_path, base))["Type"] == "Self"
    async with httpx.AsyncClient(base_url=base, verify=nginx.trusting(tmp_path)) as http:
        room = (await http.post("/meet/api/v1/rooms")).json()
        assert room["url"] == f"{base}/meet/{room['name']}"
        assert (await http.get(f"/meet/{room['name']}")).status_code == 200


async def test_page_of_another_site_is_kept_out(behind_nginx: Start, tmp_path: Path) -> None:
    base = behind_nginx(TRUSTED, "location /")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "https://elsewhere.example",
    }
    async with httpx.AsyncClient(base_url=base, verify=nginx.trusting(tmp_path)) as http:
        assert (await http.get("/ws", headers=upgrade)).status_code == 403
