"""POST /poll: sessions, what is wrong with them, and what becomes of who polls no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from api.barertc.poll_socket import IDLE_SECONDS, WAITING, PollBusy, PollSocket
from api.http.byte_budget import ByteBudget
from api.http.sockets import NOTHING, SocketClosed, SocketFull, SocketLimits, Upgrade
from tests.support.barertc import PollLink, barertc_server, barertc_settings

UPGRADE = Upgrade("/poll", NOTHING, NOTHING, "127.0.0.1", "test.example", secure=False)


async def poll(http: httpx.AsyncClient, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await http.post("/poll", json=body)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


def login(name: str) -> dict[str, Any]:
    return {"msg": {"action": "login", "username": name}}


def line(text: str) -> dict[str, Any]:
    return {"action": "error", "username": "ChatServer", "message": text}


async def test_a_login_opens_a_session_and_answers_with_what_came_up(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        status, document = await poll(http, **login("ann"))
    assert (status, document["username"]) == (200, "ann")
    assert len(document["session_id"]) == 36
    assert [each["action"] for each in document["messages"]] == ["me", "who", "echo", "presence"]


@pytest.mark.parametrize(
    ("body", "told", "go_away"),
    [
        ({"username": "ann", "msg": {"action": "ping"}},
         "Authentication error: SessionID and Username both required.", False),
        ({"session_id": "x", "msg": {"action": "ping"}},
         "Authentication error: SessionID and Username both required.", False),
        ({"username": "ann", "session_id": "x", "msg": {"action": "ping"}},
         "Your authentication has expired, please log back into the chat again.", True),
        ({"msg": {"action": "ping"}}, "Not logged in.", False),
        ({"username": "", "session_id": "", "msg": {"action": "message"}}, "Not logged in.", False),
        ({}, "Not logged in.", False),
    ],
)  # fmt: skip
async def test_a_wrong_session_is_told_and_harms_nobody(
    tmp_path: Path, body: dict[str, Any], told: str, go_away: bool
) -> None:
    """With the original, who names somebody with a wrong session puts him out."""
    async with barertc_server(tmp_path) as server, server.http() as http:
        _, ann = await poll(http, **login("ann"))
        status, document = await poll(http, **body)
        assert status == 400
        disconnect = [{"action": "disconnect"}] if go_away else []
        assert document["messages"] == [line(told), *disconnect]
        assert (document["username"], document["session_id"]) == ("", "")
        mine = {"username": "ann", "session_id": ann["session_id"]}
        said = {"action": "message", "channel": "lobby", "message": "still here"}
        status, document = await poll(http, **mine, msg=said)
        assert status == 200
        assert "<p>still here</p>" in [each.get("message") for each in document["messages"]]


async def test_a_session_is_of_its_name_alone(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        _, ann = await poll(http, **login("ann"))
        await poll(http, **login("bob"))
        stolen = {"username": "bob", "session_id": ann["session_id"]}
        status, document = await poll(http, **stolen, msg={"action": "ping"})
        assert (status, document["messages"][-1]) == (400, {"action": "disconnect"})
        status, _ = await poll(http, username="ann", session_id=ann["session_id"], msg={})
        assert status == 200


async def test_a_refused_login_opens_no_session(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        for name in ("ChatServer", "a\0b"):
            status, document = await poll(http, **login(name))
            assert (status, document["session_id"]) == (200, "")
            assert [each["action"] for each in document["messages"]] == ["error", "disconnect"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"msg": 7}', b'{"msg": []}', b'{"username": 7}',
     b'{"msg": {"action": 7}}', b"\xff", b"[" * 100_000, b'{"msg":' * 50_000,
     b'{"msg": {"action":"login","username":"\\ud800"}}', b"x" * 70_000, b'{"a":' + b'"' * 70_000],
    ids=range(14),
)  # fmt: skip
async def test_what_is_no_poll_is_answered_in_the_form_of_one(tmp_path: Path, body: bytes) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        answer = await http.post("/poll", content=body)
        assert answer.status_code == 400
        assert [each["action"] for each in answer.json()["messages"]] == ["error"]
        assert (await poll(http, **login("ann")))[0] == 200


async def test_other_methods_paths_and_sites_are_refused(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        assert (await http.get("/poll")).status_code == 405
        own = {"Origin": server.serving.url}
        foreign = {"Origin": "https://evil.example"}
        for path in ("/poll", "/barertc/poll"):
            answer = await http.post(path, json=login("ann"), headers=own)
            assert answer.status_code == 200
            answer = await http.post(path, json=login("ann"), headers=foreign)
            assert answer.status_code == 403
    async with barertc_server(tmp_path, root=False) as server, server.http() as http:
        assert (await http.post("/poll", json=login("ann"))).status_code == 404
        assert (await http.post("/barertc/poll", json=login("ann"))).status_code == 200


async def test_sessions_are_bounded_in_total_and_per_address(tmp_path: Path) -> None:
    chosen = barertc_settings(barertc={"people": 3}, limits={"connections_per_address": 50})
    async with barertc_server(tmp_path, "lane", chosen) as server, server.http() as http:
        for number in range(3):
            assert (await poll(http, **login(f"p{number}")))[0] == 200
        assert (await poll(http, **login("one more")))[0] == 503
    chosen = barertc_settings(barertc={"people": 7})
    async with barertc_server(tmp_path, "lane", chosen) as server:
        async with httpx.AsyncClient(base_url=server.serving.url) as http:
            for number in range(2):
                assert (await poll(http, **login(f"p{number}")))[0] == 200
            assert (await poll(http, **login("one more")))[0] == 503


async def test_a_body_may_be_as_large_as_a_file_and_no_larger(tmp_path: Path) -> None:
    chosen = barertc_settings(barertc={"message_bytes": 3_000_000})
    async with barertc_server(tmp_path, "lane", chosen) as server, server.http() as http:
        answer = await http.post("/poll", content=b"x" * 1_500_000)
        assert answer.status_code == 413  # nobody is known at this address
        assert answer.json()["messages"][0]["message"] == "You must log in first."
        link = PollLink(http)
        await link.send('{"action":"login","username":"ann"}')
        answer = await http.post("/poll", content=b"x" * 1_500_000)
        assert answer.status_code == 400
        small = json.dumps({"action": "blocklist", "usernames": ["x" * 100] * 9000})
        await link.send(small)
        assert link.status == 200
        answer = await http.post("/poll", content=b"x" * 3_000_001)
        assert answer.status_code == 413
        answer = await http.post("/api/blocklist", content=b"x" * 2_000_000)
        assert answer.status_code == 413


async def test_a_large_poll_counts_by_its_place_and_not_as_unfinished(tmp_path: Path) -> None:
    async with barertc_server(tmp_path) as server, server.http() as http:
        link = PollLink(http)
        await link.send('{"action":"login","username":"ann"}')
        server.serving.services.unsent.per_address = 1_000_000
        assert (await http.post("/poll", content=b"x" * 3_000_000)).status_code == 400  # all read
        assert server.serving.services.unsent.ended == 0
        server.serving.services.unsent.per_address = 100_000
        assert (await http.post("/poll", content=b"x" * 300_000)).status_code == 503


async def test_whoever_polls_no_more_has_timed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        barertc_server(tmp_path) as server,
        server.person("bob") as bob,
        server.http() as http,
    ):
        _, ann = await poll(http, **login("ann"))
        await bob.say("are you there?")
        assert await bob.until("message", message="<p>are you there?</p>")
        monkeypatch.setattr("api.barertc.poll_socket.IDLE_SECONDS", 0.1)
        assert await bob.until("presence", username="ann", message="has timed out!")
        await bob.listed("bob")
        mine = {"username": "ann", "session_id": ann["session_id"]}
        status, document = await poll(http, **mine, msg={"action": "ping"})
        assert "<p>are you there?</p>" in [each.get("message") for each in document["messages"]]
        while status == 200:
            status, document = await poll(http, **mine, msg={"action": "ping"})
        assert document["messages"][-1] == {"action": "disconnect"}


def a_socket(**limits: Any) -> tuple[PollSocket, list[PollSocket]]:
    forgotten: list[PollSocket] = []
    chosen = SocketLimits(messages_per_second=0, **limits)
    return PollSocket("id", UPGRADE, chosen, forgotten.append), forgotten


async def test_what_is_unsent_is_bounded_and_the_latest_list_replaces(
    autojump_clock: trio.testing.MockClock,
) -> None:
    socket, _ = a_socket(outbox_messages=3, outbox_bytes=100)
    for number in range(50):
        socket.push(b"list %d" % number, replace="who")
    socket.push(b"a")
    socket.push(b"b")
    with pytest.raises(SocketFull):
        socket.push(b"c")
    assert socket.take() == [b"list 49", b"a", b"b"]
    with pytest.raises(SocketFull):
        socket.push(b"x" * 101)


async def test_an_answer_holds_as_much_as_it_may_and_the_rest_comes_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    socket, forgotten = a_socket()
    for each in (b"x" * 10, b"y" * 10, b"z" * 50):
        socket.push(each)
    socket.close()
    assert [len(each) for each in socket.take(25)] == [10, 10]
    assert not forgotten
    assert [len(each) for each in socket.take(25)] == [50]
    assert forgotten == [socket]


async def test_it_ends_a_minute_after_the_last_poll_and_is_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    socket, forgotten = a_socket()
    await trio.sleep(IDLE_SECONDS - 1)
    socket.tick(trio.current_time())
    assert not socket.closed
    socket.touch()
    await trio.sleep(IDLE_SECONDS - 1)
    socket.tick(trio.current_time())
    assert not socket.closed
    await trio.sleep(2)
    socket.tick(trio.current_time())
    with pytest.raises(SocketClosed) as ended:
        await socket.receive()
    assert ended.value.reason == "timed out"
    assert not forgotten
    await trio.sleep(20)
    socket.tick(trio.current_time())
    assert forgotten == [socket]


async def test_messages_are_dealt_with_in_order_and_only_so_many_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    socket, _ = a_socket()
    order: list[str] = []

    async def ask(number: int) -> None:
        await socket.hear(b"%d" % number)
        order.append(f"answered {number}")

    async with trio.open_nursery() as nursery:
        for number in range(WAITING):
            nursery.start_soon(ask, number)
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(PollBusy):
            await socket.hear(b"x")
        for number in range(WAITING):
            assert await socket.receive() == (b"%d" % number, True)
            order.append(f"took {number}")
            await trio.testing.wait_all_tasks_blocked()
        socket.close()
        socket.served()
    for what in ("took", "answered"):
        said = [each for each in order if each.startswith(what)]
        assert said == [f"{what} {number}" for number in range(WAITING)]
    assert order.index("answered 1") > order.index("took 1")


async def test_what_waits_for_polls_counts_in_all_and_the_largest_session_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    budget = ByteBudget(1 << 30, 200_000)
    limits = SocketLimits(messages_per_second=0, too_slow=(1008, "too slow"))
    gone: list[PollSocket] = []
    small, large = (PollSocket(id_, UPGRADE, limits, gone.append, budget) for id_ in "ab")
    small.push(b"x" * 50_000)
    large.push(b"x" * 100_000)
    large.push(b"x" * 60_000, source="ann")
    assert (small.closed, large.closed) == (False, True)
    with pytest.raises(SocketClosed) as closed:
        await large.receive()
    assert closed.value.code == 1008
    assert large.take() == []
    assert small.take() == [b"x" * 50_000]
    assert budget.used == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(small.hear, b"x" * 120_000)
        await trio.testing.wait_all_tasks_blocked()
        assert budget.used == 120_000
        small.abort()
        small.served()
    assert budget.used == 0
