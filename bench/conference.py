"""`python -m bench.conference`: what it takes to get into a conference of OWT, and to see somebody.

The server is a process of its own. Clients are websockets of Engine.IO 3, and aiortc connections
that encode and decode for real, in this process; both share the machine. A login uses a token up;
the first frame is seen by a newcomer who joins, publishes and subscribes to who is there already.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from statistics import median, quantiles
from typing import Any

import av
import trio
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from trio_websocket import WebSocketConnection, open_websocket_url

from api.owt.management.mauth import make_header
from bench.servers import Server, quintet
from media.webrtc.bridge import MediaLoop, open_media_loop

SERVICE, KEY = "5188b9af6e53c84ffd600413", "a key of the bench"
CONFIG = f"""
[server]
data_dir = "data"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{{port}}"
dialects = ["owt", "operator"]
[ice]
listen_ips = ["127.0.0.1"]
[owt]
sample_service_id = "{SERVICE}"
sample_service_key = "{KEY}"
messages_per_second = 100000
"""
AGENT = {"sdk": {"type": "JavaScript", "version": "4.3.1"}}
PATIENCE = 20.0
STEP_SECONDS = 10.0
FRAME_SECONDS = 1 / 30


def ask(server: Server, method: str, path: str, body: object) -> str:
    """Ask the management API."""
    header = make_header(SERVICE, KEY, int(time.time() * 1000), "0123456789abcdef", "", "")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    headers = {"Authorization": header, "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(text)
    return text


def new_room(server: Server) -> str:
    return str(json.loads(ask(server, "POST", "/v1/rooms", {"name": "bench"}))["_id"])


def new_token(server: Server, room: str) -> str:
    return ask(server, "POST", f"/v1/rooms/{room}/tokens", {"user": "u", "role": "presenter"})


@dataclass
class Portal:
    """One client of the portal."""

    socket: WebSocketConnection
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    notes: list[tuple[str, Any]] = field(default_factory=list)

    async def ask(self, name: str, data: object) -> Any:
        """Send a request and return its answer; what is told meanwhile is noted."""
        number = next(self.numbers)
        await self.socket.send_message(f"42{number}{json.dumps([name, data])}")
        while True:
            packet = await self._next()
            if packet.startswith(f"43{number}["):
                status, *answer = json.loads(packet[2 + len(str(number)) :])
                if status != "ok":
                    raise RuntimeError(answer)
                return answer[0] if answer else None

    async def until(self, session: str, status: str) -> Any:
        """Wait for the progress of a session."""
        while True:
            for note in self.notes:
                name, data = note
                if name == "progress" and (data["id"], data["status"]) == (session, status):
                    self.notes.remove(note)
                    return data.get("data")
            await self._next()

    async def login(self, token: str) -> Any:
        request = {"token": token, "userAgent": AGENT, "protocol": "1.1"}
        return await self.ask("login", request)

    async def _next(self) -> str:
        packet = str(await self.socket.get_message())
        if packet.startswith("42["):
            name, *data = json.loads(packet[2:])
            self.notes.append((name, data[0] if data else None))
        return packet


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Portal]:
    url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=3&transport=websocket"
    async with open_websocket_url(url) as socket:
        portal = Portal(socket)
        while await portal._next() != "40":
            pass
        yield portal


class Moving(MediaStreamTrack):
    """A picture of 320x240, 30 times a second, that moves."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._start = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(max(0.0, self._start + self._count * FRAME_SECONDS - time.monotonic()))
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([self._count % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 3000, Fraction(1, 90_000)
        self._count += 1
        return frame


class Call:
    """One aiortc connection of a client, driven from Trio."""

    def __init__(self, loop: MediaLoop, portal: Portal) -> None:
        self.seen = trio.Event()
        self._loop = loop
        self._portal = portal
        self._pc: RTCPeerConnection
        self._reader: asyncio.Task[None] | None = None

    async def run(self, step: Any, *arguments: object) -> Any:
        return await self._loop.call(step, *arguments, within=STEP_SECONDS)

    async def publish(self) -> str:
        """Send a picture; return the stream's id once it is ready."""
        media = {"audio": False, "video": {"source": "camera"}}
        return await self._negotiate("publish", {"media": media}, Moving())

    async def subscribe(self, stream: str) -> None:
        """Take a picture, until it is ready; `seen` is set with the first frame."""
        media = {"audio": False, "video": {"from": stream}}
        await self._negotiate("subscribe", {"media": media}, None)

    async def close(self) -> None:
        await self.run(self._close)

    async def _negotiate(self, name: str, wanted: object, track: MediaStreamTrack | None) -> str:
        id_ = str((await self._portal.ask(name, wanted))["id"])
        offer = await self.run(self._offer, track)
        signaling = {"type": "offer", "sdp": offer}
        await self._portal.ask("soac", {"id": id_, "signaling": signaling})
        answer = await self._portal.until(id_, "soac")
        await self.run(self._accept, answer["sdp"])
        await self._portal.until(id_, "ready")
        return id_

    async def _offer(self, track: MediaStreamTrack | None) -> str:
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.on("track", self._take)
        if track is None:
            self._pc.addTransceiver("video", "recvonly")
        else:
            self._pc.addTransceiver(track, "sendonly")
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def _accept(self, sdp: str) -> None:
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def _take(self, track: MediaStreamTrack) -> None:
        self._reader = asyncio.ensure_future(self._read(track))

    async def _read(self, track: MediaStreamTrack) -> None:
        await track.recv()
        self.seen.set()

    async def _close(self) -> None:
        for sender in self._pc.getSenders():
            sender.replaceTrack(None)
        await asyncio.sleep(0.1)
        await self._pc.close()
        if self._reader is not None:
            self._reader.cancel()


async def newcomer(server: Server, loop: MediaLoop, room: str, stream: str) -> dict[str, float]:
    """Join, publish, subscribe and see; return the milliseconds of each, and of all."""
    token = new_token(server, room)
    began = time.perf_counter()
    marks = {}

    def mark(name: str, since: float) -> None:
        marks[name] = (time.perf_counter() - since) * 1000

    with trio.fail_after(PATIENCE):
        async with connected(server) as portal:
            await portal.login(token)
            mark("join", began)
            step = time.perf_counter()
            sends, takes = Call(loop, portal), Call(loop, portal)
            await sends.publish()
            mark("publish, until ready", step)
            step = time.perf_counter()
            await takes.subscribe(stream)
            mark("subscribe, until ready", step)
            await takes.seen.wait()
            mark("subscribe, until the first frame", step)
            mark("join to first frame", began)
            await portal.ask("logout", None)
            for call in (sends, takes):
                await call.close()
    return marks


async def first_frames(server: Server, times: int) -> None:
    room = new_room(server)
    async with open_media_loop() as loop, connected(server) as portal:
        await portal.login(new_token(server, room))
        call = Call(loop, portal)
        stream = await call.publish()
        await newcomer(server, loop, room, stream)
        found = [await newcomer(server, loop, room, stream) for _ in range(times)]
        await call.close()
    for name in found[0]:
        figures = [each[name] for each in found]
        worst = quantiles(figures, n=10)[-1]
        print(f"{name:<34} {median(figures):8.1f} ms   p90 {worst:8.1f} ms")


async def logins(server: Server, times: int, at_once: int) -> None:
    room = new_room(server)
    tokens = [new_token(server, room) for _ in range(times)]
    seconds: list[float] = []

    async def come(mine: list[str]) -> None:
        for token in mine:
            async with connected(server) as portal:
                began = time.perf_counter()
                await portal.login(token)
                seconds.append(time.perf_counter() - began)
                await portal.ask("logout", None)

    worked, began = server.cpu_seconds(), time.perf_counter()
    async with trio.open_nursery() as nursery:
        for number in range(at_once):
            nursery.start_soon(come, tokens[number::at_once])
    took = time.perf_counter() - began
    cpu = (server.cpu_seconds() - worked) / times
    print(f"{'connect, log in, log out':<34} {times / took:8.1f} a second, {at_once} at once")
    print(f"{'log in':<34} {median(seconds) * 1000:8.1f} ms")
    print(f"{'CPU of the server':<34} {cpu * 1000:8.2f} ms each")


async def main(times: int, people: int) -> None:
    with quintet(CONFIG) as server:
        await logins(server, people, 8)
        await first_frames(server, times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.conference", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="that a newcomer comes (20)")
    parser.add_argument("--people", type=int, default=500, help="who log in (500)")
    options = parser.parse_args()
    trio.run(partial(main, options.times, options.people))
