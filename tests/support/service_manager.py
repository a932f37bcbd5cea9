"""A service manager, as far as the processes it has started can tell: a socket that hears them."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import threading
import time

import trio

PATIENCE = 60.0


class ServiceManagerStandIn:
    """A service manager's socket; what comes to it, each with the time.monotonic() it came at."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while text := self.socket.recv(4096).decode():
            now = time.monotonic()
            self.heard += [(now, line) for line in text.splitlines()]

    def close(self) -> None:
        """Hear what has been said, and no more."""
        if not self._thread.is_alive():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.socket.getsockname())
        self._thread.join()
        self.socket.close()

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self.heard]

    def wait_until_read(self) -> None:
        """Return when nothing waits in the socket."""
        deadline = time.monotonic() + PATIENCE
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, b"\0" * 4))[0]:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    async def hears(self, line: str, times: int = 1) -> None:
        with trio.fail_after(PATIENCE):
            while self.lines.count(line) < times:
                await trio.sleep(0.02)
