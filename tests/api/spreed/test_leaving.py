"""How the others learn that somebody has gone: a page that was left, or a network that broke."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedServer, spreed_server


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpreedServer]:
    async with spreed_server(tmp_path, request.param) as running:
        yield running


@pytest.mark.parametrize(
    ("code", "status"), [(1001, "soft"), (1000, "hard"), (4000, "hard"), (None, "hard")]
)
async def test_who_leaves_the_page_has_left_and_who_is_lost_may_come_back(
    server: SpreedServer, code: int | None, status: str
) -> None:
    async with server.client() as ann:
        await ann.join("blue")
        async with server.client() as bob:
            await bob.join("blue")
            await ann.data("Joined")
            if code is None:
                await trio.aclose_forcefully(bob.socket._stream)
            else:
                await bob.socket.aclose(code)
        assert await ann.data("Left") == {"Type": "Left", "Id": bob.id, "Status": status}
        assert await ann.silent()
        await ann.send("Users")
        assert [user["Id"] for user in (await ann.data("Users"))["Users"]] == [ann.id]


async def test_a_page_that_is_left_takes_nothing_from_the_socket_that_took_over(
    server: SpreedServer,
) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        async with server.client(f"?t={bob.me['Token']}") as again:
            assert again.id == bob.id
            await again.join("blue")
            await ann.data("Joined")
            await bob.socket.aclose(1001)
            await again.send("Users")
            assert len((await again.data("Users"))["Users"]) == 2
            assert await ann.silent()
