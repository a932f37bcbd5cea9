"""A server sends no checks to addresses of its own machine that a client from elsewhere names."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from media.webrtc.bridge import open_media_loop
from tests.media.clients import Client, Hum
from tests.support.owt_portal import CONFIG, Elsewhere, Guest, token
from tests.support.process import launched
from tests.support.socketio import connect

MEDIA = (
    CONFIG
    + 'ice = { listen_ips = ["127.0.0.1"] }\n'
    + 'limits = { trusted_proxies = ["127.0.0.1"] }\n'
)
SECONDS = 2.0
PUBLICATIONS = 3


@pytest.mark.parametrize(("comes_from", "denied"), [("203.0.113.9", True), ("127.0.0.1", False)])
async def test_candidates_on_loopback_are_for_who_comes_from_there(
    tmp_path: Path, comes_from: str, denied: bool
) -> None:
    async with launched(tmp_path, MEDIA) as process, open_media_loop() as loop:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        with socket.socket(type=socket.SOCK_DGRAM) as victim:
            victim.bind(("127.0.0.1", 0))
            victim.setblocking(False)
            port = victim.getsockname()[1]
            line = f"candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"
            headers = {"X-Forwarded-For": comes_from}
            async with connect(server.url, way="polling", headers=headers) as carried:
                one = Guest(carried)
                await one.login(await token(server, room))
                for _ in range(PUBLICATIONS):
                    await publish_from(
                        one, Client(loop, cast("Any", None), cast("Any", None)), line
                    )
                await trio.sleep(SECONDS)
            try:
                came = len(victim.recv(4096))
            except BlockingIOError:
                came = 0
        assert (came == 0) is denied
        assert process.troubles() == []


async def publish_from(one: Guest, client: Client, candidate: str) -> None:
    """Offer a stream whose media is said to come from there, in the offer and once more."""
    media = {"audio": {"source": "mic"}, "video": False}
    id_ = (await one.ok("publish", {"media": media}))["id"]
    await client.run(client._make, [Hum()], [], ("opus", "vp8"))
    offer: str = await client.run(client._offer)
    lines = [line for line in offer.splitlines() if not line.startswith("a=candidate")]
    sdp = "\r\n".join([*lines, f"a={candidate}", ""])
    await one.ok("soac", {"id": id_, "signaling": {"type": "offer", "sdp": sdp}})
    await one.told("progress", id=id_, status="soac")
    found = {"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0}
    await one.ok("soac", {"id": id_, "signaling": {"type": "candidate", "candidate": found}})
    await client.run(client._close)
