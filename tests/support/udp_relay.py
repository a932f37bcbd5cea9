"""A UDP path between two sides with delay and loss, the same ones on every run.

Whoever is to go through it is told a port of the relay's in place of the other side's; who sends to
that port is seen by the other side at a port of its own, as behind a NAT.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]

BUFFER_BYTES = 1 << 20
DATAGRAM_BYTES = 4096
READS = 64  # datagrams of one socket at a time
MOST_SENDERS = 32  # of one port
MOST_HELD = 65_536  # datagrams on their way


class UdpRelay:
    """Runs in a thread while its block lasts; each way waits `delay` seconds and loses as much.

    `loss` is the share of datagrams that get lost, drawn from a generator of `seed`.
    """

    def __init__(self, *, delay: float = 0.0, loss: float = 0.0, seed: int = 1) -> None:
        self.delay = delay
        self.loss = loss
        self.carried = 0
        self.lost = 0
        self._random = random.Random(seed)
        self._held: deque[tuple[float, socket.socket, bytes, Address | None]] = deque()
        # Not epoll, which waits in whole milliseconds.
        self._selector = selectors.SelectSelector()
        self._woken, self._waker = socket.socketpair()
        self._new: deque[tuple[socket.socket, Address]] = deque()
        self._backs: list[dict[Address, socket.socket]] = []
        self._moves = False
        self._thread = threading.Thread(target=self._run, name="udp-relay")
        self._running = True

    def __enter__(self) -> UdpRelay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._wake()
        self._thread.join()

    def to(self, target: Address) -> int:
        """Return a port, on the same host, that leads to the target."""
        front = _bound(target[0], 0)
        self._new.append((front, target))
        self._wake()
        return int(front.getsockname()[1])

    def move(self) -> None:
        """Have all senders be seen at new ports from now on, as when a NAT forgets them."""
        self._moves = True
        self._wake()

    def _wake(self) -> None:
        self._waker.send(b"w")

    def _run(self) -> None:
        self._selector.register(self._woken, selectors.EVENT_READ, self._take_new)
        try:
            while self._running:
                wait = self._held[0][0] - time.monotonic() if self._held else None
                for key, _ in self._selector.select(wait if wait is None else max(0.0, wait)):
                    if key.fileobj.fileno() >= 0:  # type: ignore[union-attr]  # may just be closed
                        key.data()
                self._release()
        finally:
            for key in list(self._selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
            self._selector.close()
            self._waker.close()

    def _take_new(self) -> None:
        self._woken.recv(1024)
        if self._moves:
            self._moves = False
            self._held.clear()
            for backs in self._backs:
                for back in backs.values():
                    self._selector.unregister(back)
                    back.close()
                backs.clear()
        while self._new:
            front, target = self._new.popleft()
            backs: dict[Address, socket.socket] = {}
            self._backs.append(backs)
            self._listen(front, lambda f=front, t=target, b=backs: self._forth(f, t, b))

    def _listen(self, bound: socket.socket, callback: Callable[[], None]) -> None:
        self._selector.register(bound, selectors.EVENT_READ, callback)

    def _forth(
        self, front: socket.socket, target: Address, backs: dict[Address, socket.socket]
    ) -> None:
        for data, sender in _read(front):
            back = backs.get(sender)
            if back is None:
                if len(backs) >= MOST_SENDERS:
                    continue
                back = backs[sender] = _bound(target[0], 0)
                back.connect(target)
                self._listen(back, lambda b=back, f=front, s=sender: self._back(b, f, s))
            self._hold(back, data, None)

    def _back(self, back: socket.socket, front: socket.socket, to: Address) -> None:
        for data, _ in _read(back):
            self._hold(front, data, to)

    def _hold(self, out: socket.socket, data: bytes, to: Address | None) -> None:
        if self._random.random() < self.loss or len(self._held) >= MOST_HELD:
            self.lost += 1
        else:
            self._held.append((time.monotonic() + self.delay, out, data, to))

    def _release(self) -> None:
        now = time.monotonic()
        while self._held and self._held[0][0] <= now:
            _, out, data, to = self._held.popleft()
            try:
                out.send(data) if to is None else out.sendto(data, to)
                self.carried += 1
            except OSError:
                self.lost += 1


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(type=socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    bound.setblocking(False)
    bound.bind((host, port))
    return bound


def _read(bound: socket.socket) -> list[tuple[bytes, Any]]:
    found: list[tuple[bytes, Any]] = []
    for _ in range(READS):
        try:
            found.append(bound.recvfrom(DATAGRAM_BYTES))
        except BlockingIOError:
            break
        except OSError:  # what an earlier datagram met on its way (ICMP)
            continue
    return found


def through(relay: UdpRelay, sdp: str) -> str:
    """Return a description with one candidate, which leads through the relay.

    That is its first one for UDP over IPv4.
    """
    lines, led = [], False
    for line in sdp.splitlines():
        words = line.split(" ")
        if not line.startswith("a=candidate:"):
            lines.append(line)
        elif not led and words[2].lower() == "udp" and ":" not in words[4]:
            words[5] = f"{relay.to((words[4], int(words[5])))}"
            lines.append(" ".join(words))
            led = True
    if not led:
        raise ValueError("no candidate for UDP over IPv4")
    return "\r\n".join(lines) + "\r\n"
