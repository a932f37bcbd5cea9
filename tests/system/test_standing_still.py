"""A process that stood still for longer than it waits for anybody: those who are there stay."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import trio

from media.webrtc.bridge import open_media_loop
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_media import calling
from tests.support.owt_portal import Elsewhere, Guest, guest
from tests.support.process import RunningProcess, launched
from tests.support.raw import talking

STILL_SECONDS = 8.0
PATIENCE = 3.0  # of the server
BEAT = 0.5
CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", dialects = ["owt", "peerjs", "operator"] }}]
peerjs = {{ alive_timeout = {PATIENCE} }}
ice = {{ listen_ips = ["127.0.0.1"] }}
[owt]
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
ping_seconds = {PATIENCE - 1}
ping_timeout_seconds = 1
"""


async def stand_still(process: RunningProcess, seconds: float = STILL_SECONDS) -> None:
    process.send(signal.SIGSTOP)
    try:
        await trio.sleep(seconds)
    finally:
        process.send(signal.SIGCONT)


async def beat(each: Guest) -> None:
    """Ping as clients of Engine.IO 3 do; a stopped server finds it all in its kernel."""
    while True:
        await each.client.carrier.send("2")
        await trio.sleep(BEAT)


async def test_nobody_is_dropped_before_it_is_read_what_he_sent(tmp_path: Path) -> None:
    async with launched(tmp_path, CONFIG) as process, trio.open_nursery() as nursery:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        page = f"ws://127.0.0.1:{process.port}/peerjs?key=peerjs&id=ann&token=t"
        async with (
            guest(server, room, "old", version=3) as old,
            guest(server, room, "new", version=4) as new,
            talking(page) as peer,
        ):
            nursery.start_soon(beat, old)

            async def heartbeat() -> None:
                while True:
                    await peer.send_message(json.dumps({"type": "HEARTBEAT"}))
                    await trio.sleep(BEAT)

            nursery.start_soon(heartbeat)
            await peer.get_message()  # OPEN
            await trio.sleep(1.5 * PATIENCE)
            await stand_still(process)
            await trio.sleep(1.5 * PATIENCE)
            for each in (old, new):
                await each.ok("refreshReconnectionTicket")
            assert peer.closed is None
            assert [line for line in process.log if line["event"] == "peer.ended"] == []
            nursery.cancel_scope.cancel()


async def test_a_call_goes_on_after_it(tmp_path: Path) -> None:
    """For as long as the other sides wait for us: aiortc does so for thirty seconds."""
    async with (
        launched(tmp_path, CONFIG.replace(f"{PATIENCE - 1}", "25")) as process,
        open_media_loop() as loop,
    ):
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with (
            guest(server, room) as one,
            guest(server, room, "bob") as two,
            calling(one, loop) as ann,
            calling(two, loop) as bob,
        ):
            taken = await bob.subscribe(audio=await ann.publish(video=None))
            await bob.frames(taken, "audio")
            await stand_still(process, 18.0)
            await bob.frames(taken, "audio", more=50)
