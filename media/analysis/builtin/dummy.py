"""The plug-in that looks at nothing: it tells that frames come, and how many."""

from __future__ import annotations

from media.analysis.plugin import Emit, Frames, PictureWants, SoundWants, Wants

EVERY_SECONDS = 5.0


class Dummy:
    """Tells `frames` with the first one, and then every five seconds: how many there were."""

    wants = Wants(PictureWants(64, 36, rate=5.0, format="gray"), SoundWants(8000), both=False)

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        counts = {"picture": 0, "sound": 0}
        told: float | None = None
        async for frame in frames:
            counts[frame.kind] += 1
            if told is None or frame.moment - told >= EVERY_SECONDS:
                told = frame.moment
                emit("frames", {"pictures": counts["picture"], "sounds": counts["sound"]})
