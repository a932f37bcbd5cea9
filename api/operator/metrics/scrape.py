"""One look at all metrics: what has to be asked for first, then all of it as text."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import trio
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import Metric
from quart import Response

from actors.core import Slices
from api.operator.metrics.analytics import AnalyticsMetrics
from api.operator.metrics.families import FamilyCollector, PartsCollector
from api.operator.metrics.media import MediaMetrics
from api.operator.metrics.people import PeopleMetrics, count_people
from api.operator.metrics.server import ServerMetrics
from api.operator.metrics.traffic import TrafficMetrics
from api.operator.metrics.upkeep import UpkeepMetrics, free_bytes
from api.operator.settings import OperatorSettings
from api.settings.recordings import recordings_folder

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.operator.overview.overview import Overview

DISK_SECONDS = 2.0  # a disk that is away may take for ever to say so
ABOUT_NOBODY = "operator"  # of the dialects, the one in which nobody is anywhere


def usual_collector(services: Services) -> PartsCollector:
    """Return what gives the metrics that need not be asked for."""
    return PartsCollector(
        ServerMetrics(services),
        TrafficMetrics(services.traffic),
        AnalyticsMetrics(services.analytics),
    )


class MetricsLook:
    """The operation `/-/metrics`."""

    def __init__(self, services: Services, overview: Overview) -> None:
        self._services = services
        self._overview = overview

    async def metrics(self) -> Response:
        """Give all metrics as Prometheus text."""
        asked, slices, text = await self._asked(), Slices(), bytearray()
        for family in chain(self._services.metrics.collect(), asked.collect()):
            text += generate_latest(FamilyCollector(family))
            await slices.rest()
        return Response(bytes(text), content_type=CONTENT_TYPE_LATEST)

    async def families(self) -> list[Metric]:
        """Return the families of all metrics, those of single streams too."""
        asked = await self._asked(streams=True)
        return [*self._services.metrics.collect(), *asked.collect()]

    async def _asked(self, *, streams: bool = False) -> PartsCollector:
        """Ask for what has to be asked for."""
        services, settings = self._services, self._services.settings()
        streams = streams or settings.section(OperatorSettings).stream_metrics
        listed = {name for each in settings.listeners for name in each.dialects} - {ABOUT_NOBODY}
        people = await count_people(await self._overview.sight())
        media = await services.media.stats()
        folders = {"data": settings.server.data_dir, "recordings": recordings_folder(settings).path}
        left: dict[str, int] = {}
        with trio.move_on_after(DISK_SECONDS):
            left = await trio.to_thread.run_sync(free_bytes, folders, abandon_on_cancel=True)
        return PartsCollector(
            PeopleMetrics(services.system.counters, people, sorted(listed)),
            UpkeepMetrics(services.store_tally, left, services.certificates),
            MediaMetrics(media, streams=streams),
        )
