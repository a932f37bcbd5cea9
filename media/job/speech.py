"""Who is heard most: a pure rule over how loud the inputs are."""

from __future__ import annotations

from collections.abc import Mapping

QUIETEST_SPEECH = 1e-5  # power: -50 dB
LOUDEST_NOISE = 1e-4  # power up to which a steady sound is taken for noise: -40 dB
ABOVE_NOISE = 8.0  # times its power: 9 dB
NOISE_RISES = 2.0  # times its power a second, up to what is heard
SMOOTHED = 0.5  # seconds
LEAD = 2.0  # times the power of who was heard most, to be it instead: 3 dB
CHANGES_EVERY = 1.0  # seconds at least
SILENCE = 2.0  # seconds without speech, after which it is nobody


class HeardMost:
    """Keeps who is heard most. Powers are mean squares, times are seconds of any clock."""

    def __init__(self) -> None:
        self.input: str | None = None
        self._smooth: dict[str, float] = {}
        self._noise: dict[str, float] = {}
        self._changed = float("-inf")
        self._spoken: dict[str, float] = {}  # when each was heard last
        self._now: float | None = None

    def step(self, levels: Mapping[str, float], now: float) -> bool:
        """Take how loud each is by now; return whether `input` is another one than before."""
        passed = 0.0 if self._now is None else max(0.0, now - self._now)
        self._now = now
        for table in (self._smooth, self._noise, self._spoken):
            for gone in table.keys() - levels.keys():
                del table[gone]
        for each, level in levels.items():
            smooth = self._smooth.get(each, 0.0)
            self._smooth[each] = smooth + min(1.0, passed / SMOOTHED) * (level - smooth)
            risen = self._noise.get(each, QUIETEST_SPEECH / ABOVE_NOISE) * NOISE_RISES**passed
            self._noise[each] = min(max(level, 1e-9), risen, LOUDEST_NOISE)
            if level > max(QUIETEST_SPEECH, ABOVE_NOISE * self._noise[each]):
                self._spoken[each] = now
        chosen = self._choice(now)
        if chosen == self.input or now - self._changed < CHANGES_EVERY:
            return False
        self.input, self._changed = chosen, now
        return True

    def _choice(self, now: float) -> str | None:
        speaking = [each for each, when in self._spoken.items() if now - when < SMOOTHED]
        held = self.input
        if not speaking:
            heard = held is not None and now - self._spoken.get(held, float("-inf")) < SILENCE
            return held if heard else None
        best = max(speaking, key=self._smooth.__getitem__)
        if held in speaking and self._smooth[best] < LEAD * self._smooth[held]:
            return held
        return best
