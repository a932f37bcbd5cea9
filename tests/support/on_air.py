"""A camera and a microphone whose packets come to the router of an engine, as they pass."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from media.contract.codec import Codec
from media.contract.jobs import sink_of
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.rtp.sender_clock import ntp_time
from tests.support.rtp import a_source
from tests.support.shows import PICTURE, SOUND, Event

CODECS = {
    it.id: Codec(it.codec, it.clock_rate, 96, it.channels, it.fmtp) for it in (SOUND, PICTURE)
}
SSRC = 7


@asynccontextmanager
async def on_air(engine: LocalEngine, events: list[Event]) -> AsyncIterator[None]:
    """Send a show in real time while the block runs."""
    sources = {
        name: a_source(name, codec, time=time.monotonic, ssrc=SSRC)  # type: ignore[arg-type]
        for name, codec in CODECS.items()
    }
    for source in sources.values():
        engine.router.add_source(source)

    async def run() -> None:
        begin = time.monotonic()
        for event in sorted(events, key=lambda it: it.arrival):
            await trio.sleep(max(0.0, begin + event.arrival - time.monotonic()))
            if event.report is not None:
                timestamp, moment = event.report[0], ntp_time(begin + event.report[1])
                report = rtcp.SenderReport(SSRC, moment, timestamp, 1, 1)
                written = rtcp.write_sender_report(report, "ann")
                sources[event.input].feed_rtcp(written, time.monotonic())
            else:
                sources[event.input].feed(event.packet, time.monotonic())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        yield
        nursery.cancel_scope.cancel()
    for name in sources:
        engine.router.remove_source(name)


def tune_in(engine: LocalEngine, job: str) -> None:
    """Have a job take what is sent."""
    for name in CODECS:
        engine.router.attach(name, sink_of(job, name))
