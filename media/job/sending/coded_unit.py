"""One encoded picture, or one piece of encoded sound, and when it was captured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from media.rtp.depayload import CodedSound, CodedVideo


class CodedUnit(NamedTuple):
    """`moment` is that of its capture, in seconds of time.monotonic.

    H.264 stands behind lengths of 4 bytes. `format` stands on keyframes, and on all units of sound.
    `backward` says that the picture is shown before one that came before it.
    """

    kind: str
    moment: float
    data: bytes
    keyframe: bool
    format: CodedVideo | CodedSound | None = None
    backward: bool = False


Formats = dict[str, CodedVideo | CodedSound]
"""What an output has, by kind: "audio", "video"."""


def formats_in(units: Sequence[CodedUnit]) -> Formats:
    """Return what is needed to take these, by kind."""
    return {unit.kind: unit.format for unit in units if unit.format is not None}


def in_order(units: Sequence[CodedUnit]) -> list[CodedUnit]:
    """Return both kinds by their times, each of them in its order of decoding.

    What waited for a report comes at once: all the sound first, or all the pictures.
    """
    newest: dict[str, float] = {}
    times = []
    for unit in units:
        newest[unit.kind] = max(unit.moment, newest.get(unit.kind, unit.moment))
        times.append(newest[unit.kind])
    return [units[number] for number in sorted(range(len(units)), key=times.__getitem__)]
