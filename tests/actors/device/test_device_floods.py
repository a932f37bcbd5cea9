"""What one that floods a device brings about: nothing that costs others anything."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
from trio.testing import wait_all_tasks_blocked

from actors.device.data import DataConnection
from actors.device.events import Closed, ConnectionFailed
from actors.device.messages import EndConnection, RedirectsChanged
from tests.support.actors import settle
from tests.support.device_peers import Device, DeviceYard, open_yard
from tests.support.saboteur import Saboteur

MUCH = 1000


async def called(yard: DeviceYard) -> tuple[Device, str, str]:
    """Have a camera call somebody absent; return it, its connection, and what frames call that."""
    camera = await yard.open("camera")
    id_ = await camera.connect("ann", redirect=("127.0.0.1", 4000))
    (box,) = yard.absent._boxes.values()
    (signal,) = box.signals.values()
    return camera, id_, json.loads(signal.body)["payload"]["connectionId"]


def candidate(connection: str, size: int) -> bytes:
    text = "candidate:1 1 udp 1 192.0.2.1 1 typ host ".ljust(size, "x")
    return json.dumps({"connectionId": connection, "candidate": {"candidate": text}}).encode()


@pytest.mark.parametrize(
    ("kind", "size", "most"), [("CANDIDATE", 50, 128), ("CANDIDATE", 100_000, 2), ("LEAVE", 0, 128)]
)
async def test_a_connection_hears_its_end_and_what_may_not_be_whatever_the_other_side_says(
    kind: str, size: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        camera, id_, connection = await called(yard)
        saboteur = Saboteur(monkeypatch, DataConnection, yard.path(camera, id_))
        actor = yard.watcher.actors[id_]
        with saboteur.holding():
            for _ in range(MUCH):
                camera.hear("ann", kind, candidate(connection, size) if size else b"")
                await wait_all_tasks_blocked()
            cell = yard.house.system.registry.cell_at(actor.path)
            assert cell is not None
            assert 0 < cell.mailbox.depth <= most
            actor.tell(RedirectsChanged((ip_network("192.0.2.0/24"),)))
            actor.tell(EndConnection())
        await settle()
        assert yard.events(id_)[-1] == Closed()
        assert kind != "LEAVE" or isinstance(yard.events(id_)[0], ConnectionFailed)
        assert not yard.engine.sessions
