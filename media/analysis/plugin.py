"""What a plug-in and the process that runs it are to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

SMALLEST, LARGEST = 16, 4096  # pixels of a side that may be asked for
FEWEST_PICTURES, MOST_PICTURES = 0.001, 60.0  # a second
RATES = (8000, 16_000, 24_000, 32_000, 48_000)  # Hz, of sound


class BadEvent(ValueError):
    """What was to be told is no event: the text says why."""


@dataclass(frozen=True, slots=True)
class PictureWants:
    """Pictures that a plug-in wants: their size in pixels, how many a second, and as what.

    0 and 0 is the size that they come in, which may change. Else each is stretched to the size.
    "rgb" is an array of (height, width, 3), "gray" one of (height, width); bytes from 0 to 255.
    Raises ValueError for what cannot be had.
    """

    width: int = 320
    height: int = 180
    rate: float = 5.0
    format: Literal["rgb", "gray"] = "rgb"

    def __post_init__(self) -> None:
        if not all(type(it) is int for it in (self.width, self.height)):
            raise ValueError("sides are whole numbers of pixels")
        sides = (self.width, self.height)
        if sides != (0, 0) and not all(SMALLEST <= it <= LARGEST for it in sides):
            raise ValueError(f"sides have {SMALLEST} to {LARGEST} pixels, or both 0")
        if not FEWEST_PICTURES <= self.rate <= MOST_PICTURES:
            raise ValueError(f"{FEWEST_PICTURES:g} to {MOST_PICTURES:g} pictures a second")
        if self.format not in ("rgb", "gray"):
            raise ValueError('pictures are "rgb" or "gray"')


@dataclass(frozen=True, slots=True)
class SoundWants:
    """Sound that a plug-in wants: samples a second, channels, and how many seconds at a time.

    It comes as arrays of (samples, channels), of floats from -1 to 1; what is not sent is silence.
    Raises ValueError for what cannot be had.
    """

    rate: int = 16_000
    channels: int = 1
    seconds: float = 0.1

    def __post_init__(self) -> None:
        if type(self.rate) is not int or self.rate not in RATES:
            raise ValueError(f"the rate of sound is one of {', '.join(map(str, RATES))}")
        if self.channels not in (1, 2):
            raise ValueError("sound has one channel or two")
        if not 0.02 <= self.seconds <= 1.0:
            raise ValueError("sound comes in pieces of 0.02 to 1 second")


@dataclass(frozen=True, slots=True)
class Wants:
    """What a plug-in is to be given: pictures, sound, or both as they come.

    With `both` set to False, one of the two that it names will do. Raises ValueError for neither.
    """

    picture: PictureWants | None = None
    sound: SoundWants | None = None
    both: bool = True

    def __post_init__(self) -> None:
        if self.picture is None and self.sound is None:
            raise ValueError("a plug-in wants pictures or sound")
        if not isinstance(self.picture, PictureWants | None):
            raise ValueError("`picture` is a PictureWants")
        if not isinstance(self.sound, SoundWants | None):
            raise ValueError("`sound` is a SoundWants")


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, or a piece of sound, as `data`: an array in the form that was wanted.

    `moment` is when it was captured, in seconds of time.monotonic. `skipped` are those of its kind
    that there was no time for since the last one. `size` is that of the picture as it came, in
    pixels; (0, 0) of sound.
    """

    kind: Literal["picture", "sound"]
    data: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    moment: float
    skipped: int = 0
    size: tuple[int, int] = (0, 0)


class Frames(Protocol):
    """What there is to analyse: `async for frame in frames`. It ends with the analytic only.

    Of pictures, the newest is given each time, and none twice: whoever takes long misses some. Of
    sound two seconds are kept, then the oldest is dropped. Where nothing is sent, nothing comes: to
    wait for a while only, put `await anext(frames)` into `trio.move_on_after`.
    """

    def __aiter__(self) -> Frames:
        """Return itself."""

    async def __anext__(self) -> Frame:
        """Wait for the next one."""


class Emit(Protocol):
    """Tells an event. It does not wait."""

    def __call__(self, name: str, values: Mapping[str, Any] | None = None) -> bool:
        """Tell this; return whether it was, and not dropped for there were too many.

        `name` is of letters, digits, "_", "-" and ".", 64 at most. `values` are what JSON has, and
        have 4096 bytes as such at most. Twenty can be told at once, then twenty a second. Raises
        BadEvent for what is no event.
        """


class Plugin(Protocol):
    """A plug-in. `analyse` runs under Trio in a thread, and a process, of its own.

    It may take its time, and block. Where it raises or returns, the analytic ends. It is cancelled
    when the analytic is ended, and has half a second to end then.
    """

    @property
    def wants(self) -> Wants:
        """What it is to be given; asked for once, before `analyse`."""

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        """Look at frames, and tell events."""
