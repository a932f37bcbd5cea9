"""Which tones a telephone hears."""

from __future__ import annotations

import time

from tests.support.baresip import PATIENCE, Baresip
from tests.support.sound import strength

HEARD = 0.02  # of full loudness
SILENT = 0.005


def hears(phone: Baresip, *tones: int, not_: tuple[int, ...] = ()) -> None:
    """Wait until it hears these, and for the last second none of the others."""
    deadline = time.monotonic() + PATIENCE
    while True:
        sound, rate = phone.heard(), phone.rate
        found: dict[int, float] = {}
        if len(sound) >= rate:
            found = {tone: float(strength(sound, tone, rate)) for tone in (*tones, *not_)}
            heard = all(found[tone] > HEARD for tone in tones)
            if heard and all(found[tone] < SILENT for tone in not_):
                return
        assert time.monotonic() < deadline, (found, len(sound), rate)
        time.sleep(0.2)


def hears_silence(phone: Baresip, seconds: float) -> None:
    """Wait until it has heard so many seconds, of which the last second was quite silent."""
    deadline = time.monotonic() + PATIENCE
    while True:
        sound, rate = phone.heard(), phone.rate
        if len(sound) >= seconds * rate and abs(sound[-rate:]).max() < SILENT:
            return
        assert time.monotonic() < deadline, (len(sound), rate)
        time.sleep(0.2)
