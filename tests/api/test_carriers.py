"""One suite for both carriers of `api.sockets.Socket`: the lane, and Quart-Trio's websocket."""

from __future__ import annotations

import pytest
from trio_websocket import open_websocket_url

from api.sockets import Socket
from tests.support.serving import CARRIERS, door, serving

pytestmark = pytest.mark.parametrize("carrier", CARRIERS)


async def echo(socket: Socket) -> None:
    while True:
        payload, text = await socket.receive()
        socket.push(payload, text=text)


async def test_text_and_binary_messages_come_back_as_what_they_were(carrier: str) -> None:
    async with serving(door(echo), carrier=carrier) as server:
        async with open_websocket_url(server.websocket()) as client:
            for message in ("hello", "grüße 🎥", "", b"\x00\xff", b"", "x" * 70_000, b"y" * 500):
                await client.send_message(message)
                assert await client.get_message() == message
