"""`python -m bench.job_pictures`: CPU per media second of the pictures of jobs, step by step.

Everything in this process and on a clock of its own, with cameras encoded beforehand; the figures
are milliseconds of CPU for a second of media. Pictures are of a pattern that moves, with the noise
of a camera.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np

from media.contract.jobs import (
    Composition,
    JobInput,
    MixWanted,
    Place,
    TranscodeWanted,
    VideoTarget,
    WorkEvent,
)
from media.job.composing import Composer, planes_of
from media.job.picture_encoder import PictureEncoder
from media.job.picture_input import PictureInput
from media.job.picture_mix import PictureMix
from media.job.picture_packets import payload_maker
from media.job.picture_transcode import PictureTranscode
from media.job.work import WorkFigures
from media.rtp.rtp_packet import MARKER, write_packet

SECONDS, RATE = 4, 24
SMALL, LARGE = (640, 360), (1280, 720)
NAMES = ("a", "b", "c", "d")
QUARTERS = tuple(
    Place(id, x, y, 0.5, 0.5)
    for id, (x, y) in zip(NAMES, ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5)), strict=True)
)


class Nowhere:
    """An outside that counts what is sent, and has room for all."""

    packets = 0

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        self.packets += 1
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None: ...

    def request_keyframe(self, input: str) -> None: ...

    def mark(self, input: str) -> None: ...

    def wake(self) -> None: ...

    def tell(self, event: WorkEvent) -> None: ...


def pictures(size: tuple[int, int], shift: int = 0) -> list[av.VideoFrame]:
    """Return the pictures of one second, which can be shown again and again."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    found = []
    for number in range(RATE):
        frame = av.VideoFrame(*size, "yuv420p")
        luma, *colours = planes_of(frame)
        moved = columns + 3 * number + shift
        pattern = 128 + 60 * np.sin(moved / 23) * np.cos((rows - number) / 31)
        luma[:] = np.clip(pattern + random.normal(0, 2, pattern.shape), 16, 235)
        for plane in colours:
            plane.fill(110 + number % 20)
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        found.append(frame)
    return found


def camera(codec: str, size: tuple[int, int]) -> list[list[bytes]]:
    """Return what a camera sends: the packets of each picture."""
    encoder = PictureEncoder(VideoTarget(codec, *size, RATE, 800))
    cut, sequence = payload_maker(codec), 0
    source, sent = pictures(size), []
    for number in range(SECONDS * RATE):
        encoded = encoder.encode(source[number % RATE], number * 3750, keyframe=not number)
        payloads = cut(encoded.data) if encoded is not None else []
        sent.append(
            [
                write_packet(
                    96, MARKER if each is payloads[-1] else 0, sequence + at, number * 3750, 7, each
                )
                for at, each in enumerate(payloads)
            ]
        )
        sequence += len(payloads)
    return sent


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Print what a block takes for SECONDS of media."""
    started = time.process_time()
    yield
    spent = time.process_time() - started
    print(f"{name:<52}{spent / SECONDS * 1000:8.1f} ms/s")


def compose(name: str, composition: Composition, sizes: tuple[int, int]) -> None:
    """Measure putting four pictures together, each another one every time."""
    sources = {id: pictures(sizes, 40 * at) for at, id in enumerate(NAMES)}
    composer = Composer(composition)
    with measured(name):
        for number in range(SECONDS * RATE):
            composer.compose({id: each[number % RATE] for id, each in sources.items()})


def encode(target: VideoTarget) -> None:
    """Measure an encoder."""
    encoder, source = PictureEncoder(target), pictures((target.width, target.height))
    size = 0
    name = f"encode {target.codec} {target.width}x{target.height} at {target.framerate:.0f}"
    with measured(name):
        for number in range(SECONDS * RATE):
            encoded = encoder.encode(source[number % RATE], number * 3750, keyframe=not number)
            size += len(encoded.data) if encoded is not None else 0
    print(f"{'':<4}at {size * 8 / SECONDS / 1000:.0f} kbit/s of {target.bitrate} wanted")


def run(work: PictureMix | PictureTranscode, inputs: dict[str, list[list[bytes]]]) -> None:
    """Let cameras send to a job."""
    for number in range(SECONDS * RATE):
        now = 1000 + number / RATE
        if work.due() <= now:
            work.tick(now)
        for id, sent in inputs.items():
            for packet in sent[number]:
                work.take(id, packet, now)


def main() -> None:
    """Measure each step by itself, and then whole jobs."""
    cameras = {codec: camera(codec, SMALL) for codec in ("vp8", "h264")}
    large = VideoTarget("vp8", *LARGE, RATE, 2000)
    for codec, sent in cameras.items():
        taken: list[Callable[[bytes, float], object]] = [
            PictureInput(JobInput(id, "video", codec), Nowhere(), WorkFigures()).take
            for id in NAMES
        ]
        with measured(f"decode 4 of {codec} 640x360"):
            for number, packets in enumerate(sent):
                for take in taken:
                    for packet in packets:
                        take(packet, number / RATE)
    compose("compose 4 of 640x360 into 1280x720", Composition(large, QUARTERS), SMALL)
    compose("compose 4 of 960x540 into 1280x720, scaled", Composition(large, QUARTERS), (960, 540))
    cropped = Composition(large, QUARTERS, crop=True)
    compose("compose 4 of 640x480 into 1280x720, cropped", cropped, (640, 480))
    for codec in ("vp8", "h264"):
        encode(VideoTarget(codec, *LARGE, RATE, 2000))
        encode(VideoTarget(codec, *SMALL, RATE, 800))
    for codec in ("vp8", "h264"):
        mix = PictureMix(Nowhere())
        target = VideoTarget(codec, *LARGE, RATE, 2000)
        inputs = tuple(JobInput(id, "video", "vp8") for id in NAMES)
        mix.change(MixWanted(inputs, Composition(target, QUARTERS)))
        with measured(f"mix of 4 of vp8 640x360 to {codec} 1280x720, whole"):
            run(mix, dict.fromkeys(NAMES, cameras["vp8"]))
    for source, codec, size in (
        ("vp8", "h264", SMALL),
        ("h264", "vp8", SMALL),
        ("vp8", "vp8", (320, 180)),
    ):
        work = PictureTranscode(Nowhere())
        work.change(
            TranscodeWanted(JobInput("a", "video", source), VideoTarget(codec, *size, RATE, 500))
        )
        with measured(f"transcode {source} 640x360 to {codec} {size[0]}x{size[1]}, whole"):
            run(work, {"a": cameras[source]})


if __name__ == "__main__":
    main()
