"""Socket.IO with a client of our own: every version, way and carrier."""

from __future__ import annotations

import pytest

from tests.support.serving import CARRIERS
from tests.support.socketio import connect
from tests.support.socketio_server import socketio_host

WAYS = [(3, "polling"), (3, "upgrade"), (3, "websocket"), (4, "polling"), (4, "upgrade")]
WAYS += [(4, "websocket")]


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("version", "way"), WAYS)
async def test_events_and_acknowledgements_pass_both_ways(
    carrier: str, version: int, way: str
) -> None:
    async with (
        socketio_host(carrier) as host,
        connect(host.url, version=version, way=way) as client,
    ):
        assert await client.call("echo", {"text": "é😀"}, [1, None]) == [
            "ok",
            {"text": "é😀"},
            [1, None],
        ]
        await client.emit("echo", "😀" * 100)
        assert await client.event("echo") == ["😀" * 100]
