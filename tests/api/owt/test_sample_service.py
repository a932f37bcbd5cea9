"""The services that are there from the start: when they are made, and when they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from api.owt.management.service import Management
from api.owt.state import OwtState
from tests.support.owt import KEYS, SUPER, Manager, OwtServer, owt_server, owt_settings


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    settings = owt_settings(owt={"sample_service_id": "", "sample_service_key": ""})
    async with owt_server(tmp_path, settings=settings) as server:
        yield server


def sample_of(server: OwtServer) -> Manager:
    secrets = server.services.secrets
    return server.manager(
        secrets.text("owt.sample_service_id"), key=secrets.text("owt.sample_service_key")
    )


async def start_again(server: OwtServer) -> None:
    """Have the services begin, as with the next start."""
    await Management(OwtState.open(server.services)).services.begin()


async def test_the_sample_service_is_there_for_the_first_requests(server: OwtServer) -> None:
    statuses = []

    async def ask() -> None:
        statuses.append((await sample_of(server).ask("GET", "/v1/rooms")).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert statuses == [200] * 5


async def test_a_deleted_sample_service_stays_away(server: OwtServer) -> None:
    sample = sample_of(server)
    assert (await sample.ask("GET", "/v1/rooms")).status_code == 200
    await start_again(server)
    assert (await sample.ask("GET", "/v1/rooms")).status_code == 200
    boss = server.manager(SUPER, key=KEYS[SUPER])
    assert (await boss.ask("DELETE", f"/services/{sample.service}")).status_code == 200
    await start_again(server)
    assert (await sample.ask("GET", "/v1/rooms")).status_code == 401
    assert len((await boss.ask("GET", "/services")).json()) == 1
