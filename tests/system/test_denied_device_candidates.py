"""A gateway sends no checks to addresses of its own machine that somebody elsewhere names."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from actors.device.offers import DataOffer, write_answer, write_data_offer
from media.contract.plans import ChannelWanted
from media.contract.session import SessionWanted
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.support.process import launched
from tests.support.sessions import Told

CONFIG = """
listeners = [{ bind = "127.0.0.1:0", dialects = ["peerjs", "skyway"], root = "peerjs" }]
ice = { listen_ips = ["127.0.0.1"] }
limits = { trusted_proxies = ["127.0.0.1"] }
"""
PATIENCE = 30.0
SECONDS = 2.0  # of checks; the first are sent at once


class Page:
    """A page with PeerJS, which names what it likes."""

    def __init__(self, socket: WebSocketConnection, engine: LocalEngine, named: str) -> None:
        self._socket = socket
        self._engine = engine
        self._named = named

    async def calls(self, whom: str) -> None:
        session = await self._engine.open_session("page", SessionWanted(data=True), Told())
        await session.open_channel(ChannelWanted("dc_1"))
        sdp = self._with_candidate((await session.create_offer()).sdp)
        offer = write_data_offer(DataOffer(sdp, "dc_1", label="dc_1"))
        await self._send("OFFER", whom, json.loads(offer))
        await self._next("ANSWER")
        await self._trickle(whom, "dc_1")

    async def answers(self) -> None:
        frame = await self._next("OFFER")
        session = await self._engine.open_session("page", SessionWanted(data=True), Told())
        answer = (await session.accept_offer(frame["payload"]["sdp"]["sdp"])).sdp
        connection = frame["payload"]["connectionId"]
        payload = json.loads(write_answer(connection, "data", self._with_candidate(answer)))
        await self._send("ANSWER", frame["src"], payload)
        await self._trickle(frame["src"], connection)

    def _with_candidate(self, sdp: str) -> str:
        lines = [line for line in sdp.splitlines() if not line.startswith("a=candidate")]
        return "\r\n".join([*lines, f"a={self._named}", ""])

    async def _trickle(self, whom: str, connection: str) -> None:
        candidate = {"candidate": self._named, "sdpMid": "0", "sdpMLineIndex": 0}
        payload = {"candidate": candidate, "connectionId": connection, "type": "data"}
        await self._send("CANDIDATE", whom, payload)

    async def _send(self, kind: str, to: str, payload: object) -> None:
        frame = {"type": kind, "dst": to, "payload": payload}
        await self._socket.send_message(json.dumps(frame))

    async def _next(self, kind: str) -> dict[str, Any]:
        with trio.fail_after(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await self._socket.get_message())
                if frame["type"] == kind:
                    return frame


@asynccontextmanager
async def gateway(folder: Path, remote: str | None) -> AsyncIterator[tuple[str, str]]:
    """Run a gateway; return its URL and that of its broker: its own, or where `remote` is given
    that of another process, with these settings."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(launched(folder / "one", CONFIG))
        if remote is None:
            yield one.url, one.url
            return
        broker = one.url.replace("http:", "ws:")
        more = f'[skyway]\nbroker_url = "{broker}"\n{remote}\n'
        two = await stack.enter_async_context(launched(folder / "two", CONFIG + more))
        yield two.url, one.url


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize(
    ("comes_from", "remote", "denied"),
    [
        ("203.0.113.9", None, True),
        ("127.0.0.1", None, False),
        ("127.0.0.1", "", True),  # of which the gateway knows nothing
        ("203.0.113.9", 'remote_allow = ["127.0.0.0/8"]', False),
    ],
)
async def test_candidates_on_loopback_are_for_who_comes_from_there(
    tmp_path: Path, called: bool, comes_from: str, remote: str | None, denied: bool
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    ice = IceConfig(("127.0.0.1",))
    async with (
        gateway(tmp_path, remote) as (url, broker),
        open_media_loop() as loop,
        open_local_engine(loop, ice) as engine,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE) as program,
    ):
        with socket.socket(type=socket.SOCK_DGRAM) as victim:
            victim.bind(("127.0.0.1", 0))
            victim.setblocking(False)
            port = victim.getsockname()[1]
            named = f"candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"
            where = broker.replace("http:", "ws:") + "/peerjs?key=peerjs&id=page&token=t"
            headers = [(b"X-Forwarded-For", comes_from.encode())]
            async with open_websocket_url(where, extra_headers=headers) as carried:
                page = Page(carried, engine, named)
                body = {"key": "peerjs", "domain": "d", "peer_id": "camera", "turn": False}
                made = (await program.post("/peers", json=body)).json()["params"]
                token = {"token": made["token"]}
                opened = await program.get("/peers/camera/events", params=token)
                assert opened.json()["event"] == "OPEN"
                if called:
                    asked = {"peer_id": "camera", "target_id": "page", **token}
                    answer = await program.post("/data/connections", json=asked)
                    assert answer.status_code == 202, answer.text
                    await page.answers()
                else:
                    await page.calls("camera")
                await trio.sleep(SECONDS)
            try:
                came = len(victim.recv(4096))
            except BlockingIOError:
                came = 0
        assert (came == 0) is denied
