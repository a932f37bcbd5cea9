"""Somebody who meets people at the meeting page with a program of their own: a plain websocket."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from socket import SHUT_RDWR
from typing import Any

from websockets.sync.client import connect

PATIENCE = 60.0

Document = dict[str, Any]


class Guest:
    """One channelling websocket; `url` is the server's. Blocking, as browser tests are."""

    def __init__(self, url: str) -> None:
        self._url = f"ws{url.removeprefix('http')}ws"
        self._opened = ExitStack()

    def __enter__(self) -> Guest:
        self._socket = self._opened.enter_context(
            connect(self._url, open_timeout=PATIENCE, ping_interval=None)
        )
        self.id = str(self.next("Self")["Data"]["Id"])
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # vanished
            self._opened.close()

    def send(self, kind: str, document: Document) -> None:
        self._socket.send(json.dumps({"Type": kind, kind: document}))

    def signal(self, kind: str, to: str, body: Document) -> None:
        self.send(kind, {"Type": kind, "To": to, kind: body})

    def join(self, room: str, name: str) -> list[Document]:
        """Enter a room; return who is in it."""
        self.send("Status", {"Type": "Status", "Status": {"displayName": name}})
        self.send("Hello", {"Version": "1", "Ua": "a program", "Name": room, "Type": ""})
        users: list[Document] = self.next("Welcome")["Data"]["Users"]
        return users

    def next(self, kind: str, within: float = PATIENCE) -> Document:
        """Return the next frame of this type; raises TimeoutError."""
        deadline = time.monotonic() + within
        while True:
            frame: Document = json.loads(self._socket.recv(deadline - time.monotonic()))
            if frame["Data"]["Type"] == kind:
                return frame

    def leave(self, code: int) -> None:
        """Close the websocket with a code, as a browser does with 1001 when a page is left."""
        self._socket.close(code)

    def vanish(self) -> None:
        """Break the connection without a word."""
        self._socket.socket.shutdown(SHUT_RDWR)
