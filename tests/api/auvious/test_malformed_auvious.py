"""Malformed requests, on every Auvious route: a documented answer, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.auvious import (
    ENDPOINTS,
    AuviousServer,
    Caller,
    auvious_server,
    auvious_settings,
)
from tests.support.examples import examples
from tests.support.peace import CRASHES, library_troubles
from tests.support.raw import connected
from tests.support.rough import PATIENCE, exchange, request
from tests.support.serving import CARRIERS
from tests.system.test_malformed_rest import BODIES, HEADERS, TYPES

BODY_LIMIT = 65_536
TOKEN = "/security/oauth/token"
ROUTES = {
    "create": ("POST", ENDPOINTS),
    "register": ("POST", f"{ENDPOINTS}/register"),
    "keepalive": ("POST", f"{ENDPOINTS}/keepalive"),
    "unregister": ("POST", f"{ENDPOINTS}/unregister"),
    "send": ("POST", f"{ENDPOINTS}/sendEvent"),
    "own": ("GET", ENDPOINTS),
    "show": ("GET", f"{ENDPOINTS}/some"),
    "ice": ("GET", "/rtc-api/iceServers"),
    "token": ("POST", TOKEN),
    "keys": ("GET", "/security/.well-known/jwks.json"),
}
EMPTY = {401, 404, 405, 408, 413, 429, 503}


def check(response: httpx.Response, path: str) -> None:
    """Hold that an answer is one of those that are promised."""
    check_answer(response.status_code, response.headers.get("content-type", ""), response.content,
                 path)  # fmt: skip


def check_answer(status: int, kind: str, body: bytes, path: str) -> None:
    shown = (path, status, body[:300])
    assert status < 500 or status == 503, shown
    for trace in (b"Traceback", b'File "', b"/site-packages/"):
        assert trace not in body, shown
    if status < 300:
        assert status == 204 or json.loads(body) is not None, shown
    elif "security/" in path:
        assert json.loads(body).keys() == {"error", "error_description"}, shown
    elif status == 400:
        document = json.loads(body)
        assert document, shown
        assert all(isinstance(value, str) for value in document.values()), shown
    else:
        assert status in EMPTY, shown
        assert (body, kind) == (b"", ""), shown


@asynccontextmanager
async def peaceful(tmp_path: Path, carrier: str) -> AsyncIterator[tuple[AuviousServer, Caller]]:
    """Serve, and hold that nothing has crashed, and that Ann's endpoint lives, in the end."""
    chosen = auvious_settings(tmp_path, limits={"body_bytes": BODY_LIMIT, "credential_failures": 0})
    with capture_logs() as entries, library_troubles() as troubles:
        async with auvious_server(tmp_path, carrier, chosen) as server, server.user("ann") as ann:
            id_ = await ann.register("innocent", 600)
            yield server, ann
            async with server.user("bob") as bob:
                assert await bob.send("ann", userEndpointId=id_, qos=1) == 1
    assert server.system.counters.crashes == 0
    assert not [entry for entry in entries if entry["event"] in CRASHES]
    assert troubles == []


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_bodies_that_make_no_sense_get_documented_answers(
    tmp_path: Path, carrier: str
) -> None:
    async with peaceful(tmp_path, carrier) as (_, ann):
        for name, (method, path) in ROUTES.items():
            kinds = TYPES if name == "token" else TYPES[:1]
            for kind, body in product(kinds, BODIES.values()):
                headers = ann.headers | {"Content-Type": kind.encode("latin-1")}
                check(await ann.http.request(method, path, content=body, headers=headers), path)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_strange_headers_get_documented_answers(tmp_path: Path, carrier: str) -> None:
    async with peaceful(tmp_path, carrier) as (server, ann):
        for name, header in product(("send", "token", "own"), HEADERS):
            method, path = ROUTES[name]
            body = b"0\r\n\r\n" if header.startswith("Transfer-Encoding") else b""
            token = f"Authorization: Bearer {ann.token}"
            headers = [header, "Connection: close"]
            if not header.startswith("Authorization"):
                headers.append(token)
            answer = await exchange(server.serving, request(method, path, *headers, body=body))
            assert answer.startswith(b"HTTP/1.1 ")
            if answer.startswith(b"HTTP/1.1 100 "):
                answer = answer.partition(b"\r\n\r\n")[2]
            assert int(answer.split()[1]) in (200, 400, 401, 413, 417, 426, 431, 501), answer[:300]
            assert b"Traceback" not in answer


