"""What the management API takes as a request, and which pages may send one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.owt.management.room_list import RoomDocuments
from tests.api.owt.test_rest_rooms import ABSENT, trouble
from tests.support.owt import OwtServer, owt_server, owt_settings


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path) as server:
        yield server


def room_of(options: str) -> bytes:
    return f'{{"name": "x", "options": {options}}}'.encode()


BOUNDLESS = '{"views": [], "mediaOut": {"video": {"parameters": {"bitrate": [%s]}}}}'
UNREADABLE = [
    room_of(BOUNDLESS % "1e999"),
    room_of(BOUNDLESS % "NaN"),
    room_of(BOUNDLESS % r'"\ud800"'),
    room_of(r'{"inputLimit": "\ud800"}'),
    room_of(r'{"roles": [{"role": "\udfff"}]}'),
    room_of(r'{"views": [{"video": {"layout": {"fitPolicy": "\ud800"}}}]}'),
    *(room_of('{"a":' * depth + "1" + "}" * depth) for depth in (70, 300, 450, 900)),
    room_of('{"views": ' + "[" * 300 + "]" * 300 + "}"),
]


async def test_bodies_that_cannot_be_read(server: OwtServer) -> None:
    manager = server.manager()
    async with httpx.AsyncClient(base_url=server.url) as http:
        for content, kind, expected in (
            (b"{", "application/json", "Failed to parse JSON body"),
            (b"[" * 100_000, "application/json", "Failed to parse JSON body"),
            (b"\xff", "application/json", "Failed to parse JSON body"),
            *((text, "application/json", "Failed to parse JSON body") for text in UNREADABLE),
            (b"name=x", "text/plain", "Invalid request body"),
        ):
            headers = {"Authorization": manager.header(), "Content-Type": kind}
            answer = await http.post("/v1/rooms", content=content, headers=headers)
            assert trouble(answer) == (400, 1201, expected)
        headers = {"Authorization": manager.header(), "Content-Type": "application/json"}
        answer = await http.post("/v1/rooms", content=b" " * 2_000_000, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == 1201
    assert (await manager.ask("GET", "/v1/rooms")).json() == []


async def test_a_body_may_begin_with_a_byte_order_mark(server: OwtServer) -> None:
    headers = {"Authorization": server.manager().header(), "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=server.url) as http:
        body = b"\xef\xbb\xbf" + room_of("{}")
        answer = await http.post("/v1/rooms", content=body, headers=headers)
        assert answer.json()["name"] == "x"


async def test_paths_that_are_nobodys(server: OwtServer) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        unknown = await http.get("/v1/nothing")
        assert trouble(unknown) == (404, 1001, "Resource not found")
        assert unknown.headers["access-control-allow-origin"] == "*"
        assert (await http.post("/v1/rooms/x")).status_code == 405


async def test_pages_of_other_origins_may_call(server: OwtServer) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT"}
        preflight = await http.options("/v1/rooms/x", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert {"PUT", "PATCH", "DELETE"} <= set(
            preflight.headers["access-control-allow-methods"].split(", ")
        )
        assert "authorization" in preflight.headers["access-control-allow-headers"]


async def test_the_portal_answers_its_own_preflights(tmp_path: Path) -> None:
    """Its clients send requests with credentials, which the management API knows nothing of."""
    page, path = "https://shop.example", "/socket.io/?EIO=3&transport=polling"
    settings = owt_settings(owt={"allowed_origins": [page]})
    async with (
        owt_server(tmp_path, settings=settings) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-custom",
        }
        preflight = await http.options(path, headers={"Origin": page, **asked})
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == page
        assert preflight.headers["access-control-allow-credentials"] == "true"
        assert preflight.headers["access-control-allow-headers"] == "x-custom"
        foreign = await http.options(path, headers={"Origin": "https://evil.example", **asked})
        assert foreign.status_code == 403
        assert not [name for name in foreign.headers if name.startswith("access-control")]
        assert (await http.options("/v1/rooms", headers={"Origin": page})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/rooms", None, 200),
        ("GET", f"/v1/rooms/{ABSENT}/streams/", None, 404),
        ("GET", "/v1/no/such/thing", None, 404),
        ("GET", "/services", None, 403),
        ("POST", "/v1/rooms", "x" * 2_000_000, 413),
        ("POST", "/v1/rooms", {}, 400),
        ("POST", f"/v1/rooms/{ABSENT}", {}, 405),
        ("OPTIONS", "/v1/rooms/x/y/z", None, 200),
        ("OPTIONS", "/services", None, 200),
    ],
)
async def test_every_answer_may_be_read_by_pages(
    server: OwtServer, method: str, path: str, body: Any, status: int
) -> None:
    manager = server.manager(extra={"Origin": "https://shop.example"})
    answer = await manager.ask(method, path, body)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    unsigned = await manager.ask(method, path, header="")
    assert unsigned.headers["access-control-allow-origin"] == "*"


async def test_a_crash_may_be_read_by_pages(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RoomDocuments, "next", None)
    answer = await server.manager().ask("GET", "/v1/rooms")
    assert trouble(answer)[:2] == (500, 2001)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_origins_may_be_named(tmp_path: Path) -> None:
    settings = owt_settings(owt={"allowed_origins": ["https://shop.example"]})
    async with owt_server(tmp_path, settings=settings) as server:
        for origin, allowed in (("https://shop.example", True), ("https://other.example", False)):
            manager = server.manager(extra={"Origin": origin})
            headers = (await manager.ask("GET", "/v1/rooms")).headers
            assert (headers.get("access-control-allow-origin") == origin) is allowed
            assert headers["vary"] == "Origin"
