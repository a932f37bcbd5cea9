"""How encoded sound leaves: as packets of an output, and when its times are."""

from __future__ import annotations

from collections.abc import Iterable

from media.contract.jobs import AudioTarget
from media.job.pcm import RATE
from media.job.sound_encoder import Payload, clock_rate
from media.job.steps import Due
from media.job.work import Outside


def send_sound(
    outside: Outside, name: str, target: AudioTarget, packets: Iterable[Payload], due: Due
) -> None:
    """Send what a step has brought about, and tell the clock if it is time to.

    The marker says of AAC that a unit is whole (RFC 3640, 3.1); of the others it would be the
    beginning of speech after a silence in which nothing is sent, and we always send.
    """
    whole = target.codec == "aac"
    for payload, timestamp in packets:
        outside.send(name, payload, timestamp, marker=whole)
    if due.told:
        outside.clock(name, due.position * clock_rate(target) // RATE, due.moment)
