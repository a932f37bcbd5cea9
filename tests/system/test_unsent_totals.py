"""Strangers that do not read, or do not finish: memory stays bounded, the largest are ended."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from api.logs.addresses import shown_address
from tests.support.attack import ELSEWHERE, MEGABYTE, OPERATOR_TOKEN, metric, watched
from tests.support.process import RunningProcess, launched
from tests.support.raw import CLOSE, PING, PONG, TEXT, RawClient, frame, upgrade_request

CONFIG = f"""listeners = [{{ bind = "127.0.0.1:0", dialects = ["spreed", "operator"] }}]
operator = {{ token = "{OPERATOR_TOKEN}" }}
"""
PATIENCE = 60.0
BUDGET = 64 * 1_048_576  # of one address, by default
USUALLY = 0.3  # seconds that others wait
SMALL_BUFFER = 65_536


@asynccontextmanager
async def stranger(
    process: RunningProcess, address: str = ELSEWHERE, path: str = "/ws"
) -> AsyncIterator[RawClient]:
    """Open a websocket from an address, whose kernel takes in little that is not read."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    await sock.bind((address, 0))
    await sock.connect((process.host, process.port))
    async with trio.SocketStream(sock) as stream:
        it = RawClient(stream)
        await it.send(upgrade_request(path))
        assert " 101 " in await it.read_head()
        yield it


def said(kind: str, body: object, **outer: object) -> bytes:
    """Return a document as existing clients send it, nested twice."""
    nested = body if kind == "Hello" else {"Type": kind, kind: body} | outer
    return frame(TEXT, json.dumps({"Type": kind, kind: nested}).encode())


def hello(room: str) -> bytes:
    return said("Hello", {"Version": "1.0.0", "Ua": "test", "Name": room, "Type": ""})


async def next_document(it: RawClient) -> dict[str, Any] | None:
    """Return the next frame's document, None at the end; pings are answered."""
    while (found := await it.read_frame()) is not None and found[0] != CLOSE:
        if found[0] == PING:
            await it.send(frame(PONG, found[1]))
        elif found[0] == TEXT:
            document: dict[str, Any] = json.loads(found[1])
            return document
    return None


async def document(it: RawClient, kind: str) -> dict[str, Any]:
    """Return the next frame that is of this type."""
    with trio.fail_after(PATIENCE):
        while (found := await next_document(it)) is not None:
            if found["Data"]["Type"] == kind:
                return found
    raise AssertionError(kind)


async def read_all(it: RawClient) -> None:
    """Read without end, and keep nothing."""
    while await it.stream.receive_some(MEGABYTE):
        pass


async def close_code(it: RawClient) -> int | None:
    with trio.fail_after(PATIENCE):
        return await it.read_close()


async def until_nothing_is_unsent(process: RunningProcess) -> None:
    with trio.fail_after(PATIENCE):
        while await metric(process, "quintet_unsent_bytes"):
            await trio.sleep(0.1)


def told(process: RunningProcess, event: str) -> list[dict[str, Any]]:
    return [line for line in process.log if line.get("event") == event]


async def test_who_asks_for_long_lists_and_reads_none_goes_first(tmp_path: Path) -> None:
    members, deaf_ones = 20, 50
    async with launched(tmp_path, CONFIG) as process, trio.open_nursery() as nursery:
        async with trio.open_nursery() as readers:
            inside: list[RawClient] = []

            async def member() -> None:
                async with stranger(process) as it:
                    await it.send(hello("full") + said("Status", {"text": "x" * 200_000}))
                    await it.send(said("Alive", 7))
                    await document(it, "Alive")  # the status has been taken by then
                    inside.append(it)
                    await read_all(it)

            async def deaf(ready: trio.Event) -> None:
                async with stranger(process) as it:
                    await it.send(hello("full"))
                    for _ in range(4):
                        await it.send(said("Users", None))
                    ready.set()
                    await trio.sleep_forever()

            for _ in range(members):
                readers.start_soon(member)
            async with stranger(process, "127.0.0.1") as bystander_:
                await bystander_.send(hello("elsewhere"))
                await document(bystander_, "Welcome")
                with trio.fail_after(PATIENCE):
                    while len(inside) < members:
                        await trio.sleep(0.1)
                await trio.sleep(1.0)
                async with watched(process) as others:
                    for _ in range(deaf_ones):
                        ready = trio.Event()
                        readers.start_soon(deaf, ready)
                        await ready.wait()
                        await trio.sleep(0.02)
                    await trio.sleep(3.0)
                    with trio.fail_after(PATIENCE):
                        while not (ended := await metric(process, "quintet_unsent_ended")):
                            await trio.sleep(0.1)
                grown, waited = others.grown / MEGABYTE, max(others.waits)
                print(f"lists: {grown:.0f} MB, {ended:.0f} ended, {waited:.2f} s waited")
                assert others.grown < BUDGET + 60 * MEGABYTE  # unbounded it would be 1,000 MB
                assert others.usual_wait < USUALLY
                assert ended > 0
                line = await process.wait_for("unsent.too_much")
                assert line["address"] == shown_address(ELSEWHERE, "network")
                await bystander_.send(said("Alive", 7))
                await document(bystander_, "Alive")  # it is still there
            readers.cancel_scope.cancel()
        await until_nothing_is_unsent(process)
        nursery.cancel_scope.cancel()
        assert told(process, "connection.crashed") == []


