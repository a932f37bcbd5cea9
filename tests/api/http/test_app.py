"""What all requests have in common, whichever dialect answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from quart import Blueprint, Response, request
from structlog.testing import capture_logs

from api.http.asking import ask, budget, client
from api.http.mounts import Mount
from api.http.sockets import Socket
from tests.support.raw import connected
from tests.support.serving import Serving, mount, serving, settings_with


def json_door(blueprint: Blueprint, *prefixes: str) -> Mount:
    """A dialect whose errors look unlike those of others."""

    def refuse(status: int) -> Response:
        body = f'{{"{blueprint.name}": {status}}}'
        return Response(body, status, content_type="application/json")

    return Mount(blueprint.name, blueprint, (), prefixes, refuse)


def rest() -> Blueprint:
    blueprint = Blueprint("rest", __name__)

    @blueprint.route("/v1/things", methods=["POST"])
    async def create() -> str:
        return str(len(await request.get_data()))

    @blueprint.get("/v1/things/<name>/")
    async def read(name: str) -> str:
        return name

    @blueprint.get("/v1/crash")
    async def crash() -> str:
        raise ZeroDivisionError("a secret detail")

    @blueprint.get("/v1/crashes")
    async def crashes() -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ZeroDivisionError("a secret detail")

    @blueprint.get("/v1/me")
    async def me() -> dict[str, object]:
        me = client()
        return {"address": me.address, "secure": me.secure, "host": me.host, "left": budget()}

    return blueprint


def page() -> Blueprint:
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/", defaults={"room": ""})
    @blueprint.get("/<path:room>")
    async def show(room: str) -> str:
        return f"page {room}"

    return blueprint


async def wait(socket: Socket) -> None:
    await socket.receive()


@asynccontextmanager
async def two_dialects(**limits: float) -> AsyncIterator[tuple[Serving, httpx.AsyncClient]]:
    mounts = (json_door(rest(), "/v1", "/v2/deep"), mount(wait, blueprint=page()))
    settings = settings_with(limits={"body_bytes": 1000} | limits)
    async with (
        serving(*mounts, settings=settings, root="test") as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        yield server, http


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/nothing", 404, '{"rest": 404}'),
        ("GET", "/v1", 404, '{"rest": 404}'),
        ("GET", "/v1/", 404, '{"rest": 404}'),
        ("POST", "/v1/nothing", 404, '{"rest": 404}'),
        ("GET", "/v2/deep/nothing", 404, '{"rest": 404}'),
        ("GET", "/v1/things", 405, '{"rest": 405}'),
        ("DELETE", "/v1/things/", 405, '{"rest": 405}'),
        ("POST", "/v1/things/a", 405, '{"rest": 405}'),
        ("POST", "/a-room", 405, "test 405"),
        ("GET", "/v1x/room", 200, "page v1x/room"),
        ("GET", "/v2/room", 200, "page v2/room"),
        ("GET", "/", 200, "page "),
        ("GET", "/ws", 426, "This address speaks websocket.\n"),
        ("GET", "/ws/", 426, "This address speaks websocket.\n"),
        ("GET", "//v1/x", 404, '{"rest": 404}'),
    ],
)
async def test_an_answer_has_the_form_of_the_dialect_whose_path_it_is(
    method: str, path: str, status: int, body: str
) -> None:
    async with two_dialects() as (server, _), connected(server) as raw:
        await raw.send(f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n".encode())
        await raw.send(b"connection: close\r\n\r\n")
        head = await raw.read_head()
        rest_of_it = (await raw.read_rest()).decode()
    assert (int(head.split()[1]), rest_of_it) == (status, body)


@pytest.mark.parametrize("path", ["/v1/things", "/v1/things/"])
async def test_trailing_slashes_are_taken_with_and_without_and_never_redirected(path: str) -> None:
    async with two_dialects() as (_, http):
        assert (await http.post(path, content=b"12")).text == "2"


@pytest.mark.parametrize("path", ["/v1/things/a", "/v1/things/a/"])
async def test_slashes_of_routes_with_arguments_as_well(path: str) -> None:
    async with two_dialects() as (_, http):
        assert (await http.get(path)).text == "a"


async def test_a_request_on_a_websockets_path_is_told_in_plain_text() -> None:
    async with two_dialects() as (_, http):
        response = await http.get("/ws")
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_wrong_method_is_told_the_right_ones() -> None:
    async with two_dialects() as (_, http):
        answer = await http.delete("/v1/things")
        assert answer.headers["allow"] == "OPTIONS, POST"
        for path in ("/v1/things", "/v1/things/"):  # the page that has all other paths takes GET
            assert (await http.options(path)).headers["allow"] == "OPTIONS, POST"
        assert (await http.options("/a-room")).headers["allow"] == "GET, HEAD, OPTIONS"
        head = await http.head("/v1/things/a")
        assert (head.status_code, head.content) == (200, b"")


async def test_a_body_over_the_limit_is_413_in_the_dialects_form() -> None:
    async with two_dialects() as (_, http):
        answer = await http.post("/v1/things", content=b"x" * 1001)
        assert (answer.status_code, answer.text) == (413, '{"rest": 413}')
        assert (await http.post("/v1/things", content=b"x" * 1000)).text == "1000"


@pytest.mark.parametrize("path", ["/v1/crash", "/v1/crashes"])
async def test_a_crash_is_500_without_details_and_one_log_line_with_them(path: str) -> None:
    with capture_logs() as logs:
        async with two_dialects() as (_, http):
            answer = await http.get(path)
    assert (answer.status_code, answer.text) == (500, '{"rest": 500}')
    crashes = [line for line in logs if line["event"] == "request.crashed"]
    assert len(crashes) == 1
    assert isinstance(crashes[0]["exc_info"], ZeroDivisionError)
    assert crashes[0]["route"] == path


async def test_one_line_per_request_without_path_values_or_query() -> None:
    with capture_logs() as logs:
        async with two_dialects() as (server, http):
            answer = await http.get("/v1/things/a-secret?token=another")
            assert server.services.traffic.request("rest").by_status == {200: 1}
    lines = [line for line in logs if line["event"] == "request.answered"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["status"], line["dialect"]) == ("GET", 200, "rest")
    assert line["route"] == "/v1/things/<name>/"
    assert 0 <= line["ms"] < 20_000
    assert "secret" not in str(logs)
    assert "another" not in str(logs)
    assert len(answer.headers["x-request-id"]) == 16


async def test_request_ids_are_ours_and_never_the_clients() -> None:
    async with two_dialects() as (_, http):
        answers = [await http.get("/", headers={"X-Request-Id": "mine"}) for _ in range(2)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert "mine" not in ids


async def test_answers_forbid_sniffing_and_referrers() -> None:
    async with two_dialects() as (_, http):
        headers = (await http.get("/")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


async def test_a_body_that_never_comes_is_given_up() -> None:
    async with (
        two_dialects(body_seconds=0.2) as (server, _),
        connected(server) as raw,
    ):
        await raw.send(b"POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        with trio.fail_after(20):
            assert (await raw.read_rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_route_knows_its_client_and_its_budget() -> None:
    blueprint = rest()
    settings = settings_with(limits={"trusted_proxies": ["127.0.0.1"], "ask_seconds": 60.0})
    async with (
        serving(json_door(blueprint, "/v1"), settings=settings) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Host": "a.b"}
        found = (await http.get("/v1/me", headers=headers)).json()
        direct = (await http.get("/v1/me")).json()
        hops = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "127.0.0.1")]
        chain = (await http.get("/v1/me", headers=hops)).json()
    assert (found["address"], found["secure"], found["host"]) == ("203.0.113.9", True, "a.b")
    assert chain["address"] == "203.0.113.9"  # proxies may add a line each
    assert (direct["address"], direct["secure"]) == ("127.0.0.1", False)
    assert 30.0 < found["left"] <= 60.0


@pytest.mark.parametrize(
    "host", ["a..b", "x" * 64, ".", "a" * 300 + ".test", "..", "xn--\xff", "[::1", "a:b:c", ""]
)
async def test_no_host_is_one_to_stumble_over(host: str) -> None:
    head = f"GET /v1/nothing HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    with capture_logs() as logs:
        async with two_dialects() as (server, _), connected(server) as client:
            await client.send(head)
            assert (await client.read_head()).startswith("HTTP/1.1 404")
            assert await client.read(13) == b'{"rest": 404}'
    assert [entry["event"] for entry in logs] == ["request.answered"]


async def test_a_whole_url_is_answered_as_its_path_is() -> None:
    async with two_dialects() as (server, _), connected(server) as client:
        await client.send(b"GET http://told.example:81/v1/me?x HTTP/1.1\r\nhost: other\r\n\r\n")
        head = await client.read_head()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        assert json.loads(await client.read(length))["host"] == "told.example:81"


async def test_asking_an_actor_takes_what_is_left_of_the_budget() -> None:
    asked: list[float] = []

    class Ref:
        async def ask(self, question: object, *, within: float) -> str:
            asked.append(within)
            return f"answer to {question}"

    blueprint = Blueprint("rest", __name__)

    @blueprint.get("/v1/ask")
    async def view() -> str:
        await trio.sleep(0.2)
        return await ask(Ref(), "question")  # type: ignore[arg-type]

    settings = settings_with(limits={"ask_seconds": 60.0})
    async with (
        serving(json_door(blueprint, "/v1"), settings=settings) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        assert (await http.get("/v1/ask")).text == "answer to question"
    assert 1.0 < asked[0] <= 59.8


async def test_a_client_that_leaves_cancels_its_request() -> None:
    began, cancelled = trio.Event(), trio.Event()
    blueprint = Blueprint("rest", __name__)

    @blueprint.get("/v1/wait")
    async def view() -> str:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with serving(json_door(blueprint, "/v1")) as server:
        async with connected(server) as raw:
            await raw.send(b"GET /v1/wait HTTP/1.1\r\nhost: x\r\n\r\n")
            await began.wait()
        with trio.fail_after(30):
            await cancelled.wait()