PATHS = (
    "/rtc-api/../rtc-api/iceServers", "/rtc-api//iceServers", "///rtc-api/iceServers",
    f"{ENDPOINTS}/%00", f"{ENDPOINTS}/%ff", f"{ENDPOINTS}/%ed%a0%80", f"{ENDPOINTS}/" + "x" * 8000,
    f"{ENDPOINTS}/..%2f..%2fetc", f"{ENDPOINTS}/%F0%9F%98%80", f"{ENDPOINTS}//", f"{ENDPOINTS}/a/b",
    f"{TOKEN}?" + "&" * 5000, f"{TOKEN}?client_id=%ff%00&grant_type=%ed%a0%80",
    f"{TOKEN}?=&=&%00=%00", "/security/oauth/", "/security/.well-known/", "/auvious", "/auvious/ws",
    "/rtc-api/%", "/rtc-api/%zz", "/rtc-api\\x",
)  # fmt: skip


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_strange_paths_get_documented_answers(tmp_path: Path, carrier: str) -> None:
    async with peaceful(tmp_path, carrier) as (server, ann):
        for method, path in product(("GET", "POST", "OPTIONS"), PATHS):
            token = f"Authorization: Bearer {ann.token}"
            async with connected(server.serving) as client:
                await client.send(request(method, path, "Connection: close", token))
                with trio.fail_after(PATIENCE):
                    answer = await client.read_rest()
            status = int(answer.split()[1])
            assert status in (200, 204, 400, 401, 404, 405, 426), (path, answer[:200])
            assert b"Traceback" not in answer


async def test_tokens_that_are_none_are_an_empty_401(tmp_path: Path) -> None:
    async with peaceful(tmp_path, "lane") as (_, ann):
        for token in (ann.token[:-5], ann.token + "x", "x" * 9000, ann.token.replace(".", ""), "..",
                      "é", "\x7f"):  # fmt: skip
            headers = {"Authorization": f"Bearer {token}".encode("latin-1")}
            response = await ann.http.get(ENDPOINTS, headers=headers)
            assert (response.status_code, response.content) == (401, b""), token[:20]


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('\x00\n"\\:/%&=+#$'), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.just("UserCreatedEvent") | JSON,
     "timestamp": st.just("2011-12-03T10:15:30Z") | JSON},
    optional={"more": JSON},
)  # fmt: skip
MASKS = st.lists(
    st.sampled_from(["$.more", "$..*", "$.type", "$[", "$.more[0]"]) | TEXT, max_size=3
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "userId": st.sampled_from(["ann", "bob"]) | JSON,
        "organizationId": st.just("acme") | JSON,
        "userEndpointId": st.sampled_from(["innocent", "other", ""]) | JSON,
        "keepAliveSeconds": st.integers(-5, 600) | JSON,
        "serverKeepAliveReminderOn": st.booleans() | JSON,
        "event": EVENTS | JSON,
        "masks": MASKS | JSON,
        "qos": st.integers(-1, 3) | JSON,
        "grant_type": st.sampled_from(["password", "client_credentials", "refresh_token"]) | TEXT,
        "client_id": st.sampled_from(["customer", "backoffice"]) | TEXT,
        "client_secret": TEXT, "username": st.just("ann") | TEXT, "password": TEXT,
        "refresh_token": TEXT,
    },
)  # fmt: skip
REQUESTS = st.tuples(st.sampled_from(sorted(ROUTES)), FIELDS, TEXT, TEXT, st.binary(max_size=40))


@pytest.mark.parametrize("carrier", CARRIERS)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=10))
@settings(
    max_examples=examples(25),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_is_asked_the_answer_is_a_documented_one(
    tmp_path: Path, carrier: str, requests: list[tuple[str, dict[str, Any], str, str, bytes]]
) -> None:
    async with peaceful(tmp_path, carrier) as (server, ann), server.service() as service:
        for route, fields, word, query, junk in requests:
            method, path = ROUTES[route]
            if fields.get("userEndpointId") == "innocent":  # which is to live to the end
                if route == "unregister":
                    continue
                if route in ("create", "register"):
                    fields["keepAliveSeconds"] = 600
            path = path.replace("some", quote(word, safe="") or "some")
            form = {key: str(value) for key, value in fields.items()}
            ways: list[dict[str, Any]] = [
                {"content": json.dumps(fields)}, {"data": form}, {"content": junk},
            ]  # fmt: skip
            for way, caller in product(ways, (ann, service)):
                response = await ann.http.request(
                    method, path, params={"a": query, word: query}, headers=caller.headers, **way
                )
                check(response, path)
