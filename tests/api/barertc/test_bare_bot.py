"""A published bot stays content: for an hour of virtual time, and for a minute on real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.core import open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.limits import ActorLimits
from api.barertc.dialect import kept_secrets
from api.barertc.socket import converse
from api.barertc.state import BareRtcState
from api.barertc.tokens import LoginClaims
from api.http.sockets import NOTHING, SocketClosed, Upgrade
from api.process.secret_store import Secrets
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.bare_bot import BareBot, authenticate
from tests.support.barertc import BareServer, Said, barertc_server, barertc_settings
from tests.support.serving import services_for

HOUR = 3600.0
UPGRADE = Upgrade("/ws", NOTHING, NOTHING, "127.0.0.1", "test.example", secure=False)


@dataclass
class MemorySocket:
    """A `Socket` and its far side in one: what is pushed is `next`, what is sent is received."""

    upgrade: Upgrade = UPGRADE
    subprotocol: str | None = None
    closed: tuple[int, str] | None = None
    to_client: tuple[trio.MemorySendChannel[bytes], trio.MemoryReceiveChannel[bytes]] = field(
        default_factory=lambda: trio.open_memory_channel[bytes](1000)
    )
    to_server: tuple[trio.MemorySendChannel[bytes], trio.MemoryReceiveChannel[bytes]] = field(
        default_factory=lambda: trio.open_memory_channel[bytes](1000)
    )

    async def receive(self) -> tuple[bytes, bool]:
        try:
            return await self.to_server[1].receive(), True
        except trio.EndOfChannel:
            raise SocketClosed(*(self.closed or (1000, ""))) from None

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        if self.closed is None:
            self.to_client[0].send_nowait(payload)

    def limit_messages(self, message_bytes: int) -> None:
        pass

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.to_server[0].close()

    def abort(self) -> None:
        self.close(1006)

    async def send(self, text: str | bytes) -> None:
        await self.to_server[0].send(text.encode() if isinstance(text, str) else text)

    async def next(self) -> Said:
        said: Said = json.loads(await self.to_client[1].receive())
        return said


@asynccontextmanager
async def virtual_site(tmp_path: Path) -> AsyncIterator[tuple[BareRtcState, trio.Nursery]]:
    """Open a site without listeners, whose conversations are on MemorySockets."""
    settings = barertc_settings()
    limits = ActorLimits(rooms=settings.limits.rooms, peers=settings.limits.peers)
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    async with (
        open_system(children(lambda: limits, media, MemoryStore)) as system,
        trio.open_nursery() as nursery,
    ):
        services = services_for(settings, system=system, secrets=Secrets(tmp_path))
        state = BareRtcState.open(services)
        yield state, nursery
        nursery.cancel_scope.cancel()


async def test_a_bot_is_content_for_an_hour(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with virtual_site(tmp_path) as (state, nursery):

        async def shut_down() -> None:
            raise AssertionError("the bot has not heard itself")

        socket, visitor = MemorySocket(), MemorySocket()
        jwt = state.tokens.sign(LoginClaims(sub="helper bot", op=True, nick="Helper"))
        bot = BareBot(socket, jwt, shut_down)
        for each in (socket, visitor):
            nursery.start_soon(converse, state, each)
        nursery.start_soon(bot.run)
        await trio.sleep(1)
        await visitor.send('{"action":"login","username":"ann"}')
        asked = 0
        with trio.move_on_after(HOUR):
            while True:
                with trio.move_on_after(60):
                    while True:
                        await visitor.next()
                await visitor.send('{"action":"message","channel":"lobby","message":"!help"}')
                asked += 1
        assert bot.name == "helper bot"
        assert bot.distress == 0
        assert bot.heard_itself >= 2 * (HOUR // 15 - 5)  # to oneself come two copies
        assert bot.greeted == ["ann"]
        assert len(bot.commanded) >= asked - 1 > 50
        assert len(bot.reacted) >= asked - 1
        assert bot.counted["ping"] >= HOUR // 30 - 5
        assert bot.operators == {"helper bot"}
        assert bot.nicknames["helper bot"] == "Helper"
        assert bot.renewed > 0  # a virtual hour may be a real second: the token may read the same
        assert state.tokens.verify(bot.jwt).name == "helper bot"
        assert socket.closed is None
    assert state.services.system.counters.crashes == 0


async def test_a_bot_that_is_no_operator_disturbs_nobody(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """With the original its `/unmute-all` becomes a message without a channel, over which clients
    crash."""
    async with virtual_site(tmp_path) as (state, nursery):

        async def shut_down() -> None:
            raise AssertionError("the bot has not heard itself")

        socket, visitor = MemorySocket(), MemorySocket()
        bot = BareBot(socket, state.tokens.sign(LoginClaims(sub="bot")), shut_down)
        for each in (visitor, socket):
            nursery.start_soon(converse, state, each)
        await visitor.send('{"action":"login","username":"ann"}')
        nursery.start_soon(bot.run)
        heard = []
        with trio.move_on_after(300):
            while True:
                heard.append(await visitor.next())
        assert all("channel" in each for each in heard if each["action"] == "message")
        assert "/unmute-all" not in str(heard)
        assert (bot.distress, bot.heard_itself >= 30) == (0, True)


async def test_a_bot_that_hears_nothing_shuts_the_chat_down(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """The bot of these tests does what it is there for."""
    async with virtual_site(tmp_path) as (state, nursery):
        called = trio.Event()

        async def shut_down() -> None:
            called.set()

        deaf = MemorySocket()
        bot = BareBot(deaf, state.tokens.sign(LoginClaims(sub="bot")), shut_down)
        nursery.start_soon(bot.run)
        with trio.fail_after(120):
            await called.wait()


def api_key(server: BareServer) -> str:
    kept = kept_secrets(server.services.settings(), server.services.secrets)
    return kept["barertc.admin_api_key"]


@pytest.mark.slow
@pytest.mark.unhurried
@pytest.mark.parametrize("carrier", ["lane", "quart"])
async def test_a_bot_is_content_for_a_minute_on_real_sockets(tmp_path: Path, carrier: str) -> None:
    async with (
        barertc_server(tmp_path, carrier) as server,
        server.http() as http,
        server.connected() as line,
        server.person("ann") as ann,
        trio.open_nursery() as nursery,
    ):
        key = api_key(server)

        async def shut_down() -> None:
            await http.post("/api/shutdown", json={"APIKey": key})

        bot = BareBot(line.link, await authenticate(http, key, "bot 1"), shut_down)
        nursery.start_soon(bot.run)
        await ann.until("presence", username="bot 1", message="has joined the room!")
        async with server.person("bob") as bob:
            said = await bob.until("message", username="bot 1")
            assert "Welcome, bob!" in said["message"]
        await ann.say("please, !help me")
        assert (
            "<strong>nothing</strong>"
            in (await ann.until("message", message="<p>I can do <strong>nothing</strong>.</p>"))[
                "message"
            ]
        )
        assert (await ann.until("react"))["username"] == "bot 1"
        await trio.sleep(62)
        assert bot.heard_itself >= 6
        assert (bot.distress, bot.counted["ping"] >= 2) == (0, True)
        assert "bob" in bot.greeted
        nursery.cancel_scope.cancel()
    assert server.system.counters.crashes == 0
