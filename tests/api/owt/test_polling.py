"""The requests of the polling transport as they are on the wire, right and wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from api.owt.socketio import connection as connection_module
from tests.support.raw import refusal, upgrade_request
from tests.support.serving import CARRIERS
from tests.support.socketio import Polling, body_of, connect, packets_of
from tests.support.socketio_server import Host, socketio_host

PAGE = "https://page.example"


@pytest.fixture(params=CARRIERS)
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    async with socketio_host(str(request.param)) as host:
        yield host


def http(host: Host, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=host.url, headers=headers, timeout=30)


async def handshake(client: httpx.AsyncClient, version: int = 3) -> Polling:
    """Begin a session by hand; whoever wants one of version 4 joined has to say so."""
    polling = Polling(client, version)
    first = await polling.receive()
    polling.sid = json.loads(first[0][1:])["sid"]
    return polling


async def poll(polling: Polling) -> list[str]:
    with trio.fail_after(30):
        return await polling.receive()


async def dropped(ask: Callable[..., Awaitable[object]], *args: object) -> None:
    """Ask for something, and go once the server has it at hand."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, *args)
        await trio.testing.wait_all_tasks_blocked(0.1)
        nursery.cancel_scope.cancel()


async def packets(polling: Polling, count: int) -> list[str]:
    """Poll until this many have come."""
    found: list[str] = []
    while len(found) < count:
        found += await poll(polling)
    return found


async def status_of(polling: Polling) -> tuple[int, object]:
    answer = await polling.http.get("/socket.io/", params=polling.params())
    return answer.status_code, answer.json() if answer.status_code != 200 else None


async def works(host: Host, way: str = "polling") -> None:
    """Fail unless another client is served as if nothing had happened."""
    async with connect(host.url, way=way) as other:
        assert await other.call("echo", 1) == ["ok", 1]


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io"])
async def test_the_handshake_is_the_measured_one(host: Host, path: str) -> None:
    async with http(host) as client:
        answer = await client.get(path, params={"EIO": 3, "transport": "polling", "b64": 1})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["cache-control"] == "no-store"
    head, _, tail = answer.text.partition("}")
    assert head.startswith('96:0{"sid":"')
    assert head.endswith('"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000')
    assert tail == "2:40"


async def test_the_handshake_of_version_4_waits_for_the_client_to_join(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client, version=4)
        await polling.send('42["too early"]')
        assert await poll(polling) == ["1"]
        polling = await handshake(client, version=4)
        await polling.send("40", '420["echo",1]')
        [joined, answer] = await packets(polling, 2)
        assert json.loads(joined[2:]) == {"sid": host.seen[0].id}
        assert answer == '430["ok",1]'


async def test_several_packets_come_and_go_in_one_body(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client)
        answer = await polling.post(body_of(('420["echo","é😀"]', '421["echo"]', "2"), 3))
        assert (answer.status_code, answer.text) == (200, "ok")
        assert answer.headers["content-type"].startswith("text/html")
        assert sorted(await packets(polling, 3)) == ["3", '430["ok","é😀"]', '431["ok"]']


