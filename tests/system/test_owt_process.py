"""Conferences of Open WebRTC Toolkit against the real process: when it drains, and when it dies."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.owt_portal import AGENT, CONFIG, Elsewhere, connection, guest, token
from tests.support.process import launched

MIC = {"media": {"audio": {"source": "mic"}, "video": False}}


async def test_a_server_that_drains_lets_its_participants_go_and_ends(tmp_path: Path) -> None:
    async with launched(tmp_path, CONFIG) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with (
            guest(server, room, way="polling") as ann,
            guest(server, room, way="websocket") as bob,
            guest(server, room, way="upgrade") as cat,
            connection(server) as nobody,
        ):
            await bob.ok("publish", MIC)
            process.send(signal.SIGTERM)
            for each in (ann, bob, cat, nobody):
                assert await each.client.gone()
            code, _ = await process.end()
    assert code == 0
    assert process.stopped_within() < 10  # of the twenty that it may take
    assert process.troubles() == []
    ends = [line["reason"] for line in process.log if line["event"] == "peer.ended"]
    assert len(ends) == 3
    assert set(ends) <= {"shutting_down", "shutdown"}


async def test_after_a_kill_nobody_is_there_and_everybody_may_come(tmp_path: Path) -> None:
    async with launched(tmp_path, CONFIG) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as ann:
            process.process.kill()
            assert await ann.client.gone() == "transport"
            await process.process.wait()
    async with launched(tmp_path, CONFIG) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with connection(server) as again:
            assert await again.refused("relogin", ann.ticket) == "Client does NOT exist"
            assert await again.client.gone() == "disconnect"
        async with connection(server) as again:
            request = {"token": await token(server, room), "userAgent": AGENT, "protocol": "1.1"}
            assert (await again.ok("login", request))["room"]["participants"]
