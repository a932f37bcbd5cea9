"""An HTTP(S) server of files in memory, which can also misbehave. Use it as a context manager."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Misbehaviour = Callable[["BaseHTTPRequestHandler", threading.Event], None]
Served = bytes | tuple[int, Mapping[str, str]] | Misbehaviour
"""A file, a status with headers, or what is done instead until the event says that it is over."""


class FileServer:
    """Serves `files` by path. `asked` are the requests that came: path, and headers by name."""

    def __init__(
        self, files: Mapping[str, Served] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.files: dict[str, Served] = dict(files or {})
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._scheme = "http" if tls is None else "https"
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # the name that http.server calls
                served.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                file = served.files.get(self.path.partition("?")[0], (404, {}))
                if isinstance(file, bytes):
                    self._send(file)
                elif isinstance(file, tuple):
                    self.send_response(file[0])
                    for name, value in {"Content-Length": "0", **file[1]}.items():
                        self.send_header(name, value)
                    self.end_headers()
                else:
                    self.close_connection = True
                    file(self, served.over)

            def _send(self, file: bytes) -> None:
                asked = self.headers.get("Range", "").removeprefix("bytes=")
                first, _, last = asked.partition("-")
                part = file[int(first or 0) : int(last) + 1 if last else None]
                self.send_response(206 if asked else 200)
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                self.wfile.write(part)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False  # all are waited for at the end

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that goes away in the middle is what some tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