@pytest.mark.parametrize(
    ("method", "query", "status", "code", "message"),
    [
        ("GET", {}, 400, 0, "Transport unknown"),
        ("GET", {"EIO": "3"}, 400, 0, "Transport unknown"),
        ("GET", {"EIO": "3", "transport": "flashsocket"}, 400, 0, "Transport unknown"),
        ("GET", {"EIO": "3", "transport": "polling", "sid": "x"}, 400, 1, "Session ID unknown"),
        ("POST", {"EIO": "3", "transport": "polling", "sid": "x"}, 400, 1, "Session ID unknown"),
        ("GET", {"EIO": "3", "transport": "polling", "sid": ""}, 400, 1, "Session ID unknown"),
        ("POST", {"EIO": "3", "transport": "polling"}, 400, 2, "Bad handshake method"),
        ("PUT", {"EIO": "3", "transport": "polling"}, 400, 2, "Bad handshake method"),
        ("DELETE", {"EIO": "3", "transport": "polling"}, 400, 2, "Bad handshake method"),
        ("GET", {"EIO": "3", "transport": "websocket"}, 400, 3, "Bad request"),
        ("GET", {"EIO": "3", "transport": "polling", "j": "0"}, 400, 3, "Bad request"),
        ("GET", {"EIO": "2", "transport": "polling"}, 400, 5, "Unsupported protocol version"),
        ("GET", {"EIO": "5", "transport": "polling"}, 400, 5, "Unsupported protocol version"),
        ("GET", {"EIO": "3x", "transport": "polling"}, 400, 5, "Unsupported protocol version"),
        ("GET", {"transport": "polling"}, 400, 5, "Unsupported protocol version"),
    ],
)
async def test_refusals_are_engine_ios(
    host: Host, method: str, query: dict[str, str], status: int, code: int, message: str
) -> None:
    async with http(host, origin=PAGE) as client:
        answer = await client.request(method, "/socket.io/", params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"code": code, "message": message}
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert len(host.table) == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 0),
        ("EIO=3&transport=polling", 3),
        ("EIO=3&transport=websocket&sid=x", 1),
        ("EIO=2&transport=websocket", 5),
        ("transport=websocket", 5),
    ],
)
async def test_websockets_are_refused_in_the_same_words(host: Host, query: str, code: int) -> None:
    assert host.serving is not None
    status, head, body = await refusal(host.serving, upgrade_request(f"/socket.io/?{query}"))
    assert status == 400
    assert "content-type: application/json" in head
    assert json.loads(body)["code"] == code


async def test_pages_of_other_origins_are_answered_with_credentials(host: Host) -> None:
    query: dict[str, Any] = {"EIO": 3, "transport": "polling"}
    for origin in (PAGE, "null", "http://[::1]:3001"):
        async with http(host, origin=origin) as client:
            answer = await client.get("/socket.io/", params=query)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in answer.headers["vary"]
            asked = {
                "access-control-request-method": "POST",
                "access-control-request-headers": "content-type,x-custom",
            }
            preflight = await client.options("/socket.io/", params=query, headers=asked)
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == origin
            assert preflight.headers["access-control-allow-credentials"] == "true"
            assert preflight.headers["access-control-allow-headers"] == "content-type,x-custom"
            assert "POST" in preflight.headers["access-control-allow-methods"]
    async with http(host) as client:
        answer = await client.get("/socket.io/", params=query)
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_only_welcome_origins_get_in(carrier: str) -> None:
    async with socketio_host(carrier, owt={"allowed_origins": [PAGE]}) as host:
        query = {"EIO": "3", "transport": "polling"}
        async with http(host) as client:
            for origin, status in ((PAGE, 200), (host.url, 200), ("https://evil.example", 403)):
                headers = {"origin": origin}
                answer = await client.get("/socket.io/", params=query, headers=headers)
                assert answer.status_code == status
                assert ("access-control-allow-origin" in answer.headers) == (status == 200)
        assert host.serving is not None
        request = upgrade_request("/socket.io/?EIO=3&transport=websocket", origin="https://evil")
        status, _, body = await refusal(host.serving, request)
        assert (status, json.loads(body)) == (403, {"code": 4, "message": "Forbidden"})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "40",
        "5:40",
        '1:4"',
        '11:42["\\ud83d"]',
        "100004:42" + "[" * 100_002,
        "2:42",
        "1:x",
        "15:451-[\"a\",{}]xxx",
        "2:3a",
        "b6:AAAAAA",
        '17:42/admin,["a",{}]',
    ],
)  # fmt: skip
async def test_a_broken_body_ends_its_session_and_no_other(host: Host, body: str) -> None:
    async with http(host) as client, connect(host.url, way="polling") as other:
        polling = await handshake(client)
        answer = await polling.post(body)
        assert answer.status_code in (200, 400)
        assert await poll(polling) == ["1"]
        assert await status_of(polling) == (400, {"code": 1, "message": "Session ID unknown"})
        assert await host.until_ended() == ["bad_packet"]
        assert await other.call("echo", 1) == ["ok", 1]


