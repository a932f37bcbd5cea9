"""A source whose picture flashes when its sound beeps, and how far apart both come out."""

from __future__ import annotations

import numpy as np

from media.contract.jobs import COMMON, PICTURE
from media.job.composing import planes_of
from tests.support.picture_jobs import decoded as decoded_pictures
from tests.support.pulling import Pull
from tests.support.sound import decoded as decoded_sound

EVERY, LASTS = 1.0, 0.3  # seconds between two flashes, and of each
PICTURE_INPUT = (
    "-f", "lavfi", "-i",
    "color=black:size=320x240:rate=25,"
    f"drawbox=color=white:thickness=fill:enable='lt(mod(t,{EVERY}),{LASTS})'",
)  # fmt: skip
SOUND_INPUT = (
    "-f", "lavfi", "-i",
    "sine=frequency=1000:sample_rate=48000,"
    f"volume=0:enable='gte(mod(t,{EVERY}),{LASTS})'",
)  # fmt: skip


def apart(pull: Pull) -> list[float]:
    """Return by how many seconds each beep is later than its flash, by the clocks that were told.

    Sound is taken for Opus.
    """
    pictures = decoded_pictures(pull.wanted.video.codec, pull.sent(PICTURE))  # type: ignore[union-attr]
    light = [(at, float(np.mean(planes_of(frame)[0])) > 128) for at, frame in pictures]
    flashes = [_moment(pull, PICTURE, at, 90_000) for at in _beginnings(light)]
    packets = pull.sent(COMMON)
    samples = decoded_sound("opus", [each.payload for each in packets])
    loud: list[tuple[int, bool]] = []
    for number, packet in enumerate(packets):
        part = samples[number * 960 : (number + 1) * 960].reshape(-1, 96)
        loud += [
            (packet.timestamp + 96 * step, bool(np.abs(it).max() > 0.02))
            for step, it in enumerate(part)
        ]
    beeps = [_moment(pull, COMMON, at, 48_000) for at in _beginnings(loud)]
    assert flashes
    assert beeps
    nearest = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
    return [each for each in nearest if abs(each) < EVERY / 2]


def _beginnings(states: list[tuple[int, bool]]) -> list[int]:
    """Return the times at which something was on that had been off for a while."""
    found, off = [], 0
    for at, on in states:
        if on and off >= 5:
            found.append(at)
        off = 0 if on else off + 1
    return found


def _moment(pull: Pull, name: str, timestamp: int, rate: int) -> float:
    """Return the moment of a timestamp as a receiver has it, who got all reports."""
    at, moment = [(at, moment) for of, at, moment in pull.outside.clocks if of == name][-1]
    return moment + (timestamp - at) / rate
