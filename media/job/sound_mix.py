"""The sound of a mixed view: its inputs, their mix, and who gets which packets of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from media.contract.jobs import (
    ActiveInput,
    JobInput,
    JobWanted,
    MixWanted,
    OtherSound,
    SoundMix,
)
from media.job.pcm import Sound
from media.job.sound_decoder import CLOCK_RATES
from media.job.sound_encoder import Payload, SoundEncoder, check_target
from media.job.sound_input import SoundInput
from media.job.sound_mixer import LoudestMixer, MixedStep
from media.job.sound_sending import send_sound
from media.job.speech import HeardMost
from media.job.steps import Due, StepSchedule
from media.job.work import Outside, WorkFigures

PRIMED = 5  # steps that a new encoder is given of what its listener heard before
WATCHED_EVERY = 0.1  # seconds between two looks at who is heard most


@dataclass(frozen=True, slots=True)
class _Mixing:
    wanted: SoundMix
    sent: Mapping[str, OtherSound]  # by name


class SoundMixer:
    """Mixes sound (see media.job.work.Work). A format has never more than `loudest` + 1 encoders.

    One who is heard has an encoder of his own, if somebody takes it; who is not gets the packets of
    the common one, and so do all others in that format. What nobody takes is not encoded. An
    encoder begins with what all heard just before, so that going from one to the other does not
    click.
    """

    def __init__(self, outside: Outside) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._mixing: _Mixing | None = None
        self._known: dict[str, JobInput] = {}
        self._inputs: dict[str, SoundInput] = {}
        self._leaving: dict[str, SoundInput] = {}
        self._mixer = LoudestMixer(0)
        self._heard_most = HeardMost()
        self._looked = float("-inf")
        self._schedule = StepSchedule()
        self._encoders: dict[OtherSound, SoundEncoder] = {}
        self._before: deque[tuple[Sound, int]] = deque(maxlen=PRIMED)

    def change(self, wanted: JobWanted) -> None:
        """Mix these from now on; what is not sound is somebody else's."""
        sound = wanted.audio if isinstance(wanted, MixWanted) else None
        inputs = {each.id: each for each in wanted.inputs if each.kind == "audio" and sound}
        self._take_inputs(inputs)
        self._mixing = None
        if sound is None:
            self._encoders.clear()
            self._before.clear()
            self._leaving.clear()
            return
        self._mixer.loudest = sound.loudest
        self._mixing = _Mixing(sound, sound.sent)
        for target in {each.target for each in self._mixing.sent.values()}:
            check_target(target)
        self._schedule.tell_again()

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Take a packet of an input that is known."""
        if (known := self._inputs.get(input)) is not None:
            known.take(packet, arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Take when a sound was captured."""
        if (known := self._inputs.get(input)) is not None:
            known.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Do nothing: sound has none."""

    def lag(self, publisher: str, moment: float) -> float | None:
        """Return how old the sound of a publisher is when it is mixed: seconds since its capture.

        None where nobody knows. A picture of that age belongs to it.
        """
        lags = (
            self._inputs[each.id].lag(moment)
            for each in self._known.values()
            if publisher and each.publisher == publisher and each.id in self._inputs
        )
        return next((lag for lag in lags if lag is not None), None)

    def due(self) -> float:
        """Return when the next step is due."""
        return float("inf") if self._mixing is None else self._schedule.next

    def tick(self, now: float) -> None:
        """Mix the steps that are due."""
        if self._mixing is None:
            return
        for due in self._schedule.due(now):
            self._step(self._mixing, due)
        self.figures.late_frames = self._schedule.skipped

    def _take_inputs(self, inputs: dict[str, JobInput]) -> None:
        for each, known in self._known.items():
            if each in self._inputs and (each not in inputs or inputs[each].codec != known.codec):
                self._leaving[each] = self._inputs.pop(each)
        for each, input in inputs.items():
            if each not in self._inputs and input.codec in CLOCK_RATES:
                self._inputs[each] = SoundInput(input.codec, self.figures)
        self._known = inputs

    def _step(self, mixing: _Mixing, due: Due) -> None:
        playing = self._inputs | self._leaving  # one whose codec changed leaves and comes again
        heard = {}
        for each, input in playing.items():
            self._outside.mark(each)
            heard[each] = input.step(due.moment)
        self._outside.mark("")
        mixed = self._mixer.step(heard, self._leaving.keys())
        self._leaving.clear()
        self._send(mixing.sent, mixed, due)
        self._before.append((mixed.common, due.position))
        self._watch(mixing.wanted, due)

    def _send(self, sent: Mapping[str, OtherSound], mixed: MixedStep, due: Due) -> None:
        encoded: dict[OtherSound, list[Payload]] = {}
        for name, each in sent.items():
            heard = each if each.without in mixed.own else OtherSound(each.target)
            if heard not in encoded:
                encoded[heard] = self._encoded(heard, mixed, due)
            send_sound(self._outside, name, each.target, encoded[heard], due)
        for unused in self._encoders.keys() - encoded.keys():
            del self._encoders[unused]

    def _watch(self, wanted: SoundMix, due: Due) -> None:
        if not wanted.watch or due.moment < self._looked + WATCHED_EVERY:
            return
        self._looked = due.moment
        if self._heard_most.step(self._mixer.levels, due.moment):
            self._outside.tell(ActiveInput(self._heard_most.input))

    def _encoded(self, heard: OtherSound, mixed: MixedStep, due: Due) -> list[Payload]:
        sound = mixed.common if heard.without is None else mixed.own[heard.without]
        packets = self._encoder(heard).encode(sound, due.position)
        self.figures.frames_out += len(packets)
        return packets

    def _encoder(self, heard: OtherSound) -> SoundEncoder:
        encoder = self._encoders.get(heard)
        if encoder is None:
            encoder = self._encoders[heard] = SoundEncoder(heard.target)
            for before, position in self._before:
                encoder.encode(before, position)
        return encoder