async def test_octets_are_no_way_to_speak(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client)
        answer = await client.post(
            "/socket.io/",
            params=polling.params(),
            content=b"\x00\x02\xff40",
            headers={"content-type": "application/octet-stream"},
        )
        assert answer.status_code == 400
        assert await host.until_ended() == ["bad_packet"]


async def test_foreign_namespaces_do_not_exist(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client)
        await polling.send("40/admin?x=1,", "40")
        assert await poll(polling) == ['44/admin,"Invalid namespace"']
        await polling.send(*["40/other"] * 16)
        assert await host.until_ended() == ["bad_packet"]


async def test_a_second_poll_ends_the_session(host: Host) -> None:
    async with http(host) as client, trio.open_nursery() as nursery:
        polling = await handshake(client)
        answers: list[list[str]] = []

        async def wait() -> None:
            answers.append(await poll(polling))

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked(0.1)
        assert await status_of(polling) == (400, {"code": 3, "message": "Bad request"})
        assert await host.until_ended() == ["two_polls"]
    assert answers == [["1"]]


async def test_a_poll_that_is_dropped_ends_the_session(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client)
        await dropped(polling.receive)
        assert await host.until_ended() == ["client_left"]
        assert len(host.table) == 0


async def test_the_clients_word_ends_the_session_after_all_it_said_before(host: Host) -> None:
    async with http(host) as client:
        polling = await handshake(client)
        await polling.send('42["echo",1]', "41")
        assert await host.until_ended() == ["client_left"]
        polling = await handshake(client)
        await polling.send("1")
        assert await host.until_ended(2) == ["client_left"] * 2
        assert await status_of(polling) == (400, {"code": 1, "message": "Session ID unknown"})


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_pace_is_kept_by_waiting_with_the_answer(carrier: str) -> None:
    async with (
        socketio_host(carrier, owt={"messages_per_second": 10}) as host,
        http(host) as client,
    ):
        polling = await handshake(client)
        started = trio.current_time()
        await polling.send(*['42["echo"]'] * 10)
        await polling.send(*['42["echo"]'] * 2)
        assert trio.current_time() - started > 0.95
        assert len(await packets(polling, 12)) == 12


async def test_two_posts_at_a_time_end_the_session() -> None:
    async with socketio_host(owt={"messages_per_second": 1}) as host, http(host) as client:
        polling = await handshake(client)
        async with trio.open_nursery() as nursery:
            body = body_of(('42["echo"]',) * 3, 3)
            nursery.start_soon(polling.post, body)
            await trio.sleep(0.2)
            answer = await polling.post(body_of(("2",), 3))
            assert (answer.status_code, answer.json()["code"]) == (400, 3)
            assert await host.until_ended() == ["two_posts"]


async def test_a_post_that_is_given_up_ends_the_session() -> None:
    async with socketio_host(owt={"messages_per_second": 1}) as host, http(host) as client:
        polling = await handshake(client)
        await dropped(polling.post, body_of(('42["echo"]',) * 100, 3))
        assert await host.until_ended() == ["client_left"]


@pytest.mark.parametrize("limit", ["message_bytes", "body_bytes"])
async def test_bodies_are_bounded(limit: str) -> None:
    async with socketio_host(limits={limit: 1000}) as host, http(host) as client:
        polling = await handshake(client)
        answer = await polling.post(body_of(("4" + "x" * 2000,), 3))
        assert answer.status_code == 413
        await works(host)
        if limit == "message_bytes":
            assert await host.until_ended() == ["too_large"]


@pytest.mark.parametrize("way", ["polling", "websocket"])
async def test_clients_are_bounded(way: str) -> None:
    limits = {"connections_per_address": 10}  # else an address may have a fourth of all
    async with socketio_host(owt={"sockets": 2}, limits=limits) as host:
        async with connect(host.url, way="polling"), connect(host.url, way="websocket"):
            async with http(host) as client:
                answer = await client.get("/socket.io/", params={"EIO": 3, "transport": "polling"})
                assert answer.status_code == 503
            assert host.serving is not None
            request = upgrade_request("/socket.io/?EIO=3&transport=websocket")
            assert (await refusal(host.serving, request))[0] == 503
        await host.until_ended(2)
        await works(host, way)


