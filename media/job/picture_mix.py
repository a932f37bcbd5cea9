"""The picture of a mixed view: what comes, put together at a steady pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from av import VideoFrame

from media.contract.jobs import PICTURE, Composition, JobWanted, MixWanted
from media.job.composing import Composer
from media.job.picture_decoder import CLOCK_RATE, OpenDecoder, open_decoder
from media.job.picture_input import PictureInput, TimedPicture
from media.job.picture_output import PictureOutput
from media.job.work import Outside, WorkFigures

STILL_SECONDS = 5.0  # how long a picture stands with nothing new; then its sender has paused
HELD_SECONDS = 0.4  # that a picture waits for its sound at most: more than sound waits itself
LATE_TIMES, LATE_SECONDS = 3, 2.0  # a mix is late that was so often in that time
MOST_HELD = 12  # pictures of one input that wait

Age = Callable[[str, float], float | None]
"""How old the sound of a publisher is that is heard at a moment; None where nobody knows."""


def no_sound(publisher: str, moment: float) -> None:
    """Know of no sound: pictures are shown as they come."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """The picture that is made of all."""

    composition: Composition
    composer: Composer
    output: PictureOutput


class PictureMix:
    """The video side of MixWanted; sound is no concern of its.

    Inputs without a place are not decoded. A picture that would be late is left out and counted,
    and its time goes by: none is made up for. Sound waits for packets that are late, and a picture
    waits as long: it is shown when it is as old as the sound of its publisher.
    """

    def __init__(
        self, outside: Outside, open_decoder: OpenDecoder = open_decoder, age: Age = no_sound
    ) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._open_decoder = open_decoder
        self._inputs: dict[str, PictureInput] = {}
        self._age = age
        self._held: dict[str, deque[TimedPicture]] = {}  # those that are not to be shown yet
        self._newest: dict[str, TimedPicture] = {}
        self._whole: _Whole | None = None
        self._late: deque[float] = deque(maxlen=LATE_TIMES)  # when pictures were left out last
        self._next = 0.0  # when the next picture is due; 0 for the first one, which is at once

    def change(self, wanted: JobWanted) -> None:
        """Mix this from now on."""
        if not isinstance(wanted, MixWanted):
            raise TypeError("no mix")
        self._change_inputs(wanted)
        composition, before = wanted.video, self._whole
        if composition is None:
            self._whole, self._next = None, 0.0
            return
        if before is None:
            output = PictureOutput(PICTURE, composition.target, self._outside, self.figures)
        elif before.composition != composition:
            output = before.output
            output.change(composition.target)
        else:
            return
        self._whole = _Whole(composition, Composer(composition, self._outside.mark), output)

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Take a packet of an input; those of inputs that are not shown are left out."""
        taker = self._inputs.get(input)
        if taker is not None:
            self._keep(input, taker.take(packet, arrival))

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Take when this RTP time of an input was captured."""
        taker = self._inputs.get(input)
        if taker is not None:
            taker.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Have the picture begin anew soon."""
        if name == PICTURE and self._whole is not None:
            self._whole.output.want_keyframe()

    def due(self) -> float:
        """Return when the next picture is due."""
        return float("inf") if self._whole is None else self._next

    def tick(self, now: float) -> None:
        """Send the picture that is due."""
        for id, each in self._inputs.items():
            if each.due <= now:
                self._outside.mark(id)
                self._keep(id, each.release(now))
                self._outside.mark("")
        whole = self._whole
        if whole is None or now < self._next:
            return
        moment = self._moment_due(whole.composition.target.framerate, now)
        frame = whole.composer.compose(self._shown(moment, now))
        whole.output.show(frame, round(moment * CLOCK_RATE), moment, now)

    def _moment_due(self, framerate: float, now: float) -> float:
        """Return which moment is shown now, and plan the next one."""
        interval = 1 / framerate
        if not self._next:
            self._next = now
        late = int((now - self._next) / interval)
        self.figures.late_frames += late
        if late:
            self._late.append(now)
        moment = self._next + late * interval
        self._next = moment + interval
        return moment

    def _is_late(self, now: float) -> bool:
        return len(self._late) == LATE_TIMES and now - self._late[0] < LATE_SECONDS

    def _shown(self, moment: float, now: float) -> dict[str, VideoFrame]:
        for id, held in self._held.items():
            age = self._age(self._inputs[id].told.publisher, moment) if held else None
            while held and _is_due(held[0], age, moment, now):
                self._newest[id] = held.popleft()
        return {
            id: picture.frame
            for id, picture in self._newest.items()
            if now - picture.arrival < STILL_SECONDS
        }

    def _keep(self, input: str, pictures: list[TimedPicture]) -> None:
        held = self._held[input]
        held.extend(pictures)
        while len(held) > MOST_HELD:
            self._newest[input] = held.popleft()

    def _change_inputs(self, wanted: MixWanted) -> None:
        placed = {place.input for place in wanted.video.places} if wanted.video else set()
        kept: dict[str, PictureInput] = {}
        for told in wanted.inputs:
            if told.kind != "video" or told.id not in placed:
                continue
            before = self._inputs.get(told.id)
            if before is not None and before.told == told:
                kept[told.id] = before
            else:
                self._newest.pop(told.id, None)
                self._held.pop(told.id, None)
                kept[told.id] = PictureInput(
                    told, self._outside, self.figures, self._open_decoder, self._is_late
                )
        self._inputs = kept
        self._held = {id: self._held.get(id, deque()) for id in kept}
        self._newest = {id: each for id, each in self._newest.items() if id in kept}


def _is_due(picture: TimedPicture, age: float | None, moment: float, now: float) -> bool:
    if age is None or now - picture.arrival >= HELD_SECONDS:
        return True
    return picture.moment <= moment - age
