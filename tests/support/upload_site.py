"""A site that takes uploads, as badly as a test wants; it checks each playlist when it comes."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11
import httpx
import trio

from media.outside.dash_manifest import read_manifest
from tests.support.segment_writer import is_whole

MOST = 65_536
LISTINGS = (".m3u8", ".mpd")

Luck = str
"""What becomes of one request.

"200", "503" … are statuses, with a Retry-After as in "429 3". "slow": taken in a second.
"reset": the connection is lost amid it. "half": half a segment is stored, then the connection is
lost. "never": no answer. "early 403": answered before the body was read.
"""


@dataclass
class Asked:
    """One request, and when it came."""

    method: str
    name: str
    headers: dict[str, str]
    target: str
    at: float


@dataclass
class UploadSite:
    """`luck` says of each request (method, name of the file) what becomes of it."""

    luck: Callable[[str, str], Luck] = lambda method, name: "200"
    whole: Callable[[bytes], bool] = is_whole
    files: dict[str, bytes] = field(default_factory=dict)
    listings: list[bytes] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def take(self, method: str, name: str, body: bytes) -> None:
        """Do as a request asks for."""
        if method == "DELETE":
            self.files.pop(name, None)
            return
        self.files[name] = body
        if name.endswith(LISTINGS):
            self.listings.append(body)
        self._check()

    def take_part(self, name: str, body: bytes) -> None:
        """Keep what came of a segment; of a playlist it is nobody's fault but the site's."""
        if not name.endswith(LISTINGS):
            self.take("PUT", name, body)

    def _check(self) -> None:
        """Look whether everything is there that the playlist names which players get now."""
        for listing in (each for each in self.files if each.endswith(LISTINGS)):
            for name in names_in(listing, self.files[listing]):
                if name not in self.files:
                    self.wrong.append(f"{name} is named, and not there")
                elif not self.whole(self.files[name]):
                    self.wrong.append(f"{name} is named, and not whole")

    def names(self, method: str = "PUT") -> list[str]:
        """Return what was asked for, in its order."""
        return [each.name for each in self.asked if each.method == method]

    def seen(self) -> list[str]:
        """Return all segments that were ever named, in the order of their naming."""
        named = [name for each in self.listings for name in names_in("live.m3u8", each)]
        return list(dict.fromkeys(named))

    def note(self, method: str, target: str, headers: dict[str, str]) -> tuple[str, Luck]:
        """Write a request down; return the name of its file, and what becomes of it."""
        name = target.partition("?")[0].rpartition("/")[2]
        self.asked.append(Asked(method, name, headers, target, trio.current_time()))
        return name, self.luck(method, name)

    @asynccontextmanager
    async def one_more(self) -> AsyncIterator[None]:
        """Count who is there at a time."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1


def names_in(listing: str, data: bytes) -> list[str]:
    """Return what a playlist or manifest names."""
    if listing.endswith(".mpd"):
        manifest = read_manifest(data)
        return [*manifest.headers, *manifest.segments]
    text = data.decode()
    segments = [line for line in text.splitlines() if not line.startswith("#")]
    return [*re.findall(r'URI="([^"]*)"', text), *segments]


class InMemory(httpx.AsyncBaseTransport):
    """Carries requests of httpx to a site without sockets, for tests in virtual time."""

    def __init__(self, site: UploadSite) -> None:
        self._site = site

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the site has luck."""
        site = self._site
        target = request.url.raw_path.decode()
        async with site.one_more():
            name, luck = site.note(request.method, target, dict(request.headers))
            body = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
            word, _, detail = luck.partition(" ")
            await trio.sleep({"never": float("inf"), "slow": 1.0}.get(word, 0.01))
            if word in ("reset", "half"):
                if word == "half":
                    site.take_part(name, body[: len(body) // 2])
                raise httpx.ReadError(f"lost {request.url}")
            status = {"slow": "200", "early": detail}.get(word, word)
            if status.startswith("2"):
                site.take(request.method, name, body)
            return httpx.Response(
                int(status), headers=more_headers(luck), stream=httpx.ByteStream(b"answered")
            )


def more_headers(luck: Luck) -> dict[str, str]:
    """Return what else is in the head of an answer."""
    word, _, detail = luck.partition(" ")
    if not detail or word == "early":
        return {}
    return {"Location" if word.startswith("3") else "Retry-After": detail}


@asynccontextmanager
async def serving(site: UploadSite) -> AsyncIterator[str]:
    """Serve a site on a free port while the block runs; gives the address of its folder."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]

        async def serve(stream: trio.SocketStream) -> None:
            async with stream:
                await _Visit(site, stream).run()

        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"http://127.0.0.1:{port}/live"
        nursery.cancel_scope.cancel()


class _Visit:
    """One connection."""

    def __init__(self, site: UploadSite, stream: trio.SocketStream) -> None:
        self._site = site
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        try:
            while await self._one():
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            pass  # the client has had enough

    async def _one(self) -> bool:
        """Answer one request; tell whether another may come."""
        event = await self._event()
        if not isinstance(event, h11.Request):
            return False
        method, headers = event.method.decode(), {k.decode(): v.decode() for k, v in event.headers}
        async with self._site.one_more():
            name, luck = self._site.note(method, event.target.decode(), headers)
            word, _, detail = luck.partition(" ")
            if word == "early":
                await self._answer(detail, {"Connection": "close"})
                return False
            half = max(1, int(headers.get("content-length", "0")) // 2)
            body = await self._body(half if word in ("reset", "half") else float("inf"))
            if word == "never":
                await trio.sleep_forever()
            if word in ("reset", "half"):
                if word == "half":
                    self._site.take_part(name, body[:half])
                self._reset()
                return False
            if word == "slow":
                with trio.move_on_after(1.0):
                    await self._stream.receive_some()
                    return False  # the client has gone: what it sent is nothing, as with nginx
                word = "200"
            if word.startswith("2"):
                self._site.take(method, name, body)
            await self._answer(word, more_headers(luck))
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._stream.receive_some(MOST))
        return event

    async def _body(self, most: float) -> bytes:
        """Read a body to its end, or until there are `most` bytes of it."""
        body = b""
        while len(body) < most and not isinstance(event := await self._event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            body += event.data
        return body

    async def _answer(self, status: str, headers: dict[str, str]) -> None:
        head = h11.Response(
            status_code=int(status), headers=[("Content-Length", "8"), *headers.items()]
        )
        for event in (head, h11.Data(data=b"answered"), h11.EndOfMessage()):
            await self._stream.send_all(self._http.send(event) or b"")

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
