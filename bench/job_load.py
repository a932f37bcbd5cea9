"""What jobs cost at work: in processes of their own, in real time, with the server's part of it.

Cameras and microphones that were encoded beforehand feed the router of an engine. Counted is the
CPU time of the processes, and what this one needs more than to feed a router that nobody takes of.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import trio

from bench.job_pictures import NAMES, QUARTERS, SMALL, camera
from bench.job_sound import packets
from media.contract.codec import Codec
from media.contract.jobs import (
    COMMON,
    PICTURE,
    AudioTarget,
    Composition,
    JobFigures,
    JobInput,
    JobWanted,
    MixWanted,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
    sink_of,
    source_of,
)
from media.local_engine import LocalEngine
from media.media_jobs import JobsPlan
from media.rtp.router import RtpSink
from media.rtp.rtp_packet import parse_packet, write_packet
from media.webrtc.bridge import open_media_loop
from tests.support.jobs import JobTold, job_engine, process_of, until_warm
from tests.support.rtp import a_source

VP8, OPUS = Codec("vp8", 90_000, 96), Codec("opus", 48_000, 96, channels=2)
PLAN = JobsPlan(warm=0, cores=64.0)
SETTLE, MEASURED = 4.0, 10.0  # seconds
LATE = 0.1  # of the pictures of mixes: then more of them make no sense
HD = VideoTarget("vp8", 1280, 720, 24, 2000)
SD = VideoTarget("vp8", 640, 360, 15, 800)


@dataclass
class Feed:
    """What one source is given: when, and which packet; of Opus or VP8 unless it says so."""

    source: str
    packets: list[tuple[float, bytes]]
    codec: Codec | None = None


@dataclass
class Load:
    """Cores, and the share of pictures that were late."""

    processes: float
    server: float
    late: float


def pictures(source: str, rate: int, seconds: float, ssrc: int) -> Feed:
    """Return what a camera sends; every so often it begins again, with its keyframe."""
    sent, found, sequence = camera("vp8", SMALL), [], 0
    for number in range(int(seconds * rate)):
        for packet in sent[number % len(sent)]:
            taken = parse_packet(packet, 0.0)
            assert taken is not None
            again = write_packet(
                96, packet[1] & 0x80, sequence, number * 90_000 // rate, ssrc, taken.payload
            )
            sequence = (sequence + 1) & 0xFFFF
            found.append((number / rate, bytes(again)))
    return Feed(source, found)


def sound(source: str, seconds: float, seed: int) -> Feed:
    """Return what somebody says."""
    said = packets(int(seconds), seed)
    return Feed(source, [(number * 0.02, packet) for number, packet in enumerate(said)])


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def fed(engine: LocalEngine, feeds: list[Feed]) -> AsyncIterator[None]:
    """Feed sources in real time while the block runs."""
    for feed in feeds:
        codec = feed.codec or (VP8 if "video" in feed.source else OPUS)
        ssrc = int.from_bytes(feed.packets[0][1][8:12])
        made = a_source(feed.source, codec, time=time.monotonic, ssrc=ssrc)  # type: ignore[arg-type]
        engine.router.add_source(made)
    due = sorted((at, feed.source, packet) for feed in feeds for at, packet in feed.packets)

    async def run() -> None:
        began, sources = time.monotonic(), engine.router._sources
        for at, source, packet in due:
            if (wait := began + at - time.monotonic()) > 0:
                await trio.sleep(wait)
            sources[source].feed(packet, time.monotonic())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        yield
        nursery.cancel_scope.cancel()
    for feed in feeds:
        engine.router.remove_source(feed.source)


def taken(engine: LocalEngine, job: str, names: dict[str, Codec]) -> Iterator[str]:
    """Have somebody take what a job sends; return the ids of the sinks."""
    for name, codec in names.items():
        kind, sink = ("video" if name == PICTURE else "audio"), f"{job}:{name}"
        engine.router.add_sink(
            RtpSink(sink, kind, codec, 1, lambda packet: None, lambda packet: None)
        )
        engine.router.attach(source_of(job, name), sink)
        yield sink


def mix_of(room: str, target: VideoTarget, rate: int) -> tuple[MixWanted, list[Feed]]:
    """Return a mix of four, who hear each other, and what they send."""
    video = [f"{room}{name}-video" for name in NAMES]
    audio = [f"{room}{name}-audio" for name in NAMES]
    inputs = (
        *(JobInput(it, "video", "vp8", publisher=it[:-6]) for it in video),
        *(
            JobInput(it, "audio", "opus", publisher=it[:-6], channels=2, clock_rate=48_000)
            for it in audio
        ),
    )
    places = tuple(
        msgspec.structs.replace(it, input=name) for it, name in zip(QUARTERS, video, strict=True)
    )
    wanted = MixWanted(
        inputs, Composition(target, places), SoundMix(AudioTarget("opus"), without=tuple(audio))
    )
    seconds = SETTLE + MEASURED + 30
    return wanted, [
        *(pictures(it, rate, seconds, number + 1) for number, it in enumerate(video)),
        *(sound(it, seconds, number + 1) for number, it in enumerate(audio)),
    ]


async def measure(jobs: dict[str, JobWanted], feeds: list[Feed]) -> Load:
    """Run jobs side by side; return what they take of the cores."""
    async with open_media_loop() as loop, job_engine(loop, PLAN) as engine, fed(engine, feeds):
        await trio.sleep(SETTLE)
        started = time.monotonic(), cpu()
        await trio.sleep(SETTLE)
        alone = (cpu() - started[1]) / (time.monotonic() - started[0])
        told = {job: JobTold() for job in jobs}
        for job, wanted in jobs.items():
            await engine.open_job(job, wanted, told[job])
            for input in wanted.inputs:
                engine.router.attach(input.id, sink_of(job, input.id))
            mixed = isinstance(wanted, MixWanted)
            list(taken(engine, job, {PICTURE: VP8 if mixed else _made(wanted)}))
            if mixed:
                list(taken(engine, job, {COMMON: OPUS}))
        await trio.sleep(SETTLE)
        pids = [process_of(engine, job).pid for job in jobs]
        began = time.monotonic(), cpu(), sum(map(cpu_of, pids))
        before = [last_figures(it) for it in told.values()]
        await trio.sleep(MEASURED)
        spent = time.monotonic() - began[0]
        server = (cpu() - began[1]) / spent - alone
        processes = (sum(map(cpu_of, pids)) - began[2]) / spent
        after = [last_figures(it) for it in told.values()]
        for job in jobs:
            await engine.close_job(job)
            for name in (PICTURE, COMMON):
                if f"{job}:{name}" in engine.router._sinks:
                    engine.router.remove_sink(f"{job}:{name}")
    late = sum(b.late_frames - a.late_frames for a, b in zip(before, after, strict=True))
    sent = sum(b.frames_out - a.frames_out for a, b in zip(before, after, strict=True))
    return Load(processes, server, late / max(1, late + sent))


async def first_picture(*, warm: bool) -> float:
    """Return the seconds from the order to the first packet of a mixed picture."""
    wanted, feeds = mix_of("first ", HD, 24)
    plan = replace(PLAN, warm=int(warm))
    async with open_media_loop() as loop, job_engine(loop, plan) as engine:
        if warm:
            engine._jobs._pool.warm_up()
            await until_warm(engine, 1)
        async with fed(engine, feeds):
            await trio.sleep(1.0)
            began = time.monotonic()
            await engine.open_job("first", wanted, JobTold())
            source = engine.router._sources[source_of("first", PICTURE)]
            while not source.counts.packets:  # noqa: ASYNC110 - no event is worth its cost here
                await trio.sleep(0.001)
            found = time.monotonic() - began
            await engine.close_job("first")
    return found


def _made(wanted: JobWanted) -> Codec:
    assert isinstance(wanted, TranscodeWanted)
    assert isinstance(wanted.target, VideoTarget)
    fmtp = "" if wanted.target.codec == "vp8" else "packetization-mode=1;profile-level-id=42e01f"
    return Codec(wanted.target.codec, 90_000, 96, fmtp=fmtp)


def last_figures(told: JobTold) -> JobFigures:
    return [it for it in told.events if isinstance(it, JobFigures)][-1]


def main() -> None:
    """Measure, and print the figures."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load average {load:.1f} before")
    wanted, feeds = mix_of("hd ", HD, 24)
    _say(
        "mix of 4 VP8 640x360 into 1280x720 at 24, sound", trio.run(measure, {"mix": wanted}, feeds)
    )
    for codec in ("h264", "vp8"):
        rate = 24
        camera_ = pictures("camera-video", rate, SETTLE + MEASURED + 30, 1)
        target = VideoTarget(codec, 640, 360, rate, 600)
        job = TranscodeWanted(JobInput("camera-video", "video", "vp8"), target)
        _say(f"VP8 640x360 at 24 as {codec}", trio.run(measure, {"transcode": job}, [camera_]))
    for warm in (True, False):
        found = sorted(trio.run(lambda: first_picture(warm=warm)) for _ in range(3))  # noqa: B023
        what = "waiting" if warm else "new"
        print(f"first picture with a process that is {what}: {found[1] * 1000:.0f} ms (of 3)")
    for number in range(1, 9):
        rooms = [mix_of(f"{room} ", SD, 15) for room in range(number)]
        jobs: dict[str, JobWanted] = {f"mix {at}": wanted for at, (wanted, _) in enumerate(rooms)}
        found_load = trio.run(measure, jobs, [feed for _, each in rooms for feed in each])
        _say(f"{number} mixes of 4 at 360p15", found_load)
        if found_load.late > LATE:
            break


def _say(name: str, load: Load) -> None:
    both = load.processes + load.server
    print(
        f"{name}: {both:.3f} cores (processes {load.processes:.3f}, server {load.server:.3f}),"
        f" {load.late:.1%} late",
        flush=True,
    )


if __name__ == "__main__":
    main()
