"""Deaths of a job's processes, and the inputs that they are put down to. Pure."""

from __future__ import annotations

import msgspec

from media.contract.jobs import Composition, JobWanted, MixWanted, Place, SoundMix

RESTARTS, RESTART_SECONDS = 3, 60.0  # so many ends of a process within that time are borne
DEATHS_OF_INPUT = 2  # within that time, until it is left out
MOST_LEFT_OUT = 100  # inputs of one job: who sends so many means harm


class ProcessDeaths:
    """Belongs to one job. What is left out stays so: who publishes anew is another input."""

    def __init__(self) -> None:
        self._ends: list[tuple[float, str]] = []  # that are not explained
        self._left_out: set[str] = set()

    def note(self, now: float, input: str = "") -> bool:
        """Note a death, of an input if that is known; return whether that is left out from now on.

        What is left out has explained the deaths that it caused: they count no more.
        """
        recent = [(at, of) for at, of in self._ends if now - at < RESTART_SECONDS]
        self._ends = [*recent, (now, input)]
        if not input or sum(of == input for _, of in self._ends) < DEATHS_OF_INPUT:
            return False
        self._ends = [(at, of) for at, of in self._ends if of != input]
        self._left_out.add(input)
        return True

    @property
    def too_many(self) -> bool:
        """Whether no other process may be started."""
        return len(self._ends) > RESTARTS or len(self._left_out) > MOST_LEFT_OUT

    def without(self, wanted: JobWanted) -> JobWanted:
        """Return what can be done without the inputs that are left out, of a mix.

        A picture's place shows the background; who is not heard hears what everybody hears.
        """
        if not isinstance(wanted, MixWanted) or not self._left_out:
            return wanted
        return MixWanted(
            tuple(it for it in wanted.inputs if it.id not in self._left_out),
            wanted.video and self._composition(wanted.video),
            wanted.audio and self._sound(wanted.audio),
        )

    def _composition(self, video: Composition) -> Composition:
        return msgspec.structs.replace(video, places=tuple(map(self._place, video.places)))

    def _place(self, place: Place) -> Place:
        if place.input not in self._left_out:
            return place
        return msgspec.structs.replace(place, input=None)

    def _sound(self, audio: SoundMix) -> SoundMix:
        without = tuple(each for each in audio.without if each not in self._left_out)
        others = tuple(each for each in audio.others if each.without not in self._left_out)
        return msgspec.structs.replace(audio, without=without, others=others)
