"""Memory of websocket connections that do nothing."""

from __future__ import annotations

import gc
import time
from contextlib import ExitStack

from bench.figures import Figures
from bench.link import Link
from bench.servers import Server
from bench.wires import Wire

CONNECTIONS = 2000
ROOM_OF = 10
WARM_UP = 40  # connections opened and left first: what a server makes once is no one's share
SETTLE_SECONDS = 2.0


def memory(server: Server, wire: Wire, *, joined: bool) -> Figures:
    """Open CONNECTIONS, each in a room of ROOM_OF if `joined`; return the growth for each."""
    with ExitStack() as warm_up:
        _open(server, wire, WARM_UP, warm_up, room="warm" if joined else "")
    time.sleep(SETTLE_SECONDS)
    before = server.memory_bytes()
    with ExitStack() as stack:
        links = _open(server, wire, CONNECTIONS, stack, room="idle" if joined else "")
        time.sleep(SETTLE_SECONDS)
        grown = server.memory_bytes() - before
        del links
    gc.collect()
    return {"KiB/connection": grown / 1024 / CONNECTIONS}


def _open(server: Server, wire: Wire, count: int, stack: ExitStack, room: str) -> list[Link]:
    links: list[Link] = []
    for number in range(count):
        link, _ = wire.connect(server.port, number)
        stack.callback(link.sock.close)
        if room:
            wire.join(link, f"{room}-{number // ROOM_OF}")
        links.append(link)
    return links
