"""What a source outside costs, in a process of its own and in real time: passed on, or encoded.

A real camera (GStreamer's RTSP server) plays files that were encoded beforehand.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import trio

from bench.job_load import cpu_of
from media.contract.jobs import COMMON, PICTURE, IngestWanted, JobFigures, source_of
from media.contract.streaming import OutsideAddress, SourceFound
from media.media_jobs import JobsPlan
from media.rtp.router import RtpSink
from media.webrtc.bridge import open_media_loop
from media.worker.job_codecs import codec_sent
from tests.support.cameras import media_file, played, rtsp_camera
from tests.support.jobs import JobTold, job_engine, process_of
from tests.support.pulling import LOOPBACK, targets

PLAN = JobsPlan(warm=0, cores=64.0)
SETTLE, MEASURED = 4.0, 12.0  # seconds
HD = ("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
RATE = ("-b:v", "2M", "-maxrate", "2M", "-bufsize", "2M")
CASES = (
    ("H.264 and PCMA, passed on", "h264", "pcma"),
    ("H.264 passed on, AAC as Opus", "h264", "aac"),
    ("H.264 with B-frames as H.264 of 320x240, AAC as Opus", "h264 reordered", "aac"),
)


async def measure(url: str) -> tuple[float, float]:
    """Return CPU seconds of the process per second of media, and packets a second."""
    told = JobTold()
    wanted = IngestWanted(OutsideAddress(url, LOOPBACK))
    async with open_media_loop() as loop, job_engine(loop, PLAN) as engine:
        await engine.open_job("camera", wanted, told)
        wanted = targets(wanted, await told.first(SourceFound))
        await engine.change_job("camera", wanted)
        for name, target in ((PICTURE, wanted.video), (COMMON, wanted.audio)):
            if target is not None:
                kind = "video" if name == PICTURE else "audio"
                sink = RtpSink(name, kind, codec_sent(target), 1, lambda _: None, lambda _: None)
                engine.router.add_sink(sink)
                engine.router.attach(source_of("camera", name), name)
        await trio.sleep(SETTLE)
        pid, began = process_of(engine, "camera").pid, time.monotonic()
        before, sent = cpu_of(pid), _last(told).packets_out
        await trio.sleep(MEASURED)
        spent = time.monotonic() - began
        found = (cpu_of(pid) - before) / spent, (_last(told).packets_out - sent) / spent
        await engine.close_job("camera")
        for name in (PICTURE, COMMON):
            if name in engine.router._sinks:
                engine.router.remove_sink(name)
    return found


def _last(told: JobTold) -> JobFigures:
    return [it for it in told.events if isinstance(it, JobFigures)][-1]


def main() -> None:
    """Measure, and print the figures."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory() as folder:
        for name, video, audio in CASES:
            file = media_file(Path(folder) / "camera.mkv", video, audio, 30, (*HD, *TONE), RATE)
            with rtsp_camera(played(file, video, audio)) as camera:
                cpu, packets = trio.run(measure, camera.url)
            print(f"{name}: {cpu * 1000:.1f} ms of CPU a second, {packets:.0f} packets a second")


if __name__ == "__main__":
    main()
