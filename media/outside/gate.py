"""The way of RTMP and RTSP to the outside: FFmpeg connects here, and this to a checked address."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

from media.outside.connections import CheckedConnections
from media.outside.errors import NotReachable
from media.outside.gate_address import read_address
from media.outside.places import Places
from media.outside.relay import relay
from media.outside.rtmp_answers import RtmpAnswers
from media.outside.rtsp_answers import RtspAnswers

MAX_CONNECTIONS = 8  # of FFmpeg, one after the other: RTMP takes up to three to log in
LOOPBACK = "127.0.0.1"


class Gate:
    """A relay on loopback for one rtmp(s) or rtsp(s) URL, with a thread of its own.

    FFmpeg is given `url` and `options`, and connects from this process. When it fails, `trouble`
    says why, where that is known here. `close` may be called from any thread: it ends all
    connections, so that FFmpeg returns. A context manager, which waits for its thread at the end.
    `trust` says whose certificates are good: None for those that the system trusts.
    Raises NotReachable for other URLs.
    """

    def __init__(
        self,
        url: str,
        places: Places,
        *,
        open_seconds: float = 30.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._address = read_address(url)
        self._open_seconds = open_seconds
        self._ending: NotReachable | None = None
        self._answers: RtmpAnswers | RtspAnswers | None = None
        self._left = False  # by the server, the last time
        self._heard = time.monotonic()  # when it said something last, or was connected to
        self._connections = CheckedConnections(places, trust)
        self._inner: socket.socket | None = None
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = self._address.through(self._listener.getsockname()[1])
        self.options = self._address.options()
        self._thread = threading.Thread(target=self._serve, name="gate", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> NotReachable | None:
        """Why it failed: what came between, or the last refusal of the server."""
        if self._ending is None and self._answers is not None:
            return self._answers.refusal()
        return self._ending

    def gone(self, seconds: float) -> bool:
        """Tell whether the server ended its connection, or has said nothing for so long."""
        return self._left or time.monotonic() - self._heard >= seconds

    @property
    def takes(self) -> bool:
        """Whether the server has said that it takes what is sent to it."""
        return self._answers is not None and self._answers.takes

    def close(self) -> None:
        """End all connections, and listen no more."""
        self._connections.close()
        inner = self._inner
        for each in (self._listener, inner):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._thread.join()

    def _serve(self) -> None:
        with self._listener:
            left = MAX_CONNECTIONS
            while left and not self._connections.closed:
                try:
                    inner, peer = self._listener.accept()
                except OSError:  # closed
                    return
                with inner:
                    if _is_of_this_process(peer[1], self._listener.getsockname()[1]):
                        left -= 1
                        self._inner = inner
                        self._carry(inner)
                        self._inner = None

    def _carry(self, inner: socket.socket) -> None:
        self._connections.until = time.monotonic() + self._open_seconds
        self._left, outer = False, None
        try:
            outer = self._connections.connect(self._address.host, self._address.port)
            server = outer.getpeername()[0]
            if self._address.secured:
                outer = self._connections.secure(outer, self._address.host)
            is_rtsp = self._address.scheme == "rtsp"
            self._answers = RtspAnswers(server) if is_rtsp else RtmpAnswers()
            self._heard = time.monotonic()
            self._left = relay(inner, outer, self._answer) is outer
        except NotReachable as error:
            self._ending = error
        except OSError:
            self._left = True  # before it said anything
        finally:
            if outer is not None:
                self._connections.forget(outer)

    def _answer(self, data: bytes) -> bytes:
        self._heard = time.monotonic()
        return data if self._answers is None else self._answers.feed(data)


def _is_of_this_process(port: int, ours: int) -> bool:
    """Tell whether a connection from a port of loopback to ours was made by this process.

    Others on this machine must not come to the outside through it, nor take FFmpeg's place.
    """
    local, remote = (f"0100007F:{each:04X}" for each in (port, ours))
    rows = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines())
    inodes = {f"socket:[{row[9]}]" for row in rows if row[1:3] == [local, remote]}
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if str(descriptor.readlink()) in inodes:
                return True
    return False
