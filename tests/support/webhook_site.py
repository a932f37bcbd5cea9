"""A web site that takes webhooks, on the loopback; it answers as a test has it answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

Answer = tuple[int, bytes]


@dataclass
class WebhookSite:
    """`answers` are given in their order, the last one again and again; with `hangs`, none is."""

    url: str
    answers: list[Answer] = field(default_factory=lambda: [(200, b"{}")])
    hangs: bool = False
    location: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with stream:
                await self._answer(stream)
        finally:
            self.at_once -= 1

    async def _answer(self, stream: trio.SocketStream) -> None:
        head, body = await _request(stream)
        if not head:
            return
        self.heads.append(head)
        self.got.append(json.loads(body))
        if self.hangs:
            await trio.sleep_forever()
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        more = f"Location: {self.location}\r\n" if self.location else ""
        start = f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(answer)}\r\n\r\n"
        try:
            await stream.send_all(start.encode() + answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):  # it has heard enough
            return


async def _request(stream: trio.SocketStream) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        if not more:
            return "", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode()
    length = next(
        int(line.split(":")[1]) for line in text.lower().split("\r\n") if "content-length" in line
    )
    while len(body) < length:
        body += await stream.receive_some()
    return text, body


@asynccontextmanager
async def webhook_site() -> AsyncIterator[WebhookSite]:
    """Serve on a free port while the block runs."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        site = WebhookSite(f"http://127.0.0.1:{port}/hook?key=hush-hush")
        nursery.start_soon(trio.serve_listeners, site.serve, [listener])
        yield site
        nursery.cancel_scope.cancel()
