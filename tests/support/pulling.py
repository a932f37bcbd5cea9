"""IngestWork in this process, in real time, with an outside that keeps what it sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from media.contract.jobs import AudioTarget, IngestWanted, VideoTarget
from media.contract.streaming import OutsideAddress, SourceFound, SourceLost
from media.job.pulling.ingest import IngestWork
from media.job.pulling.pulled_streams import AUDIO_PASSED
from tests.support.picture_jobs import KeptOutside, Sent

E = TypeVar("E")

SECONDS = 30.0  # of a machine that has much else to do
LOOPBACK = ("127.0.0.0/8",)


@dataclass
class WokenOutside(KeptOutside):
    """As KeptOutside; also when each packet was sent."""

    woken: threading.Event = field(default_factory=threading.Event)
    sent_at: list[float] = field(default_factory=list)

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        self.sent_at.append(time.monotonic())
        return super().send(name, payload, timestamp, marker=marker)

    def wake(self) -> None:
        self.woken.set()


class Pull:
    """A work, what it did so far, and time that passes only within `until` and `run`."""

    def __init__(self, url: str, *, folder: str = "", **rest: object) -> None:
        self.outside = WokenOutside()
        self.work = IngestWork(self.outside)
        source = OutsideAddress(url, LOOPBACK, folder)
        self.wanted = IngestWanted(source, **rest)  # type: ignore[arg-type]
        self.work.change(self.wanted)

    def until(self, true: Callable[[], bool], seconds: float = SECONDS) -> float:
        """Let time pass until something is so; return how long it took."""
        began = time.monotonic()
        while not true():
            passed = time.monotonic() - began
            assert passed < seconds, f"not within {seconds} seconds: {self.outside.told}"
            self._turn(0.05)
        return time.monotonic() - began

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            self._turn(rest)

    def told(self, kind: type[E]) -> list[E]:
        return [each for each in self.outside.told if isinstance(each, kind)]

    def found(self, number: int = 1) -> SourceFound:
        """Let time pass until the source was found so many times."""
        self.until(lambda: len(self.told(SourceFound)) >= number)
        return self.told(SourceFound)[number - 1]

    def lost(self, number: int = 1) -> SourceLost:
        self.until(lambda: len(self.told(SourceLost)) >= number)
        return self.told(SourceLost)[number - 1]

    def flow(self, found: SourceFound) -> None:
        """Have all of it flow: passed where it can be."""
        self.wanted = targets(self.wanted, found)
        self.work.change(self.wanted)

    def sent(self, name: str) -> list[Sent]:
        return [each for each in self.outside.sent if each.name == name]

    def _turn(self, longest: float) -> None:
        wait = min(longest, max(0.0, self.work.due() - time.monotonic()))
        if self.outside.woken.wait(wait) or self.work.due() <= time.monotonic():
            self.outside.woken.clear()
            self.work.tick(time.monotonic())


def targets(wanted: IngestWanted, found: SourceFound) -> IngestWanted:
    """Say what becomes of a source as a room does: what passes goes on, else Opus and H.264."""

    passes: list[str] = []
    audio, video = None, None
    if found.audio is not None:
        audio = AudioTarget("opus")
        if found.audio.passes:
            passes.append("audio")
            audio = AudioTarget(AUDIO_PASSED[found.audio.codec], channels=found.audio.channels)
    if found.video is not None:
        video = VideoTarget("h264", 320, 240, 15, 500, profile="CB")
        if found.video.passes:
            passes.append("video")
            video = VideoTarget(found.video.codec, 0, 0, 0, 0, profile=found.video.profile)
    return msgspec.structs.replace(wanted, audio=audio, video=video, passes=tuple(passes))


@contextmanager
def pulling(url: str, **rest: object) -> Iterator[Pull]:
    """Pull a source while the block runs; no thread of it is left."""
    pull = Pull(url, **rest)  # type: ignore[arg-type]
    try:
        yield pull
    finally:
        assert pull.work.close(SECONDS), "its thread goes on"
