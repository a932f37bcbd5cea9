"""What two listeners of one server have in common: rooms, sessions, pictures, guesses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.http.mounts import Place
from tests.support.serving import CARRIERS, second_listener
from tests.support.spreed import SpreedServer, spreed_server, spreed_settings


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpreedServer]:
    async with spreed_server(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def other(server: SpreedServer) -> AsyncIterator[SpreedServer]:
    async with second_listener(
        server.services, server.open(Place(root=False, secure=False))
    ) as served:
        yield SpreedServer(served, server.system, server.services, server.nursery, server.open)


async def test_a_session_is_taken_over_by_the_other_listener(
    server: SpreedServer, other: SpreedServer
) -> None:
    async with other.client(path="/spreed/ws") as bob, server.client() as ann:
        await bob.join("blue")
        await ann.join("blue")
        assert (await bob.data("Joined"))["Id"] == ann.id
        async with other.client(f"?t={ann.me['Token']}", "/spreed/ws") as again:
            assert again.id == ann.id
            assert await ann.gone() in (None, 1000, 1006)
            welcome = await again.join("blue")
            assert [user["Id"] for user in welcome["Users"]] == [bob.id, ann.id]
            assert (await bob.data("Joined"))["Id"] == ann.id
        assert await bob.data("Left") == {"Type": "Left", "Id": ann.id, "Status": "hard"}


async def test_guesses_at_an_access_token_are_counted_over_both(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("the right one\n")
    settings = spreed_settings(
        spreed={"token_file": str(tmp_path / "tokens")}, limits={"credential_failures": 4}
    )
    async with spreed_server(tmp_path, settings=settings) as server:
        mount = server.open(Place(root=False, secure=False))
        async with second_listener(server.services, mount) as served:
            found = []
            for number in range(5):
                url = (server.url, served.url)[number % 2]
                async with server.http() as http:
                    answer = await http.post(f"{url}/api/v1/tokens", data={"a": "wrong"})
                    found.append(answer.status_code)
    assert found[:4] == [403] * 4
    assert found[4] == 429
