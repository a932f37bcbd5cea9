"""A camera through a process of an engine: found, passed on, killed, and back."""

from __future__ import annotations

import time

import pytest
import trio

from media.contract.codec import Codec
from media.contract.jobs import COMMON, PICTURE, IngestWanted, JobFigures, source_of
from media.contract.streaming import OutsideAddress, OutsideTrouble, SourceFound, SourceLost
from media.local_engine import LocalEngine
from media.media_jobs import JobsPlan
from media.webrtc.bridge import MediaLoop
from tests.support.cameras import rtmp_camera
from tests.support.jobs import SECONDS, JobTold, job_engine
from tests.support.picture_jobs import Sent, decoded
from tests.support.ports import free_port
from tests.support.pulling import LOOPBACK, targets
from tests.support.rtp import OPUS, Receiver, a_sink

pytestmark = pytest.mark.slow

PLAN = JobsPlan(warm=0, cores=64.0)
CB = Codec("h264", 90_000, 102, fmtp="packetization-mode=1;profile-level-id=42e00a")


class Noting(Receiver):
    """Notes when each packet came: whoever looks later may be kept from looking."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[float] = []

    def send(self, packet: bytes) -> None:
        super().send(packet)
        self.arrivals.append(time.monotonic())


def a_viewer(engine: LocalEngine, name: str, codec: Codec) -> Noting:
    receiver = Noting()
    sink = a_sink(name, codec, receiver=receiver, time=time.monotonic)  # type: ignore[arg-type]
    engine.router.add_sink(sink)
    engine.router.attach(source_of("camera", name), name)
    return receiver


def pictures_in(receiver: Receiver, start: int = 0) -> int:
    """Return how many pictures a decoder makes of all that came from there on."""
    sent = [Sent(PICTURE, it.payload, it.timestamp, it.marker) for it in receiver.got[start:]]
    return len(decoded("h264", sent))


async def until_more(receiver: Receiver, count: int) -> None:
    with trio.fail_after(SECONDS):
        while len(receiver.data) < count:
            await trio.sleep(0.02)


async def when_no_more_come(receiver: Receiver) -> int:
    """Wait for what is still under way; return how many packets there are then."""
    with trio.fail_after(SECONDS):
        while True:
            before = len(receiver.data)
            await trio.sleep(0.5)
            if len(receiver.data) == before:
                return before


async def test_a_camera_that_dies_in_mid_picture_comes_back_at_the_same_places(
    media_loop: MediaLoop, capsys: pytest.CaptureFixture[str]
):
    told, port = JobTold(), free_port()
    wanted = IngestWanted(OutsideAddress(f"rtmp://127.0.0.1:{port}/live/camera", LOOPBACK))
    async with job_engine(media_loop, PLAN) as engine:
        await engine.open_job("camera", wanted, told)
        lost = await told.first(SourceLost)
        assert lost.reason is OutsideTrouble.UNREACHABLE  # the camera is not there yet
        with rtmp_camera(port=port) as camera:
            found = await told.first(SourceFound)
            await engine.change_job("camera", targets(wanted, found))
            screen, speaker = (
                a_viewer(engine, name, codec) for name, codec in ((PICTURE, CB), (COMMON, OPUS))
            )
            await until_more(screen, 150)
            assert pictures_in(screen) > 10
            assert len(speaker.data) > 50
            camera.kill()
            died = time.monotonic()
            before = await when_no_more_come(screen)
        with rtmp_camera(port=port):
            await until_more(screen, before + 1)
            came, stopped = screen.arrivals[before], screen.arrivals[before - 1]
            with capsys.disabled():
                print(f"\npicture again {came - died:.2f} s after its camera was killed")
            assert came - died < 20
            await until_more(screen, before + 100)
            assert pictures_in(screen, before) > 5  # a keyframe came first
            last, first = screen.got[before - 1], screen.got[before]
            away = (first.timestamp - last.timestamp & 0xFFFFFFFF) / 90_000
            assert abs(away - (came - stopped)) < 1.0
            figures = await told.first(JobFigures, lambda it: it.frames_out > 0)
            assert figures.decode_errors == 0
        await engine.close_job("camera")
        for name in (PICTURE, COMMON):
            engine.router.remove_sink(name)
