"""A Socket.IO client of our own: Engine.IO 3 and 4, over polling, a websocket, or first one and
then the other.

It reads the wire by itself, with none of the server's code: `connect` opens it, `emit` and `call`
send events, `event` waits for one. Every wait has a deadline.
"""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.support.raw import talking

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine

Json = Any


class Carrier(Protocol):
    """What packets travel by."""

    async def send(self, *packets: str) -> None: ...

    async def receive(self) -> list[str]:
        """Return the next packets; none at the end."""


@dataclass
class Polling:
    """Requests to /socket.io/."""

    http: httpx.AsyncClient
    version: int
    sid: str = ""
    stopped: bool = False
    idle: trio.Event = field(default_factory=trio.Event)

    def params(self) -> dict[str, str]:
        known = {"sid": self.sid} if self.sid else {}
        return {"EIO": str(self.version), "transport": "polling", "t": "x", **known}

    async def receive(self) -> list[str]:
        if self.stopped:
            self.idle.set()
            return []
        try:
            answer = await self.http.get("/socket.io/", params=self.params(), timeout=None)
        except httpx.TransportError:  # the server is gone
            return []
        return packets_of(answer.text, self.version) if answer.status_code == 200 else []

    async def send(self, *packets: str) -> None:
        answer = await self.post(body_of(packets, self.version))
        assert (answer.status_code, answer.text) == (200, "ok"), answer.text

    async def post(self, body: str) -> httpx.Response:
        kind = {"content-type": "text/plain;charset=UTF-8"}
        content = body.encode()
        return await self.http.post(
            "/socket.io/", params=self.params(), content=content, headers=kind, timeout=PATIENCE
        )


@dataclass
class Websocket:
    """A websocket; each frame is one packet."""

    socket: WebSocketConnection

    async def receive(self) -> list[str]:
        try:
            return [str(await self.socket.get_message())]
        except ConnectionClosed:
            return []

    async def send(self, *packets: str) -> None:
        for packet in packets:
            await self.socket.send_message(packet)


