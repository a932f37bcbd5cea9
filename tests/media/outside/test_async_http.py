"""HTTP from Trio to the outside: checked addresses, names kept, errors of httpx."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
import trio

from media.contract.streaming import OutsideTrouble
from media.outside.async_http import outside_transport
from media.outside.errors import NotReachable
from media.outside.places import Places
from tests.support.file_server import FileServer
from tests.support.tls import NAME, serving_tls, trusting

LOOPBACK = Places(("127.0.0.1/32",))


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
async def test_a_name_is_looked_up_once_and_told(secured: bool) -> None:
    names: list[str | None] = []
    tls = serving_tls(names) if secured else None

    class Here(Places):
        asked = 0

        def resolve(self, host: str, port: int) -> list[str]:
            assert host == NAME
            self.asked += 1
            return super().resolve("127.0.0.1", port)

    here = Here(("127.0.0.1/32",))
    with FileServer({"/file": b"a" * 100_000}, tls) as server:
        async with httpx.AsyncClient(transport=outside_transport(here, trusting())) as http:
            for _ in range(3):
                answer = await http.get(server.url("/file", NAME))
                assert answer.content == b"a" * 100_000
        assert {headers["host"] for _, headers in server.asked} == {f"{NAME}:{server.port}"}
    assert here.asked == 1
    assert names == ([NAME] if secured else [])


async def test_a_certificate_that_nobody_trusts() -> None:
    with FileServer({}, serving_tls()) as server:
        async with httpx.AsyncClient(transport=outside_transport(LOOPBACK)) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(server.url("/"))


async def test_what_may_not_be_reached() -> None:
    with FileServer() as server:
        server.files["/to"] = (302, {"Location": "http://127.0.0.2:9/"})
        async with httpx.AsyncClient(transport=outside_transport(LOOPBACK)) as http:
            for url in ("http://127.0.0.2/", "http://169.254.169.254/", server.url("/to")):
                with pytest.raises(NotReachable) as refused:
                    await http.get(url, follow_redirects=True)
                assert refused.value.reason is OutsideTrouble.NOT_ALLOWED
            with pytest.raises(NotReachable) as unknown:
                await http.get("http://nobody.invalid/")
            assert unknown.value.reason is OutsideTrouble.UNREACHABLE


async def test_errors_are_those_of_httpx() -> None:
    def cut(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    def wait(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        over.wait(10)

    with FileServer({"/cut": cut, "/wait": wait}) as server:
        async with httpx.AsyncClient(transport=outside_transport(LOOPBACK), timeout=0.2) as http:
            with pytest.raises(httpx.RemoteProtocolError):
                await http.get(server.url("/cut"))
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url("/wait"))
            server.over.set()
        url = server.url("/")
    async with httpx.AsyncClient(transport=outside_transport(LOOPBACK)) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(url)


async def test_a_look_up_that_takes_too_long_is_left_alone() -> None:
    over = threading.Event()

    class Slow(Places):
        def resolve(self, host: str, port: int) -> list[str]:
            over.wait()
            return []

    async with httpx.AsyncClient(transport=outside_transport(Slow()), timeout=0.05) as http:
        with trio.fail_after(30):
            with pytest.raises(httpx.ConnectTimeout):
                await http.get("http://slow.example/")
        over.set()
