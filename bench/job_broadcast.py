"""What a stream out costs, in a process of its own and in real time; nothing is encoded there.

A picture of 720p in H.264 and sound in AAC, encoded beforehand, come from the router of an engine.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import av
import trio
from av.bitstream import BitStreamFilterContext

from bench.job_ingest import HD, MEASURED, PLAN, RATE, SETTLE, TONE
from bench.job_load import cpu_of
from media.contract.jobs import BroadcastWanted
from media.contract.streaming import OutsideAddress, TargetFlows
from media.job.picture_packets import payload_maker
from media.webrtc.bridge import open_media_loop
from tests.support.cameras import media_file
from tests.support.encoded import EncodedFrame
from tests.support.jobs import JobTold, job_engine, process_of
from tests.support.on_air import on_air, tune_in
from tests.support.ports import free_port
from tests.support.pulling import LOOPBACK
from tests.support.shows import PICTURE, SOUND, Event, packets_of, sound
from tests.support.stream_targets import listening_ffmpeg

SHOW_SECONDS = 30


def show(file: Path) -> list[Event]:
    """Return the packets of a file's picture, and of sound."""
    frames = []
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        to_stream = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            frames += [
                EncodedFrame(float(it.pts * it.time_base), bytes(it), it.is_keyframe)
                for it in to_stream.filter(packet)
                if it.pts is not None
            ]
    pictures = packets_of(PICTURE, frames, payload_maker("h264"), 0, 0.0)
    return [*pictures, *sound(float(SHOW_SECONDS))]


async def measure(wanted: BroadcastWanted, events: list[Event]) -> float:
    """Return CPU seconds of the process per second of media."""
    told = JobTold()
    async with open_media_loop() as loop, job_engine(loop, PLAN) as engine:
        await engine.open_job("out", wanted, told)
        async with on_air(engine, events):
            tune_in(engine, "out")
            await told.first(TargetFlows)
            await trio.sleep(SETTLE)
            pid, began = process_of(engine, "out").pid, time.monotonic()
            before = cpu_of(pid)
            await trio.sleep(MEASURED)
            cost = (cpu_of(pid) - before) / (time.monotonic() - began)
            await engine.close_job("out")
    return cost


def main() -> None:
    """Measure, and print the figures."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
    inputs = (SOUND, PICTURE)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        file = media_file(folder / "show.mkv", "h264", "aac", SHOW_SECONDS, (*HD, *TONE), RATE)
        events = show(file)
        rate = sum(len(it.packet) for it in events) * 8 / SHOW_SECONDS / 1e6
        print(f"{rate:.1f} Mbit/s, {len(events) / SHOW_SECONDS:.0f} packets a second")
        for protocol, playlist in (("hls", "live.m3u8"), ("dash", "live.mpd")):
            wanted = BroadcastWanted(protocol, inputs, folder=name, playlist=playlist)
            cpu = trio.run(measure, wanted, events)
            print(f"{protocol}: {cpu * 1000:.1f} ms of CPU a second")
        target = OutsideAddress(f"rtmp://127.0.0.1:{port}/live/show", LOOPBACK)
        with listening_ffmpeg(folder / "show.flv", port):
            cpu = trio.run(measure, BroadcastWanted("rtmp", inputs, target), events)
        print(f"rtmp: {cpu * 1000:.1f} ms of CPU a second")


if __name__ == "__main__":
    main()
