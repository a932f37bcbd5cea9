"""Media of a device goes ways that lose and delay it, and the operator sees how well it does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.command_line import command
from tests.support.device_program import GATEWAY, HERE, Json, Program, ProgramPeer, Socket, udp
from tests.support.five_dialects import BEARER, TOKEN
from tests.support.peerjs_caller import broker_client, in_call
from tests.support.rtp_ffmpeg import sending
from tests.support.server_process import ServerProcess
from tests.support.udp_relay import UdpRelay

PATIENCE = 120.0
CONFIG = f'{GATEWAY}[operator]\ntoken = "{TOKEN}"\n'
QUICK = """
import sys
from actors.device import connection
from api.cli.commands import run
from media.rtp import recent_loss
connection.MEASURE_SECONDS, recent_loss.SPAN_SECONDS = 0.5, 2.0  # instead of five, both
sys.exit(run(sys.argv[1:]))
"""
Answer = dict[str, Any]
LOSS = 0.25
DELAY = 0.15  # seconds, each way


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, config=CONFIG, entry=("-c", QUICK)) as server:
        yield server


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


class Operator:
    """Sees how one device does, in each place that shows it."""

    def __init__(self, server: ServerProcess, http: httpx.AsyncClient) -> None:
        self._where = "--url", server.url, "--config", str(server.config)
        self._http = http

    async def until(self, rating: str, *more: Callable[[Answer], bool], says: str = "") -> None:
        """Wait until it does as well as that wherever one looks, and more holds.

        `says` is a pattern of what `quintet who` says then. Each place is asked anew until all of
        them tell it: between two looks a machine that has much to do may lose or delay something.
        """
        missing = "no answer"
        with trio.move_on_after(PATIENCE):
            while missing := await self._missing(rating, more, says):
                await trio.sleep(0.1)
            return
        raise AssertionError(f"{rating} was not told: {missing}")

    async def _missing(
        self, rating: str, more: Iterable[Callable[[Answer], bool]], says: str
    ) -> str:
        """Return what is told otherwise; nothing where all is told."""
        found = (await self._http.get("/-/people", params={"dialect": "skyway"})).json()
        [person] = found["people"]
        told = (await self._http.get(f"/-/people/{person['id']}")).json()
        quality = told["quality"]
        if quality is None or quality["rating"] != rating or not all(holds(told) for holds in more):
            return f"the API tells {told}"
        counts = await self._counts()
        if counts != {each: int(each == rating) for each in ("good", "fair", "bad")}:
            return f"the metrics tell {counts}"
        if says and not re.search(says, said := await self._said()):
            return f"quintet who says {said}"
        return ""

    async def _said(self) -> str:
        options = "who", "--dialect", "skyway", *self._where
        done = await trio.to_thread.run_sync(command, *options)
        assert (done.code, done.remarks) == (0, ""), done
        return done.answer

    async def _counts(self) -> dict[str, int]:
        """Return how many devices do how well, by the metrics."""
        lines = (await self._http.get("/-/metrics")).text.splitlines()
        start = 'quintet_quality_people{dialect="skyway",rating="'
        found = (line.removeprefix(start).split('"} ') for line in lines if line.startswith(start))
        return {rating: int(float(count)) for rating, count in found}


def flows(told: Answer) -> bool:
    quality = told["quality"]
    return quality["bits_in"] > 0 and quality["bits_out"] > 0 and quality["loss"] is not None


def loses(*directions: str) -> Callable[[Answer], bool]:
    """Make what tells whether these streams lose about LOSS, and the others nothing to speak of."""

    def do(told: Answer) -> bool:
        found = {it["direction"]: it["loss"] for it in told["stream_list"]}
        return all(
            loss is not None
            and (LOSS / 2 < loss < LOSS * 1.6 if way in directions else loss < 0.03)
            for way, loss in found.items()
        )

    return do


def delayed(told: Answer) -> bool:
    """Tell whether the round trip is that of DELAY each way, on a machine that has much to do."""
    return 2 * DELAY <= (told["quality"]["round_trip"] or 0.0) < 0.5


@pytest.fixture
def microphone(server: ServerProcess) -> Iterator[tuple[ProgramPeer, Socket, Json]]:
    """A device, its socket, and how it answers: what it hears goes to an ear of its own."""
    with Program(server.url) as program, udp() as ear:
        peer = program.peer("microphone")
        socket = program.media_socket(video=False)
        parameters = {
            "band_width": 1500, "codec": "OPUS", "media_id": socket.id, "payload_type": 111,
        }  # fmt: skip
        yield (
            peer,
            socket,
            {
                "constraints": {"video": False, "audio": True, "audio_params": parameters},
                "redirect_params": {"audio": ear.redirect},
            },
        )


async def test_an_operator_sees_how_the_media_of_a_device_comes_and_goes(
    server: ServerProcess, loop: MediaLoop, microphone: tuple[ProgramPeer, Socket, Json]
) -> None:
    device, socket, body = microphone

    def answer() -> None:
        device.program.ask("POST", f"{device.called()}/answer", 202, body)

    with UdpRelay(seed=1) as to_socket, UdpRelay(seed=2) as to_ann:
        relayed = Socket(socket.id, HERE, to_socket.to(socket.address))
        with sending("OPUS", 111, relayed):
            async with (
                httpx.AsyncClient(base_url=server.url, headers=BEARER, timeout=PATIENCE) as http,
                broker_client(server.url, "ann") as broker,
                trio.open_nursery() as nursery,
            ):
                operator = Operator(server, http)
                nursery.start_soon(trio.to_thread.run_sync, answer)
                async with in_call(loop, broker, device.id, to_ann):
                    await operator.until("good", flows, loses())

                    to_socket.loss = LOSS
                    await operator.until("bad", loses("in"), says=r" bad, [1-4]\d\.\d % lost, ")

                    to_socket.loss, to_ann.loss = 0.0, LOSS
                    await operator.until("bad", loses("in", "out"))

                    to_ann.loss, to_ann.delay = 0.0, DELAY
                    says = r" fair, \d\.\d % lost, [34]\d\d ms "
                    await operator.until("fair", delayed, loses(), says=says)

                    to_ann.delay = 0.0
                    await operator.until("good", loses(), says=r" good, \d\.\d % lost, ")
