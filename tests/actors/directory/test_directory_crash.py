"""A crash of the directory ends rooms and members; endpoints go on, and it knows whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.core import Ref
from actors.directory.actor import DirectoryActor
from actors.directory.directory import Directory
from actors.directory.messages import CountUsers
from actors.endpoint.endpoint import (
    Attach,
    Describe,
    EndEndpoint,
    EndpointSpec,
    OfferEvent,
    ResumeDelivery,
    Unregister,
)
from actors.endpoint.outbox import EndpointEvent, OutboxLimits
from actors.endpoint.rules import EndpointTerms, Owner, Quota
from actors.words.close_reasons import CloseReason
from actors.words.keys import DIRECTORY, ENDPOINTS, EndpointKey
from actors.words.refusals import EndpointTaken, TooManyEndpoints
from tests.support.actors import LIMITS, REALM, House, Listener, open_house, settle
from tests.support.saboteur import Boom, Saboteur

ANN, BOB = Owner("acme", "ann"), Owner("acme", "bob")
TWO = Quota(per_user=2)


async def register(house: House, id_: str, owner: Owner = ANN, quota: Quota = TWO) -> Ref[Any]:
    spec = EndpointSpec(
        EndpointKey(REALM, id_),
        owner,
        EndpointTerms(600),
        lambda: b"{}",
        OutboxLimits(),
        dialect="test",
    )
    return await directory_of(house).open_endpoint(spec, quota)


def directory_of(house: House) -> Directory:
    return Directory(house.system.registry, lambda: LIMITS)


async def found(house: House, owner: Owner = ANN) -> list[str]:
    return [it.name for it in await directory_of(house).endpoints_of(REALM, owner)]


@asynccontextmanager
async def crashed(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Crash the directory; the next incarnation is set up when the block ends."""
    over, setup = trio.Event(), DirectoryActor.setup

    async def wait(actor: DirectoryActor) -> None:
        await over.wait()
        await setup(actor)

    saboteur = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    saboteur.crash("handle")
    monkeypatch.setattr(DirectoryActor, "setup", wait)
    with pytest.raises(Exception, match="Boom") as caught:
        await house.find(DIRECTORY).ask(CountUsers(REALM), within=5)
    assert isinstance(caught.value.__cause__, Boom)
    await settle()
    yield
    over.set()
    await settle()


async def test_endpoints_keep_their_events_owners_and_quotas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house() as house:
        one, two = await register(house, "one"), await register(house, "two")
        await register(house, "third", BOB)
        (cid,) = await house.people("cid")
        assert await one.ask(OfferEvent(ANN, EndpointEvent(b"before", b"", qos=1)), within=5)
        async with crashed(house, monkeypatch):
            assert cid.client.closed
            assert await one.ask(OfferEvent(ANN, EndpointEvent(b"meanwhile", b"", qos=1)), within=5)
        assert house.system.registry.children(ENDPOINTS)[:2] == [one, two]
        listener = Listener()
        await one.ask(Attach(listener, ANN), within=5)
        one.tell(ResumeDelivery(listener))
        await settle()
        assert listener.payloads == [b"before", b"meanwhile"]
        assert await found(house) == [one.name, two.name]
        assert len(await found(house, BOB)) == 1
        with pytest.raises(TooManyEndpoints):
            await register(house, "another")
        with pytest.raises(TooManyEndpoints):
            await register(house, "another", Owner("acme", "dan"), Quota(9, 3, 9))
        with pytest.raises(EndpointTaken):
            await register(house, "one", BOB)
        assert await register(house, "one") is one  # renewed, and counted once
        assert house.facts(DIRECTORY)["endpoints"] == 3


async def test_an_endpoint_that_ends_while_there_is_no_directory_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house() as house:
        one, two = await register(house, "one"), await register(house, "two")
        async with crashed(house, monkeypatch):
            await one.ask(Unregister(ANN), within=5)
        assert await found(house) == [two.name]
        assert house.facts(DIRECTORY)["endpoints"] == 1
        await register(house, "one")
        with pytest.raises(TooManyEndpoints):
            await register(house, "another")


async def test_an_endpoint_that_ends_after_the_crash_is_forgotten_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house() as house:
        one, two = await register(house, "one"), await register(house, "two")
        async with crashed(house, monkeypatch):
            pass
        one.tell(EndEndpoint(CloseReason.EXPIRED))
        await settle()
        assert await found(house) == [two.name]
        assert house.facts(DIRECTORY)["endpoints"] == 1


async def test_who_asks_while_there_is_no_directory_is_answered_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house() as house:
        one = await register(house, "one")
        answers: list[list[str]] = []

        async def ask() -> None:
            answers.append(await found(house))

        async with trio.open_nursery() as nursery:
            async with crashed(house, monkeypatch):
                nursery.start_soon(ask)
                await settle()
                assert answers == []
        assert answers == [[one.name]]


async def crash_task(house: House, path: str) -> None:
    """Crash an actor over one of its helper tasks."""

    async def boom() -> None:
        raise Boom

    cell = house.system.registry.cell_at(path)
    assert cell is not None
    cell.life.actor.ctx.start_task(boom)
    await settle()


async def test_a_crash_of_all_that_the_directory_stands_in_loses_no_endpoint() -> None:
    async with open_house() as house:
        one, two = await register(house, "one"), await register(house, "two")
        await crash_task(house, "/conferencing")
        assert await found(house) == [one.name, two.name]
        one.tell(EndEndpoint(CloseReason.EXPIRED))
        await settle()
        assert await found(house) == [two.name]


async def test_a_crash_of_all_endpoints_empties_the_table_and_no_room() -> None:
    async with open_house() as house:
        one, two = await register(house, "one"), await register(house, "two")
        ann, _bob = await house.people("ann", "bob")
        await crash_task(house, ENDPOINTS)
        assert not one.alive
        assert not two.alive
        assert await found(house) == []
        assert house.facts(DIRECTORY)["endpoints"] == 0
        assert house.members() == {"ann", "bob"}
        assert ann.client.facts == []
        again = await register(house, "one", BOB)
        assert (await again.ask(Describe(BOB), within=5)).id == "one"