@pytest.mark.parametrize("way", ["polling", "websocket"])
async def test_clients_of_one_address_are_bounded(way: str) -> None:
    limits = {"connections_per_address": 2, "trusted_proxies": ["127.0.0.1"]}
    one, other = {"x-forwarded-for": "203.0.113.9"}, {"x-forwarded-for": "203.0.113.8"}
    async with socketio_host(limits=limits) as host:
        async with (
            connect(host.url, way=way, headers=one),
            connect(host.url, way="upgrade", headers=one),
            http(host, **one) as client,
            connect(host.url, way=way, headers=other),
        ):
            answer = await client.get("/socket.io/", params={"EIO": 3, "transport": "polling"})
            assert answer.status_code == 429
        await host.until_ended(3)
        async with connect(host.url, way=way, headers=one) as again:
            assert await again.call("echo") == ["ok"]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_poll_may_wait_longer_than_an_idle_connection(carrier: str) -> None:
    async with socketio_host(carrier, limits={"header_seconds": 0.5}) as host, http(host) as client:
        polling = await handshake(client)
        async with trio.open_nursery() as nursery:
            answers: list[list[str]] = []

            async def wait() -> None:
                answers.append(await poll(polling))

            nursery.start_soon(wait)
            await trio.sleep(1.5)
            host.seen[0].emit("late")
        assert answers == [['42["late"]']]


async def test_a_client_that_never_polls_is_ended_before_it_costs_much() -> None:
    async with socketio_host(owt={"outbox_messages": 50}) as host, http(host) as client:
        polling = await handshake(client)
        await polling.send('42["flood",1000,10]')
        with trio.fail_after(30):
            while len(host.table):
                await trio.sleep(0.01)
        assert host.seen[0].closed == "too_slow"
        assert (await status_of(polling))[0] == 400


async def test_a_newcomer_who_never_joins_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_SECONDS", 0.1)
    async with socketio_host() as host, http(host) as client:
        polling = await handshake(client, version=4)
        assert await poll(polling) == ["1"]
        assert host.seen == []


@pytest.mark.parametrize("version", [3, 4])
async def test_a_silent_client_is_gone_after_a_while(version: int) -> None:
    times = {"ping_seconds": 1.0, "ping_timeout_seconds": 1.0}
    async with socketio_host(owt=times) as host, http(host) as client:
        polling = await handshake(client, version)
        if version == 4:
            await polling.send("40")
        assert await host.until_ended() == ["ping_timeout"]


async def test_a_trusted_proxy_tells_who_it_is() -> None:
    proxy = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "user-agent": "UA"}
    for trusted, expected in (([], "127.0.0.1"), (["127.0.0.1"], "203.0.113.9")):
        async with socketio_host(limits={"trusted_proxies": trusted}) as host:
            for way in ("polling", "websocket"):
                async with connect(host.url, way=way, headers=proxy) as client:
                    await client.call("echo")
            for connection in host.seen:
                assert connection.address == expected
                assert connection.secure == bool(trusted)
                assert connection.user_agent == "UA"


async def test_the_id_that_opens_a_session_is_in_no_log() -> None:
    with capture_logs() as entries:
        async with socketio_host() as host:
            for way in ("polling", "upgrade", "websocket"):
                async with connect(host.url, way=way) as client:
                    await client.call("echo", "the text")
            async with http(host) as client:
                polling = await handshake(client)
                await polling.post("nonsense with the text")
        logged = repr(entries)
    assert entries
    assert "the text" not in logged
    assert len({connection.sid for connection in host.seen}) == 4
    assert not [connection for connection in host.seen if connection.sid in logged]


def test_the_test_client_counts_as_javascript_does() -> None:
    assert packets_of(body_of(("4é😀", "2"), 3), 3) == ["4é😀", "2"]
    assert body_of(("4é😀",), 3) == "4:4é😀"
