"""Every actor that a conference leans on crashes during a call; what its people then notice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio

from actors.words.keys import DIRECTORY, MEMBERS, ROOMS, MemberKey
from media.local_engine import open_local_engine
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.support.media_file import errors_in, look_into
from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_media import calling
from tests.support.owt_portal import connection, guest, live_room, until_away

AGAIN_SECONDS = 60.0


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


@pytest.fixture
async def server(tmp_path: Path, loop: MediaLoop) -> AsyncIterator[OwtServer]:
    settings = owt_settings(owt={"messages_per_second": 0})
    async with open_local_engine(loop, IceConfig(listen_ips=("127.0.0.1",))) as engine:
        async with owt_server(tmp_path, settings=settings, engine=engine) as found:
            yield found
        assert engine.sessions == 0


@pytest.fixture
async def room(server: OwtServer) -> str:
    return str((await server.manager().create_room())["_id"])


async def crash(server: OwtServer, path: str) -> None:
    """Crash an actor, by one of its helper tasks, and wait until that has happened."""

    async def boom() -> None:
        raise RuntimeError("sabotage")

    cell = server.system.registry.cell_at(path)
    assert cell is not None, path
    before = server.system.counters.crashes
    cell.life.actor.ctx.start_task(boom)
    with trio.fail_after(AGAIN_SECONDS):
        while server.system.counters.crashes == before:
            await trio.sleep(0.01)


@pytest.mark.parametrize("path", [DIRECTORY, ROOMS, MEMBERS, "/conferencing"])
async def test_a_crash_of_what_all_stand_on_ends_calls_and_lets_everybody_in_again(
    server: OwtServer, room: str, loop: MediaLoop, path: str
) -> None:
    """Peers end with it, and so their connections: nobody is left with one that leads nowhere."""
    async with guest(server, room) as one, guest(server, room, way="upgrade") as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish()
            await bob.frames(await bob.subscribe(stream, stream))
            await crash(server, path)
            for each in (one, two):
                assert await each.client.gone() in ("transport", "disconnect", "close")
    await until_open(server)
    await talk_again(server, room, loop)
    async with connection(server) as back:
        assert await back.refused("relogin", one.ticket) == "Client does NOT exist"


async def until_open(server: OwtServer) -> None:
    with trio.fail_after(AGAIN_SECONDS):
        async with httpx.AsyncClient(base_url=server.url, timeout=AGAIN_SECONDS) as http:
            asked = "/socket.io/?EIO=3&transport=polling"
            while (await http.get(asked)).status_code != 200:
                await trio.sleep(0.01)


async def talk_again(server: OwtServer, room: str, loop: MediaLoop) -> None:
    """Newcomers log in, publish and see each other."""
    async with guest(server, room, "new") as one, guest(server, room, "newer") as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish(video=220)
            taken = await bob.subscribe(stream, stream)
            assert abs(await bob.frames(taken) - 220) < 20


async def test_a_crash_of_a_participant_ends_it_alone(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            doomed, kept = await ann.publish(), await bob.publish()
            taken = await bob.subscribe(doomed, doomed)
            await crash(server, MemberKey("owt", one.id).path)
            await one.client.gone()
            ended = await two.told("progress", id=taken, status="error")
            assert ended["data"] == "Source stream loss"
            while (told := await two.told("participant"))["action"] != "leave":
                pass
            assert told["data"] == one.id
            async with connection(server) as again:
                assert await again.refused("relogin", one.ticket) == "Client does NOT exist"
            async with guest(server, room, "new") as new, calling(new, loop) as newcomer:
                await newcomer.frames(await newcomer.subscribe(kept, kept))


async def test_a_crash_of_what_looks_after_recordings_disturbs_nobody(
    server: OwtServer, room: str
) -> None:
    async with guest(server, room) as one, guest(server, room) as two:
        await crash(server, "/recordings/keeper")
        await one.ok("text", {"to": "all", "message": "still here"})
        await two.told("text", message="still here")


async def test_a_crash_under_the_connections_is_an_absence(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    """Everybody loses the connection, comes back by ticket, and media goes on meanwhile."""
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish()
            taken = await bob.subscribe(stream, stream)
            await crash(server, "/socketio")
            for each in (one, two):
                await each.client.gone()
                await until_away(server, each.id)
            await bob.frames(taken)
            await until_open(server)
            async with connection(server) as again, connection(server) as too:
                await again.ok("relogin", one.ticket)
                await too.ok("relogin", two.ticket)
                await again.ok("text", {"to": "all", "message": "back"})
                await too.told("text", message="back")
                await bob.frames(taken)
            await until_away(server, one.id)


async def test_a_crash_during_a_recording_leaves_a_whole_file(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as one, calling(one, loop) as ann:
        stream = await ann.publish()
        body = {"media": {"audio": {"from": stream}, "video": {"from": stream}}}
        manager = server.manager()
        path = f"/v1/rooms/{room}/recordings"
        answer = await manager.ask("POST", path, body | {"container": "mkv"})
        assert answer.status_code == 200, answer.text
        await trio.sleep(1)
        await crash(server, live_room(server, room).path)
        assert (await one.told("progress"))["data"] == "Access node exited unexpectedly"
        assert (await manager.ask("GET", path)).json() == []
        file = Path(answer.json()["storage"]["file"])
        assert errors_in(file) == ""
        assert set(look_into(file).packets) == {"opus", "vp8"}
