"""A server with telephones, in a process of its own, and the rooms that they call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.owt.management.mauth import make_header
from tests.support.owt_page import CONFIG as OWT
from tests.support.owt_page import KEY, PATIENCE, SERVICE, Application
from tests.support.server_process import ServerProcess

TCP = '"tcp:127.0.0.1:0"'
CONFIG = f"""
[jobs]
warm = 1
[sip]
bind = ["udp:127.0.0.1:0", {TCP}]
allow = ["127.0.77.0/24", "127.0.78.0/24"]
users = [{{ name = "alice", password = "of-the-test" }}]
call_allow = ["127.0.77.0/24", "127.0.78.0/24"]
calls = 6
{OWT}
"""
LOOK_SECONDS = 0.05
LONG = 120.0  # seconds; more than a telephone rings


class CalledRoom(Application):
    """A room that is called by the name `user`."""

    def __init__(self, server: ServerProcess, user: str, **options: Any) -> None:
        super().__init__(server)
        self.user = user
        self._patience = LONG
        sip = {"sipServer": "", "username": user, "password": ""} | options.pop("sip", {})
        self.ask("PUT", f"/v1/rooms/{self.room}", {"sip": sip, **options})

    @property
    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.below("sipcalls")
        return found

    def until_calls(self, number: int) -> list[dict[str, Any]]:
        """Wait until there are so many."""
        deadline = time.monotonic() + PATIENCE
        while len(found := self.calls) != number:
            assert time.monotonic() < deadline, found
            time.sleep(LOOK_SECONDS)
        return found

    def call(self, uri: str, **media: Any) -> httpx.Response:
        """Ask for a call out; return the answer, whatever it is."""
        view = f"{self.room}-common"
        body = {
            "peerURI": uri,
            "mediaIn": {"audio": True, "video": False},
            "mediaOut": {"audio": {"from": view}, "video": False},
        } | media
        return self.try_("POST", f"/v1/rooms/{self.room}/sipcalls", body)

    def hang_up(self, call: dict[str, Any]) -> None:
        """End a call, as `call` or `calls` returned it."""
        self.ask("DELETE", f"/v1/rooms/{self.room}/sipcalls/{call['id']}")

    def call_within(self, seconds: float, uri: str) -> httpx.Response:
        """Ask for a call out, and leave when it takes longer. Raises httpx.ReadTimeout then."""
        self._patience = seconds
        try:
            return self.call(uri)
        finally:
            self._patience = LONG

    def until(self, suits: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not suits():
            assert time.monotonic() < deadline
            time.sleep(LOOK_SECONDS)

    def try_(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask for something that may be refused."""
        self._count += 1
        moment = int(time.time() * 1000)
        header = make_header(SERVICE, KEY, moment, f"{self._count:016x}", "", "")
        with httpx.Client(base_url=self._url, timeout=self._patience) as http:
            return http.request(method, path, headers={"Authorization": header}, json=body)


class TelephoneServer(ServerProcess):
    """One with telephones, as CONFIG says."""

    def address(self, transport: str = "udp") -> tuple[str, int]:
        """Return where it listens."""
        entries = (json.loads(line) for line in self.output if line.startswith("{"))
        for entry in entries:
            for bind in entry["binds"] if entry["event"] == "sip.listening" else ():
                named, host, port = bind.split(":")
                if named == transport:
                    return host, int(port)
        raise AssertionError("it does not listen")

    def uri(self, user: str, transport: str = "udp") -> str:
        """Return by which URI the room of this user is called."""
        host, port = self.address(transport)
        return f"sip:{user}@{host}:{port};transport={transport}"


def secure_config(certificate: Path) -> str:
    """Return CONFIG for baresip: with TLS, too; the file has the certificate and its key.

    It gives up where it is asked for SHA-256 as well as for MD5.
    Whoever connects may come from 127.0.0.1: baresip does, whatever its own address is.
    """
    keys = f'tls_certfile = "{certificate}"\ntls_keyfile = "{certificate}"\ndigest = ["MD5"]'
    secure = CONFIG.replace(f"{TCP}]", f'{TCP}, "tls:127.0.0.1:0"]\n{keys}')
    return secure.replace("\nallow = [", '\nallow = ["127.0.0.1/32", ')


@contextmanager
def telephone_server(folder: Path, config: str = CONFIG) -> Iterator[TelephoneServer]:
    with TelephoneServer(folder, config=config) as server:
        yield server
