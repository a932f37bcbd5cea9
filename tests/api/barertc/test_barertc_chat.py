"""What people write on a chat site: to all, to one, taken back, reacted to, or no message."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.barertc import BareServer, barertc_server, barertc_settings
from tests.support.webhook_site import webhook_site


async def test_a_message_is_rendered_numbered_and_shown_to_all(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await ann.say("hi")
        await ann.say("**ho** <script>alert(1)</script>")
        said = [await bob.until("message") for _ in range(2)]
        assert said[0] == {
            "action": "message", "channel": "lobby", "username": "ann", "message": "<p>hi</p>",
            "msgID": said[0]["msgID"],
        }  # fmt: skip
        assert said[1]["message"].startswith("<p><strong>ho</strong>")
        assert "<script" not in said[1]["message"]
        assert said[1]["msgID"] == said[0]["msgID"] + 1
        assert abs(said[0]["msgID"] - time.time()) < 3600
        assert await ann.until("message") == said[0]


async def test_what_renders_to_nothing_is_not_shown(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann:
        for text in ("", "   ", "\n", "<script></script>"):
            await ann.say(text)
        assert await ann.rest() == []


async def test_a_channel_must_be_one_of_the_sites(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await bob.rest()
        for channel in ("", "nowhere", "LOBBY"):
            await ann.say("hi", channel)
            assert await ann.told() == "That channel does not exist."
        assert await bob.rest() == []


async def test_a_direct_message_goes_to_one_and_comes_back(server: BareServer, way: str) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("cid", way) as cid,
    ):
        await cid.rest()
        await ann.say("psst", "@bob")
        mine, his = await ann.until("message"), await bob.until("message")
        assert (mine["channel"], his["channel"]) == ("@bob", "@ann")
        assert (mine["username"], his["username"]) == ("ann", "ann")
        assert mine["msgID"] == his["msgID"]
        await ann.say("to me", "@ann")
        copies = [await ann.until("message") for _ in range(2)]
        assert [each["channel"] for each in copies] == ["@ann", "@ann"]
        await ann.send("react", msgID=mine["msgID"], message="❤")
        assert (await bob.until("react"))["username"] == "ann"
        await ann.send("takeback", msgID=mine["msgID"])
        assert (await bob.until("takeback")) == {"action": "takeback", "msgID": mine["msgID"]}
        assert await cid.rest() == []


async def test_what_cannot_be_delivered_is_told_and_nobody_is_hurt(
    server: BareServer, way: str
) -> None:
    ghost = "Could not deliver your message: @ghost appears not to be online."
    picture = GIF
    async with server.person("ann", way) as ann:
        await ann.say("hi", "@ghost")
        assert (await ann.until("message"))["channel"] == "@ghost"
        assert await ann.told() == ghost
        await ann.send("file", channel="@ghost", message="a.gif", bytes=list(picture))
        assert (await ann.until("message"))["channel"] == "@ghost"
        assert await ann.told() == ghost
        await ann.send("mute", username="bob")
        async with server.person("bob", way) as bob:
            await ann.say("hi", "@bob")
            assert await ann.told() == "You have muted bob and so your message has not been sent."
            await bob.say("hi", "@ann")
            assert (await bob.until("message"))["channel"] == "@ann"
            assert [each["action"] for each in await ann.rest()] in (["presence"], [])
        await ann.say("I am here")
        assert (await ann.until("message"))["message"] == "<p>I am here</p>"


async def test_names_are_escaped_where_html_is_built(server: BareServer, way: str) -> None:
    async with server.person('<img src=x onerror="x">', way) as ann:
        await ann.say("hi", "@<b>ghost</b>")
        assert "<b>" not in await ann.told()
        await ann.send("open", username="<i>ghost</i>")
        assert "<i>" not in await ann.told()
        if way != "poll":
            await ann.send("<u>what</u>")
            assert await ann.told() == "Unsupported message type: &lt;u&gt;what&lt;/u&gt;"


async def test_a_newcomer_reads_the_latest_of_the_public_channels(
    server: BareServer, way: str
) -> None:
    async with server.person("ann", way) as ann:
        for number in range(12):
            await ann.say(f"number {number}")
        await ann.until("message", message="<p>number 11</p>")
        async with server.connected(way) as bob:
            said = await bob.log_in("bob")
    [echo] = [each for each in said if each["action"] == "echo"]
    texts = [each["message"] for each in echo["messages"]]
    assert texts == [f"<p>number {number}</p>" for number in range(2, 12)]
    assert echo["messages"][0].keys() == {
        "action", "channel", "username", "message", "msgID", "timestamp",
    }  # fmt: skip
    assert echo["messages"][0]["timestamp"].endswith("Z")


async def test_only_ones_own_message_can_be_taken_back_but_by_operators(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("root", way, claims={"op": True}) as root,
    ):
        await ann.say("one")
        await ann.say("two")
        ids = [(await bob.until("message"))["msgID"] for _ in range(2)]
        await bob.send("takeback", msgID=ids[0])
        assert await bob.told() == "That is not your message to take back."
        await ann.send("takeback", msgID=ids[0])
        assert (await bob.until("takeback"))["msgID"] == ids[0]
        await root.send("takeback", msgID=ids[1])
        assert (await bob.until("takeback"))["msgID"] == ids[1]
        await bob.send("takeback", msgID=12345)
        assert await bob.told() == "That is not your message to take back."


async def test_the_ids_of_direct_messages_are_told_to_their_two_sides_only(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("cid", way) as cid,
    ):
        await ann.say("psst", "@bob")
        id_ = (await bob.until("message"))["msgID"]
        await cid.send("react", msgID=id_, message="❤")
        await cid.send("takeback", msgID=id_)
        assert await cid.told() == "That is not your message to take back."
        await cid.rest()
        await bob.send("react", msgID=id_, message="❤")
        await ann.send("takeback", msgID=id_)
        await bob.until("takeback")
        assert await cid.rest() == []


async def test_what_nobody_knows_is_told_and_what_is_no_message_is_nothing(
    tmp_path: Path,
) -> None:
    async with barertc_server(tmp_path) as server, server.person("ann") as ann:
        await ann.send("typing", channel="lobby")
        assert await ann.told() == "Unsupported message type: typing"
        await ann.send("who")
        assert await ann.told() == "Unsupported message type: who"
        await ann.raw("{")
        await ann.raw(b'{"action":"typing"}')
        await ann.send("ping")
        assert await ann.rest() == []


VIP = {"channels": [{"id": "lobby", "name": "Lobby"}, {"id": "vip", "name": "V", "vip": True}]}


async def test_a_channel_of_vips_is_written_and_read_by_vips_and_operators(
    tmp_path: Path, way: str
) -> None:
    """With the original anybody writes there, and its echo is shown to all."""
    async with (
        barertc_server(tmp_path, way, barertc_settings(barertc=VIP)) as server,
        server.person("ann", way, claims={"vip": True}) as ann,
        server.person("root", way, claims={"op": True}) as root,
        server.person("bob", way) as bob,
    ):
        await bob.rest()
        await ann.say("among us", "vip")
        assert (await root.until("message"))["message"] == "<p>among us</p>"
        await bob.say("me too", "vip")
        assert await bob.told() == "You are not allowed to do that."
        assert await bob.rest() == []
        async with server.connected(way) as cid, server.connected(way) as dee:
            [echo] = [each for each in await cid.log_in("cid") if each["action"] == "echo"]
            assert "messages" not in echo
            said = await dee.log_in(jwt=server.token("dee", vip=True))
            [echo] = [each for each in said if each["action"] == "echo"]
            assert [each["message"] for each in echo["messages"]] == ["<p>among us</p>"]


FILTERS = {
    "filters": [
        {"keywords": ["darn+"], "private": False, "forward": True, "response": "Language!"},
        {"keywords": ["secret"], "public": False, "censor": False},
    ]
}


async def test_filters_censor_hold_back_and_answer_as_they_are_told(
    tmp_path: Path, way: str
) -> None:
    async with (
        barertc_server(tmp_path, way, barertc_settings(barertc=FILTERS)) as server,
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
        server.person("root", way, claims={"op": True}) as root,
    ):
        await ann.say("oh darnn it")
        assert (await bob.until("message"))["message"] == "<p>oh ***** it</p>"
        assert "Language!" in await ann.told()
        await ann.say("a secret", "@bob")
        assert (await ann.until("message", channel="@bob"))["message"] == "<p>a secret</p>"
        await ann.say("darn", "@bob")
        assert (await bob.until("message"))["message"] == "<p>darn</p>"
        await ann.say("a secret", "@root")
        assert (await root.until("message", channel="@ann"))["message"] == "<p>a secret</p>"
        await ann.say("a secret")
        assert (await bob.until("message"))["message"] == "<p>a secret</p>"


async def test_one_link_to_many_is_kicked_and_the_next_time_banned(
    tmp_path: Path, way: str
) -> None:
    settings = barertc_settings(barertc={"link_spam": {"max_threads": 2}})
    async with barertc_server(tmp_path, way, settings) as server:
        async with server.person("bob", way) as bob:
            for how in ("has been kicked from the room!", "has been banned!"):
                async with server.person("spammer", way) as spammer:
                    for name in ("bob", "cid", "dee"):
                        await spammer.say("look: https://spam.example/x", f"@{name}")
                    await spammer.until("disconnect")
                await bob.until("presence", username="spammer", message=how)
            async with server.connected(way) as spammer:
                await spammer.send("login", username="spammer")
                assert "banned" in await spammer.told()


async def test_a_report_without_a_webhook_is_told_so(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann:
        await ann.send("report", channel="lobby", username="bob", reason="Spam", message="x")
        assert await ann.told() == (
            "Unfortunately, the report webhook is not enabled so your report could not be received!"
        )


async def test_reports_of_one_person_leave_room_for_those_of_others(tmp_path: Path) -> None:
    async with webhook_site() as site:
        site.hangs = True
        hooks = {"webhooks": [{"name": "report", "url": site.url}], "webhooks_waiting": 6}
        async with (
            barertc_server(tmp_path, settings=barertc_settings(barertc=hooks)) as server,
            server.person("ann") as ann,
            server.person("bob") as bob,
        ):
            for _ in range(6):
                await ann.send("report", channel="lobby", username="bob", reason="Spam")
            for _ in range(3):
                assert "your last ones are still on their way" in await ann.told()
            await bob.send("report", channel="lobby", username="ann", reason="Spam")
            assert not [it for it in await bob.rest() if it["action"] == "error"]


GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00"
    b"\x00\x02\x02D\x01\x00;"
)


@pytest.mark.parametrize("kind", ["mute", "block"])
async def test_who_is_muted_or_blocked_is_not_heard(
    server: BareServer, way: str, kind: str
) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        await ann.send(kind, username="bob")
        await ann.rest()
        await bob.say("hello?")
        await bob.until("message")
        assert [each for each in await ann.rest() if each["action"] == "message"] == []
        await bob.say("hello?", "@ann")
        await bob.until("message", channel="@ann")
        assert [each for each in await ann.rest() if each["action"] == "message"] == []


async def test_an_operator_is_not_blocked_and_hears_who_mutes_him(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("root", way, claims={"op": True}) as root,
    ):
        await ann.send("block", username="root")
        assert await ann.told() == "You are not allowed to block a chat operator."
        await ann.send("mute", username="root")
        assert await root.told() == "ann has muted you! Your new mute status is: true"
        await ann.send("unmute", username="root")
        assert "mute status is: false" in await root.told()
        await ann.send("boot", username="root")
        assert await root.told() == "ann has booted you off of their camera!"
