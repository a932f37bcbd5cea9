"""The web API on a chat that people are in, who hear of it over their own connections."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from trio_websocket import ConnectionClosed

from api.barertc.dialect import kept_secrets
from tests.support.barertc import BareServer, BareTester, barertc_server, barertc_settings

ACTIVE, RED = 1, 3


async def keyed(server: BareServer, path: str, **more: object) -> httpx.Response:
    """POST with the right key."""
    kept = kept_secrets(server.services.settings(), server.services.secrets)
    async with server.http() as http:
        body = {"APIKey": kept["barertc.admin_api_key"]} | more
        return await http.post(f"/api/{path}", json=body)


async def statistics(server: BareServer) -> object:
    async with server.http() as http:
        return (await http.get("/api/statistics")).json()


async def test_statistics_count_who_is_logged_in(server: BareServer, way: str) -> None:
    async with (
        server.connected(way),
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("boss", way, claims={"op": True}) as boss,
    ):
        await boss.send("me", video=RED, status="hidden")
        await bob.listed("ann", "bob")
        await ann.send("me", video=ACTIVE, status="online")
        while (await bob.listed("ann", "bob"))["ann"]["video"] != ACTIVE:
            pass
        assert await statistics(server) == {
            "UserCount": 2, "Usernames": ["ann", "bob"], "Cameras": {"Blue": 1, "Red": 0},
        }  # fmt: skip


async def test_a_signed_token_logs_in_where_jwt_is_off(server: BareServer, way: str) -> None:
    answer = await keyed(server, "authenticate", Claims={"sub": "bot", "op": True})
    async with server.connected(way) as bot:
        [me, *_] = await bot.log_in("testbot", jwt=answer.json()["JWT"])
        assert me["username"] == "bot"
        [listed] = (await bot.listed("bot")).values()
        assert listed["op"] is True


async def test_people_block_each_other_now(server: BareServer, way: str) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("cleo", way) as cleo,
    ):
        await cleo.listed("ann", "bob", "cleo")
        assert (await keyed(server, "block/now", Usernames=["ann", "bob", "x"])).json()["OK"]
        assert (await ann.until("block"))["username"] == "bob"
        assert (await bob.until("block"))["username"] == "ann"
        await ann.listed("ann", "cleo")
        await bob.listed("bob", "cleo")


@pytest.mark.parametrize(
    ("kick", "presence"),
    [(True, "has been kicked from the room!"), (False, "has exited the room!")],
)
async def test_people_are_put_out_now(
    server: BareServer, way: str, kick: bool, presence: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        answer = await keyed(
            server, "disconnect/now", Usernames=["ann", "x"], Message="*Bye*", Kick=kick
        )
        assert answer.json() == {"OK": True, "Removed": 1}
        assert await ann.told() == "<p><em>Bye</em></p>"
        await ann.until("disconnect")
        assert (await bob.until("presence", username="ann"))["message"] == presence
        assert await statistics(server) == {
            "UserCount": 1, "Usernames": ["bob"], "Cameras": {"Blue": 0, "Red": 0},
        }  # fmt: skip


async def test_what_a_token_said_is_amended(server: BareServer, way: str) -> None:
    async with (
        server.person("ann", way, claims={"nick": "Old"}) as ann,
        server.person("guest", way) as guest,
    ):
        token = server.token("ann", nick="New", vip=True, rules=["noimage"])
        assert (await keyed(server, "amend-jwt", Username="ann", JWTToken=token)).json()["OK"]
        ping = await ann.until("ping")
        assert server.tokens.verify(ping["jwt"]).standing.nick == "New"
        assert ping["jwtRules"]["IsNoImageRule"] is True
        while (await guest.listed("ann", "guest"))["ann"].get("nickname") != "New":
            pass
        token = server.token("guest", op=True)
        assert (await keyed(server, "amend-jwt", Username="guest", JWTToken=token)).json()["OK"]
        await ann.say("hello")
        await guest.until("message")
        assert not [each for each in guest.heard if each["action"] == "ping" and "jwt" in each]


async def test_a_site_that_is_ended_tells_everybody_and_begins_anew(
    server: BareServer, way: str
) -> None:
    """There is no process of its own here, so the chat ends alone."""
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        assert (await keyed(server, "shutdown")).json() == {"OK": True}
        for each in (ann, bob):
            assert "reboot NOW!" in await each.told()
            await over(each)
        assert await statistics(server) == {
            "UserCount": 0, "Usernames": [], "Cameras": {"Blue": 0, "Red": 0},
        }  # fmt: skip
        async with server.person("ann", way) as again:
            assert again.name == "ann"
            await again.listed("ann")


async def over(person: BareTester) -> None:
    """Wait until somebody's connection, or session of polling, has ended."""
    if hasattr(person.link, "status"):
        while person.link.status != 400:
            with suppress(ConnectionClosed):
                await person.send("ping")
    else:
        assert await person.gone() == 1001


async def test_the_profile_card_needs_the_token_that_the_page_has(tmp_path: Path) -> None:
    settings = barertc_settings(barertc={"jwt": {"enabled": True}})
    async with (
        barertc_server(tmp_path, settings=settings) as server,
        server.person("ann", claims={}),
        server.http() as http,
    ):
        answer = await http.post(
            "/api/message/history", json={"JWTToken": server.token("ann"), "Username": "bob"}
        )
        assert answer.json()["Error"] == "database is not initialized"
        answer = await http.post("/api/message/history", json={"JWTToken": server.token("bob")})
        assert answer.json()["Error"] == "You are not logged into the chat room."
