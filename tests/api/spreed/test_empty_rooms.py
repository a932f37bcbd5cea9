"""How many empty rooms one address may leave behind: over real sockets, as behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from actors.words.keys import ROOMS, RoomKey
from tests.support.spreed import SpreedClient, SpreedServer, spreed_server, spreed_settings

MOST = 20
HERE, ELSEWHERE = "2001:db8:1:2::3", "203.0.113.9"
REFUSED = ("too_many_rooms", "Too many empty rooms were left behind from this address, try later")


@asynccontextmanager
async def behind_a_proxy(tmp_path: Path, most: int = MOST) -> AsyncIterator[SpreedServer]:
    limits = {"trusted_proxies": ["127.0.0.1"], "empty_rooms_per_address": most}
    settings = spreed_settings(limits=limits, spreed={"room_expiry_seconds": 600})
    async with spreed_server(tmp_path, settings=settings) as server:
        yield server


def client(server: SpreedServer, address: str) -> AbstractAsyncContextManager[SpreedClient]:
    return server.client(headers=[("X-Forwarded-For", address)])


async def refused(client: SpreedClient, room: str) -> bool:
    """Say hello; tell whether there is no place for the room."""
    await client.hello(room)
    answer = (await client.next())["Data"]
    if answer["Type"] == "Welcome":
        return False
    assert (answer["Code"], answer["Message"]) == REFUSED
    return True


def path(room: str) -> str:
    return RoomKey("spreed", f"Room:{room}").path


async def test_the_next_room_is_refused_until_one_has_ended_or_somebody_is_in(
    tmp_path: Path,
) -> None:
    async with (
        behind_a_proxy(tmp_path) as server,
        client(server, HERE) as ann,
        client(server, "2001:db8:1:2:ffff::1") as neighbour,  # of the same /64
        client(server, ELSEWHERE) as cid,
    ):
        for number in range(MOST):
            await ann.join(f"left {number}")  # and leave the one before
        assert await refused(ann, "one more")
        assert await refused(neighbour, "one more")
        assert server.system.registry.find(path("one more")) is None
        assert not await refused(cid, "one more")
        assert not await refused(ann, "one more")  # it is there
        assert len(server.system.registry.children(ROOMS)) == MOST + 1

        server.system.stop_actor(path("left 0"), "expired")
        await server.until(path("left 0"), exists=False)
        assert not await refused(neighbour, "in its place")
        assert not await refused(ann, "and another")  # its neighbour is in the former
        assert await refused(neighbour, "too much")  # which it would leave behind
        assert not await refused(neighbour, "left 1")  # so that only nineteen others are empty


async def test_there_is_no_limit_where_none_is_set(tmp_path: Path) -> None:
    async with behind_a_proxy(tmp_path, 0) as server, client(server, HERE) as ann:
        for number in range(MOST + 5):
            await ann.join(f"left {number}")
