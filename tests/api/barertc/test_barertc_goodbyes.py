"""Signs of life, and every end: of a socket, of a session, of the server."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
import trio

from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from actors.words.site_orders import Announce
from api.barertc import conversation
from api.barertc.dialect import kept_secrets
from api.barertc.sessions import Sessions
from api.barertc.state import SITE
from tests.support import raw
from tests.support.barertc import (
    PATIENCE,
    BareServer,
    SocketLink,
    barertc_server,
    barertc_settings,
)
from tests.support.raw import frame, refusal, upgrade_request, upgraded

SOCKETS = pytest.mark.parametrize("carrier", ["lane", "quart"])


async def test_a_ping_comes_regularly_with_a_fresh_token_for_who_has_one(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PING_SECONDS", 0.5)
    async with (
        barertc_server(tmp_path, way) as server,
        server.person("ann", way, claims={"vip": True, "rules": ["noimage"]}) as ann,
        server.person("bob", way) as bob,
    ):
        for _ in range(2):
            said = await ann.until("ping")
            bearer = server.tokens.verify(said["jwt"])
            assert (bearer.name, bearer.standing.vip) == ("ann", True)
            assert said["jwtRules"]["IsNoImageRule"] is True
            assert await bob.until("ping") == {"action": "ping"}
        async with server.connected(way) as again:
            await again.log_in("whoever", jwt=said["jwt"])
            assert again.name == "ann"


@SOCKETS
async def test_who_was_put_out_is_closed_for_after_a_while(
    tmp_path: Path, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "GOODBYE_SECONDS", 1.0)
    async with (
        barertc_server(tmp_path, carrier) as server,
        server.person("root", claims={"op": True}) as root,
        server.person("ann") as ann,
    ):
        monkeypatch.setattr(conversation, "LOGIN_SECONDS", 3.0)  # not of those who log in
        async with server.connected() as stranger:
            await root.say("/kick ann")
            await ann.until("disconnect")
            assert await ann.gone() == 1000
            assert await stranger.gone() == 1000
        await root.say("hi")
        await root.until("message")


@SOCKETS
async def test_a_draining_server_says_so_and_closes(tmp_path: Path, carrier: str) -> None:
    async with (
        barertc_server(tmp_path, carrier) as server,
        server.person("ann") as ann,
        server.connected() as stranger,
        server.connected("poll") as poller,
    ):
        await poller.log_in("pol")

        async def say_goodbye() -> None:
            await server.services.directory.tell_members(End(CloseReason.SHUTTING_DOWN))

        server.services.lifecycle.drain_hooks.append(say_goodbye)
        await server.services.lifecycle.drain(0.0, 5.0)
        for each in (ann, stranger):
            assert await each.gone() == 1001
            assert "shutting down" in each.heard[-1]["message"]
        assert "shutting down" in await poller.told()
        assert (await refusal(server.serving, upgrade_request("/ws")))[0] == 503
        async with server.http() as http:
            answer = await http.post("/poll", json={"msg": {"action": "login", "username": "x"}})
            assert answer.status_code == 503


@SOCKETS
async def test_a_lost_socket_is_told_to_others_and_he_comes_back_with_his_mutes(
    tmp_path: Path, carrier: str
) -> None:
    async with barertc_server(tmp_path, carrier) as server, server.person("bob") as bob:
        async with server.person("ann") as ann:
            await ann.send("mute", username="bob")
            assert isinstance(ann.link, SocketLink)
            await trio.aclose_forcefully(ann.link.socket._stream)
            gone = await bob.until("presence", message="has exited the room!")
            assert gone["username"] == "ann"
            await bob.listed("bob")
        async with server.connected() as ann:
            await ann.send("mute", username="bob")
            await ann.log_in("ann")
            await bob.say("hello?")
            await bob.until("message")
            assert [each for each in await ann.rest() if each["action"] == "message"] == []


@SOCKETS
async def test_who_does_not_read_is_ended_and_nobody_else(tmp_path: Path, carrier: str) -> None:
    settings = barertc_settings(barertc={"outbox_messages": 20, "outbox_bytes": 200_000})
    async with (
        barertc_server(tmp_path, carrier, settings) as server,
        server.person("bob") as bob,
        upgraded(server.serving) as slow,
    ):
        login = b'{"action":"login","username":"slow"}'
        await slow.send(frame(raw.TEXT, login))
        await bob.listed("bob", "slow")
        site = await server.services.directory.room(SITE)
        assert site is not None
        gone = trio.Event()

        async def watch() -> None:
            moved = await bob.until("presence", username="slow", message="has exited the room!")
            assert moved
            gone.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            while not gone.is_set():
                await site.ask(Announce("x" * 50_000), within=PATIENCE)
                await trio.sleep(0.002)
        with trio.fail_after(20):
            assert await slow.read_close() == 1008


@SOCKETS
async def test_who_does_not_read_is_not_ended_by_lists(tmp_path: Path, carrier: str) -> None:
    settings = barertc_settings(
        barertc={"outbox_messages": 10, "outbox_bytes": 300_000, "who_share": 1.0}
    )
    long = {"nick": "n" * 1500, "img": "/" + "i" * 1500, "url": "/" + "u" * 1500}
    async with barertc_server(tmp_path, carrier, settings) as server:
        async with (
            server.person("a", claims=long),
            server.person("b", claims=long),
            server.person("c", claims=long),
            server.person("bob") as bob,
            upgraded(server.serving) as slow,
        ):
            await slow.send(frame(raw.TEXT, b'{"action":"login","username":"slow"}'))
            await bob.listed("a", "b", "c", "bob", "slow")
            for number in range(400):
                await bob.send("me", status=f"status {number}")
                if number % 4 == 0:
                    await bob.until("who")
            ends = time.monotonic() + 60
            last = ""
            while "status 399" not in last:
                assert time.monotonic() < ends
                last = (await slow.read_frame())[1].decode()


async def test_a_crash_of_the_host_ends_sessions_that_poll_and_others_can_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash, run = trio.Event(), Sessions.run

    async def run_until_the_crash(sessions: Sessions) -> None:
        if crash.is_set():
            await run(sessions)
        await crash.wait()
        raise RuntimeError("as a bug would")

    monkeypatch.setattr(Sessions, "run", run_until_the_crash)
    async with barertc_server(tmp_path) as server, server.connected("poll") as ann:
        await ann.log_in("ann")
        async with server.person("bob") as bob:
            await bob.listed("ann", "bob")
            crash.set()
            await bob.until("presence", username="ann", message="has exited the room!")
            await bob.listed("bob")
            said = await ann.until("disconnect")
            assert said
        async with server.connected("poll") as again:
            await again.log_in("ann")
    assert server.system.counters.crashes == 1


@SOCKETS
async def test_pages_of_other_sites_are_refused(tmp_path: Path, carrier: str) -> None:
    settings = barertc_settings(limits={"allowed_origins": ["https://friend.example"]})
    async with barertc_server(tmp_path, carrier, settings) as server:
        for origin in (server.serving.url, "https://friend.example"):
            async with server.connected(headers=[("Origin", origin)]) as ann:
                await ann.log_in("ann")
        for path in ("/ws", "/barertc/ws"):
            foreign = upgrade_request(path, origin="https://evil.example")
            assert (await refusal(server.serving, foreign))[0] == 403
        async with httpx.AsyncClient(base_url=server.serving.url) as http:
            assert (await http.get("/ws")).status_code == 426


@SOCKETS
async def test_the_dialect_stands_below_its_own_path_where_it_is_not_root(
    tmp_path: Path, carrier: str
) -> None:
    async with barertc_server(tmp_path, carrier, root=False) as server:
        assert (await refusal(server.serving, upgrade_request("/ws")))[0] == 404
        async with server.connected(path="/barertc/ws") as ann:
            await ann.log_in("ann")


async def test_the_back_office_changes_what_a_token_says(server: BareServer, way: str) -> None:
    async with (
        server.http() as http,
        server.person("ann", way, claims={}) as ann,
        server.person("bob", way) as bob,
    ):
        key = _api_key(server)
        body = {"APIKey": key, "Username": "ann", "JWTToken": server.token("ann", op=True)}
        answer = await http.post("/api/amend-jwt", json=body)
        assert answer.status_code == 200, answer.text
        said = await ann.until("ping")
        assert server.tokens.verify(said["jwt"]).standing.operator
        assert await ann.until("me") == {"action": "me", "username": "ann"}
        while not (await bob.listed("ann", "bob"))["ann"]["op"]:
            pass


def _api_key(server: BareServer) -> str:
    kept = kept_secrets(server.services.settings(), server.services.secrets)
    return kept["barertc.admin_api_key"]
