"""People who share one address, a school or an office, meet in one room: the defaults let them."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from tests.support.owt_portal import CONFIG as PORTAL
from tests.support.owt_portal import Elsewhere, Guest, guest
from tests.support.process import RunningProcess, launched
from tests.support.raw import TEXT, connected, frame, upgrade_request

PEOPLE = 500
GUESTS = 100
PATIENCE = 120.0
SITE = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["spreed", "operator"] }]\n'
HEARD = re.compile(rb"hello from (\d+);")
LONGEST = len(b"hello from 1000;")


class Attendee:
    """One of them. He reads when he is asked what he has heard, so that it costs us little."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._rest = b""

    async def come_in(self, stack: AsyncExitStack, process: RunningProcess) -> None:
        self._client = await stack.enter_async_context(connected(process))
        await self._client.send(upgrade_request())
        assert (await self._client.read_head()).startswith("HTTP/1.1 101")
        hello = {"Version": "1.0.0", "Ua": "test", "Name": "hall", "Type": ""}
        await self._say({"Type": "Hello", "Hello": hello})
        while b'"Welcome"' not in self._rest:
            await self._read()

    async def greet(self) -> None:
        """Say something to all."""
        chat = {"Message": f"hello from {self.number};", "Time": ""}
        await self._say({"Type": "Chat", "Chat": {"Type": "Chat", "Chat": chat, "To": ""}})

    async def hears(self, of: set[int]) -> None:
        """Read until he has heard of all of these."""
        missing = set(of)
        while missing:
            missing -= {int(number) for number in HEARD.findall(self._rest)}
            self._rest = self._rest[-LONGEST:]
            if missing:
                await self._read()

    async def _say(self, document: object) -> None:
        await self._client.send(frame(TEXT, json.dumps(document).encode()))

    async def _read(self) -> None:
        data = await self._client.stream.receive_some(262_144)
        assert data, "closed"
        self._rest += data


async def test_five_hundred_people_meet_in_one_room(tmp_path: Path) -> None:
    async with launched(tmp_path, SITE) as process, AsyncExitStack() as stack:
        began = trio.current_time()
        people = [Attendee(number) for number in range(PEOPLE)]
        everybody = {each.number for each in people}
        with trio.fail_after(PATIENCE):
            for each in people:
                await each.come_in(stack, process)
            came = trio.current_time() - began
            for each in people:
                await each.greet()
            for each in people:
                await each.hears(everybody - {each.number})
        heard = trio.current_time() - began - came
        print(
            f"in after {came:.1f} s, all heard {heard:.1f} s later; "
            f"{process.cpu_seconds():.1f} s of the server's CPU"
        )
    assert process.troubles() == []


async def test_a_hundred_meet_in_a_conference(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with launched(tmp_path, PORTAL) as process, AsyncExitStack() as stack:
            server = Elsewhere(process.url)
            room = (await server.manager().create_room(participantLimit=-1))["_id"]
            guests: list[Guest] = []
            for number in range(GUESTS):
                come = guest(server, room, f"guest {number}")
                guests.append(await stack.enter_async_context(come))
            for each in guests:
                await each.ok("text", {"to": "all", "message": "hello"})
            everybody = {each.id for each in guests}
            for each in guests:
                heard = [(await each.told("text"))["from"] for _ in guests]
                assert set(heard) == everybody  # who speaks to all hears himself as well
            print(f"{process.cpu_seconds():.1f} s of the server's CPU")
    assert process.troubles() == []
