"""One floods a room: who reads slowly stays in it and hears the others, who reads hears all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.support.owt_portal import AGENT, Elsewhere, token
from tests.support.owt_portal import CONFIG as PORTAL
from tests.support.process import RunningProcess, launched
from tests.support.raw import PONG, TEXT, RawClient, frame
from tests.support.slow_listener import (
    SLOWLY,
    Listener,
    Say,
    check_all_was_well,
    hear_through_a_flood,
    mark,
    opened,
)

LARGE = "x" * 900_000
STATUS = "x" * 200_000
CHAT_LINE = "x" * 200_000  # what is larger is a picture's size
PATIENCE = 60.0
SECONDS = 12.0
LEAST = 1_000_000 * 25  # bytes of state that would end a slow one
STILL_HERE = frame(PONG)
STILL_HERE_IN_OWT = frame(TEXT, b"2")  # a ping of Engine.IO


def config(dialect: str) -> str:
    return f'listeners = [{{ bind = "127.0.0.1:0", dialects = ["{dialect}", "operator"] }}]\n'


def ended(process: RunningProcess) -> list[dict[str, Any]]:
    return [line for line in process.log if line.get("event") == "peer.ended"]


async def send(client: RawClient, document: object) -> int:
    data = json.dumps(document).encode()
    await client.send(frame(TEXT, data))
    return len(data)


async def read_until(client: RawClient, what: bytes) -> None:
    with trio.fail_after(PATIENCE):
        while True:
            found = await client.read_message()
            assert found is not None
            if what in found[1]:
                return


async def read_all(client: RawClient) -> None:
    while await client.stream.receive_some(1_000_000):
        pass


async def stay(clients: list[RawClient], alive: bytes) -> None:
    """Say now and then that they are there: a flood may last longer than they may be silent."""
    while True:
        await trio.sleep(5.0)
        for client in clients:
            await client.send(alive)


@asynccontextmanager
async def listening(
    *clients: RawClient, alive: bytes = STILL_HERE
) -> AsyncIterator[list[Listener]]:
    """Have the first listen slowly and the second promptly; of the others nothing is kept."""
    slow, prompt, *others = clients
    listeners = [Listener(slow, SLOWLY), Listener(prompt)]
    async with trio.open_nursery() as nursery:
        for each in listeners:
            nursery.start_soon(each.listen)
        nursery.start_soon(stay, [slow, prompt], alive)
        for other in others:
            nursery.start_soon(read_all, other)
        yield listeners
        nursery.cancel_scope.cancel()


async def flooded_by(
    clients: list[RawClient], flood: Say, friend: Say, alive: bytes = STILL_HERE
) -> None:
    async with listening(*clients, alive=alive) as (slow, prompt):
        said = await hear_through_a_flood(slow, prompt, flood, friend)
        check_all_was_well(slow, prompt, *said)
        print(f"{said[0]} said, {len(slow.heard['flood'])} of them heard by the slow one")


# --- Spreed


async def spreed_guest(stack: AsyncExitStack, process: RunningProcess) -> RawClient:
    client = await stack.enter_async_context(opened(process))
    await enter(client)
    await read_until(client, b'"Welcome"')
    return client


async def enter(client: RawClient) -> None:
    hello = {"Version": "1.0.0", "Ua": "test", "Name": "hall", "Type": ""}
    await send(client, {"Type": "Hello", "Hello": hello})


async def spreed_chat(client: RawClient, text: str) -> int:
    chat = {"Message": text, "Time": "", "NoEcho": True}
    return await send(client, {"Type": "Chat", "Chat": {"Type": "Chat", "Chat": chat}})


async def spreed_status(client: RawClient, text: str) -> int:
    status = {"Type": "Status", "Status": {"displayName": text}}
    return await send(client, {"Type": "Status", "Status": status})


async def test_chat_in_a_room_of_spreed(tmp_path: Path) -> None:
    async with launched(tmp_path, config("spreed")) as process, AsyncExitStack() as stack:
        clients = [await spreed_guest(stack, process) for _ in range(4)]

        async def flood(number: int) -> int:
            return await spreed_chat(clients[2], mark("flood", number) + LARGE)

        async def friend(number: int) -> int:
            return await spreed_chat(clients[3], mark("friend", number))

        await flooded_by(clients, flood, friend)
        assert ended(process) == []


async def test_statuses_in_a_room_of_spreed(tmp_path: Path) -> None:
    """Of a status the latest is enough: it is the one that the slow one sees at last."""
    async with launched(tmp_path, config("spreed")) as process, AsyncExitStack() as stack:
        clients = [await spreed_guest(stack, process) for _ in range(3)]
        async with listening(*clients) as (slow, prompt):
            said = number = 0
            with trio.move_on_after(PATIENCE):
                while said < LEAST + SECONDS * SLOWLY:
                    said += await spreed_status(clients[2], mark("flood", number) + STATUS)
                    number += 1
                    if number >= 100:  # the first second's worth comes at once
                        await prompt.until("flood", number - 100)
            slow.pace = 0
            for each in (slow, prompt):
                await each.until("flood", number - 1)
            assert len(slow.heard["flood"]) < number
            assert not slow.ended
        assert ended(process) == []


async def test_coming_and_going_in_a_room_of_spreed(tmp_path: Path) -> None:
    """Nobody may miss who is there: whoever comes and goes is read more slowly."""
    often = config("spreed") + "limits = { messages_per_second = 200 }\n"
    async with launched(tmp_path, often) as process, AsyncExitStack() as stack:
        clients = [await spreed_guest(stack, process) for _ in range(3)]
        await spreed_status(clients[2], mark("flood", 0) + STATUS)
        came = 0

        async def come_and_go() -> None:
            nonlocal came
            while True:
                await send(clients[2], {"Type": "Leave"})
                await enter(clients[2])
                came += 1

        async with listening(*clients) as (slow, prompt), trio.open_nursery() as nursery:
            nursery.start_soon(come_and_go)
            began = trio.current_time()
            await trio.sleep(SECONDS)
            with trio.fail_after(PATIENCE):
                while len(prompt.heard["flood"]) <= 5:
                    await trio.sleep(0.05)
            seconds = trio.current_time() - began
            nursery.cancel_scope.cancel()
            seen = len(prompt.heard["flood"])
            print(f"came {seen} times, of {came} sent")
            assert seen * len(STATUS) < seconds * SLOWLY + 12_000_000  # it is let in as he reads
            slow.pace = 0
            with trio.fail_after(PATIENCE):
                while len(slow.heard["flood"]) < seen:  # all of them
                    await trio.sleep(0.05)
            assert not slow.ended
        assert ended(process) == []


# --- BareRTC


async def bare_guest(stack: AsyncExitStack, process: RunningProcess, name: str) -> RawClient:
    client = await stack.enter_async_context(opened(process))
    await send(client, {"action": "login", "username": name})
    await read_until(client, b"has joined the room!")
    return client


async def bare_message(client: RawClient, text: str) -> int:
    return await send(client, {"action": "message", "channel": "lobby", "message": text})


async def test_messages_in_a_channel_of_barertc(tmp_path: Path) -> None:
    async with launched(tmp_path, config("barertc")) as process, AsyncExitStack() as stack:
        names = ("slow", "prompt", "flooder", "companion")
        clients = [await bare_guest(stack, process, name) for name in names]

        async def flood(number: int) -> int:
            return await bare_message(clients[2], mark("flood", number) + CHAT_LINE)

        async def friend(number: int) -> int:
            return await bare_message(clients[3], mark("friend", number))

        await flooded_by(clients, flood, friend)
        assert ended(process) == []


# --- OWT


async def portal_guest(stack: AsyncExitStack, process: RunningProcess, room: str) -> RawClient:
    path = "/socket.io/?EIO=3&transport=websocket"
    client = await stack.enter_async_context(opened(process, path))
    login = {
        "token": await token(Elsewhere(process.url), room),
        "userAgent": AGENT,
        "protocol": "1.1",
    }
    await client.send(frame(TEXT, f"420{json.dumps(['login', login])}".encode()))
    await read_until(client, b'430["ok"')
    return client


async def portal_text(client: RawClient, text: str) -> int:
    data = f"42{json.dumps(['text', {'to': 'all', 'message': text}])}".encode()
    await client.send(frame(TEXT, data))
    return len(data)


async def test_texts_in_a_room_of_owt(tmp_path: Path) -> None:
    async with launched(tmp_path, PORTAL) as process, AsyncExitStack() as stack:
        room = (await Elsewhere(process.url).manager().create_room())["_id"]
        clients = [await portal_guest(stack, process, room) for _ in range(4)]

        async def flood(number: int) -> int:
            return await portal_text(clients[2], mark("flood", number) + LARGE)

        async def friend(number: int) -> int:
            return await portal_text(clients[3], mark("friend", number))

        await flooded_by(clients, flood, friend, STILL_HERE_IN_OWT)
        assert ended(process) == []
