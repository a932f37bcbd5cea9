"""Which pages may use which API key at the broker, and who meets whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.http.peer_keys import ApiKey
from tests.support.peerjs import Broker, broker_server, broker_settings

WRONG_KEY = ("ERROR", "Invalid key provided")
PAGE = "https://shop.example"
OTHER = "https://other.example"
KEYS = (
    ApiKey("robots", ("shop.example",)),
    ApiKey("any"),
    ApiKey("proven", (), "a secret"),
    ApiKey("both", (), "a secret", browsers=True),
)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    settings = broker_settings(peerjs={"allow_discovery": True})
    async with broker_server(tmp_path, settings=settings) as running:
        running.services.peer_keys.set(KEYS)
        yield running


async def test_a_page_of_a_keys_domain_may_use_it_and_no_other_page(broker: Broker) -> None:
    async with broker.client("ann", key="robots", origin=PAGE):
        pass
    for origin in (OTHER, None, "null", f"{PAGE}.evil"):
        assert await broker.refused("bob", key="robots", origin=origin) == WRONG_KEY


async def test_a_key_with_a_secret_takes_browsers_only_where_it_says_so(broker: Broker) -> None:
    assert await broker.refused("ann", key="proven", origin=PAGE) == WRONG_KEY
    async with broker.client("ann", key="both", origin=PAGE):
        pass


async def test_the_brokers_own_key_is_for_any_page(broker: Broker) -> None:
    async with broker.client("ann", origin=OTHER), broker.client("bob"):
        pass
    assert await broker.refused("cid", key="unknown", origin=PAGE) == WRONG_KEY


async def test_peers_of_one_key_meet_each_other_only(broker: Broker) -> None:
    async with (
        broker.client("ann", key="any") as ann,
        broker.client("bob", key="any") as bob,
        broker.client("bob", "other token") as namesake,
    ):
        await ann.send("OFFER", "bob", payload=1)
        assert (await bob.next())["src"] == "ann"
        assert await namesake.silent()


async def test_a_page_that_may_not_use_a_key_may_not_list_its_peers(broker: Broker) -> None:
    async with broker.client("ann", key="robots", origin=PAGE), broker.http() as http:
        found = await http.get("/peerjs/robots/peers", headers={"Origin": PAGE})
        assert found.json() == ["ann"]
        for headers in ({"Origin": OTHER}, {}):
            answer = await http.get("/peerjs/robots/peers", headers=headers)
            assert (answer.status_code, answer.text) == (401, "Unauthorized")


async def test_who_is_connected_stays_when_the_key_is_taken_away(broker: Broker) -> None:
    async with (
        broker.client("ann", key="any") as ann,
        broker.client("bob", key="any") as bob,
    ):
        broker.services.peer_keys.set([])
        await ann.send("OFFER", "bob", payload=1)
        assert (await bob.next())["src"] == "ann"
        assert await broker.refused("cid", key="any") == WRONG_KEY
        assert await broker.refused("ann", key="any") == WRONG_KEY
        assert await bob.silent()
