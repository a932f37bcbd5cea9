"""`/-/summary`: the whole server in a few figures."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import trio
from quart import Response

from actors.core import Slices
from api.logs.recent import RECENT
from api.operator.overview.paging import Query, asked, json_answer
from api.process.version import quintet_version

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.operator.overview.overview import Overview
    from media.contract.engine import EngineStats
    from media.contract.stats import SourceStats

MEDIA_SECONDS = 1.0  # for which an answer of the media layer is good


class SummaryQuery(Query):
    """It takes no parameters."""


class SummaryLooks:
    """The operation, and what it remembers of the look before."""

    def __init__(self, services: Services, overview: Overview) -> None:
        self._services = services
        self._overview = overview
        self._since = time.time()
        self._media: EngineStats | None = None
        self._media_until = 0.0

    async def summary(self) -> Response:
        """Give the figures."""
        asked(SummaryQuery)
        services, slices = self._services, Slices()
        sight = await self._overview.sight()
        rooms, people = Counter[str](), Counter[str]()
        recordings = streams = 0
        for room in sight.rooms.values():
            rooms[room.dialect] += 1
            recordings += room.recordings
            streams += room.streams
            await slices.rest()
        for person in sight.people.values():
            people[person.dialect] += 1
            streams += person.streams if person.room is None else 0
            await slices.rest()
        media = await self._carried()
        used = resource.getrusage(resource.RUSAGE_SELF)
        file = services.settings().file
        return json_answer(
            {
                "version": quintet_version(),
                "state": services.lifecycle.state.value,
                "since": round(self._since, 3),
                "config": None if file is None else str(file),
                "rooms": dict(sorted(rooms.items())),
                "people": dict(sorted(people.items())),
                "streams": streams,
                "recordings": recordings,
                "bits_per_second": {
                    "in": round(sum(source.bitrate for source in media.router.sources)),
                    "out": round(sum(sink.bitrate for sink in media.router.sinks)),
                },
                "loss": loss_of(media.router.sources),
                "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
                "loop": {
                    "held": sum(services.loop.counts),
                    "longest_hold_seconds": round(services.loop.longest, 3),
                },
                "warnings": RECENT.warnings,
                "errors": RECENT.errors,
            }
        )

    async def _carried(self) -> EngineStats:
        """Ask the media layer, for all who look within a second."""
        now = trio.current_time()
        if self._media is None or now >= self._media_until:
            self._media = await self._services.media.stats()
            self._media_until = now + MEDIA_SECONDS
        return self._media


def loss_of(sources: Iterable[SourceStats]) -> float | None:
    """Return the part lost of late of all that was sent here; None where nothing is, or too little.

    A bitrate is of what came: of a stream that loses half, twice as much was sent.
    """
    sent = lost = 0.0
    for source in sources:
        part = source.fraction_lost
        if part is not None and part < 1.0:
            all_of_it = source.bitrate / (1.0 - part)
            sent += all_of_it
            lost += all_of_it * part
    return lost / sent if sent else None
