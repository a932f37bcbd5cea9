"""Coming in: who somebody is, in which order he is told, and what he asked for before."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest
import trio

from api.barertc.login import WISHED_NAMES, Wishes
from api.barertc.tokens import LoginClaims, LoginTokens
from api.barertc.wire import BareMessage
from tests.support.barertc import BareServer, barertc_server, barertc_settings

EXPIRED = "Your authentication has expired. Please go back and launch the chat room again."
REQUIRED = (
    "Server side authentication is required. Please go back and launch the chat room from your "
    "logged-in account."
)


async def test_the_answer_to_a_login_comes_in_the_order_that_clients_expect(
    tmp_path: Path, way: str
) -> None:
    channels = [{"id": "lobby", "name": "Lobby", "welcome_messages": ["Hello *you*"]}]
    settings = barertc_settings(barertc={"channels": channels})
    async with (
        barertc_server(tmp_path, way, settings) as server,
        server.connected(way) as ann,
    ):
        said = await ann.log_in("ann")
        welcome = await ann.next()
    assert [each["action"] for each in said] == ["me", "who", "echo", "presence"]
    assert said[0] == {"action": "me", "username": "ann"}
    assert [each["username"] for each in said[1]["whoList"]] == ["ann"]
    assert said[2] == {"action": "echo"}
    assert said[3] == {"action": "presence", "username": "ann", "message": "has joined the room!"}
    assert (welcome["action"], welcome["username"], welcome["channel"]) == (
        "error", "ChatServer", "lobby",
    )  # fmt: skip
    assert "Hello" in welcome["message"]


async def test_who_is_in_hears_who_comes_and_goes(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann:
        async with server.person("bob", way):
            moved = await ann.until("presence", username="bob")
            assert moved["message"] == "has joined the room!"
            people = await ann.listed("ann", "bob")
            assert people["bob"].keys() == {"username", "status", "video", "loginAt", "op"}
            assert abs(people["bob"]["loginAt"] - time.time()) < 60
        if way != "poll":
            moved = await ann.until("presence", username="bob")
            assert moved["message"] == "has exited the room!"
            await ann.listed("ann")


async def test_a_guest_without_a_name_and_one_whose_name_is_taken_are_told_theirs(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("", way) as nobody,
        server.person("ann", way) as ann,
        server.person("ANN", way) as second,
        server.person("ann", way) as third,
    ):
        assert [each.name for each in (nobody, ann)] == ["anonymous", "ann"]
        assert [each.name for each in (second, third)] == ["ANN 2", "ann 3"]


async def test_a_token_names_its_holder_whatever_he_says(server: BareServer, way: str) -> None:
    claims = {"nick": "Annie", "op": True, "img": "/a.png", "emoji": "🦊", "gender": "f"}
    async with server.connected(way) as ann:
        said = await ann.log_in("testbot", jwt=server.token("ann", **claims))
        [entry] = said[1]["whoList"]
    assert ann.name == "ann"
    assert entry | {"loginAt": 0} == {
        "username": "ann", "nickname": "Annie", "status": "online", "video": 0, "loginAt": 0,
        "op": True, "avatar": "/a.png", "emoji": "🦊", "gender": "f",
    }  # fmt: skip


async def test_the_same_subject_twice_puts_the_older_one_off(server: BareServer, way: str) -> None:
    async with server.person("ann", way, claims={}) as old, server.person("bob", way) as bob:
        async with server.person("x", way, claims=None, jwt=server.token("ann")) as new:
            assert new.name == "ann"
            told = await old.told()
            assert told == (
                "You have been signed out of chat because you logged in from another location."
            )
            await old.until("disconnect")
            await old.raw('{"action":"message","channel":"lobby","message":"am I in?"}')
            assert await old.told() == "You must log in first."
            people = await bob.listed("ann", "bob")
            assert list(people) == ["ann", "bob"]
            await bob.say("hi")
            assert (await new.until("message"))["message"] == "<p>hi</p>"
            assert await old.rest() == []


async def test_a_guest_does_not_get_the_name_of_who_has_proven_it(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way, claims={}), server.person("ann", way) as guest:
        assert guest.name == "ann 2"


async def test_a_bad_or_old_token_is_told_and_the_socket_stays(
    server: BareServer, way: str
) -> None:
    kept = server.tokens
    old = LoginTokens(kept._secret, lambda: time.time() - 3600)
    forged = LoginTokens(lambda: "another secret altogether, and a long one")
    async with server.connected(way) as ann:
        claims = LoginClaims(sub="ann", op=True)
        for token in (old.sign(claims), forged.sign(claims), "x.y.z", "é" * 9000):
            await ann.send("login", username="ann", jwt=token)
            assert await ann.told() == EXPIRED
        await ann.log_in("ann")


async def test_without_a_secret_nobody_is_let_in_by_a_token_of_the_empty_one(
    server: BareServer, way: str
) -> None:
    """The original's default: jwt disabled, its secret empty, and tokens read all the same."""

    def part(document: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=")

    signed = part({"alg": "HS256"}) + b"." + part({"sub": "root", "op": True})
    mac = hmac.new(b"", signed, hashlib.sha256).digest()
    token = (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
    async with server.connected(way) as ann:
        await ann.send("login", username="ann", jwt=token)
        assert await ann.told() == EXPIRED


async def test_a_strict_site_wants_a_token(tmp_path: Path, way: str) -> None:
    settings = barertc_settings(barertc={"jwt": {"enabled": True, "strict": True}})
    async with barertc_server(tmp_path, way, settings) as server, server.connected(way) as ann:
        await ann.send("login", username="ann")
        assert await ann.told() == REQUIRED
        await ann.log_in("ann", jwt=server.token("ann"))


@pytest.mark.parametrize(
    "name",
    ["ChatServer", "chatserver", "ＣｈａｔＳｅｒｖｅｒ", "a\tb", "a\x00b", "\u202eevil", "@ann",
     "x" * 200, "a\u2028b"],
)  # fmt: skip
async def test_a_name_that_no_guest_may_have_is_refused_and_he_goes(
    tmp_path: Path, name: str
) -> None:
    async with barertc_server(tmp_path) as server, server.connected() as ann:
        await ann.send("login", username=name)
        assert await ann.told()
        await ann.until("disconnect")
        await ann.send("react", msgID=1, message="x")
        assert await ann.told() == "You must log in first."


async def test_a_banned_name_is_told_until_when_and_goes(server: BareServer, way: str) -> None:
    async with server.person("root", way, claims={"op": True}) as root:
        async with server.person("ann", way) as ann:
            await root.say("/ban ann 2")
            await ann.until("disconnect")
        moved = await root.until("presence", username="ann", message="has been banned!")
        assert moved
        for name in ("ann", "ANN"):
            async with server.connected(way) as again:
                await again.send("login", username=name)
                told = await again.told()
                await again.until("disconnect")
                assert told.startswith(
                    "You are currently banned from entering the chat room. Chat room bans are "
                )
                assert time.strftime("%Y", time.gmtime(time.time() + 7200)) in told
        await root.say("/unban ann")
        async with server.person("ann", way) as ann:
            assert ann.name == "ann"


BEFORE = {
    "message": {"channel": "lobby", "message": "hi"}, "me": {"video": 1}, "react": {"msgID": 1},
    "takeback": {"msgID": 1}, "open": {"username": "ann"}, "sdp": {"username": "ann"},
    "candidate": {"username": "ann"}, "watch": {"username": "ann"}, "unwatch": {"username": "ann"},
    "report": {"username": "ann"}, "file": {"message": "a.png", "bytes": [1]}, "unboot": {},
    "unmute": {}, "block": {"username": "ann"}, "typing": {}, "nonsense": {},
}  # fmt: skip


@pytest.mark.parametrize("carrier", ["lane", "quart"])
async def test_before_login_nothing_works_but_what_is_kept(tmp_path: Path, carrier: str) -> None:
    async with (
        barertc_server(tmp_path, carrier) as server,
        server.person("ann") as ann,
        server.connected() as stranger,
    ):
        for action, fields in BEFORE.items():
            await stranger.send(action, **fields)
            assert await stranger.told() == "You must log in first.", action
        for action in ("ping", "mute", "boot", "blocklist", "video-invite"):
            await stranger.send(action, username="ann", usernames=["ann"])
        assert await stranger.rest() == []
        assert await ann.rest() == []


@pytest.mark.parametrize("carrier", ["lane", "quart"])
async def test_what_was_asked_for_before_login_holds_in_the_first_list(
    tmp_path: Path, carrier: str
) -> None:
    async with (
        barertc_server(tmp_path, carrier) as server,
        server.person("bob") as bob,
        server.person("cid") as cid,
        server.person("dee") as dee,
        server.connected() as ann,
    ):
        await ann.send("blocklist", usernames=["bob"])
        await ann.send("boot", username="cid")
        await ann.send("mute", username="cid")
        await ann.send("video-invite", usernames=["dee"])
        said = await ann.log_in("ann")
        assert [each["username"] for each in said[1]["whoList"]] == ["ann", "cid", "dee"]
        await ann.send("me", video=1, status="online")
        with trio.fail_after(60):
            people = await dee.listed("ann", "bob", "cid", "dee")
            while not people["ann"]["video"] & 1:
                people = await dee.listed("ann", "bob", "cid", "dee")
        assert people["ann"]["video"] == 1 | 128
        assert (await cid.listed("ann", "bob", "cid", "dee"))["ann"]["video"] == 0
        for each in (bob, cid):
            await each.say(f"hi from {each.name}")
        await dee.say("hi from dee")
        assert (await ann.until("message"))["username"] == "dee"
        heard = await bob.rest()
        assert "'ann'" not in str(heard)


async def test_what_is_asked_for_before_login_is_bounded() -> None:
    wishes = Wishes()
    for start in range(0, 30_000, 10_000):
        names = [f"somebody {number}" for number in range(start, start + 10_000)]
        assert wishes.note(BareMessage(action="blocklist", usernames=names))
    assert wishes.note(BareMessage(action="mute", username="one more"))
    assert len(wishes.blocks) == WISHED_NAMES
    assert not wishes.mutes
    assert not wishes.note(BareMessage(action="message", message="hi"))


async def test_somebody_who_is_in_cannot_log_in_again(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann:
        if way == "poll":
            return
        await ann.send("login", username="bob")
        assert await ann.told() == "You are logged in already."
        await ann.say("hi")
        assert (await ann.until("message"))["username"] == "ann"
