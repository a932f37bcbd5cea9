"""Events of a client that wait for room, without any network."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.member.client import TooSlow
from api.http.byte_budget import ByteBudget
from api.owt.socketio import packets
from api.owt.socketio.connection import (
    INBOX,
    INBOX_BYTES,
    Caller,
    ConnectionClosed,
    Hooks,
    SocketioConnection,
)
from api.owt.socketio.engineio import Engine, EngineLimits, Transport

pytestmark = pytest.mark.usefixtures("autojump_clock")


def fresh() -> SocketioConnection:
    engine = Engine(3, Transport.POLLING, EngineLimits(), trio.current_time())
    hooks = Hooks(lambda connection: None, lambda connection: None)
    connection = SocketioConnection("id", "sid", Caller("192.0.2.1", False), engine, hooks)
    connection.open()
    return connection


def event(number: int, size: int = 0) -> bytes:
    return b'2["n",%d,"%s"]' % (number, b"x" * size)


async def received(connection: SocketioConnection, count: int) -> list[object]:
    return [(await connection.receive()).args[0] for _ in range(count)]


@pytest.mark.parametrize("size", [0, INBOX_BYTES // 3])
async def test_all_who_wait_go_on_in_order(size: int) -> None:
    connection, count = fresh(), INBOX + 20
    async with trio.open_nursery() as nursery:
        for number in range(count):  # each in a task of its own
            nursery.start_soon(connection.hear, event(number, size))
            await wait_all_tasks_blocked()
        assert connection.behind
        assert await received(connection, count) == list(range(count))
    assert not connection.behind


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    connection, given_up = fresh(), trio.CancelScope()
    for number in range(INBOX):
        await connection.hear(event(number))

    async def give_up() -> None:
        with given_up:
            await connection.hear(event(-1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up)
        await wait_all_tasks_blocked()
        nursery.start_soon(connection.hear, event(INBOX))
        await wait_all_tasks_blocked()
        given_up.cancel()
        await wait_all_tasks_blocked()
        assert await received(connection, INBOX + 1) == list(range(INBOX + 1))
    assert not connection.behind


@pytest.mark.parametrize("ends", ["close", "abort", "disconnect", "leave"])
async def test_all_who_wait_end_with_the_connection(ends: str) -> None:
    connection = fresh()
    for number in range(INBOX):
        await connection.hear(event(number))
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(connection.hear, event(number))
        await wait_all_tasks_blocked()
        match ends:
            case "close":
                connection.close("moved")
            case "leave":
                connection.link.end("client_left", told=True)
            case _:
                getattr(connection, ends)()
    assert not connection.behind
    if ends == "leave":  # what was in before is still received
        assert await received(connection, INBOX) == list(range(INBOX))
    with pytest.raises(ConnectionClosed):
        await connection.receive()


async def test_a_message_of_the_websocket_waits_for_the_whole_post() -> None:
    """The post is paced, so that there is room all the time."""
    connection = fresh()
    link = connection.link
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.post, [b"4" + event(number) for number in range(20)], 5)
        await wait_all_tasks_blocked()
        nursery.start_soon(link.take, b"4" + event(20))
        assert await received(connection, 21) == list(range(21))


async def test_a_message_of_the_websocket_waits_no_longer_than_its_connection() -> None:
    connection = fresh()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.link.post, [b"4" + event(0)] * 20, 5)
        await wait_all_tasks_blocked()
        with trio.fail_after(0.05):  # of this clock; the next turn of the post is later
            async with trio.open_nursery() as waiting:
                waiting.start_soon(connection.link.take, b"4" + event(1))
                await wait_all_tasks_blocked()
                connection.close("moved")


async def test_what_waits_for_a_poll_counts_in_all_and_the_largest_client_ends() -> None:
    budget = ByteBudget(1 << 30, 200_000)
    small, large = fresh(), fresh()
    for each in (small, large):
        each.link.account = budget.account("192.0.2.1", each.link.shed)
    small.emit("text", "x" * 50_000)
    with pytest.raises(TooSlow):
        large.emit("text", "x" * 160_000)
    assert (small.closed, large.closed) == ("", "too_slow")
    assert 50_000 < budget.used < 60_000
    await small.link.poll()
    assert budget.used == 0


async def test_one_other_has_a_part_of_what_waits_for_a_poll() -> None:
    limits = EngineLimits(outbox_bytes=100_000)
    engine = Engine(3, Transport.POLLING, limits, trio.current_time())
    hooks = Hooks(lambda connection: None, lambda connection: None)
    connection = SocketioConnection("id", "sid", Caller("192.0.2.1", False), engine, hooks)
    connection.open()
    for _ in range(20):
        connection.send(packets.event("text", ("x" * 20_000,)), source="flooder")
    assert not connection.closed
    assert connection.send(packets.event("text", ("z" * 20_000,)), source="somebody else")
    connection.emit("stream", "y" * 40_000)  # what the room tells
    assert not connection.closed
    polled = await connection.link.poll()
    assert polled is not None
    kinds = [kind for packet in polled for kind in (b"xxx", b"zzz", b"yyy") if kind in packet]
    assert kinds == [b"xxx", b"zzz", b"yyy"]
