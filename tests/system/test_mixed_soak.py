"""People of every dialect, and strangers with junk, for a long time: nothing piles up.

One minute of it belongs to the suite; QUINTET_SOAK_MINUTES=30 makes it thirty. Visitors come in
rounds. After each of them, at rest, the server has exactly as many tasks, timers, actors,
connections and descriptors as it had after the first fifth, and hardly more memory: 2 MiB, or 8 in
the minute, of whose first fifth a hundred visits are not yet all that a server needs once.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import trio

from media.webrtc.bridge import open_media_loop
from tests.support.attack import resident
from tests.support.junk import junk
from tests.support.levels import Counts, Operator
from tests.support.mixed_load import CONFIG, RESTS, VISITS, MixedLoad, Site
from tests.support.process import launched
from tests.support.spreed import PATIENCE

MINUTES = float(os.environ.get("QUINTET_SOAK_MINUTES", "1"))
FIFTH = MINUTES * 60 / 5
ROUND = 120.0 if MINUTES >= 10 else FIFTH * 4  # seconds, of the rounds after the first fifth
STILL = 3.0  # seconds without a change, and the server is at rest
LEAST = 8.0  # seconds of each round in which visitors come
KEPT = httpx.Limits(keepalive_expiry=0.5)  # seconds: before the server closes idle connections
MIB = 1 << 20
GROWS = 2 * MIB if MINUTES >= 10 else 8 * MIB


@dataclass
class Soak:
    """A server, what it had at the end of each round, and how often who has come."""

    site: Site
    operator: Operator
    began: float = field(default_factory=time.monotonic)
    done: Counter[str] = field(default_factory=Counter)
    counts: list[Counts] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def passed(self) -> float:
        return time.monotonic() - self.began

    async def round_until(self, end: float) -> None:
        """Let visitors come, and note what there is when all have gone; `end` is from `began`."""
        process = self.site.process
        async with httpx.AsyncClient(
            base_url=process.url, timeout=PATIENCE, limits=KEPT
        ) as self.site.http:
            load = MixedLoad(self.site, VISITS | {"junk": junk}, self.done)
            await load.go_on(max(LEAST, end - RESTS - self.passed))
        await trio.sleep(RESTS)
        if not self.counts:
            found = await self.operator.still(process, STILL, PATIENCE)
        else:
            found = await self.operator.settled(
                process, lambda each: not each - self.counts[0], PATIENCE
            )
        self.counts.append(found)
        self.memory.append(resident(process))
        differs = found - self.counts[0]
        print(
            f"{self.passed:6.0f} s: {self.memory[-1] / MIB:.2f} MiB, "
            f"{process.cpu_seconds():.0f} s of CPU, {differs or 'nothing'} more; "
            f"{sum(self.done.values())} visits",
            flush=True,
        )


async def test_visits_of_every_kind_leave_nothing_behind(tmp_path: Path) -> None:
    async with (
        launched(tmp_path, CONFIG) as process,
        open_media_loop() as loop,
        httpx.AsyncClient(base_url=process.url, timeout=PATIENCE, limits=KEPT) as looking,
    ):
        soak = Soak(Site(process, loop, looking), Operator(looking))
        end = FIFTH
        await soak.round_until(end)
        while end < MINUTES * 60:
            end += ROUND
            await soak.round_until(end)
        said = process.troubles()
    print(dict(soak.counts[0].found), dict(soak.done))
    assert [each - soak.counts[0] for each in soak.counts[1:]] == [{}] * len(soak.counts[1:])
    assert max(soak.memory[1:]) - soak.memory[0] <= GROWS
    assert min(soak.done.values()) >= len(soak.counts)
    assert [line["event"] for line in said] == ["proxy.untrusted"]  # of the junk's headers, once
