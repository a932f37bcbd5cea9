"""Websockets that send frames without end which are no messages: everybody else goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from tests.api.http.carriers.test_tls import certificate
from tests.support.bystander import bystander
from tests.support.process import RunningProcess, launched
from tests.support.raw import CONTINUATION, PING, PONG, TEXT, frame, upgrade_request

SPREED = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["spreed", "operator"] }]\n'
FLOOD_SECONDS = 4.0
WAITS = 2.0  # seconds, of others, on a machine with much else to do
USUALLY = 0.3
CPU_SECONDS = 4.0  # of the server: what is paced costs it little
UNDER_TLS = """listeners = [
  {{ bind = "127.0.0.1:0", dialects = ["operator"] }},
  {{ bind = "127.0.0.1:0", dialects = ["spreed"], tls_certfile = "{}", tls_keyfile = "{}" }},
]
"""
GROWS_MIB = 40.0

FLOOD = """
import selectors, socket, ssl, sys, time
port, sockets, seconds, tls, opening, first, block = sys.argv[1:]
opening, first, block = (bytes.fromhex(each) for each in (opening, first, block))
chosen, unsent = selectors.DefaultSelector(), {}
for _ in range(int(sockets)):
    it = socket.create_connection(("127.0.0.1", int(port)))
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        it = context.wrap_socket(it)
    it.sendall(opening)
    while b"\\r\\n\\r\\n" not in it.recv(65536):
        pass
    it.sendall(first)
    it.setblocking(False)
    chosen.register(it, selectors.EVENT_READ | selectors.EVENT_WRITE)
    unsent[it] = b""
began, sent = time.monotonic(), 0
print("begun", flush=True)
while time.monotonic() - began < float(seconds):
    for key, mask in chosen.select(0.1):
        it = key.fileobj
        try:
            if mask & selectors.EVENT_READ and not it.recv(1 << 20):
                raise OSError
            if mask & selectors.EVENT_WRITE:
                rest = unsent[it] or block
                count = it.send(rest)
                sent += count
                unsent[it] = rest[count:]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            chosen.unregister(it)
            it.close()
print(sent)
"""

KINDS = {
    "pings": (b"", frame(PING) * 2000),
    "pongs": (b"", frame(PONG) * 2000),
    "pieces": (
        b"",
        (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 4000)
        + frame(CONTINUATION, b'{"Type":"Alive","Alive":7}'),
    ),
    "small pieces": (frame(TEXT, b'{"', fin=False), frame(CONTINUATION, b"x", fin=False) * 2000),
}


@contextmanager
def sockets_that_send(
    port: int, count: int, first: bytes, block: bytes, seconds: float, *, tls: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Open so many websockets from a process of its own, and have each send as fast as can be."""
    words = [str(port), str(count), str(seconds), "tls" if tls else ""]
    words += [upgrade_request("/ws").hex(), first.hex(), block.hex()]
    process = subprocess.Popen(
        [sys.executable, "-c", FLOOD, *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("count", [4, 30])
@pytest.mark.parametrize("kind", KINDS)
async def test_frames_without_end_make_nobody_else_wait(
    tmp_path: Path, kind: str, count: int
) -> None:
    async with launched(tmp_path, SPREED) as process:
        await assert_others_go_on(process, process.port, kind, count)


@pytest.mark.parametrize("kind", KINDS)
async def test_nor_do_they_under_tls(tmp_path: Path, kind: str) -> None:
    config = UNDER_TLS.format(*certificate(tmp_path))
    async with launched(tmp_path, config) as process:
        port = int(process.urls[1].rstrip("/").rpartition(":")[2])
        await assert_others_go_on(process, port, kind, 4, tls=True)


async def assert_others_go_on(
    process: RunningProcess, port: int, kind: str, count: int, *, tls: bool = False
) -> None:
    async with bystander(process) as others:
        with sockets_that_send(port, count, *KINDS[kind], FLOOD_SECONDS, tls=tls) as flood:
            before = process.cpu_seconds()
            while flood.poll() is None:
                await trio.sleep(0.05)
            assert flood.stdout is not None
            sent = int(flood.stdout.read().split()[-1])
            took = process.cpu_seconds() - before
    print(f"{count} {kind}, TLS {tls}: {sent} bytes, {took:.1f} s of CPU; {others}")
    assert took < CPU_SECONDS
    assert others.usual < USUALLY
    assert others.worst_but_one < WAITS
    assert others.worst < FLOOD_SECONDS
    assert others.grown < GROWS_MIB
    assert process.troubles() == []