async def test_who_does_not_finish_what_he_says_goes_as_too_slow(tmp_path: Path) -> None:
    count, begun = 400, frame(TEXT, b'"' * 900_000, fin=False)
    codes: list[int | None] = []
    async with launched(tmp_path, CONFIG) as process, trio.open_nursery() as nursery:

        async def begin() -> None:
            async with stranger(process) as it:
                if await next_document(it) is None:
                    codes.append(None)  # others have used up the address by then
                    return
                try:
                    await it.send(begun)
                    codes.append(await it.read_close())
                except trio.BrokenResourceError:
                    codes.append(None)  # it was cut while it still sent

        async with stranger(process, "127.0.0.1") as slow_but_small:
            await slow_but_small.send(frame(TEXT, b'{"Type":"Alive",', fin=False))
            async with watched(process) as others:
                for _ in range(count):
                    nursery.start_soon(begin)
                await trio.sleep(5.0)
                with trio.fail_after(PATIENCE):
                    while 1013 not in codes:
                        await trio.sleep(0.1)
            print(f"unfinished: {others.grown / MEGABYTE:.0f} MB, {len(codes)} ended {set(codes)}")
            assert others.grown < BUDGET + 60 * MEGABYTE  # unbounded it would be 360 MB
            assert others.usual_wait < USUALLY
            assert 1013 in codes
            assert set(codes) <= {1013, None}
            assert count - len(codes) >= 60  # not more than had to
            await slow_but_small.send(frame(0, b'"Alive":7}'))
            await document(slow_but_small, "Alive")
        nursery.cancel_scope.cancel()
        await until_nothing_is_unsent(process)


async def test_a_flood_from_one_ends_nobody_and_is_refused(tmp_path: Path) -> None:
    refused: list[str] = []
    async with (
        launched(tmp_path, CONFIG) as process,
        stranger(process, "127.0.0.1") as victim,
        stranger(process) as flooder,
        stranger(process, "127.0.0.1") as friend,
        trio.open_nursery() as nursery,
    ):
        me = (await document(victim, "Self"))["Data"]["Id"]
        await document(flooder, "Self")
        await document(friend, "Self")
        heard: list[str] = []
        slowly = True

        async def read_slowly() -> None:
            while (found := await next_document(victim)) is not None:
                heard.append(str(found["Data"].get("Chat", {}).get("Message", "")))
                if slowly:
                    await trio.sleep(0.9)  # 1 MB/s

        async def hear_refusals() -> None:
            while (found := await next_document(flooder)) is not None:
                refused.append(found["Data"].get("Code", ""))

        nursery.start_soon(read_slowly)
        nursery.start_soon(hear_refusals)
        offer = said("Offer", {"sdp": "x" * 900_000}, To=me)
        async with watched(process) as others:
            with trio.move_on_after(6.0):
                while True:
                    await flooder.send(offer)
        chat = {"Message": "from a friend", "Mid": "", "Time": "", "NoEcho": True}
        await friend.send(said("Chat", chat, To=me, Id="1"))
        slowly = False
        with trio.fail_after(PATIENCE):
            while "from a friend" not in heard:
                await trio.sleep(0.1)
        await victim.send(said("Alive", 7))
        print(
            f"flood: {len(refused)} refused, {others.grown / MEGABYTE:.0f} MB, {len(heard)} heard"
        )
        assert "busy" in refused
        assert others.grown < 40 * MEGABYTE
        assert told(process, "peer.ended") == []
        nursery.cancel_scope.cancel()
