"""Debian's Janus as the peer of `bench.forwarding`: its videoroom, with SRTP in and SRTP out.

And of `bench.skyway`: its streaming plugin, with plain RTP in, and `rtp_forward` of its videoroom,
with plain RTP out.

A process of its own takes plain RTP from the load program and publishes it. The subscribers are
real, up to where media would flow; then their process is stopped, so that they cost nothing and
answer nothing.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - aiortc in a process of its own, without Trio
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from bench.servers import Server, free_port

READY_SECONDS = 20.0
CONNECT_SECONDS = 10.0
CONNECT_ALL_SECONDS = 50.0
FEED = 7
VIDEOROOM, STREAMING = "videoroom", "streaming"
VP8_TYPE = 97  # as aiortc offers it
READ_BYTES = 2048
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
    "janus.plugin.videoroom.jcfg": """
room-1: {{ description = "bench"; publishers = 1; videocodec = "vp8"; fir_freq = 0; }}
{rooms}
""",
    "janus.plugin.streaming.jcfg": """
general: {{ }}
bench: {{ type = "rtp"; id = 1; audio = false; video = true; videoport = {rtp_port};
  videopt = 96; videocodec = "vp8"; }}
""",
}


def is_installed() -> bool:
    return shutil.which("janus") is not None and (FOLDERS / "plugins").is_dir()


@contextmanager
def janus(rooms: int = 1, plugin: str = VIDEOROOM, rtp_port: int = 0) -> Iterator[Server]:
    """Run Janus with one plugin: with so many rooms, or a stream that comes to a port."""
    port = free_port()
    more = (f'room-{n}: {{ description = "room {n}"; }}' for n in range(2, rooms + 1))
    others = sorted(FOLDERS.glob("plugins/*.so"))
    values = {
        "port": port,
        "rooms": "\n".join(more),
        "rtp_port": rtp_port or free_port(),
        "plugins": FOLDERS / "plugins",
        "transports": FOLDERS / "transports",
        "others": ",".join(each.name for each in others if plugin not in each.name),
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, text in CONFIG.items():
            Path(folder, name).write_text(text.format(folder=folder, **values))
        process = subprocess.Popen(
            ["janus", "-F", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, process)
            yield Server(process, port)
        finally:
            process.kill()
            process.wait()


@contextmanager
def publisher(port: int) -> Iterator[int]:
    """Publish in the room what comes to a UDP port; yield that port."""
    with _process(_publish, port) as (_, rtp):
        yield rtp


@contextmanager
def subscribers(count: int, port: int) -> Iterator[None]:
    """Connect so many subscribers to the publisher, and have them stand still."""
    with _process(_subscribe, count, port) as (pid, _):
        os.kill(pid, signal.SIGSTOP)
        yield


@contextmanager
def streaming(_: int) -> Iterator[tuple[Server, int]]:
    """Run Janus with a viewer of what comes to a port, who stands still; yield it and the port."""
    rtp = free_port()
    with janus(plugin=STREAMING, rtp_port=rtp) as server, _process(_view, server.port) as (pid, _):
        os.kill(pid, signal.SIGSTOP)
        yield server, rtp


@contextmanager
def forwarding(to: int) -> Iterator[tuple[Server, int]]:
    """Run Janus with a publisher whose packets are sent to a port; yield where it takes them."""
    with janus() as server, publisher(server.port) as rtp:
        order = {"request": "rtp_forward", "room": 1, "publisher_id": FEED, "host": "127.0.0.1"}
        path, body = Handle(server.port).request({**order, "video_port": to})
        answer = _request(server.port, "POST", path, json.loads(body))
        if "error" in answer["plugindata"]["data"]:
            raise RuntimeError(f"Janus does not forward: {answer['plugindata']['data']['error']}")
        yield server, rtp


@contextmanager
def _process(target: Callable[..., None], *numbers: int) -> Iterator[tuple[int, int]]:
    """Run a process until it has something to say; yield its id and that."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *numbers))
    process.start()
    try:
        if not ours.poll(CONNECT_ALL_SECONDS):
            raise TimeoutError("the peers of Janus did not connect")
        said = ours.recv()
        yield process.pid or 0, said
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


