"""A connection as Hypercorn takes it: a Trio stream with deadlines, whose last answer arrives.

It first replays the bytes already read, bounds every send (Hypercorn shields its sends), and closes
so that an answer given before the whole request was read still arrives.
"""

from __future__ import annotations

import contextlib
import socket as stdlib_socket
from collections.abc import Callable

import trio

SEND_SECONDS = 60.0  # for one chunk; a client that takes nothing for so long is gone
LINGER_SECONDS = 1.0  # for an early answer to reach a client that still sends
CHUNK_BYTES = 65_536


class ServedStream(trio.abc.HalfCloseableStream):
    """An accepted TCP connection as Hypercorn takes it.

    `replay` is what was read from it already. While the server is `stopping`, a close does not wait
    for the client.
    """

    def __init__(
        self, sock: stdlib_socket.socket, replay: bytes, stopping: Callable[[], bool]
    ) -> None:
        self.socket = trio.socket.from_stdlib_socket(sock)
        self._replay = replay
        self._stopping = stopping
        self._reading = self._closing = False
        self.ended = trio.Event()  # nothing more will be read

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what comes next, b"" at the end; discards what comes after our own close."""
        if self._replay:
            await trio.lowlevel.checkpoint()
            replayed, self._replay = self._replay, b""
            return replayed
        if self._reading:  # by our own close, which leaves nothing to anybody
            await self.ended.wait()
            return b""
        self._reading = True
        try:
            return await self._receive(max_bytes or CHUNK_BYTES)
        finally:
            self._reading = False

    async def _receive(self, max_bytes: int) -> bytes:
        while True:
            try:
                data = await self.socket.recv(max_bytes)
            except trio.ClosedResourceError:
                raise
            except OSError as error:
                self.ended.set()
                raise trio.BrokenResourceError from error
            if not data:
                self.ended.set()
            if not data or not self._closing:
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send it all, at most SEND_SECONDS without progress; raises BrokenResourceError."""
        rest = memoryview(data)
        try:
            while rest:
                with trio.fail_after(SEND_SECONDS):
                    rest = rest[await self.socket.send(rest) :]
        except trio.TooSlowError:
            self.ended.set()
            self.socket.close()
            raise trio.BrokenResourceError("the client takes nothing") from None
        except trio.ClosedResourceError:
            raise
        except OSError as error:
            self.ended.set()
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room to send."""
        await trio.lowlevel.wait_writable(self.socket)

    async def send_eof(self) -> None:
        """Say that nothing more will come from here."""
        with contextlib.suppress(OSError, trio.ClosedResourceError):
            self.socket.shutdown(stdlib_socket.SHUT_WR)
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close; give the client a moment to read our last answer first.

        Closing on unread bytes would reset the connection and destroy that answer (RFC 9112, 9.6).
        """
        first, self._closing = not self._closing, True
        try:
            if first and not self.ended.is_set() and not self._stopping():
                await self.send_eof()
                with trio.move_on_after(LINGER_SECONDS):
                    await self._until_the_client_has_closed()
        finally:
            self.ended.set()
            self.socket.close()
        await trio.lowlevel.checkpoint()

    async def _until_the_client_has_closed(self) -> None:
        """Read on where nobody does: it may be the reader who closes, over what he has read."""
        self._replay = b""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await (self.ended.wait() if self._reading else self.receive_some())
