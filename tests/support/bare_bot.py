"""A bot as people run them on BareRTC sites (fact sheet section 5), with what it relies on.

It asks the web API for a token, logs in under another name than that, writes to itself every so
often, and has the server shut down when it has not heard itself for too long. Where it looks for
something, it looks for a part of it. What carries its messages is a `Link`, so that it runs on real
sockets or on virtual time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from tests.support.barertc import Link, Said

SELF_SECONDS = 15.0
SILENCE_SECONDS = 60.0
TAGS = re.compile(r"<[^>]*>")


@dataclass
class BareBot:
    """`shut_down` is what it calls in its distress; `name` is what the server calls it."""

    link: Link
    jwt: str
    shut_down: Callable[[], Awaitable[None]]
    name: str = ""
    heard_itself: int = 0
    distress: int = 0
    renewed: int = 0  # times it was handed a token
    greeted: list[str] = field(default_factory=list)
    commanded: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    operators: set[str] = field(default_factory=set)
    nicknames: dict[str, str] = field(default_factory=dict)
    reacted: list[tuple[str, int]] = field(default_factory=list)
    _last_heard: float = 0.0

    async def run(self) -> None:
        """Live until cancelled."""
        self._last_heard = trio.current_time()
        await self._send("login", username="testbot", jwt=self.jwt)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_to_itself)
            nursery.start_soon(self._watch)
            while True:
                await self._hear(await self.link.next())

    async def _send(self, action: str, **fields: object) -> None:
        await self.link.send(json.dumps({"action": action} | fields))

    async def _hear(self, said: Said) -> None:
        action = said["action"]
        self.counted[action] += 1
        match action:
            case "me":
                self.name = said["username"]
                await self._send("message", message="/unmute-all")
            case "ping":
                self.renewed += "jwt" in said
                self.jwt = said.get("jwt", self.jwt)
                await self._send("message", message="/unmute-all")
            case "who":
                for entry in said["whoList"]:
                    self.nicknames[entry["username"]] = entry.get("nickname", entry["username"])
                    if entry["op"]:
                        self.operators.add(entry["username"])
            case "presence" if "has joined the room" in said["message"]:
                if said["username"] != self.name:
                    self.greeted.append(said["username"])
                    await self._say("lobby", f"Welcome, {said['username']}!")
            case "message":
                await self._hear_message(said)
            case "react":
                self.reacted.append((said["username"], said["msgID"]))

    async def _hear_message(self, said: Said) -> None:
        text = TAGS.sub("", said["message"])
        if said["username"] == self.name:
            if said["channel"] == f"@{self.name}" and "are you there" in text:
                self.heard_itself += 1
                self._last_heard = trio.current_time()
            return
        if "!help" in text:
            self.commanded.append(said["username"])
            await self._say(said["channel"], "I can do **nothing**.")
            await self._send("react", msgID=said["msgID"], message="👍")

    async def _say(self, channel: str, text: str) -> None:
        await self._send("message", channel=channel, message=text)

    async def _write_to_itself(self) -> None:
        while True:
            await trio.sleep(SELF_SECONDS)
            if self.name:
                await self._say(f"@{self.name}", "bot, are you there?")

    async def _watch(self) -> None:
        while True:
            await trio.sleep(1.0)
            if trio.current_time() - self._last_heard > SILENCE_SECONDS:
                self._last_heard = trio.current_time()
                self.distress += 1
                await self.shut_down()


async def authenticate(http: Any, key: str, name: str) -> str:
    """Ask the web API for the bot's token, as bots do."""
    claims = {"sub": name, "op": True, "nick": "The Bot", "img": "", "url": ""}
    answer = await http.post("/api/authenticate", json={"APIKey": key, "Claims": claims})
    assert answer.status_code == 200
    document = answer.json()
    assert document["OK"]
    assert document["JWT"]
    return str(document["JWT"])
