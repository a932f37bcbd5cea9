"""One browser calls a device for all it can get: others get through, and it is told so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import trio
from trio_websocket import open_websocket_url

from actors.device.offers import MediaOffer, write_media_offer
from tests.support.peerjs import BrokerClient
from tests.support.process import RunningProcess, launched

CONFIG = """
listeners = [{ bind = "127.0.0.1:0", dialects = ["peerjs", "skyway"], root = "peerjs" }]
"""
CONNECTIONS = 32
A_FOURTH = CONNECTIONS // 4
PATIENCE = 30.0


@asynccontextmanager
async def page(process: RunningProcess, id_: str) -> AsyncIterator[BrokerClient]:
    url = process.url.replace("http:", "ws:") + f"/peerjs?key=peerjs&id={id_}&token=t"
    async with open_websocket_url(url) as socket:
        client = BrokerClient(socket, id_)
        assert (await client.next())["type"] == "OPEN"
        yield client


async def call(client: BrokerClient, number: int) -> None:
    offer = write_media_offer(MediaOffer("v=0", f"mc_{number}"))
    await client.send("OFFER", "camera", payload=json.loads(offer))


async def test_unanswered_calls_of_one_page_leave_connections_to_the_others(
    tmp_path: Path,
) -> None:
    async with (
        launched(tmp_path, CONFIG) as process,
        httpx.AsyncClient(base_url=process.url, timeout=PATIENCE) as program,
        page(process, "eve") as eve,
        page(process, "ann") as ann,
    ):
        body = {"key": "peerjs", "domain": "d", "peer_id": "camera", "turn": False}
        made = (await program.post("/peers", json=body)).json()["params"]
        token = {"token": made["token"]}

        async def event() -> str:
            return str((await program.get("/peers/camera/events", params=token)).json()["event"])

        assert await event() == "OPEN"
        for number in range(CONNECTIONS + 8):
            await call(eve, number)
        with trio.fail_after(PATIENCE):
            refused = [await eve.next() for _ in range(CONNECTIONS + 8 - A_FOURTH)]
        assert all(it == {"type": "EXPIRE", "src": "camera", "dst": "eve"} for it in refused)
        await call(ann, 0)
        shown = Counter([await event() for _ in range(A_FOURTH + 1)])
        assert shown == {"CALL": A_FOURTH + 1}
        assert await eve.silent()
        assert await ann.silent()
        assert [line["event"] for line in process.troubles()] == ["device.offers_refused"]