def _publish(control: Connection, port: int) -> None:
    async def run() -> None:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        sender = connection.addTransceiver("video", direction="sendonly").sender
        await connection.setLocalDescription(await connection.createOffer())
        join = {"request": "joinandconfigure", "ptype": "publisher", "room": 1, "id": FEED}
        answer = Handle(port).send(join, _description(connection))
        await _agree(connection, answer)
        with socket.socket(type=socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.setblocking(False)
            control.send(taken.getsockname()[1])
            await _pass_on(taken, sender)

    asyncio.run(run())


async def _pass_on(taken: socket.socket, sender: RTCRtpSender) -> None:
    """Send plain RTP as the sender's own; it has no track that would send anything."""
    loop, ssrc = asyncio.get_running_loop(), sender._ssrc.to_bytes(4)
    while True:
        packet = await loop.sock_recv(taken, READ_BYTES)
        head = packet[:1] + bytes([VP8_TYPE]) + packet[2:8] + ssrc
        await sender.transport._send_rtp(head + packet[12:])


def _subscribe(control: Connection, count: int, port: int) -> None:
    async def connect_all() -> None:
        connections = [await _watch(port) for _ in range(count)]
        control.send(len(connections))
        await asyncio.Event().wait()

    asyncio.run(connect_all())


def _view(control: Connection, port: int) -> None:
    async def view() -> None:
        connection = await _take(Handle(port, STREAMING), {"request": "watch", "id": 1})
        control.send(connection.connectionState)
        await asyncio.Event().wait()

    asyncio.run(view())


async def _watch(port: int) -> RTCPeerConnection:
    """Join the room as a subscriber."""
    join = {"request": "join", "ptype": "subscriber", "room": 1, "streams": [{"feed": FEED}]}
    return await _take(Handle(port), join)


async def _take(handle: Handle, join: dict[str, Any]) -> RTCPeerConnection:
    """Ask for an offer of Janus and answer it; done when encryption is agreed on."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    offer = handle.send(join)

    async def answer() -> None:
        await connection.setLocalDescription(await connection.createAnswer())
        handle.start(_description(connection))

    await _agree(connection, offer, answer)
    return connection


class Handle:
    """A session with Janus, attached to a plugin."""

    def __init__(self, port: int, plugin: str = VIDEOROOM) -> None:
        self._port = port
        made = _request(port, "POST", "/janus", {"janus": "create"})
        self._session = f"/janus/{made['data']['id']}"
        attach = {"janus": "attach", "plugin": f"janus.plugin.{plugin}"}
        self._path = (
            f"{self._session}/{_request(port, 'POST', self._session, attach)['data']['id']}"
        )

    def send(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, str]:
        """Return the session description that Janus has for it."""
        self._message(body, jsep)
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            event = _request(self._port, "GET", self._session)
            if "jsep" in event:
                return {name: event["jsep"][name] for name in ("type", "sdp")}
        raise TimeoutError("Janus has no session description")

    def start(self, jsep: dict[str, str]) -> None:
        self._message({"request": "start"}, jsep)

    def request(self, body: dict[str, Any]) -> tuple[str, bytes]:
        """Return path and body of a request that Janus answers at once, to be sent as it is."""
        message = {"janus": "message", "transaction": "bench", "body": body}
        return self._path, json.dumps(message).encode()

    def _message(self, body: dict[str, Any], jsep: dict[str, str] | None) -> None:
        message = {"janus": "message", "body": body} | ({"jsep": jsep} if jsep else {})
        _request(self._port, "POST", self._path, message)


def _description(connection: RTCPeerConnection) -> dict[str, str]:
    return {"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}


async def _agree(
    connection: RTCPeerConnection,
    theirs: dict[str, str],
    answer: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Take the description of Janus, answer if it is an offer, and wait for the connection."""
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    await connection.setRemoteDescription(RTCSessionDescription(**theirs))
    if answer is not None:
        await answer()
    await asyncio.wait_for(connected.wait(), CONNECT_SECONDS)
