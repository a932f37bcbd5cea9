"""A program that drives the SkyWay gateway as real ones do: by REST, and with UDP sockets.

It is as strict as the strictest published client: ids of 39 characters, exact keys of socket
answers, exact statuses.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

PATIENCE = 60.0
ID = re.compile(r"[a-z]{2}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HERE = "127.0.0.1"

GATEWAY = 'dialects = ["peerjs", "skyway", "operator"]\nroot = "peerjs"\n'
"""The listener of a server that is met by programs and browsers, behind its `bind`."""

Json = dict[str, Any]


class Program:
    """REST operations; each answer must have the status that is promised."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=PATIENCE)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, status: int, body: Any = None, **query: str) -> Json:
        """Ask, and return the answer's JSON, {} where there is none."""
        request: Json = {"params": query} if query else {}
        if body is not None:
            request["json"] = body
        answer = self._http.request(method, path, **request)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return dict(answer.json()) if answer.content else {}

    def status_of(self, method: str, path: str, body: Any = None, **query: str) -> int:
        """Ask, and return how it was answered."""
        return self._http.request(method, path, json=body, params=query).status_code

    def wait_for(self, path: str, event: str, within: float = PATIENCE, **query: str) -> Json:
        """Poll until an event of this name comes; those before it are passed over."""
        deadline = time.monotonic() + within
        passed: list[Json] = []
        while time.monotonic() < deadline:
            answer = self._http.get(f"{path}/events", params=query)
            if answer.status_code == 408:
                continue
            assert answer.status_code == 200, (answer.status_code, answer.text, passed)
            told: Json = answer.json()
            if told["event"] == event:
                return told
            passed.append(told)
        raise AssertionError(f"no {event} among {passed}")

    def peer(self, id_: str, key: str = "peerjs", domain: str = "localhost") -> ProgramPeer:
        """Be reachable under an id."""
        body = {"key": key, "domain": domain, "peer_id": id_, "turn": False}
        created = self.ask("POST", "peers", 201, body)["params"]
        peer = ProgramPeer(self, created["peer_id"], created["token"])
        assert peer.id == id_
        assert peer.wait_for("OPEN")["params"] == {"peer_id": id_, "token": peer.token}
        return peer

    def data_socket(self) -> Socket:
        return self._socket("data", "data_id", {})

    def media_socket(self, *, video: bool) -> Socket:
        return self._socket("media", "media_id", {"is_video": video})

    def rtcp_socket(self) -> Socket:
        return self._socket("media/rtcp", "rtcp_id", {})

    def _socket(self, path: str, name: str, body: Json) -> Socket:
        answer = self.ask("POST", path, 201, body)
        assert set(answer) == {name, "port", "ip_v4"}
        assert ID.fullmatch(answer[name])
        return Socket(answer[name], answer["ip_v4"], answer["port"])


class Socket:
    """A UDP socket of the gateway."""

    def __init__(self, id_: str, host: str, port: int) -> None:
        self.id = id_
        self.address = (host, port)

    @property
    def free(self) -> bool:
        """Whether its port can be bound by anybody."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            try:
                own.bind(self.address)
            except OSError:
                return False
            return True


class ProgramPeer:
    """A peer of the program's."""

    def __init__(self, program: Program, id_: str, token: str) -> None:
        assert ID.fullmatch(token)
        self.program = program
        self.id = id_
        self.token = token

    def wait_for(self, event: str) -> Json:
        return self.program.wait_for(f"peers/{self.id}", event, token=self.token)

    def end(self) -> None:
        self.program.ask("DELETE", f"peers/{self.id}", 204, token=self.token)

    def connect(self, target: str, **more: Any) -> str:
        """Connect to a peer; return the path of the data connection."""
        body = {"peer_id": self.id, "token": self.token, "target_id": target, "params": {}} | more
        answer = self.program.ask("POST", "data/connections", 202, body)
        assert answer["command_type"] == "PEERS_CONNECT"
        return _path("data", answer["params"]["data_connection_id"])

    def connected(self) -> str:
        """Wait until somebody connects; return the path of the data connection."""
        return _path("data", self.wait_for("CONNECTION")["data_params"]["data_connection_id"])

    def call(self, target: str, constraints: Json, redirects: Json | None = None) -> str:
        """Call a peer; return the path of the media connection."""
        body = {
            "peer_id": self.id, "token": self.token, "target_id": target,
            "constraints": constraints, "redirect_params": redirects or {},
        }  # fmt: skip
        answer = self.program.ask("POST", "media/connections", 202, body)
        assert answer["command_type"] == "PEERS_CALL"
        return _path("media", answer["params"]["media_connection_id"])

    def called(self) -> str:
        """Wait until somebody calls; return the path of the media connection."""
        return _path("media", self.wait_for("CALL")["call_params"]["media_connection_id"])


def _path(kind: str, id_: str) -> str:
    assert ID.fullmatch(id_)
    return f"{kind}/connections/{id_}"


class Udp:
    """A UDP socket of the program; what comes is kept, and sent back where `echo` says."""

    def __init__(self, echo: Socket | None = None) -> None:
        self.received: list[bytes] = []
        self.arrivals: list[float] = []
        self._echo = echo
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((HERE, 0))
        self.redirect = {"ip_v4": HERE, "port": self._socket.getsockname()[1]}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, data: bytes, to: Socket) -> None:
        self._socket.sendto(data, to.address)

    def until(self, count: int, within: float = PATIENCE) -> list[bytes]:
        """Wait until so many datagrams have come in all; return them."""
        deadline = time.monotonic() + within
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} datagrams"
            time.sleep(0.005)
        return list(self.received)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            self._closing = True
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    _closing = False

    def _read(self) -> None:
        while True:
            data = self._socket.recv(65_536)
            if self._closing:
                return
            self.arrivals.append(time.monotonic())
            self.received.append(data)
            if self._echo is not None:
                self._socket.sendto(data, self._echo.address)


@contextmanager
def udp(echo: Socket | None = None) -> Iterator[Udp]:
    """Open a socket of the program for a block."""
    opened = Udp(echo)
    try:
        yield opened
    finally:
        opened.close()
