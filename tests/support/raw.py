"""A websocket client that can be wrong on purpose: raw frames over a Trio TCP stream."""

from __future__ import annotations

import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

if TYPE_CHECKING:
    from tests.support.serving import Serving

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def upgrade_request(path: str = "/ws", **headers: str | None) -> bytes:
    """Return an upgrade request; a header given as None is left out (underscores are dashes)."""
    fields: dict[str, str | None] = {
        "host": "test.example",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    """Return one frame; masked with zeros, so that the payload stays readable."""
    first, mask = opcode | (0x80 if fin else 0), 0x80 if masked else 0
    if len(payload) < 126:
        head = bytes((first, mask | len(payload)))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, mask | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, mask | 127, len(payload))
    return head + (b"\0\0\0\0" if masked else b"") + payload


class RawClient:
    """Reads what the server sends, byte by byte or frame by frame."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read(self, count: int) -> bytes:
        """Return exactly `count` bytes, fewer at the end of the stream."""
        while len(self._buffer) < count:
            data = await self.stream.receive_some()
            if not data:
                break
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def read_head(self) -> str:
        """Return a response head."""
        while b"\r\n\r\n" not in self._buffer:
            data = await self.stream.receive_some()
            if not data:
                break
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.decode()

    async def read_frame(self) -> tuple[int, bytes] | None:
        """Return (opcode, payload), None at the end of the stream."""
        head = await self.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.read(8))
        return head[0] & 0x0F, await self.read(length)

    async def read_message(self) -> tuple[int, bytes] | None:
        """Return the next frame that is not a ping."""
        while (found := await self.read_frame()) is not None and found[0] == PING:
            pass
        return found

    async def read_close(self) -> int | None:
        """Skip to the close frame and return its code; None if the stream ends without one."""
        while (found := await self.read_frame()) is not None:
            if found[0] == CLOSE:
                return int.from_bytes(found[1][:2], "big") if found[1] else 1005
        return None

    async def read_rest(self) -> bytes:
        """Return everything up to the end of the stream."""
        rest, self._buffer = self._buffer, b""
        try:
            async for data in self.stream:
                rest += data
        except trio.BrokenResourceError:
            pass
        return rest


@asynccontextmanager
async def connected(server: Serving) -> AsyncIterator[RawClient]:
    """Open a TCP connection."""
    stream = await trio.open_tcp_stream(server.host, server.port)
    async with stream:
        yield RawClient(stream)


@asynccontextmanager
async def talking(
    url: str,
    subprotocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[WebSocketConnection]:
    """Open a well-behaved websocket on a stream of ours: trio-websocket leaves some open."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    stream: trio.abc.Stream = await trio.open_tcp_stream(host, parts.port or 80)
    if tls is not None:
        stream = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    async with stream, trio.open_nursery() as nursery:
        client = await wrap_client_stream(
            nursery,
            stream,
            parts.netloc,
            target,
            subprotocols=list(subprotocols),
            extra_headers=extra,
        )
        yield client
        await client.aclose()
        nursery.cancel_scope.cancel()


async def refusal(server: Serving, request: bytes) -> tuple[int, str, bytes]:
    """Send an upgrade request; return status, head and body of the answer."""
    async with connected(server) as client:
        await client.send(request)
        head = await client.read_head()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        return int(head.split()[1]), head.lower(), await client.read(length)


@asynccontextmanager
async def upgraded(server: Serving, path: str = "/ws") -> AsyncIterator[RawClient]:
    """Open a websocket."""
    async with connected(server) as client:
        await client.send(upgrade_request(path))
        head = await client.read_head()
        assert head.startswith("HTTP/1.1 101"), head
        yield client
