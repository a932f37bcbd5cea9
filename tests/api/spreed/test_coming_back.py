"""What a session hears in a room that it comes back to: what it missed, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedClient, SpreedServer, spreed_server

TYPING = {"Message": "", "NoEcho": True, "Status": {"Typing": "start"}}
FILE = {"Message": "", "NoEcho": True, "Status": {"FileInfo": {"id": "1", "name": "a.txt"}}}


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpreedServer]:
    async with spreed_server(tmp_path, request.param) as running:
        yield running


async def say(client: SpreedClient, text: str, to: str = "") -> None:
    await client.send("Chat", {"Message": text, "NoEcho": True}, **({"To": to} if to else {}))


async def all_taken(client: SpreedClient) -> None:
    """Wait until the room has taken what this client sent so far."""
    await client.send("Users")
    await client.data("Users")


@pytest.mark.parametrize("how", ["lost", "taken over"])
async def test_who_comes_back_hears_after_the_welcome_what_was_said(
    server: SpreedServer, how: str
) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        if how == "lost":
            await trio.aclose_forcefully(bob.socket._stream)
            await ann.data("Left")
        async with server.client(f"?t={bob.me['Token']}") as again:
            await say(ann, "one")
            await ann.send("Chat", TYPING)
            await ann.send("Chat", FILE)
            await all_taken(ann)
            users = (await again.join("blue"))["Users"]
            assert {user["Id"] for user in users} == {ann.id, bob.id}
            first, second = await again.next(), await again.next()
            assert (first["From"], first["Data"]["Chat"]["Message"]) == (ann.id, "one")
            assert second["Data"]["Chat"]["Status"]["FileInfo"]["name"] == "a.txt"
            assert await again.silent()


async def test_what_is_said_to_one_whose_connection_is_away_reaches_it_alone(
    server: SpreedServer,
) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        await trio.aclose_forcefully(bob.socket._stream)
        await ann.data("Left")
        await say(ann, "for you alone", bob.id)
        await all_taken(ann)
        async with server.client() as cid, server.client(f"?t={bob.me['Token']}") as again:
            await cid.join("blue")
            assert await cid.silent()
            await again.join("blue")
            frame = await again.next()
            assert (frame["From"], frame["To"]) == (ann.id, bob.id)
            assert frame["Data"]["Chat"]["Message"] == "for you alone"
            assert await again.silent()


async def test_who_left_hears_nothing_of_what_was_said_behind_him(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        await bob.socket.aclose(1001)
        await ann.data("Left")
        await say(ann, "behind his back")
        await say(ann, "to nobody", bob.id)
        await all_taken(ann)
        async with server.client(f"?t={bob.me['Token']}") as again:
            await again.join("blue")
            assert await again.silent()
