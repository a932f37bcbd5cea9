"""A TCP server that does with each connection what a function says. A context manager."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

PATIENCE = 10.0


class TcpScript:
    """`does` gets each connection in a thread; `ended` are those that it has done with."""

    def __init__(
        self,
        does: Callable[[socket.socket], None],
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._does, self._tls = does, tls
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connected = 0
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> TcpScript:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                self.connected += 1
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection, suppress(OSError):
            if self._tls is None:
                self._does(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as secured:
                self._does(secured)
