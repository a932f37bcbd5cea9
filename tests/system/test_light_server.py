"""A server of Spreed alone carries no media and keeps nothing: it loads none of what would.

Nor what only other dialects need, telephones or TLS.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import trio
from trio_websocket import open_websocket_url

from tests.support.attack import resident
from tests.support.process import launched

SPREED = """
[[listeners]]
bind = "127.0.0.1:0"
dialects = ["spreed", "operator"]
root = "spreed"
[operator]
token = "the-token-of-the-operator"
"""
HEAVY = (
    "aiortc", "aioice", "av", "numpy", "trio_asyncio",  # carries media, decodes it
    "sqlalchemy", "alembic", "psycopg",
    "actors.room.conference", "actors.room.site",  # rooms of other dialects
    "re2", "sipmessage", "cryptography",  # filters of BareRTC, telephones, the ends of certificates
)  # fmt: skip
AT_ITS_END = f"""
import atexit, json, sys
from api.__main__ import main

@atexit.register
def tell():
    loaded = sorted(set(sys.modules) & set({HEAVY!r}))
    print(json.dumps({{"event": "test.loaded", "modules": loaded}}))

main()
"""
MOST = 85 << 20  # bytes; it is 70 MiB, and was 141 with all of that


async def test_a_server_of_spreed_alone_loads_neither_media_nor_sql(tmp_path: Path) -> None:
    async with launched(tmp_path, SPREED, command=("-c", AT_ITS_END, "serve")) as server:
        await use(server.url)
        server.send(signal.SIGHUP)
        await server.wait_for("config.reloaded")
        await use(server.url)
        taken = resident(server)
        server.send(signal.SIGTERM)
        assert (await server.end())[0] == 0
    [loaded] = [line for line in server.log if line["event"] == "test.loaded"]
    assert loaded["modules"] == []
    assert taken < MOST
    assert {file.name for file in (tmp_path / "data").iterdir()} <= {"secrets.toml", "lock"}
    assert server.troubles() == []


async def use(url: str) -> None:
    """Meet, say something, and look at all that an operator looks at."""
    async with open_websocket_url(url.replace("http", "ws") + "/ws") as person:
        hello = {"Version": "1.0.0", "Ua": "test", "Name": "tea"}
        await person.send_message(json.dumps({"Type": "Hello", "Hello": hello}))
        with trio.fail_after(60):
            while json.loads(await person.get_message())["Data"]["Type"] != "Welcome":
                pass
        headers = {"authorization": "Bearer the-token-of-the-operator"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
            metrics = (await http.get("/-/metrics")).text
            tree = (await http.get("/-/actors")).json()
    assert "quintet_media_sessions 0" in metrics
    paths = {child["path"] for child in tree["children"]}
    assert {"/conferencing", "/recordings"} <= paths
    assert "/storage" not in paths
