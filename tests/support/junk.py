"""What strangers send to a server process that makes no sense, in every dialect."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import cycle, islice

import httpx
import trio

from tests.support.attack import ELSEWHERE, client
from tests.support.mixed_load import Site
from tests.support.raw import BINARY, CONTINUATION, PING, TEXT, connected, frame, upgrade_request
from tests.support.rough import reset

BYTES = (
    b"",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n",
    b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfew",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00" * 4096,
    b"A" * 20_000 + b"\r\n\r\n",
)
SOCKETS = (
    "/ws",
    "/barertc/ws",
    "/auvious/ws",
    "/peerjs/peerjs?key=peerjs&id=junk&token=t",
    "/socket.io/?EIO=3&transport=websocket",
)
FRAMES = (
    frame(TEXT, b"{"),
    frame(TEXT, b"[" * 3000),
    frame(TEXT, b'{"Type":"Hello","Hello":{"Name":1}}'),
    frame(TEXT, b'{"action":"login","username":"' + b"x" * 5000 + b'"}'),
    frame(TEXT, b"\xff\xfe"),
    frame(BINARY, bytes(range(256))),
    frame(BINARY, b"\x10\xff\xff\xff\x7f"),
    frame(CONTINUATION, b"of nothing"),
    frame(PING, b"x" * 125) * 50,
    frame(TEXT, b"unfinished", fin=False),
    frame(TEXT, b"unmasked", masked=False),
    frame(3, b"reserved"),
    b"\x81\xff" + struct.pack("!Q", 1 << 62),
)
REQUESTS = (
    ("POST", "/api/v1/tokens", b"a=%ff&a"),
    ("POST", "/api/v1/rooms", b"{"),
    ("PATCH", "/api/v1/sessions/some/", b"[]"),
    ("GET", "/v1/rooms", b""),
    ("POST", "/v1/rooms", b'{"name": 1}'),
    ("POST", "/security/oauth/token", b"grant_type=password&client_id=customer&username=who"),
    ("POST", "/rtc-api/users/endpoints", b"{}"),
    ("POST", "/barertc/poll", b'{"msg":{"action":"message"}}'),
    ("POST", "/barertc/api/statistics", b"\x00"),
    ("POST", "/peers", b'{"key": 1}'),
    ("GET", "/peers/nobody/events?token=pt-0", b""),
    ("POST", "/data", b"{"),
    ("POST", "/media/connections", b"{}"),
    ("GET", "/peerjs/peerjs/id", b""),
    ("GET", "/socket.io/?EIO=3&transport=polling", b""),  # and never comes back
    ("POST", "/socket.io/?EIO=3&transport=polling&sid=unknown", b"1:2"),
    ("GET", "/-/metrics", b""),
    ("GET", "/static/../../etc/passwd", b""),
    ("BREW", "/no/such/path", b""),
)
DATAGRAMS = (
    b"",
    struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12),
    bytes.fromhex("15fefd000000000000000000020228"),
    b"\x80\x60" + bytes(60),
    bytes(1200),
)
PORTS = 3  # of the gateway's, which get the datagrams: they lie where no ephemeral ones are


async def junk(site: Site, number: int) -> None:
    """Send a part of everything; which one depends on the number."""
    await _connections(site, number)
    await _frames(site, number)
    await _requests(site, number)
    await _datagrams(number)


def _some(of: tuple[bytes, ...], number: int, count: int) -> list[bytes]:
    return list(islice(cycle(of), number % len(of), number % len(of) + count))


async def _connections(site: Site, number: int) -> None:
    for data in _some(BYTES, number, 3):
        async with connected(site.process) as stranger:
            with suppress(trio.BrokenResourceError):
                await stranger.send(data)
            if number % 2:
                reset(stranger)


async def _frames(site: Site, number: int) -> None:
    for path in SOCKETS:
        async with connected(site.process) as stranger:
            more = {"sec-websocket-protocol": "mqtt"} if "auvious" in path else {}
            with suppress(trio.BrokenResourceError):
                await stranger.send(upgrade_request(path, **more))
                assert (await stranger.read_head()).startswith("HTTP/1.1 101")
                for data in _some(FRAMES, number, 3):
                    await stranger.send(data)
                await trio.sleep(0.02)


async def _requests(site: Site, number: int) -> None:
    async with client(site.process, ELSEWHERE) as http:
        for method, path, body in islice(
            cycle(REQUESTS), number % len(REQUESTS), number % len(REQUESTS) + 5
        ):
            kind = "x-www-form-urlencoded" if b"=" in body else "json"
            headers = {"Content-Type": f"application/{kind}", "X-Forwarded-For": f"10.0.0.{number}"}
            with suppress(httpx.RemoteProtocolError):
                answer = await http.request(method, path, content=body, headers=headers)
                assert answer.status_code != 500, (method, path, answer.text)


async def _datagrams(number: int) -> None:
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sender:
        for port in range(21_001, 21_001 + PORTS):
            for data in _some(DATAGRAMS, number, 3):
                with suppress(OSError):  # nobody is there
                    await sender.sendto(data, ("127.0.0.1", port))
