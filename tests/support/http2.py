"""An HTTP/2 client that can be wrong on purpose: raw frames over TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hpack
import trio
from hyperframe.frame import Frame

from tests.support.serving import Serving

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 2, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


def request(
    stream: int = 1,
    method: bytes = b"GET",
    path: bytes | None = b"/hello",
    *more: tuple[bytes, bytes],
    ends: bool = True,
) -> bytes:
    """Return the HEADERS frame of a request; `more` may bring pseudo-headers, too.

    Without a path it has no scheme either, as is right for a tunnel.
    """
    fields = [(b":method", method), (b":authority", b"localhost")]
    fields += [(b":scheme", b"https"), (b":path", path)] if path is not None else []
    fields += sorted(more, key=lambda pair: not pair[0].startswith(b":"))
    block = hpack.Encoder().encode(fields, huffman=False)
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


class Http2Client:
    """One connection; `read` gives what the server sends frame by frame."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self.stream = stream
        self._decoder = hpack.Decoder()
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read(self) -> Frame | None:
        """Return the next frame, None at the end."""
        head = await self._bytes(9)
        if len(head) < 9:
            return None
        found, length = Frame.parse_frame_header(memoryview(head))
        found.parse_body(memoryview(await self._bytes(length)))
        return found

    async def until(self, kind: int, stream: int | None = None) -> Frame:
        """Skip to a frame of this kind; fails at the end of the connection."""
        while (found := await self.read()) is not None:
            if found.type == kind and stream in (None, found.stream_id):
                return found
        raise AssertionError("the connection ended")

    async def status(self, stream: int) -> int:
        """Return the status of the answer on a stream (headers of all answers in order)."""
        while (found := await self.read()) is not None:
            if found.type == HEADERS:
                fields = dict(self._decoder.decode(found.data, raw=True))
                if found.stream_id == stream:
                    return int(fields[b":status"])
            assert found.type not in (GOAWAY, RST_STREAM), found
        raise AssertionError("the connection ended")

    async def _bytes(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = await self.stream.receive_some()
            if not data:
                break
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return bytes(taken)


@asynccontextmanager
async def secure(
    server: Serving, tls: ssl.SSLContext, protocol: str
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    """Open a TLS connection that speaks "h2" or "http/1.1"; its end is cut short."""
    tls.set_alpn_protocols([protocol])
    plain = await trio.open_tcp_stream(server.host, server.port)
    async with plain:
        stream = trio.SSLStream(plain, tls, server_hostname="localhost", https_compatible=True)
        await stream.do_handshake()
        assert stream.selected_alpn_protocol() == protocol
        yield stream


@asynccontextmanager
async def http2(server: Serving, tls: ssl.SSLContext) -> AsyncIterator[Http2Client]:
    """Open an HTTP/2 connection with empty settings."""
    async with secure(server, tls, "h2") as stream:
        client = Http2Client(stream)
        await client.send(PREFACE + frame(SETTINGS))
        yield client
