"""Malformed requests, on every REST route: a documented answer, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.settings import Settings
from tests.support.answers import assert_documented
from tests.support.peace import Siege, peaceful
from tests.support.raw import connected
from tests.support.rough import PATIENCE, exchange, request, send_all
from tests.support.serving import CARRIERS
from tests.support.spreed import spreed_settings

BODY_LIMIT = 65_536
HEADER_LIMIT = 16_384
ROUTES = {
    "config": ("GET", "/api/v1/config"),
    "tokens": ("POST", "/api/v1/tokens"),
    "rooms": ("POST", "/api/v1/rooms"),
    "session": ("PATCH", "/api/v1/sessions/some/"),
    "users": ("POST", "/api/v1/users"),
    "stats": ("GET", "/api/v1/stats"),
    "picture": ("GET", "/static/img/buddy/s46/some/picture.png"),
    "well_known": ("GET", "/.well-known/spreed-configuration"),
    "page": ("GET", "/some-room"),
    "asset": ("GET", "/static/quintet/meeting/start.js"),
    "robots": ("GET", "/robots.txt"),
    "icon": ("GET", "/favicon.ico"),
}
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00{",
    "a number": b"42",
    "null": b"null",
    "a list": b"[]",
    "a deep list": b"[" * 30_000,
    "a deep object": b'{"id":' * 10_000 + b"1" + b"}" * 10_000,
    "wrong types": b'{"id": 1, "sid": [], "useridcombo": {}, "secret": null}',
    "invalid UTF-8": b'{"id": "\xff", "sid": "\xc3\x28", "useridcombo": "x", "secret": "y"}',
    "lone surrogates": rb'{"id":"\ud800","sid":"\udfff","useridcombo":"1:\ud800","secret":""}',
    "NUL characters": rb'{"id":"\u0000","sid":"\u0000","useridcombo":"1:\u0000","secret":""}',
    "duplicate keys": b'{"id": "a", "id": "b", "sid": "c", "sid": 1}',
    "huge numbers": b'{"id": 1e999, "sid": ' + b"9" * 400 + b', "useridcombo": NaN}',
    "a huge number": b"9" * 10_000,
    "a byte order mark": b'\xef\xbb\xbf{"id": "a", "sid": "b"}',
    "a form": b"a=%ff%fe&a=%00&id=%ud800&sid=%&=&&&;%%%",
    "a thousand fields": b"&".join(b"f%d=%d" % (n, n) for n in range(2000)),
    "no form": b"--x\r\nContent-Disposition: form-data; name\r\n\r\n\xff\r\n--x",
}
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=klingon",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    'multipart/form-data; boundary="' + "x" * 300 + '"',
    "multipart/form-data; boundary=\xe9",
    "text/plain",
    "*/*;;;==",
    "",
)


def generous(**spreed: object) -> Settings:
    """Return settings with everything switched on, and no limit on guessing."""
    users = {"enabled": True, "allow_registration": True}
    return spreed_settings(
        limits={"body_bytes": BODY_LIMIT, "header_bytes": HEADER_LIMIT, "credential_failures": 0},
        spreed={"stats": True, "users": users} | spreed,
    )


@pytest.fixture(params=CARRIERS)
async def siege(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Siege]:
    async with peaceful(tmp_path, request.param, generous()) as running:
        yield running


async def check(
    client: httpx.AsyncClient, method: str, path: str, **more: object
) -> httpx.Response:
    answer = await client.request(method, path, **more)  # type: ignore[arg-type]
    assert_documented(answer.status_code, answer.headers, answer.content)
    return answer


async def test_bodies_that_make_no_sense_get_documented_answers(siege: Siege) -> None:
    async with siege.server.http() as client, siege.server.client() as ann:
        routes = ROUTES | {"own session": ("PATCH", f"/api/v1/sessions/{ann.id}/")}
        for name, (method, path) in routes.items():
            kinds = TYPES if name in ("tokens", "users") else TYPES[:1]
            for kind, body in product(kinds, BODIES.values()):
                headers = {"Content-Type": kind.encode("latin-1")}
                await check(client, method, path, content=body, headers=headers)


async def test_wrong_methods_are_refused_in_json(siege: Siege) -> None:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get")
    async with siege.server.http() as client:
        for method, (right, path) in product(methods, ROUTES.values()):
            answer = await check(client, method, path)
            if method.upper() != right:
                assert answer.status_code == 405
                assert answer.json()["code"] == "method_not_allowed"
                assert right in answer.headers["Allow"]


PATHS = (
    "//",
    "///api/v1/config",
    "/api//v1/config",
    "/api/v1/../v1/config",
    "/api/v1/%2e%2e/%2e%2e/etc/passwd",
    "/api/v1/config/%00",
    "/api/v1/sessions/%00/",
    "/api/v1/sessions/..%2f..%2fetc/",
    "/api/v1/sessions/%ed%a0%80/",
    "/api/v1/sessions/" + "x" * 8000 + "/",
    "/api/v1/nothing/" + "/".join("x" * 2000),
    "/static/../../etc/passwd",
    "/static/..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/quintet/..%2findex.html",
    "/static/quintet/%00",
    "/static/" + "x" * 5000,
    "/static/ver=1/../../../etc/passwd",
    "/static/img/buddy/s99999999999999999999/x/y",
    "/static/img/buddy/%F0%9F%98%80/%00/%ff",
    "/static/img/buddy/s46/../../../../etc/passwd",
    "/static/img/buddy/",
    "/%",
    "/%f",
    "/%zz",
    "/%ff%fe",
    "/%ed%a0%80",
    "/%00",
    "/%0d%0aSet-Cookie:%20a=b",
    "/%2e%2e/%2e%2e",
    "/..;/..;/",
    "/%F0%9F%8E%A5/" + "%E2%80%AE" * 500,
    "/" + "a" * 10_000,
    "/\\..\\..\\",
    "/?" + "&" * 5000,
    "/api/v1/stats?details=" + "1" * 9000,
    "/api/v1/stats?details=%ff%00%ud800&details=1",
    "/api/v1/config?=&=&%00=%00",
    "/spreed/",
    "/spreed/ws/x",
    "/ws",
    "/spreed/ws",
    "/.well-known/spreed-configuration/..",
    "/.well-known/../api/v1/config",
    "*",
    "?",
    "?details=1",
    "http://other.example/api/v1/config",
    "http://[::/api/v1/config",
    "ftp:",
    "#",
    "api/v1/config",
)


async def test_strange_paths_get_documented_answers(siege: Siege) -> None:
    for method, path in product(("GET", "PATCH", "HEAD"), PATHS):
        head = request(method, path, "Connection: close", "Content-Length: 0")
        answer = await exchange(siege.server.serving, head)
        assert_answer(answer, has_body=method != "HEAD")
        assert b"root:" not in answer


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_hosted_client_gives_out_its_own_files_only(tmp_path: Path, carrier: str) -> None:
    hosted = tmp_path / "client"
    (hosted / "static" / "js").mkdir(parents=True)
    (hosted / "static" / "js" / "main.js").write_text("hosted")
    for place in (tmp_path, hosted):
        (place / "secret.txt").write_text("root: do not give out")
    ways = (
        "..",
        "%2e%2e",
        "..%2f..",
        "%2e%2e%2f%2e%2e",
        "ver=1/..",
        "js/../..",
        "..\\..",
        "/",
        "//etc",
    )
    names = [f"{way}/secret.txt" for way in ways] + [
        f"ver=1//{hosted}/secret.txt", f"/{tmp_path}/secret.txt", "%00", "js/main.js%00.txt", "js",
        "js/", ".", "", "x" * 5000, "x/" * 3000, "js/main.js/x", "%ff", "%ed%a0%80", "ver=",
        "ver=1",
    ]  # fmt: skip
    async with peaceful(tmp_path, carrier, generous(web_client=str(hosted))) as siege:
        for name in names:
            head = request("GET", f"/static/{name}", "Connection: close")
            answer = await exchange(siege.server.serving, head)
            assert_answer(answer)
            assert b"root:" not in answer, name
        async with siege.server.http() as client:
            assert (await client.get("/static/ver=1/js/main.js")).text == "hosted"
            page = await client.get("/%3C/script%3E%3Cscript%3E", headers={"host": "</script><x>"})
        assert b"<x>" not in page.content


HEADERS = (
    "Host: other.example:99999",
    "Host: ",
    "Host: [::1",
    "Host: \xff\xfe",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: x",
    "Content-Length: 3\r\nContent-Length: 4",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked, chunked",
    "Content-Encoding: gzip",
    "Content-Type: \xff\xfe",
    "Cookie: " + "a=b;" * 3000,
    "Cookie: quintet_access=\xff; =; ;;;",
    "Cookie: " + "=" * 100,
    "Range: bytes=99999999999999999999-0",
    "Range: bytes=,,,-",
    "If-Modified-Since: Sat, 99 Foo 99999 99:99:99 GMT",
    "If-Range: \xff",
    'If-None-Match: W/"' + "x" * 1000,
    "Expect: the-unexpected",
    "Expect: 100-continue",
    "Accept-Encoding: ;q=x",
    "Authorization: Basic \xff",
    "Authorization: Digest ===,,,",
    "Forwarded: for=\xff",
    "X-Forwarded-For: 1.2.3.4, ::::, \xff",
    "X-Forwarded-Proto: gopher",
    "Origin: null",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Upgrade: klingon\r\nConnection: Upgrade",
    " folded: header",
    "no colon",
    ": no name",
    "na me: x",
    "name\x00: x",
    "name: \x00\x01\x7f",
    "X: " + "y" * 15_000,
)


async def test_strange_headers_get_documented_answers(siege: Siege) -> None:
    routes = [ROUTES[name] for name in ("tokens", "picture", "well_known", "page", "asset")]
    for (method, path), header in product(routes, HEADERS):
        body = b"0\r\n\r\n" if header.startswith("Transfer-Encoding") else b""
        head = request(method, path, header, "Connection: close", body=body)
        assert_answer(await exchange(siege.server.serving, head))


async def test_a_body_beyond_the_limit_is_refused_in_json(siege: Siege) -> None:
    too_much = b"x" * (BODY_LIMIT + 1)
    routes = [ROUTES[name] for name in ("tokens", "session", "users")]
    for method, path in routes:
        form = "Content-Type: application/x-www-form-urlencoded"
        chunks = b"".join(b"1000\r\n%b\r\n" % (b"y" * 4096) for _ in range(20))
        for sent in (
            request(method, path, form, f"Content-Length: {len(too_much)}", body=too_much),
            request(method, path, form, "Transfer-Encoding: chunked", body=chunks),
            request(method, path, form, "Content-Length: 9999999999"),
        ):
            async with connected(siege.server.serving) as client:
                await send_all(client, sent)
                with trio.fail_after(PATIENCE):
                    status = await client.read_head()
                assert status.startswith("HTTP/1.1 413 "), status
                assert b"body_too_large" in await client.read(30)


async def test_headers_beyond_the_limit_are_refused(siege: Siege) -> None:
    huge = "X: " + "y" * 150_000
    for path in ("/api/v1/config", "/" + "x" * 100_000, "/api/v1/config?" + "x" * 100_000, "/ws"):
        async with connected(siege.server.serving) as client:
            await send_all(client, request("GET", path, huge))
            with trio.fail_after(PATIENCE):
                head = await client.read_head()
            assert head.split()[1] in ("431", "400"), head


TEXT = st.text(
    st.characters(codec="utf-8") | st.sampled_from('\x00\n\r"\\:/%&=?#\u202e'), max_size=60
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(("id", "sid", "useridcombo", "secret", "a", "pubkey")) | TEXT, JSON, max_size=6
)
REQUESTS = st.tuples(st.sampled_from(sorted(ROUTES)), FIELDS, TEXT, TEXT, st.binary(max_size=40))


@pytest.mark.parametrize("carrier", CARRIERS)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=10))
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_is_asked_the_answer_is_a_documented_one(
    tmp_path: Path, carrier: str, requests: list[tuple[str, dict[str, object], str, str, bytes]]
) -> None:
    async with peaceful(tmp_path, carrier, generous()) as siege, siege.server.http() as client:
        for route, fields, word, query, junk in requests:
            method, path = ROUTES[route]
            path = path.replace("some", quote(word, safe=""))
            form = {key: str(value) for key, value in fields.items()}
            as_json = {"content": json.dumps(fields), "headers": {"Content-Type": TYPES[0]}}
            ways: list[dict[str, Any]] = [as_json, {"data": form}, {"content": junk}]
            for way in ways:
                await check(client, method, path, params={"a": query, word: query}, **way)


def assert_answer(answer: bytes, *, has_body: bool = True) -> None:
    """Check a raw answer. What is no HTTP may get a bare 400 (or 431) of the HTTP server itself."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100 "):
        head, _, body = body.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    assert status_line.startswith("HTTP/1.1 "), answer[:300]
    status = int(status_line.split()[1])
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    bare = status in (400, 426, 431, 501) and not headers.get("content-type", "").startswith("app")
    if bare:
        assert len(body) < 100, answer[:300]
        assert b"Traceback" not in body
    elif has_body:
        assert_documented(status, headers, body)
    else:
        assert status < 500
