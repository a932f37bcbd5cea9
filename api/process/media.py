"""The media engine as the configuration has it, and what rooms with streams are given of it.

Where no dialect needs media, nothing that carries it is loaded: it takes tens of MiB.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from actors.streams.services import (
    AnalyticsTally,
    MediaServices,
    NoUpload,
    StreamingPlan,
    StreamLimits,
    Upload,
)
from actors.words.calls import NoTelephone, Telephone
from api.dialects import served
from api.process.telephone import call_plan
from api.process.version import quintet_version
from api.settings.recordings import recordings_folder
from media.contract.session import IceServer
from media.no_engine import NoMedia

if TYPE_CHECKING:
    from api.settings import IceSettings, Settings
    from media.contract.engine import MediaEngine
    from media.media_jobs import JobsPlan
    from media.webrtc.peer_facts import IceConfig

COSTS_FILE = "job_costs.json"
STREAMING_FOLDER = "streaming"


def media_needed(settings: Settings) -> bool:
    """Say whether a dialect that is served needs media."""
    return any(dialect.needs_media for dialect in served(settings.listeners))


@asynccontextmanager
async def open_media(settings: Settings) -> AsyncIterator[MediaEngine]:
    """Open the engine; it encloses whatever uses it. Where none is needed, it carries nothing."""
    if not media_needed(settings):
        yield NoMedia()
        return
    from media.local_engine import open_local_engine
    from media.outside.private_folders import clear_folders
    from media.webrtc.bridge import open_media_loop

    await trio.to_thread.run_sync(clear_folders, settings.server.data_dir / STREAMING_FOLDER)
    streams = settings.limits.media_streams
    async with (
        open_media_loop() as loop,
        open_local_engine(loop, _ice(settings.ice), streams=streams, jobs=_jobs(settings)) as media,
    ):
        yield media


def media_services(
    engine: MediaEngine, settings: Settings, telephone: Telephone | None, analytics: AnalyticsTally
) -> MediaServices:
    """Return what rooms with streams are given."""
    return MediaServices(
        engine,
        recordings_folder(settings),
        tuple(IceServer(it.urls, it.username, it.credential) for it in settings.ice.servers),
        StreamLimits(
            settings.streams.connect_seconds,
            settings.streams.per_member,
            settings.recording.per_room,
            settings.jobs.per_room,
            settings.jobs.analytics_per_room,
        ),
        settings.jobs.audio_inputs,
        _streaming(settings),
        _upload(engine),
        telephone=telephone or NoTelephone(),
        calls=call_plan(settings.sip),
        analytics=analytics,
    )


def _upload(engine: MediaEngine) -> Upload:
    if isinstance(engine, NoMedia):
        return NoUpload
    from api.process.uploads import HttpUpload

    return HttpUpload


def _ice(ice: IceSettings) -> IceConfig:
    from media.webrtc.peer_facts import IceConfig

    low, high = ice.udp_port_range
    listen, announced = (tuple(map(str, ips)) for ips in (ice.listen_ips, ice.announced_ips))
    return IceConfig(listen, announced, (low, high), tuple(map(str, ice.remote_deny)))


def _streaming(settings: Settings) -> StreamingPlan:
    it = settings.streaming
    return StreamingPlan(
        tuple(map(str, it.allow)),
        it.folder,
        settings.server.data_dir / STREAMING_FOLDER,
        it.per_room,
        it.open_seconds,
        it.read_seconds,
        it.reconnect_seconds,
        it.hls,
        it.hls_bytes,
    )


def _jobs(settings: Settings) -> JobsPlan:
    from media.media_jobs import JobsPlan
    from media.worker.process import ProcessPlan

    jobs = settings.jobs
    return JobsPlan(
        processes=jobs.processes,
        warm=jobs.warm,
        cpu_share=jobs.cpu_share,
        process=ProcessPlan(
            jobs.start_seconds, jobs.stalled_seconds, hardware=jobs.encoder == "auto"
        ),
        costs_file=settings.server.data_dir / COSTS_FILE,
        version=quintet_version(),
    )
