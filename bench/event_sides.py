"""The two servers that `events.py` measures: how events get into them, and who hears of them."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.mqtt_link import MqttLink, packet, text
from bench.servers import HERE, Server, free_port, running

ENDPOINTS = 200
ALL = -1  # in place of an endpoint's number: every endpoint of the user
IDLE = 2000  # registered endpoints with a subscriber, for memory
SECRET = "bench-secret"  # of a server that lives for seconds on loopback
CONFIG = """
[server]
data_dir = "{folder}"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{port}"
dialects = ["auvious", "operator"]
[log]
level = "warning"
[auvious]
max_keep_alive_seconds = 3600
endpoints_per_user = {endpoints}
[[auvious.clients]]
id = "bench"
secret = "{secret}"
grants = ["client_credentials"]
organization = "bench"
roles = ["ROLE_SERVICE"]
"""
now = time.perf_counter


class Sender(Protocol):
    """A connection that sends events; `take` reads, and tells how many were answered."""

    sock: socket.socket

    def send(self, endpoint: int) -> None:
        """Send an event to the subscriber of that number, or to ALL."""

    def take(self) -> int:
        """Return how many were answered, without blocking."""


class HttpSender:
    """Sends by POST sendEvent; answers are counted by their heads."""

    def __init__(self, port: int, token: str, qos: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        numbers = (*range(ENDPOINTS), ALL)
        self._requests = [_request(port, token, number, qos) for number in numbers]

    def send(self, endpoint: int) -> None:
        self.sock.send(self._requests[endpoint])

    def take(self) -> int:
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return 0
        if not data:
            raise ConnectionError("the server left")
        count = data.count(b"HTTP/1.1 ")
        if data.count(b"HTTP/1.1 200") != count:
            raise ConnectionError(data.partition(b"\r\n")[0].decode())
        return count


class MqttSender:
    """Sends by PUBLISH, always at QoS 1, so that there is an answer; subscribers have their own."""

    def __init__(self, port: int, qos: int) -> None:
        self._link = MqttLink(port)
        self.sock = self._link.sock
        self.sock.setblocking(False)
        self._packets = [
            packet(0x32, text(topic) + b"\0\x01" + _event(qos))
            for topic in (*map(_topic, range(ENDPOINTS)), "all")
        ]

    def send(self, endpoint: int) -> None:
        self._link.send(self._packets[endpoint])

    def take(self) -> int:
        return self._link.take()[1]


def _event(qos: int) -> bytes:
    event = {
        "type": "ConferenceJoinedEvent", "timestamp": "2026-11-21T12:00:00.000Z", "id": "1" * 36,
        "conferenceId": "2" * 36, "conferenceVersion": 12, "userId": "bench", "qos": qos,
        "userEndpointId": "3" * 36,
    }  # fmt: skip
    return json.dumps(event).encode()


def _topic(number: int) -> str:
    return f"users/endpoints/e{number}"


def _request(port: int, token: str, number: int, qos: int) -> bytes:
    document = {
        "userId": "bench", "organizationId": "bench", "event": json.loads(_event(qos)), "qos": qos,
    }  # fmt: skip
    if number != ALL:
        document["userEndpointId"] = f"e{number}"
    body = json.dumps(document).encode()
    head = (
        f"POST /rtc-api/users/endpoints/sendEvent HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Side(Protocol):
    """One of the two servers, started; with `to_all` its subscribers share a topic."""

    server: Server
    to_all: bool

    def subscriber(self, number: int, qos: int) -> MqttLink:
        """Connect who hears the events of that number."""

    def sender(self, qos: int) -> Sender:
        """Connect who sends."""


class Quintet:
    to_all = False  # makes no difference here

    def __init__(self, server: Server) -> None:
        self.server = server
        form = "grant_type=client_credentials&client_id=bench&client_secret=" + SECRET
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self._token = str(self._post("/security/oauth/token", form, kind)["access_token"])

    def register(self, number: int) -> None:
        body = json.dumps({"userEndpointId": f"e{number}", "keepAliveSeconds": 3600})
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        self._post("/rtc-api/users/endpoints/register", body, head)

    def subscriber(self, number: int, qos: int) -> MqttLink:
        self.register(number)
        link = MqttLink(self.server.port, "/ws", "bench", self._token)
        link.subscribe(_topic(number), qos)
        return link

    def sender(self, qos: int) -> Sender:
        return HttpSender(self.server.port, self._token, qos)

    def _post(self, path: str, body: str, headers: dict[str, str]) -> dict[str, object]:
        self._http.request("POST", path, body, headers)
        answer = self._http.getresponse()
        document: dict[str, object] = json.loads(answer.read())
        if answer.status != http.HTTPStatus.OK:
            raise ConnectionError(f"{path}: {answer.status} {document}")
        return document


class Mosquitto:
    to_all = False

    def __init__(self, server: Server) -> None:
        self.server = server

    def subscriber(self, number: int, qos: int) -> MqttLink:
        link = MqttLink(self.server.port)
        link.subscribe("all" if self.to_all else _topic(number), qos)
        return link

    def sender(self, qos: int) -> Sender:
        return MqttSender(self.server.port, qos)


@contextmanager
def quintet() -> Iterator[Side]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port, config = free_port(), Path(folder, "config.toml")
        config.write_text(
            CONFIG.format(folder=folder, port=port, secret=SECRET, endpoints=2 * IDLE)
        )
        command = [sys.executable, "-m", "api", "serve", "--config", str(config)]
        with running(command, port, "/-/healthz") as server:
            yield Quintet(server)


@contextmanager
def mosquitto() -> Iterator[Side]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port, config = free_port(), Path(folder, "mosquitto.conf")
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "log_dest none\nset_tcp_nodelay true\n"
        )
        process = subprocess.Popen(["mosquitto", "-c", str(config)], cwd=HERE)
        try:
            _wait_for(port)
            yield Mosquitto(Server(process, port))
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int) -> None:
    end = now() + 10
    while now() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("mosquitto does not listen")
