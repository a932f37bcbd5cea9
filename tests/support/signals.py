"""What test publishers send: pictures of one colour that flash, and sound that beeps with them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack

from media.job.composing import planes_of
from tests.support.picture_jobs import BLACK, WHITE, Colour, colour_at, picture_of

RATE, SAMPLES = 15, 960  # pictures a second; of a frame of 20 ms
EVERY, LONG = 1.6, 0.2  # seconds from one flash to the next, and how long: whole pictures
BEEP_HZ = 880


@dataclass(frozen=True)
class Signals:
    """The clock of one publisher, for tracks that go together."""

    colour: Colour = BLACK
    size: tuple[int, int] = (320, 240)
    start: float = field(default_factory=time.monotonic)

    def tracks(self, *kinds: str) -> list[MediaStreamTrack]:
        made = {"audio": Beeping, "video": Flashing}
        return [made[kind](self) for kind in kinds]

    def past(self, rate: int) -> int:
        """Return how many frames are over by now, at so many a second."""
        return int((time.monotonic() - self.start) * rate)

    @staticmethod
    def on(moment: float) -> bool:
        """Tell whether it flashes and beeps, so many seconds after the start."""
        return moment % EVERY < LONG


class Flashing(MediaStreamTrack):
    """A picture of one colour, which is white every now and then."""

    kind = "video"

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals
        self._next = signals.past(RATE)

    async def recv(self) -> av.VideoFrame:
        signals = self._signals
        number, self._next = self._next, self._next + 1
        moment = number / RATE
        await asyncio.sleep(max(0.0, signals.start + moment - time.monotonic()))
        frame = picture_of(signals.size, WHITE if signals.on(moment) else signals.colour)
        frame.pts, frame.time_base = int(moment * 90_000), Fraction(1, 90_000)
        return frame


class Beeping(MediaStreamTrack):
    """A tone while the picture is white, else nothing."""

    kind = "audio"

    def __init__(self, signals: Signals) -> None:
        super().__init__()
        self._signals = signals
        self._next = signals.past(48_000 // SAMPLES) * SAMPLES

    async def recv(self) -> av.AudioFrame:
        signals = self._signals
        at, self._next = self._next, self._next + SAMPLES
        await asyncio.sleep(max(0.0, signals.start + at / 48_000 - time.monotonic()))
        times = np.arange(at, at + SAMPLES) / 48_000
        tone = 12_000 * np.sin(2 * np.pi * BEEP_HZ * times) * (times % EVERY < LONG)
        frame = av.AudioFrame.from_ndarray(tone.astype(np.int16).reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
        return frame


def looks_like(frame: av.VideoFrame, x: float, y: float, colour: Colour) -> bool:
    """Tell whether a place shows a colour, encoded twice by now."""
    meant = [int(plane[0, 0]) for plane in planes_of(picture_of((16, 16), colour))]
    return all(abs(seen - it) <= 24 for seen, it in zip(colour_at(frame, x, y), meant, strict=True))
