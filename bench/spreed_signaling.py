"""Debian's nextcloud-spreed-signaling as the peer of `bench.barertc`: one room, many sessions.

It asks a Nextcloud whether somebody may come in; here a stub says yes to everybody. Its events go
through its own loopback, no NATS server.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.crowd import encoded
from bench.link import Link
from bench.servers import Server, free_port, running

PROGRAM = "nextcloud-spreed-signaling-server"
CONFIG = """
[http]
listen = 127.0.0.1:{port}
[sessions]
hashkey = 0123456789abcdef0123456789abcdef
blockkey = 0123456789abcdef0123456789abcdef
[clients]
internalsecret = bench
[backend]
backends = stub
timeout = 10
connectionsperhost = 8
[stub]
url = http://127.0.0.1:{stub}/
secret = bench
[nats]
url = :loopback:
[mcu]
"""
BACKEND = "/ocs/v2.php/apps/spreed/api/v3/signaling/backend"
ROOM = "bench"


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


class Nextcloud(BaseHTTPRequestHandler):
    """Lets everybody in."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer

    def do_GET(self) -> None:
        self._answer({"capabilities": {}})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        kind = asked["type"]
        answer: dict[str, Any] = {"version": "1.0"}
        if kind == "auth":
            answer["userid"] = asked["auth"]["params"]["userid"]
        elif kind == "room":
            answer |= {"roomid": asked["room"]["roomid"], "properties": {}}
        self._answer({"type": kind, kind: answer})

    def _answer(self, data: object) -> None:
        meta = {"status": "ok", "statuscode": 200, "message": "OK"}
        body = encoded({"ocs": {"meta": meta, "data": data}})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def spreed_signaling() -> Iterator[tuple[Server, SignalingWire]]:
    """Run the server and its Nextcloud."""
    stub = ThreadingHTTPServer(("127.0.0.1", 0), Nextcloud)
    stub.daemon_threads = True
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    port, stub_port = free_port(), stub.server_address[1]
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            config = Path(folder, "server.conf")
            config.write_text(CONFIG.format(port=port, stub=stub_port))
            command = [PROGRAM, "-config", str(config)]
            with running(command, port, "/api/v1/welcome") as server:
                yield server, SignalingWire(stub_port)
    finally:
        stub.shutdown()
        stub.server_close()


class SignalingWire:
    """Its protocol, as its documentation has it; who writes to a room does not hear himself."""

    ready = b'{"id":"room"'
    chat = b'{"type":"message"'
    listing = b'{"type":"event"'
    hears_itself = False

    def __init__(self, stub: int) -> None:
        self._url = f"http://127.0.0.1:{stub}{BACKEND}"

    def connect(self, port: int, number: int) -> tuple[Link, bytes]:
        link = Link(port, "/spreed")
        auth = {"url": self._url, "params": {"userid": f"user{number}"}}
        hello = {"version": "1.0", "auth": auth}
        link.send(encoded({"id": "hello", "type": "hello", "hello": hello}))
        while (said := json.loads(link.receive())).get("type") != "hello":
            if said.get("type") == "error":
                raise ConnectionError(f"not let in: {said}")
        room = {"roomid": ROOM, "sessionid": f"nextcloud-{number}"}
        return link, encoded({"id": "room", "type": "room", "room": room})

    def message(self) -> bytes:
        said = {"recipient": {"type": "room"}, "data": {"type": "chat", "text": "x" * 100}}
        return encoded({"type": "message", "message": said})
