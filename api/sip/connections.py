"""One connection of SIP over TCP or TLS: gives whole messages, and is cut when it hurts.

Nothing here waits without a deadline. Strangers get half a minute for each message, and no more
than a share of what there is; who is known may be silent for two hours, as calls are.
"""

from __future__ import annotations

import ssl
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import trio

from api.http.credentials import address_key
from api.sip.flows import Flow
from api.sip.framing import FramingError, StreamFramer

READ_BYTES = 65_536
SEND_BYTES = 262_144  # unsent, of one connection
SEND_SECONDS = 10.0  # for the other side to take some of it
STRANGER_SECONDS = 30.0  # for each message, the first one included
KNOWN_SECONDS = 7200.0
STRANGERS_SHARE = 2  # of sip.connections they have one half
STRANGER_CONNECTIONS = 8  # of one address


class ByteStream(Protocol):
    """What TCP and TLS have in common."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray: ...

    async def send_all(self, data: bytes) -> None: ...

    async def aclose(self) -> None: ...


class SipConnection:
    """One connection; `known` tells whether its other side is somebody we have to do with."""

    def __init__(self, stream: ByteStream, flow: Flow, known: Callable[[str], bool]) -> None:
        self.flow = flow
        self._stream = stream
        self._known = known
        self._framer = StreamFramer()
        self._waiting: deque[bytes] = deque()
        self._unsent = 0
        self._more = trio.Event()
        self._sent = trio.Event()
        self._sent.set()
        self._scope = trio.CancelScope()
        self.why = ""  # it was cut

    def send(self, data: bytes) -> bool:
        """Have it sent in its turn; False where it is cut, which it is when too much waits."""
        if self.why:
            return False
        if self._unsent + len(data) > SEND_BYTES:
            self.cut("too_slow")
            return False
        if not self._unsent:
            self._sent = trio.Event()
        self._unsent += len(data)
        self._waiting.append(data)
        self._more.set()
        return True

    async def sent(self) -> None:
        """Wait until all of it has been handed to the network, or cannot be any more."""
        await self._sent.wait()

    def cut(self, why: str) -> None:
        """End it now."""
        self.why = self.why or why
        self._sent.set()
        self._scope.cancel()

    async def run(self, receive: Callable[[bytes, Flow], None]) -> None:
        """Carry messages until either side ends it; the stream is closed then.

        What `receive` raises is raised; nothing that the other side does is.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(receive)
                    nursery.cancel_scope.cancel()
        finally:
            self.why = self.why or "closed"
            self._sent.set()
            await trio.aclose_forcefully(self._stream)  # type: ignore[arg-type]  # any stream

    async def _read(self, receive: Callable[[bytes, Flow], None]) -> None:
        whole = trio.current_time()
        while True:
            now = trio.current_time()
            known = self._known(self.flow.remote[0])
            data = await self._some(now + KNOWN_SECONDS if known else whole + STRANGER_SECONDS)
            if not data:
                return
            messages, broken = self._messages(data)
            for message in messages:
                whole = trio.current_time()
                receive(message, self.flow)
                await trio.lowlevel.checkpoint()
            if broken:
                self.why = "no_sip"
                return

    def _messages(self, data: bytes) -> tuple[list[bytes], bool]:
        """Return the messages that are whole by now, and whether no more can be found."""
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            return error.whole, True
        if pongs := self._framer.take_pongs():
            self.send(pongs)
        return messages, False

    async def _some(self, deadline: float) -> bytes:
        """Read what there is; nothing where it has ended, or comes too late."""
        with trio.move_on_at(deadline) as scope, suppress(*GONE):
            return bytes(await self._stream.receive_some(READ_BYTES))
        if scope.cancelled_caught:
            self.why = "silent"
        return b""

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more = trio.Event()
            while self._waiting:
                data = self._waiting.popleft()
                try:
                    with trio.fail_after(SEND_SECONDS):
                        await self._stream.send_all(data)
                except GONE:
                    return self.cut("lost")
                except trio.TooSlowError:
                    return self.cut("too_slow")
                self._unsent -= len(data)
            self._sent.set()


GONE = (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError, OSError)
"""What a stream raises whose other side has left."""


class ConnectionPlaces:
    """How many connections there may be: in all, of strangers, and of each strange address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._strange: Counter[str] = Counter()
        self._used = 0

    def take(self, host: str, known: bool) -> str | None:
        """Take a place; what to give back for it, or None where there is none."""
        if self._used >= self._most:
            return None
        key = "" if known else address_key(host)
        if key and (
            self._strange.total() >= self._most // STRANGERS_SHARE
            or self._strange[key] >= STRANGER_CONNECTIONS
        ):
            return None
        self._used += 1
        if key:
            self._strange[key] += 1
        return key

    def give(self, key: str) -> None:
        """Have a place back, for what `take` returned."""
        self._used -= 1
        if key:
            self._strange[key] -= 1
            if not self._strange[key]:
                del self._strange[key]

    def __len__(self) -> int:
        return self._used
