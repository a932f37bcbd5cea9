"""Many come at once into a room of people with long names: what they are told is bounded."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import trio

from tests.support.attack import (
    ELSEWHERE,
    MEGABYTE,
    OPERATOR_TOKEN,
    Watched,
    client,
    metric,
    watched,
)
from tests.support.owt_portal import AGENT, CONFIG, Elsewhere
from tests.support.process import RunningProcess, launched
from tests.support.raw import TEXT, RawClient, frame
from tests.support.slow_listener import opened

PATIENT = (  # a token is a write to the disk: on a busy machine eighty at once take their time
    f'{CONFIG}operator = {{ token = "{OPERATOR_TOKEN}" }}\n'
    "limits = { ask_seconds = 60 }\nstore = { answer_seconds = 60 }\n"
)
MEMBERS = 100
AT_ONCE = 80
NAME = "\x01" * 1024  # each takes six bytes in JSON: no name is longer
NAMED = 6 * len(NAME)
BUDGET = 64 * 1_048_576  # of one address, by default
USUALLY = 0.3  # seconds that others wait
PATIENCE = 120.0


async def tokens(process: RunningProcess, room: str, count: int) -> list[str]:
    """Return leave for so many, asked for over one connection."""
    manager = Elsewhere(process.url).manager()
    found = []
    async with client(process) as http:
        for _ in range(count):
            body, headers = {"user": NAME, "role": "viewer"}, {"Authorization": manager.header()}
            answer = await http.post(f"/v1/rooms/{room}/tokens", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            found.append(answer.text)
    return found


def login(pass_: str) -> str:
    """Return the packet by which one asks to be let in."""
    data = {"token": pass_, "userAgent": AGENT, "protocol": "1.1"}
    return f"420{json.dumps(['login', data])}"


@asynccontextmanager
async def let_in(process: RunningProcess, pass_: str, address: str) -> AsyncIterator[RawClient]:
    """Enter over a websocket, and be told all who are in the room."""
    path = "/socket.io/?EIO=3&transport=websocket"
    async with opened(process, path, address) as it:
        await it.send(frame(TEXT, login(pass_).encode()))
        while not (found := await it.read_message() or (0, b""))[1].startswith(b'430["ok"'):
            assert found[1].startswith((b"0", b"40")), found
        assert len(found[1]) > MEMBERS * NAMED or address != ELSEWHERE
        yield it


async def read_all(it: RawClient) -> None:
    """Read without end, keep nothing, and say now and then that one is there."""
    async with trio.open_nursery() as nursery:

        async def stay() -> None:
            while True:
                await trio.sleep(5.0)
                await it.send(frame(TEXT, b"2"))

        nursery.start_soon(stay)
        while await it.stream.receive_some(MEGABYTE):
            pass
        nursery.cancel_scope.cancel()


async def enter_and_poll_no_more(http: httpx.AsyncClient, pass_: str) -> None:
    """Enter by polling, and leave what one is told in the server."""
    query = {"EIO": "3", "transport": "polling"}
    greeting = (await http.get("/socket.io/", params=query)).text
    query["sid"] = json.loads(greeting[greeting.index("{") : greeting.index("}") + 1])["sid"]
    packet = login(pass_)
    answer = await http.post("/socket.io/", params=query, content=f"{len(packet)}:{packet}")
    assert answer.text == "ok"


def check(name: str, others: Watched, most: int) -> None:
    grown, longest = others.grown / MEGABYTE, max(others.waits)
    print(f"{name}: {grown:.0f} MB, others waited {others.usual_wait:.2f} s, {longest:.2f} at most")
    assert others.grown < most
    assert others.usual_wait < USUALLY


def joined(process: RunningProcess) -> int:
    return sum(line["event"] == "peer.joined" for line in process.log)


async def until_joined(process: RunningProcess, count: int) -> None:
    with trio.fail_after(PATIENCE):
        while joined(process) < count:
            await trio.sleep(0.05)


async def test_a_burst_of_joins_into_a_room_of_long_names(tmp_path: Path) -> None:
    async with launched(tmp_path, PATIENT) as process, trio.open_nursery() as nursery:
        room = (await Elsewhere(process.url).manager().create_room())["_id"]
        passes = iter(await tokens(process, room, MEMBERS + 2 * AT_ONCE))
        lost: list[str] = []
        here = 0

        async def stay(address: str) -> None:
            nonlocal here
            async with let_in(process, next(passes), address) as it:
                here += 1
                await read_all(it)
                lost.append(address)

        async def until_here(count: int) -> None:
            with trio.fail_after(PATIENCE):
                while here < count:
                    await trio.sleep(0.05)

        for number in range(MEMBERS):
            nursery.start_soon(stay, "127.0.0.1")
            await until_here(number + 1)
        async with watched(process) as others:
            for _ in range(AT_ONCE):
                nursery.start_soon(stay, ELSEWHERE)
            await until_here(MEMBERS + AT_ONCE)
        check("who read", others, 60 * MEGABYTE)
        assert not await metric(process, "quintet_unsent_ended")

        async with watched(process) as others, client(process, ELSEWHERE) as http:
            async with trio.open_nursery() as burst:
                for pass_ in passes:
                    burst.start_soon(enter_and_poll_no_more, http, pass_)
            await until_joined(process, MEMBERS + 2 * AT_ONCE)
            await trio.sleep(1.0)
            assert await metric(process, "quintet_unsent_bytes") <= BUDGET
        check("who do not", others, BUDGET + 60 * MEGABYTE)
        assert await metric(process, "quintet_unsent_ended")
        assert lost == []
        nursery.cancel_scope.cancel()
