"""Sounds put together: the loudest of them, for all, and without each of those who are in it.

Pure: steps of sound come in, steps go out. Whoever joins or leaves does so over one step, so
nothing clicks; whoever is not in it hears what all hear.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from media.job.limiter import Limiter
from media.job.pcm import STEP, Sound, power, ramp, silence

AUDIBLE = 1e-6  # power from which a sound is mixed: -60 dB
LOUDER = 4.0  # times the power of who is in, that it takes to get his place: 6 dB
STAYING = 15  # steps that who came in is not sent away: 0.3 s
SILENT = 50  # steps of silence after which one is out: 1 s
FALLING = 0.06  # of the difference, that a smoothed power falls a step: half in 0.23 s
RISING = 0.5

_RISE, _FALL = ramp(0.0, 1.0, STEP), ramp(1.0, 0.0, STEP)


@dataclass(slots=True)
class _Seat:
    """One that is in the mix."""

    limiter: Limiter
    steps: int = 0  # since he came
    silent: int = 0  # steps
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class MixedStep:
    """One step: what all hear, and what each of those hears who are in it."""

    common: Sound
    own: dict[str, Sound] = field(default_factory=dict)


class LoudestMixer:
    """Mixes at most `loudest` inputs. `levels` are their powers, smoothed over a tenth of a second.

    One that gets the place of another is in it a step after that one is out, so that there are
    never more mixes than places, and the common one.
    """

    def __init__(self, loudest: int) -> None:
        self.loudest = loudest
        self.levels: dict[str, float] = {}
        self._seats: dict[str, _Seat] = {}
        self._limiter = Limiter()

    def step(self, heard: Mapping[str, Sound | None], leaving: Set[str] = frozenset()) -> MixedStep:
        """Return the next step of these inputs, None being silence. Sounds are not changed.

        Inputs that end shall be among those `leaving` for a step before they are not given any
        more. Raises ValueError for a sound of another length than STEP.
        """
        self._listen(heard)
        self._seats = {each: seat for each, seat in self._seats.items() if not seat.leaving}
        self._dismiss(heard, leaving)
        self._admit(leaving)
        total = silence(STEP)
        parts: dict[str, Sound | None] = {}
        for each, seat in self._seats.items():
            sound = heard.get(each)
            if sound is not None and (seat.leaving or not seat.steps):
                sound = sound * (_FALL if seat.leaving else _RISE)
            parts[each] = sound
            if sound is not None:
                total += sound
            seat.steps += 1
        common = self._limiter.limit(total)
        return MixedStep(
            common,
            {
                each: self._seats[each].limiter.limit(total if part is None else total - part)
                for each, part in parts.items()
            },
        )

    def _listen(self, heard: Mapping[str, Sound | None]) -> None:
        for gone in self.levels.keys() - heard.keys():
            del self.levels[gone]
        for each, sound in heard.items():
            if sound is not None and len(sound) != STEP:
                raise ValueError(f"{len(sound)} samples are no step")
            now = 0.0 if sound is None else power(sound)
            before = self.levels.get(each, 0.0)
            share = RISING if now > before else FALLING
            self.levels[each] = before + share * (now - before)

    def _dismiss(self, heard: Mapping[str, Sound | None], leaving: Set[str]) -> None:
        """Decide who is out after this step."""
        for each, seat in self._seats.items():
            seat.silent = 0 if self.levels.get(each, 0.0) > AUDIBLE else seat.silent + 1
            seat.leaving = seat.silent > SILENT or each in leaving or each not in heard
        staying = [each for each, seat in self._seats.items() if not seat.leaving]
        waiting = self._waiting(leaving)
        if staying and waiting and len(staying) == self.loudest:
            weakest = min(staying, key=self._level)
            settled = self._seats[weakest].steps >= STAYING
            if settled and self._level(waiting[0]) > LOUDER * self._level(weakest):
                self._seats[weakest].leaving = True
        for each in sorted(staying, key=self._level)[: max(0, len(staying) - self.loudest)]:
            self._seats[each].leaving = True

    def _admit(self, leaving: Set[str]) -> None:
        for each in self._waiting(leaving)[: max(0, self.loudest - len(self._seats))]:
            self._seats[each] = _Seat(Limiter(self._limiter.gain))

    def _waiting(self, leaving: Set[str]) -> list[str]:
        """Return who could be heard and is not in the mix, the loudest first."""
        out = [
            each
            for each, level in self.levels.items()
            if level > AUDIBLE and each not in self._seats and each not in leaving
        ]
        return sorted(out, key=self._level, reverse=True)

    def _level(self, input: str) -> float:
        return self.levels.get(input, 0.0)
