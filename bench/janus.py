"""Debian's Janus as the peer of `bench.forwarding`: plain RTP in, SRTP to subscribers out.

Its streaming plugin does what our router does for a stream. The subscribers are real, up to where
media would flow; then their process is stopped, so that they cost nothing and answer nothing.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - aiortc in a process of its own, without Trio
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.servers import Server, free_port

READY_SECONDS = 20.0
CONNECT_SECONDS = 10.0
FOLDERS = Path("/usr/lib/x86_64-linux-gnu/janus")
CONFIG = {
    "janus.jcfg": """
general: {{ configs_folder = "{folder}"; plugins_folder = "{plugins}";
  transports_folder = "{transports}"; debug_level = 1; session_timeout = 0; }}
plugins: {{ disable = "{others}"; }}
transports: {{ disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_mqtt.so,\
libjanus_nanomsg.so,libjanus_rabbitmq.so"; }}
""",
    "janus.transport.http.jcfg": """
general: {{ http = true; ip = "127.0.0.1"; port = {port}; json = "compact"; }}
""",
    "janus.plugin.streaming.jcfg": """
bench: {{ type = "rtp"; id = 1; audio = false; video = true; videoport = {rtp};
  videopt = 96; videocodec = "vp8"; }}
""",
}


def is_installed() -> bool:
    return shutil.which("janus") is not None and (FOLDERS / "plugins").is_dir()


@contextmanager
def janus() -> Iterator[tuple[Server, int]]:
    """Run Janus; yield it and the UDP port of its stream."""
    port, rtp = free_port(), free_port()
    others = sorted(FOLDERS.glob("plugins/*.so"))
    values = {
        "port": port,
        "rtp": rtp,
        "plugins": FOLDERS / "plugins",
        "transports": FOLDERS / "transports",
        "others": ",".join(each.name for each in others if "streaming" not in each.name),
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, text in CONFIG.items():
            Path(folder, name).write_text(text.format(folder=folder, **values))
        process = subprocess.Popen(
            ["janus", "-F", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, process)
            yield Server(process, port), rtp
        finally:
            process.kill()
            process.wait()


@contextmanager
def subscribers(count: int, port: int) -> Iterator[None]:
    """Connect so many subscribers to the stream, and have them stand still."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_subscribe, args=(theirs, count, port))
    process.start()
    try:
        if not ours.poll(CONNECT_SECONDS + count):
            raise TimeoutError("the subscribers did not connect")
        ours.recv()
        if process.pid is not None:
            os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        process.kill()
        process.join()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _request(port, "GET", "/janus/info")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("Janus did not start")


def _request(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CONNECT_SECONDS)
    try:
        payload = None if body is None else json.dumps({**body, "transaction": "bench"})
        connection.request(method, path, payload)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _subscribe(control: Connection, count: int, port: int) -> None:
    async def connect_all() -> None:
        connections = [await _connect(port) for _ in range(count)]
        control.send(len(connections))
        await asyncio.Event().wait()

    asyncio.run(connect_all())


async def _connect(port: int) -> RTCPeerConnection:
    """Watch the stream: Janus offers, we answer, and are done when encryption is agreed on."""
    session = f"/janus/{_request(port, 'POST', '/janus', {'janus': 'create'})['data']['id']}"
    attach = {"janus": "attach", "plugin": "janus.plugin.streaming"}
    handle = f"{session}/{_request(port, 'POST', session, attach)['data']['id']}"
    _request(port, "POST", handle, {"janus": "message", "body": {"request": "watch", "id": 1}})
    while "jsep" not in (event := _request(port, "GET", session)):
        pass
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    await connection.setRemoteDescription(RTCSessionDescription(**event["jsep"]))
    await connection.setLocalDescription(await connection.createAnswer())
    answer = {"type": "answer", "sdp": connection.localDescription.sdp}
    start = {"janus": "message", "body": {"request": "start"}, "jsep": answer}
    _request(port, "POST", handle, start)
    await asyncio.wait_for(connected.wait(), CONNECT_SECONDS)
    return connection
