"""HTTP requests over keep-alive connections, one in flight on each."""

from __future__ import annotations

import re
import select
import socket
import time
from array import array

from bench.figures import Figures, figures_of
from bench.servers import Server

CONNECTIONS = 32
WARM_UP_SECONDS = 1.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
now = time.perf_counter


class Client:
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, port: int, asked: bytes) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10.0)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = asked
        self._answer = b""
        self._asked = 0.0

    def ask(self) -> None:
        """Send the request."""
        self._answer = b""
        self._asked = now()
        self.sock.sendall(self._request)

    def read(self) -> float | None:
        """Read on; return how long the answer took once it is whole."""
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("the server left")
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or not self._is_whole(head, body):
            return None
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(head.partition(b"\r\n")[0].decode())
        return now() - self._asked

    @staticmethod
    def _is_whole(head: bytes, body: bytes) -> bool:
        length = _LENGTH.search(head + b"\r\n")
        if length is not None:
            return len(body) >= int(length[1])
        return b"chunked" in head and body.endswith(b"\r\n0\r\n\r\n")


def get(server: Server, target: str, seconds: float) -> Figures:
    """Ask for `target` as fast as CONNECTIONS connections go."""
    return repeat(server, request(server.port, "GET", target), seconds)


def request(port: int, method: str, target: str, head: str = "", body: bytes = b"") -> bytes:
    """Return a request as bytes; `head` are further header lines, each with its end."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    start = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}{length}\r\n"
    return start.encode() + body


def repeat(server: Server, asked: bytes, seconds: float) -> Figures:
    """Send one request again and again as fast as CONNECTIONS connections go."""
    clients = [Client(server.port, asked) for _ in range(CONNECTIONS)]
    try:
        with select.epoll() as poll:
            for client in clients:
                poll.register(client.sock, select.EPOLLIN)
                client.ask()
            by_file = {client.sock.fileno(): client for client in clients}
            _exchange(poll, by_file, WARM_UP_SECONDS)
            cpu, start = server.cpu_seconds(), now()
            latencies = _exchange(poll, by_file, seconds)
            return figures_of(latencies, now() - start, server.cpu_seconds() - cpu, "request")
    finally:
        for client in clients:
            client.sock.close()


def _exchange(poll: select.epoll, by_file: dict[int, Client], seconds: float) -> array[float]:
    latencies = array("d")
    end = now() + seconds
    while (time_now := now()) < end:
        for file, _ in poll.poll(end - time_now):
            client = by_file[file]
            took = client.read()
            if took is not None:
                latencies.append(took)
                client.ask()
    return latencies
