"""`python -m bench.jobs`: what it costs to have a packet go to the process of a job, and back.

A process that sends what it takes is handed packets by a router as of video calls. Counted is the
CPU time of both sides: of the server from the source of the router to that of the job, and of the
process. Aim: 4 µs a packet for the socket pair, both sides.
"""

from __future__ import annotations

import resource
import socket
import time
from dataclasses import dataclass

import trio

from media.contract.jobs import PICTURE, JobEvent, JobFigures, sink_of, source_of
from media.rtp.router import RtpSource
from media.webrtc.bridge import open_media_loop
from tests.support.jobs import JobTold, job_engine, transcode
from tests.support.rtp import a_source, rtp, vp8

PACKETS = 40_000
AT_ONCE = 10
SIZE = 1100
PAUSE = 0.005


@dataclass
class Cost:
    """Microseconds a packet."""

    server: float
    process: float


def socket_pair() -> float:
    """Return what a packet costs in a socket pair alone: sent and received, in microseconds."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    packet = bytes(SIZE)
    with ours, theirs:
        began = time.process_time()
        for _ in range(PACKETS // AT_ONCE):
            for _ in range(AT_ONCE):
                ours.send(packet)
            for _ in range(AT_ONCE):
                theirs.recv(4097)
        return (time.process_time() - began) / PACKETS * 1e6


async def through_a_job() -> Cost:
    """Return what a packet costs that goes through a process, and comes back."""
    told = JobTold()
    async with open_media_loop() as loop, job_engine(loop) as engine:
        camera = a_source("camera", time=time.monotonic)  # type: ignore[arg-type]
        engine.router.add_source(camera)
        await engine.open_job("bench", transcode(), told)
        engine.router.attach("camera", sink_of("bench", "camera"))
        source = engine.router._sources[source_of("bench", PICTURE)]
        await told.first(JobFigures)
        before, theirs = _cpu(), _last(told.events).cpu_seconds
        for number in range(0, PACKETS, AT_ONCE):
            for each in range(number, number + AT_ONCE):
                payload = vp8(each, bytes(SIZE), keyframe=not each)
                camera.feed(rtp(each, each * 3000, payload), time.monotonic())
            await _come(source, number - 10 * AT_ONCE)
        await _come(source, PACKETS)
        spent = _cpu() - before
        await told.first(JobFigures, lambda it: it.packets_out >= PACKETS)
        process = _last(told.events).cpu_seconds - theirs
        await engine.close_job("bench")
        engine.router.remove_source("camera")
    return Cost(spent / PACKETS * 1e6, process / PACKETS * 1e6)


async def _come(source: RtpSource, packets: int) -> None:
    await trio.lowlevel.checkpoint()
    while source.counts.packets < packets:  # noqa: ASYNC110 - no event is worth its cost here
        await trio.sleep(PAUSE)


def _last(events: list[JobEvent]) -> JobFigures:
    return [event for event in events if isinstance(event, JobFigures)][-1]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure, and print the figures."""
    print(f"socket pair alone, sent and received: {socket_pair():.2f} µs a packet")
    cost = trio.run(through_a_job)
    print(f"there and back, with router and loop: server {cost.server:.1f} µs,", end=" ")
    print(f"process {cost.process:.1f} µs a packet")


if __name__ == "__main__":
    main()
