"""The figures that docs/operating.md tells the operator to watch are there."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from trio_websocket import open_websocket_url

from tests.support.server_process import ServerProcess

HOUSE = Path(__file__).resolve().parent.parent.parent
GUIDE = HOUSE / "docs" / "operating.md"
LOGGED = re.compile(r"""log\.(?:info|warning|error)\(\s*"(\w+\.\w+)""")


def test_what_the_gateway_and_its_broker_log_is_in_the_guide() -> None:
    told: set[str] = set()
    for folder in ("actors/device", "actors/signalling", "api/skyway", "api/peerjs"):
        for file in (HOUSE / folder).glob("*.py"):
            told |= set(LOGGED.findall(file.read_text("utf-8")))
    assert {"device.peer_opened", "skyway.line_down"} <= told
    rows = [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+\.\w+)`", row)}
    assert told - named == set()


async def test_metrics_of_the_guide_are_served(tmp_path: Path) -> None:
    named = set(re.findall(r"`((?:quintet|process)_\w+)`", GUIDE.read_text("utf-8")))
    with ServerProcess(tmp_path, config='[operator]\ntoken = "of the test"') as server:
        async with open_websocket_url(server.url.replace("http", "ws", 1) + "ws") as socket:
            await socket.get_message()
            async with httpx.AsyncClient(base_url=server.url, timeout=60.0) as http:
                await http.get("api/v1/config")
                bearer = {"Authorization": "Bearer of the test"}
                text = (await http.get("-/metrics", headers=bearer)).text
    served = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert len(named) > 10
    assert named - served == set()
