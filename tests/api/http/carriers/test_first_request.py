"""The first bytes of a connection, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.carriers.first_request import (
    MALFORMED,
    UpgradeRequest,
    answer,
    head_length,
    is_http,
    read_upgrade_request,
)
from api.http.carriers.targets import origin_form
from tests.support.raw import upgrade_request


@pytest.mark.parametrize(
    ("head", "rest"),
    [(b"GET / HTTP/1.1\r\n\r\n", b"body"), (b"GET / HTTP/1.1\n\n", b""), (b"A\n\r\n", b"\r\n\r\n")],
)
def test_a_head_ends_at_the_first_blank_line(head: bytes, rest: bytes) -> None:
    assert head_length(head + rest) == len(head)


@given(st.lists(st.integers(1, 7), max_size=60))
def test_a_head_is_found_however_it_arrives(steps: list[int]) -> None:
    whole = upgrade_request()
    position, found = 0, -1
    for step in [*steps, len(whole)]:
        searched, position = position - 3, min(len(whole), position + step)
        found = head_length(whole[:position], searched)
        assert (found > 0) == (position == len(whole))
        if found > 0:
            break
    assert found == len(whole)


@pytest.mark.parametrize("first", [b"G", b"POST /", b"PRI * HTTP/2.0", b"\r\n", b"\n"])
def test_these_may_begin_a_request(first: bytes) -> None:
    assert is_http(first)


@pytest.mark.parametrize("first", [b"\x16\x03\x01", b"\x00", b"get", b" GET", b"\xff"])
def test_these_cannot_begin_a_request(first: bytes) -> None:
    assert not is_http(first)


def test_an_upgrade_is_read_with_its_target_and_headers() -> None:
    request = read_upgrade_request(upgrade_request("/w%73/?t=1", Cookie="a=1", X_Y="1, 2"))
    assert isinstance(request, UpgradeRequest)
    assert request.invalid is None
    assert (request.path, request.target) == ("/ws/", "/w%73/?t=1")
    assert request.headers["cookie"] == "a=1"
    granted = request.granted("mqtt").decode()
    assert granted.startswith("HTTP/1.1 101 ")
    assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in granted.lower()
    assert "sec-websocket-protocol: mqtt" in granted.lower()
    assert "extensions" not in granted.lower()


def test_repeated_headers_are_joined() -> None:
    more = b"\r\nCookie: a\r\nX: 1\r\nx: 2\r\ncookie: b\r\n\r\n"
    head = upgrade_request().replace(b"\r\n\r\n", more)
    request = read_upgrade_request(head)
    assert isinstance(request, UpgradeRequest)
    assert (request.headers["cookie"], request.headers["x"]) == ("a; b", "1, 2")


@pytest.mark.parametrize(
    ("target", "host", "origin"),
    [
        ("/ws?a=b", "", "/ws?a=b"),
        ("//ws", "", "//ws"),
        ("http://x/ws", "x", "/ws"),
        ("HTTPS://x:443/ws?a=http://b/", "x:443", "/ws?a=http://b/"),
        ("wss://[::1]:8080/ws#end", "[::1]:8080", "/ws"),
        ("ws://user:word@x/ws", "x", "/ws"),
        ("http://x", "x", "/"),
        ("http://x?a", "x", "/?a"),
        ("http:///ws", "", "/http:///ws"),
        ("ftp://x/ws", "", "/ftp://x/ws"),
        ("http://a_b.x-y:80/ws", "a_b.x-y:80", "/ws"),
        ("http://:@x:/ws", "x:", "/ws"),
        ("http://[::ffff:192.0.2.1]/ws", "[::ffff:192.0.2.1]", "/ws"),
        ("http://[::/ws", "", "/http://[::/ws"),
        ("http://::1]/ws", "", "/http://::1]/ws"),
        ("http://::1/ws", "", "/http://::1/ws"),
        ("http://[x]/ws", "", "/http://[x]/ws"),
        ("http://[]/ws", "", "/http://[]/ws"),
        ("http://[::1]x/ws", "", "/http://[::1]x/ws"),
        ("http://x:y/ws", "", "/http://x:y/ws"),
        ("http://x:123456/ws", "", "/http://x:123456/ws"),
        ("http://:80/ws", "", "/http://:80/ws"),
        ("http://@/ws", "", "/http://@/ws"),
        ("http://a@b@x/ws", "", "/http://a@b@x/ws"),
        ("http://x\\y/ws", "", "/http://x\\y/ws"),
        ("http://x y/ws", "", "/http://x y/ws"),
        ("http://ü/ws", "", "/http://ü/ws"),
        ("*", "", "/*"),
        ("", "", "/"),
    ],
)
def test_a_target_is_a_path_or_a_url_of_ours(target: str, host: str, origin: str) -> None:
    assert origin_form(target) == (host, origin)


def test_a_whole_url_names_the_host_and_not_the_header() -> None:
    request = read_upgrade_request(upgrade_request("http://told.example/ws?a=b"))
    assert isinstance(request, UpgradeRequest)
    assert (request.path, request.target) == ("/ws", "/ws?a=b")
    assert request.headers["host"] == "told.example"
    assert request.invalid is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ws HTTP/1.1\r\nhost: x\r\n\r\n",
        upgrade_request().replace(b"GET", b"POST"),
        upgrade_request().replace(b"GET /ws", b"GET ftp://x/ws"),
        upgrade_request("http://[::/ws"),
        upgrade_request(upgrade="h2c"),
        upgrade_request(x="websocket", upgrade=None),
        upgrade_request(x="y" * 10_000),
        upgrade_request(**{f"x{number}": "y" for number in range(200)}),
    ],
    ids=["plain", "POST", "not ours", "no host", "h2c", "elsewhere", "long line", "many headers"],
)
def test_everything_else_is_left_to_hypercorn(head: bytes) -> None:
    assert read_upgrade_request(head) is None


@pytest.mark.parametrize(
    "head",
    [
        upgrade_request().replace(b"host: ", b"ho st: "),
        upgrade_request(content_length="3"),
        upgrade_request().replace(b"HTTP/1.1", b"HTTP/1.1 x"),
    ],
    ids=["bad name", "body", "request line"],
)
def test_an_upgrade_that_is_wrong_as_http_is_malformed(head: bytes) -> None:
    assert read_upgrade_request(head) is MALFORMED


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (upgrade_request(sec_websocket_key=None), 400),
        (upgrade_request(sec_websocket_key="short"), 400),
        (upgrade_request(sec_websocket_version="8"), 400),
        (upgrade_request(connection="close"), 426),
    ],
)
def test_an_invalid_handshake_has_a_status_and_a_reason_without_its_values(
    head: bytes, status: int
) -> None:
    request = read_upgrade_request(head)
    assert isinstance(request, UpgradeRequest)
    assert request.invalid is not None
    assert request.invalid.status == status
    assert request.invalid.reason.startswith("handshake: Invalid")
    assert "short" not in request.invalid.reason


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(junk: bytes) -> None:
    head_length(junk)
    is_http(junk)
    read_upgrade_request(junk)
    read_upgrade_request(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n" + junk + b"\r\n\r\n")


def test_an_answer_closes_the_connection_and_names_its_length() -> None:
    page = answer(403, b"no", "application/json")
    assert page.startswith(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n")
    assert page.endswith(b"Content-Type: application/json\r\n\r\nno")
