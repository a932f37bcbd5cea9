"""How long a peer of a device lives: its credential, and its program."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.device.credentials import Credential, credential_token
from actors.device.events import (
    Closed,
    CredentialExpires,
    Opened,
)
from actors.device.messages import (
    ProgramAlive,
    RenewCredential,
    ShowPeer,
)
from actors.words.device_refusals import CredentialWrong
from tests.support.device_peers import (
    DeviceYard,
    open_yard,
)


def credential(yard: DeviceYard, ttl: int, *, ago: int = 0, id_: str = "camera") -> Credential:
    timestamp = int(yard.unix_time()) - ago
    return Credential(timestamp, ttl, credential_token("s3cret", id_, timestamp, ttl))


async def test_a_credential_that_runs_out(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera", secret="s3cret", credential=credential(yard, 3600))
        shown = await camera.ref.ask(ShowPeer(), within=5)
        assert 3598 < shown.expires_in <= 3600
        await trio.sleep(3299)
        assert camera.events == [Opened()]
        await trio.sleep(2)
        assert camera.events == [Opened(), CredentialExpires(300)]
        await trio.sleep(298)
        assert camera.ref.alive
        await trio.sleep(2)
        assert camera.events == [Opened(), CredentialExpires(300), Closed()]


async def test_a_credential_with_little_left(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        short = credential(yard, 600, ago=500)
        camera = await yard.open("camera", secret="s3cret", credential=short)
        await trio.sleep(0.1)
        assert camera.events == [Opened(), CredentialExpires(100)]


async def test_a_credential_that_is_renewed(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera", secret="s3cret", credential=credential(yard, 600))
        await trio.sleep(400)
        with pytest.raises(CredentialWrong):
            await camera.ref.ask(RenewCredential(credential(yard, 600, id_="robot")), within=5)
        await camera.ref.ask(RenewCredential(credential(yard, 1000)), within=5)
        await trio.sleep(400)
        assert camera.events == [Opened(), CredentialExpires(300)]
        await trio.sleep(301)
        assert camera.events == [Opened(), CredentialExpires(300), CredentialExpires(300)]
        await trio.sleep(301)
        assert camera.events[-1] == Closed()


async def test_a_renewal_where_none_is_needed_is_nothing(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        await camera.ref.ask(RenewCredential(Credential(0, 0, "")), within=5)
        await trio.sleep(80_000)
        assert camera.events == [Opened()]
        assert (await camera.ref.ask(ShowPeer(), within=5)).expires_in is None


async def test_a_peer_whose_program_has_died(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        yard.limit(idle_seconds=100.0)
        camera = await yard.open("camera")
        for _ in range(5):
            await trio.sleep(90)
            camera.ref.tell(ProgramAlive())
        assert camera.events == [Opened()]
        await trio.sleep(99)
        assert camera.ref.alive
        await trio.sleep(32)
        assert camera.events == [Opened(), Closed()]


async def test_a_lease_that_is_configured_later(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        camera = await yard.open("camera")
        await trio.sleep(10_000)
        assert camera.events == [Opened()]
        yard.limit(idle_seconds=50.0)
        await trio.sleep(61)
        assert camera.events == [Opened(), Closed()]
