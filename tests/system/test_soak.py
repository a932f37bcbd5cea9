"""What people leave behind who come and go again and again: in the real process, nothing piles up.

A room that is empty has a timer, as has a participant whose connection is lost. Both run for longer
than the soak, so that one which is not called off is still there at its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import trio

from tests.support.levels import OPERATOR_TOKEN, Operator
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_portal import Elsewhere, connection, guest
from tests.support.process import RunningProcess, launched
from tests.support.spreed import PATIENCE, SpreedClient, connect

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", dialects = ["spreed", "owt", "operator"] }}]
limits.messages_per_second = 0
operator.token = "{OPERATOR_TOKEN}"
spreed.room_expiry_seconds = 600
[owt]
resume_seconds = 600
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
"""
PEOPLE = 8
TIMES = 250  # that each of them enters and leaves: 2,000 in all
PARTICIPANTS = 4
ABSENCES = 25  # of each of them: 100 in all


@asynccontextmanager
async def soaked(folder: Path) -> AsyncIterator[tuple[RunningProcess, Operator]]:
    """Run a server that has nothing to warn of."""
    async with launched(folder, CONFIG) as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=PATIENCE) as http:
            yield process, Operator(http)
        assert process.troubles() == []


@asynccontextmanager
async def person(process: RunningProcess) -> AsyncIterator[SpreedClient]:
    async with connect(f"ws://{process.host}:{process.port}/spreed/ws") as socket:
        client = SpreedClient(socket)
        client.me = await client.data("Self")
        yield client


async def enter_and_leave(client: SpreedClient, room: str, times: int) -> None:
    for _ in range(times):
        await client.join(room)
        await client.send("Leave", {})
    assert await client.silent()  # so the server has read it all


async def test_rooms_that_are_left_again_and_again_leave_one_timer_each(tmp_path: Path) -> None:
    async with soaked(tmp_path) as (process, operator), AsyncExitStack() as stack:
        people = [await stack.enter_async_context(person(process)) for _ in range(PEOPLE)]
        empty = await operator.level()
        for number, client in enumerate(people):
            await enter_and_leave(client, f"room {number}", 1)
        before = await operator.level()
        assert before.timers == empty.timers + PEOPLE
        async with trio.open_nursery() as nursery:
            for number, client in enumerate(people):
                nursery.start_soon(enter_and_leave, client, f"room {number}", TIMES)
        await operator.until_no_more_than(before)
        for number, client in enumerate(people):
            await client.join(f"room {number}")
        assert (await operator.level()).timers == empty.timers


async def until_away(process: RunningProcess, times: int) -> None:
    """Wait until the server has noticed that a connection was lost, so many times in all."""
    with trio.fail_after(PATIENCE):
        while sum(line["event"] == "peer.went_away" for line in process.log) < times:
            await trio.sleep(0.01)


async def test_participants_that_go_away_and_come_back_leave_no_timer(tmp_path: Path) -> None:
    async with soaked(tmp_path) as (process, operator):
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with AsyncExitStack() as stack:
            people = [
                await stack.enter_async_context(guest(server, room)) for _ in range(PARTICIPANTS)
            ]
            tickets = [one.ticket for one in people]
            present = await operator.level()
        for number in range(1, ABSENCES + 1):
            await until_away(process, number * PARTICIPANTS)
            async with AsyncExitStack() as stack:
                for place, ticket in enumerate(tickets):
                    back = await stack.enter_async_context(connection(server))
                    tickets[place] = await back.ok("relogin", ticket)
                if number == ABSENCES:
                    await operator.until_no_more_than(present)
