"""The original broker, npm `peer`, as a program of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.npm import node, npm_packages

PACKAGE = "peer@1.0.2"
SCRIPT = """
const { PeerServer } = require('peer')
const [port, alive] = process.argv.slice(1).map(Number)
PeerServer({ port, host: '127.0.0.1', path: '/', key: 'peerjs', alive_timeout: alive },
  (server) => console.log(server.address().port))
"""


@asynccontextmanager
async def npm_broker(port: int = 0, alive_timeout_ms: int = 60_000) -> AsyncIterator[int]:
    """Run npm `peer` on 127.0.0.1 while the block runs, and kill it then; yields its port."""
    modules = npm_packages(PACKAGE)
    async with node(SCRIPT, str(port), str(alive_timeout_ms), modules=modules) as broker:
        yield int(await broker.line())
