"""What telephone calls cost that are mixed: each sends G.711, and hears the mix without itself.

`python -m bench.job_calls`. The mix runs in a process of its own and in real time; after each
number of calls the same number of participants with Opus is measured in the same way. Each caller
has one of eight voices, and is somewhere in it; the loudest three are heard.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from functools import cache, partial

import trio

from bench.job_load import PLAN, Feed, cpu, cpu_of, fed, last_figures, taken
from bench.job_sound import packets
from media.contract.codec import Codec
from media.contract.jobs import (
    AudioTarget,
    JobInput,
    MixWanted,
    OtherSound,
    SoundMix,
    own_mix,
    sink_of,
    sound_name,
)
from media.job.pcm import STEP_SECONDS
from media.rtp.rtp_packet import parse_packet, write_packet
from media.webrtc.bridge import open_media_loop
from tests.support.jobs import JobTold, job_engine, process_of

VOICES, VOICE_SECONDS = 8, 20
SETTLE = 3.0  # seconds
TARGETS = {"pcmu": AudioTarget("pcmu", 8000, 1), "opus": AudioTarget("opus")}
CODECS = {"pcmu": Codec("pcmu", 8000, 96), "opus": Codec("opus", 48_000, 96, channels=2)}
STEPS = {"pcmu": 160, "opus": 960}  # of RTP time, a packet


@dataclass
class Cost:
    """Cores, and the share of steps that were left out, for they were late."""

    process: float
    server: float
    late: float


@cache
def voice(codec: str, number: int) -> list[bytes]:
    """Return the payloads of one who speaks three fifths of the time."""
    parsed = (parse_packet(it, 0.0) for it in packets(VOICE_SECONDS, number + 1, codec))
    return [it.payload for it in parsed if it is not None]


def call(codec: str, number: int, seconds: float) -> Feed:
    """Return what a caller sends."""
    said, step = voice(codec, number % VOICES), STEPS[codec]
    sent = []
    for at in range(int(seconds / STEP_SECONDS)):
        payload = said[(at + 37 * number) % len(said)]
        packet = write_packet(96, 0, at, at * step, number + 1, payload)
        sent.append((at * STEP_SECONDS, packet))
    return Feed(f"caller {number}", sent, CODECS[codec])


def mix_of(codec: str, callers: list[str]) -> tuple[MixWanted, list[str]]:
    """Return a mix of callers, and the name of what each of them hears."""
    made, target = CODECS[codec], TARGETS[codec]
    inputs = tuple(
        JobInput(it, "audio", codec, channels=made.channels, clock_rate=made.clock_rate)
        for it in callers
    )
    if codec == "opus":
        mix = SoundMix(target, without=tuple(callers))
        return MixWanted(inputs, audio=mix), [own_mix(it) for it in callers]
    own = [OtherSound(target, it) for it in callers]
    mix = SoundMix(TARGETS["opus"], others=(OtherSound(target), *own), common=False)
    return MixWanted(inputs, audio=mix), [sound_name(it) for it in own]


async def measure(codec: str, calls: int, seconds: float) -> Cost:
    """Return what so many calls need for so long."""
    feeds = [call(codec, number, SETTLE + seconds + 30) for number in range(calls)]
    callers = [feed.source for feed in feeds]
    wanted, names = mix_of(codec, callers)
    told = JobTold()
    async with (
        open_media_loop() as loop,
        job_engine(loop, PLAN) as engine,
        fed(engine, feeds),
    ):
        await trio.sleep(SETTLE)
        began = time.monotonic(), cpu()
        await trio.sleep(seconds)
        alone = (cpu() - began[1]) / (time.monotonic() - began[0])
    feeds = [call(codec, number, 2 * SETTLE + seconds + 30) for number in range(calls)]
    async with (
        open_media_loop() as loop,
        job_engine(loop, PLAN) as engine,
        fed(engine, feeds),
    ):
        await engine.open_job("mix", wanted, told)
        for caller in callers:
            engine.router.attach(caller, sink_of("mix", caller))
        sinks = list(taken(engine, "mix", dict.fromkeys(names, CODECS[codec])))
        await trio.sleep(SETTLE)
        pid = process_of(engine, "mix").pid
        started, spent, used = time.monotonic(), cpu(), cpu_of(pid)
        before = last_figures(told)
        await trio.sleep(seconds)
        passed = time.monotonic() - started
        server, process = (cpu() - spent) / passed - alone, (cpu_of(pid) - used) / passed
        late = last_figures(told).late_frames - before.late_frames
        await engine.close_job("mix")
        for sink in sinks:
            engine.router.remove_sink(sink)
    return Cost(process, server, late * STEP_SECONDS / passed)


def main() -> None:
    """Measure, and print a line for each number of calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
    for calls in chosen.calls:
        for codec in ("pcmu", "opus"):
            cost = trio.run(partial(measure, codec, calls, chosen.seconds))
            print(
                f"{calls} with {codec}: process {cost.process:.3f} cores"
                f" ({1000 * cost.process / calls:.1f} ms a second each),"
                f" server {cost.server:.3f} ({1000 * cost.server / calls:.1f}),"
                f" {cost.late:.1%} of the steps late",
                flush=True,
            )
    print(f"load average {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
