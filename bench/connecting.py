"""`python -m bench.connecting`: what a WebRTC session costs: to connect, and to keep.

Two sessions of one engine connect with each other over loopback, audio, video and data channels
in each; no packet of media flows. CPU is that of the process, which is both sides: half of it is
one session's. Memory is the growth of the resident memory over all sessions that are kept.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import trio

from media.contract.session import Direction, Event, SessionWanted, State, StateChanged, TrackWanted
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig

SENDS = SessionWanted(
    (
        TrackWanted("audio", Direction.SEND, ("opus",)),
        TrackWanted("video", Direction.SEND, ("vp8",)),
    ),
    data=True,
)
TAKES = SessionWanted(
    (TrackWanted("audio", Direction.RECEIVE), TrackWanted("video", Direction.RECEIVE))
)


async def connect(engine: LocalEngine, name: str) -> tuple[float, float]:
    """Connect a pair; return the seconds it took, and the seconds of CPU."""
    connected = [trio.Event(), trio.Event()]

    def telling(done: trio.Event) -> Callable[[Event], None]:
        def tell(event: Event) -> None:
            if isinstance(event, StateChanged) and event.state is State.CONNECTED:
                done.set()

        return tell

    began, worked = time.perf_counter(), time.process_time()
    first = await engine.open_session(f"{name}/1", SENDS, telling(connected[0]))
    second = await engine.open_session(f"{name}/2", TAKES, telling(connected[1]))
    offer = await first.create_offer()
    answer = await second.accept_offer(offer.sdp)
    await first.accept_answer(answer.sdp)
    with trio.fail_after(10):
        for done in connected:
            await done.wait()
    return time.perf_counter() - began, time.process_time() - worked


def resident() -> int:
    gc.collect()
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def main(pairs: int) -> None:
    ice = IceConfig(("127.0.0.1",))
    async with open_media_loop() as loop, open_local_engine(loop, ice) as engine:
        for number in range(5):
            await connect(engine, f"warm {number}")
        before = resident()
        runs = [await connect(engine, str(number)) for number in range(pairs)]
        memory = (resident() - before) / (2 * pairs)
        worked = time.process_time()
        await trio.sleep(3)
        idle = (time.process_time() - worked) / 3 / (2 * (pairs + 5))
    print(f"connect a pair     {median(run[0] for run in runs) * 1000:8.1f} ms")
    print(f"CPU of one side    {median(run[1] for run in runs) * 500:8.1f} ms")
    print(f"memory a session   {memory / 1024:8.0f} KiB")
    print(f"CPU of an idle one {idle * 1000:8.2f} ms/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.connecting", description=__doc__)
    parser.add_argument("--pairs", type=int, default=50, help="that are connected and kept (50)")
    trio.run(main, parser.parse_args().pairs)
