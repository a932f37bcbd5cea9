"""The network as httpcore sees it: names are looked up and checked here, once for a connection."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from media.outside.connections import CheckedConnections


class CheckedNetwork(httpcore.NetworkBackend):
    """Gives httpcore the connections of one input. Their deadline takes the place of its own."""

    def __init__(self, connections: CheckedConnections) -> None:
        self._connections = connections

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raise NotReachable where it cannot or may not be connected to."""
        return CheckedStream(self._connections, self._connections.connect(host, port))


class CheckedStream(httpcore.NetworkStream):
    """One connection."""

    def __init__(self, connections: CheckedConnections, connection: socket.socket) -> None:
        self._connections = connections
        self._connection = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._connection.settimeout(self._connections.left())
            data = self._connection.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout from error
        except OSError as error:
            raise httpcore.ReadError from error
        if not data and self._connections.closed:
            raise httpcore.ReadError  # the end is ours: it must not look like that of a file
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._connection.settimeout(self._connections.left())
            self._connection.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        except OSError as error:
            raise httpcore.WriteError from error

    def close(self) -> None:
        self._connections.forget(self._connection)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._connections.secure(self._connection, server_hostname or "")
        return CheckedStream(self._connections, secured)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # an idle connection that is has ended
            return bool(select.select([self._connection], [], [], 0)[0])
        return None
