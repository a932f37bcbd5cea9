"""A server of every dialect in a process of its own, and somebody of each dialect in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.support.auvious import ENDPOINTS, PASSWORDS, auvious_toml
from tests.support.barertc import BareTester, SocketLink
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_portal import Elsewhere, Guest, guest
from tests.support.server_process import ServerProcess
from tests.support.skyway import Peer, StrictClient
from tests.support.spreed import SpreedClient, connect

PATIENCE = 60.0
UNREAD = 1000  # messages for somebody who only sits there; with fewer he would soon time out
TOKEN = "the operator's own"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DIALECTS = ("spreed", "owt", "auvious", "peerjs", "barertc", "skyway", "operator")
CONFIG = f"""\
dialects = {json.dumps(DIALECTS)}
root = "spreed"
[operator]
token = "{TOKEN}"
[owt]
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
{auvious_toml()}
"""


@dataclass
class Everybody:
    """Ada (Spreed, in "Tea Room"), Gil (OWT, in "Stand-up"), Bert (BareRTC), a page, a device."""

    ada: SpreedClient
    gil: Guest
    owt_room: str
    bert: BareTester
    page: str
    device: Peer
    endpoint: str


@asynccontextmanager
async def everybody(server: ServerProcess, tea: str = "Tea Room") -> AsyncIterator[Everybody]:
    """Bring one of each dialect in; they are gone in the end, their rooms stay for a while."""
    url = server.url.rstrip("/")
    sockets = url.replace("http", "ws", 1)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        http = await enter(httpx.AsyncClient(base_url=url, timeout=PATIENCE))
        ada = SpreedClient(await enter(connect(f"{sockets}/ws", unread=UNREAD)))
        ada.me = await ada.data("Self")
        await ada.join(tea)
        owt = Elsewhere(url)
        room = await owt.manager().create_room("Stand-up")
        gil = await enter(guest(owt, room["_id"], "gil"))
        stack.push_async_callback(gil.ok, "logout")  # or he would be awaited for a while
        bert = BareTester(SocketLink(await enter(connect(f"{sockets}/barertc/ws", unread=UNREAD))))
        await bert.log_in("bert")
        query = "key=peerjs&id=pat&token=secret&version=1.5.5"
        page = await enter(connect(f"{sockets}/peerjs?{query}", unread=UNREAD))
        assert "OPEN" in await page.get_message()
        nursery = await enter(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        nursery.start_soon(beat, page)
        program = StrictClient(http)
        device = await program.opened_peer("camera-7")
        stack.push_async_callback(program.delete_peer, device)
        endpoint = await _endpoint(http, stack)
        yield Everybody(ada, gil, room["_id"], bert, "pat", device, endpoint)


async def beat(page: WebSocketConnection) -> None:
    """Say every five seconds that the page is there, as PeerJS does, for as long as it is."""
    with suppress(ConnectionClosed):
        while True:
            await trio.sleep(5)
            await page.send_message('{"type":"HEARTBEAT"}')


async def _endpoint(http: httpx.AsyncClient, stack: AsyncExitStack) -> str:
    form = {"client_id": "customer", "grant_type": "password", "username": "ann"}
    answer = await http.post("/security/oauth/token", data=form | {"password": PASSWORDS["ann"]})
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    body: dict[str, Any] = {"keepAliveSeconds": 600}
    found: str = (await http.post(ENDPOINTS, json=body, headers=bearer)).json()
    gone = {"userEndpointId": found}
    stack.push_async_callback(http.post, f"{ENDPOINTS}/unregister", json=gone, headers=bearer)
    return found
