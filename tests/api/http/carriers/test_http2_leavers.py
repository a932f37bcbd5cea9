"""Clients of HTTP/2 that leave before they have taken their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from quart import Blueprint

import tests.support.http2 as h2
from tests.api.http.carriers.test_tls import certificate, tls_of, trusting
from tests.support.serving import mount, serving

STREAMS = range(1, 33, 2)
NO_WINDOW = h2.frame(h2.SETTINGS, payload=b"\x00\x04" + bytes(4))
PING = h2.frame(h2.PING, payload=b"12345678")
GOODBYES = {"without a word": b"", "with a GOAWAY": h2.frame(h2.GOAWAY, payload=bytes(8))}


@pytest.mark.parametrize("goodbye", GOODBYES.values(), ids=GOODBYES.keys())
async def test_whole_answers_that_nobody_takes_end_with_their_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], goodbye: bytes
) -> None:
    """Given in full, they wait to be sent: for ever, and a server that stops waited for them."""
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def hello() -> str:
        return "hello"

    cert, key = certificate(tmp_path)
    async with serving(mount(blueprint=blueprint), tls=tls_of(cert, key)) as server:
        with trio.fail_after(60):
            async with h2.http2(server, trusting(cert)) as client:
                await client.send(NO_WINDOW + b"".join(h2.request(it) for it in STREAMS))
                assert await client.status(STREAMS[-1]) == 200
                await client.send(PING)
                await client.until(h2.PING)
                await client.send(goodbye)
        connections = server.connections
        assert connections is not None
        with trio.fail_after(60):
            while connections.facts()["connections"]:
                await trio.sleep(0.01)
    assert "crash" not in "".join(capsys.readouterr())
