"""What is loaded only where it is needed is there once the server is ready: no request waits."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.support.five_dialects import BEARER, CONFIG, PATIENCE, everybody
from tests.support.server_process import ServerProcess

# Requests wait for as long as a module is loaded: 250 ms for rooms with streams.
NOTING = """
import atexit, json, sys
from api.__main__ import main
from api.process.lifecycle import Lifecycle

before, mark_ready = set(), Lifecycle.mark_ready

def ready(lifecycle):
    before.update(sys.modules)
    mark_ready(lifecycle)

@atexit.register
def tell():
    loaded = sorted(set(sys.modules) - before)
    print(json.dumps({"event": "test.loaded", "modules": loaded}))

Lifecycle.mark_ready = ready
main()
"""
LOOKS = ("rooms", "people", "closed", "metrics", "actors", "log", "summary", "openapi.json")


async def test_nothing_of_ours_is_loaded_once_the_server_is_ready(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, config=CONFIG, entry=("-c", NOTING)) as server:
        async with (
            everybody(server),
            httpx.AsyncClient(base_url=f"{server.url}-/", headers=BEARER, timeout=PATIENCE) as http,
        ):
            for look in LOOKS:
                assert (await http.get(look)).status_code == 200, look
    [told] = [json.loads(line) for line in server.output if '"test.loaded"' in line]
    heavy = {"actors", "api", "media", "re2", "sipmessage", "cryptography", "sqlalchemy", "av"}
    assert [name for name in told["modules"] if name.partition(".")[0] in heavy] == []
