"""One broker for two listeners: a client uses both, and clients of both meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.http.mounts import Place
from tests.support.peerjs import broker_server
from tests.support.serving import CARRIERS, second_listener


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_clients_of_two_listeners_find_each_other(tmp_path: Path, carrier: str) -> None:
    async with broker_server(tmp_path, carrier) as broker:
        mount = broker.mount_at(Place(root=True, secure=False))
        async with (
            second_listener(broker.services, mount) as other,
            broker.client("ann") as ann,
        ):
            await ann.send("OFFER", "bob", payload=1)
            await broker.until_waiting(1)
            async with broker.client("bob", path="/peerjs/peerjs", at=other) as bob:
                assert (await bob.next())["payload"] == 1
                assert (await broker.refused("ann", "wrong", at=other))[0] == "ID-TAKEN"
                async with broker.client("ann", at=other) as again:
                    assert await ann.gone() == 1000
                    await bob.send("ANSWER", "ann", payload=2)
                    assert (await again.next())["payload"] == 2