@dataclass
class SocketIoClient:
    """One connected client. `id` is what Socket.IO calls its id, `sid` that of Engine.IO."""

    url: str
    version: int
    headers: dict[str, str]
    carrier: Carrier
    nursery: trio.Nursery
    tls: ssl.SSLContext | None = None
    sid: str = ""
    id: str = ""
    greeting: dict[str, Json] = field(default_factory=dict)
    packets: list[str] = field(default_factory=list)  # all that came, as it came
    ended: str = ""  # "disconnect", "close" or "transport", once it has
    _events: list[list[Json]] = field(default_factory=list)
    _acks: dict[int, list[Json]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _news: trio.Event = field(default_factory=trio.Event)

    async def emit(self, name: str, *args: Json) -> None:
        """Send an event nobody answers."""
        await self.carrier.send("42" + json.dumps([name, *args], ensure_ascii=False))

    async def call(self, name: str, *args: Json, within: float = PATIENCE) -> list[Json]:
        """Send an event and return the arguments of its acknowledgement."""
        number = next(self._numbers)
        await self.carrier.send(f"42{number}" + json.dumps([name, *args], ensure_ascii=False))
        with trio.fail_after(within):
            while number not in self._acks:
                assert not self.ended, f"{name}: ended by {self.ended}"
                await self._news.wait()
        return self._acks.pop(number)

    async def event(self, name: str = "", within: float = PATIENCE) -> list[Json]:
        """Return the arguments of the next event (of this name; those before it stay)."""
        with trio.fail_after(within):
            while True:
                for index, found in enumerate(self._events):
                    if not name or found[0] == name:
                        del self._events[index]
                        return found[1:] if name else found
                assert not self.ended, f"no {name}: ended by {self.ended}"
                await self._news.wait()

    async def gone(self, within: float = PATIENCE) -> str:
        """Wait for the end and return what it was."""
        with trio.fail_after(within):
            while not self.ended:
                await self._news.wait()
        return self.ended

    async def leave(self) -> None:
        """Leave as a client does that is done: with a word."""
        await self.carrier.send("41")

    async def upgrade(self) -> None:
        """Move from polling to a websocket, as published clients do."""
        polling = self.carrier
        assert isinstance(polling, Polling)
        query = {"EIO": self.version, "transport": "websocket", "sid": self.sid}
        websocket = Websocket(await self.nursery.start(self._websocket, query))
        await websocket.send("2probe")
        with trio.fail_after(PATIENCE):
            assert await websocket.receive() == ["3probe"]
            polling.stopped = True
            await polling.idle.wait()
        await websocket.send("5")
        self.carrier = websocket
        self.nursery.start_soon(self._read, websocket)

    async def _websocket(
        self, query: dict[str, Any], task_status: trio.TaskStatus[WebSocketConnection]
    ) -> None:
        url = f"ws{self.url.removeprefix('http')}/socket.io/?{urlencode(query)}"
        async with talking(url, headers=self.headers, tls=self.tls) as socket:
            task_status.started(socket)
            await trio.sleep_forever()

    async def _read(self, carrier: Carrier) -> None:
        while packets := await carrier.receive():
            for packet in packets:
                await self._take(packet)
        if self.carrier is carrier and not (isinstance(carrier, Polling) and carrier.stopped):
            self._end("transport")

    async def _take(self, packet: str) -> None:
        self.packets.append(packet)
        kind, rest = packet[:1], packet[1:]
        if kind == "0":
            self.greeting = json.loads(rest)
            self.sid = self.greeting["sid"]
            if self.version == 3:
                self.id = self.sid
                self.nursery.start_soon(self._beat)
        elif kind == "1":
            self._end("close")
        elif kind == "2" and self.version == 4:
            with suppress(ConnectionClosed, httpx.HTTPError, AssertionError):  # `_read` tells
                await self.carrier.send("3" + rest)
        elif kind == "4":
            self._hear(rest)
        self._tell()

    def _hear(self, message: str) -> None:
        kind, rest = message[:1], message[1:]
        if kind == "0":
            self.id = json.loads(rest)["sid"] if rest else self.sid
        elif kind == "1":
            self._end("disconnect")
        elif kind == "2":
            self._events.append(json.loads(rest))
        elif kind == "3":
            digits = rest[: rest.index("[")]
            self._acks[int(digits)] = json.loads(rest[len(digits) :])

    async def _beat(self) -> None:
        while True:
            await trio.sleep(self.greeting["pingInterval"] / 1000)
            with suppress(ConnectionClosed, httpx.HTTPError, AssertionError):
                await self.carrier.send("2")

    def _end(self, how: str) -> None:
        self.ended = self.ended or how
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def _connected(self) -> None:
        with trio.fail_after(PATIENCE):
            while not (self.sid and self.id and "40" in {p[:2] for p in self.packets}):
                if self.version == 4 and self.sid and not self.id:
                    await self.carrier.send("40")
                    self.id = "…"
                assert not self.ended, f"not connected: {self.ended}"
                await self._news.wait()


@asynccontextmanager
async def connect(
    url: str,
    *,
    version: int = 3,
    way: str = "upgrade",
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[SocketIoClient]:
    """Connect to a server, such as "http://127.0.0.1:8080"; `tls` is for "https://…".

    `way` is "polling", "websocket", or "upgrade": polling first, then a websocket. At the end of
    the block the connection is dropped without a word.
    """
    sent = headers or {}
    verify = tls or False  # False: no TLS is spoken, and authorities take 60 ms to load
    async with (
        httpx.AsyncClient(base_url=url, headers=sent, timeout=PATIENCE, verify=verify) as http,
        trio.open_nursery() as nursery,
    ):
        polling = Polling(http, version)
        client = SocketIoClient(url, version, sent, polling, nursery, tls)
        if way == "websocket":
            query = {"EIO": version, "transport": "websocket"}
            client.carrier = Websocket(await nursery.start(client._websocket, query))
        else:
            with trio.fail_after(PATIENCE):
                first = await polling.receive()
            assert first, "no handshake"
            polling.sid = json.loads(first[0][1:])["sid"]
            for packet in first:
                await client._take(packet)
        nursery.start_soon(client._read, client.carrier)
        await client._connected()
        if way == "upgrade":
            await client.upgrade()
        yield client
        nursery.cancel_scope.cancel()


def units(text: str) -> int:
    """Count text as JavaScript does."""
    return len(text.encode("utf-16-le")) // 2


def body_of(packets: tuple[str, ...], version: int) -> str:
    """Put packets into one body of the polling transport."""
    if version == 4:
        return "\x1e".join(packets)
    return "".join(f"{units(packet)}:{packet}" for packet in packets)


def packets_of(body: str, version: int) -> list[str]:
    """Take a body of the polling transport apart."""
    if version == 4:
        return body.split("\x1e")
    packets = []
    while body:
        length, _, body = body.partition(":")
        wide = body.encode("utf-16-le")
        packets.append(wide[: 2 * int(length)].decode("utf-16-le"))
        body = wide[2 * int(length) :].decode("utf-16-le")
    return packets
