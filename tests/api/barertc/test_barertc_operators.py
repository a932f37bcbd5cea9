"""Operators' commands, typed or sent by a client's buttons, and those of who is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.barertc import BareServer, barertc_server

OP = {"op": True}


async def test_who_is_kicked_is_told_goes_and_hears_nothing_more(
    server: BareServer, way: str
) -> None:
    async with (
        server.person("root", way, claims=OP) as root,
        server.person("ann", way) as ann,
        server.person("bob", way) as bob,
    ):
        await root.say("/kick ann")
        await ann.until("disconnect")
        assert (await bob.until("presence", username="ann"))["message"] == (
            "has been kicked from the room!"
        )
        assert list(await bob.listed("bob", "root")) == ["bob", "root"]
        await bob.say("gone?")
        await root.until("message")
        heard = await ann.rest()
        assert [each["action"] for each in heard if each["action"] != "error"] == []


async def test_what_is_put_out_may_come_in_again_on_the_same_socket(tmp_path: Path) -> None:
    async with (
        barertc_server(tmp_path) as server,
        server.person("root", claims=OP) as root,
        server.person("ann") as ann,
    ):
        await root.say("/kick ann")
        await ann.until("disconnect")
        await ann.log_in("ann")
        await ann.say("back")
        assert (await root.until("message"))["message"] == "<p>back</p>"


async def test_an_unquoted_name_means_the_longest_that_fits(server: BareServer, way: str) -> None:
    async with (
        server.person("root", way, claims=OP) as root,
        server.person("a", way) as short,
        server.person("a b", way) as longer,
    ):
        await root.say("/kick a b")
        await longer.until("disconnect")
        await root.listed("a", "root")
        await root.say('/ban "a" 1')
        await short.until("disconnect")
        await root.listed("root")


@pytest.mark.parametrize("command", ["/nsfw", "/cut", "/kick", "/ban", "/op", "/unban", "/deop"])
async def test_a_command_without_a_name_is_answered_with_help(tmp_path: Path, command: str) -> None:
    async with barertc_server(tmp_path) as server, server.person("root", claims=OP) as root:
        await root.say(command)
        assert f"{command} &lt;username&gt;" in await root.told()
        await root.say(f"{command} ghost")
        assert await root.told()
        await root.say("/help")
        assert "/kick" in await root.told()


async def test_a_camera_is_marked_and_cut(server: BareServer, way: str) -> None:
    async with (
        server.person("root", way, claims=OP) as root,
        server.person("ann", way) as ann,
    ):
        await ann.send("me", video=1, status="online")
        while (await root.listed("ann", "root"))["ann"]["video"] != 1:
            pass
        await root.say("/nsfw ann")
        assert (await ann.until("me"))["video"] == 3
        while (await root.listed("ann", "root"))["ann"]["video"] != 3:
            pass
        await root.say("/cut ann")
        await ann.until("cut")


async def test_who_is_no_operator_says_what_he_types(server: BareServer, way: str) -> None:
    async with server.person("ann", way) as ann, server.person("bob", way) as bob:
        for text in ("/kick bob", "/nonsense", "/help"):
            await ann.say(text)
            assert (await bob.until("message"))["message"] == f"<p>{text}</p>"


async def test_an_unknown_command_of_an_operator_is_a_message(server: BareServer, way: str) -> None:
    async with server.person("root", way, claims=OP) as root:
        await root.say("/nonsense")
        assert (await root.until("message"))["message"] == "<p>/nonsense</p>"


async def test_somebody_is_made_an_operator_and_no_longer(server: BareServer, way: str) -> None:
    async with (
        server.person("root", way, claims=OP) as root,
        server.person("ann", way) as ann,
        server.person("bob", way),
    ):
        await root.say("/op ann")
        assert "operator" in await ann.told()  # which a list may overtake
        while not (await ann.listed("ann", "bob", "root"))["ann"]["op"]:
            pass
        await ann.say("/bans")
        assert "Nobody is banned." in await ann.told()
        await ann.say("/ban bob")
        await ann.listed("ann", "root")
        await ann.say("/bans")
        while "bob" not in (told := await ann.told()) or "until" not in told:
            pass
        await root.say("/deop ann")
        while (await ann.listed("ann", "root"))["ann"]["op"]:
            pass
        await ann.say("/bans")
        assert (await ann.until("message"))["message"] == "<p>/bans</p>"


async def test_kickall_puts_everybody_out(server: BareServer, way: str) -> None:
    async with (
        server.person("root", way, claims=OP) as root,
        server.person("ann", way) as ann,
    ):
        await root.say("/kickall")
        await ann.until("disconnect")
        await root.until("disconnect")
        await ann.log_in("ann")


async def test_an_operator_may_hide_and_is_in_nobodys_list(server: BareServer, way: str) -> None:
    async with (
        server.person("ann", way) as ann,
        server.person("root", way, claims=OP) as root,
    ):
        await ann.listed("ann", "root")
        await root.send("me", status="hidden")
        assert (await ann.until("presence", message="has exited the room!"))["username"] == "root"
        await ann.listed("ann")
        await ann.send("me", status="hidden")
        while (await root.listed("ann"))["ann"]["status"] != "away":
            pass
        await root.send("me", status="online")
        await ann.until("presence", username="root", message="has joined the room!")


async def test_the_shutdown_of_a_site_beside_others_tells_everybody_and_closes(
    tmp_path: Path,
) -> None:
    async with (
        barertc_server(tmp_path) as server,
        server.person("root", claims=OP) as root,
        server.person("ann") as ann,
    ):
        await ann.say("/shutdown")
        assert (await ann.until("message"))["message"] == "<p>/shutdown</p>"
        await root.say("/shutdown")
        assert "NOW" in await ann.told()
        for each in (ann, root):
            assert await each.gone() == 1001
        async with server.person("ann") as again:
            assert again.name == "ann"


async def test_a_site_that_is_not_its_own_process_says_that_it_cannot_be_reconfigured(
    tmp_path: Path,
) -> None:
    async with barertc_server(tmp_path) as server, server.person("root", claims=OP) as root:
        await root.say("/reconfigure")
        assert "configuration" in await root.told()
