"""The actor system and the services around it, put together in one place for both ways to serve.

`api/process/server.py` (`quintet serve`) and `api/asgi.py` (a plain Hypercorn command line) stand
on this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
from prometheus_client import CollectorRegistry

from actors.core import ChildSpec, Spawn, open_system
from actors.directory.directory import Directory
from actors.member.messages import End
from actors.room.site import CpuSpent, SiteServices
from actors.signalling.absent import AbsentPeers
from actors.store.place import StorePlace
from actors.store.sql_store import SqlStore
from actors.store.upgrade import keep, prepare
from actors.streams.services import (
    AnalyticsTally,
    MediaServices,
    StreamingPlan,
    StreamLimits,
)
from actors.tree import children
from actors.words.calls import NoTelephone, Telephone
from actors.words.close_reasons import CloseReason
from actors.words.limits import ActorLimits
from api.dialects import built
from api.http.byte_budget import ByteBudget
from api.http.credentials import CredentialGuard
from api.http.loop_meter import LoopMeter
from api.http.mounts import Services
from api.process.lifecycle import Lifecycle
from api.process.relief import Relieved
from api.process.secret_store import Secrets
from api.process.telephone import call_plan, telephone_of
from api.process.uploads import HttpUpload
from api.process.version import quintet_version
from api.settings.recordings import recordings_folder
from api.sip.actor import telephone_spec
from api.sip.tally import SipCollector
from media.contract.engine import MediaEngine
from media.contract.session import IceServer
from media.local_engine import open_local_engine
from media.media_jobs import JobsPlan
from media.outside.private_folders import clear_folders
from media.webrtc import peer_facts as media_ice
from media.webrtc.bridge import open_media_loop
from media.worker.process import ProcessPlan

if TYPE_CHECKING:
    from api.settings import IceSettings, LimitSettings, Settings
    from api.sip.telephone import SipTelephone

SQLITE_FILE = "quintet.sqlite"
COSTS_FILE = "job_costs.json"
STREAMING_FOLDER = "streaming"
START_SECONDS = 10.0


class CurrentSettings:
    """The settings of the moment: called, it returns them; SIGHUP replaces them."""

    def __init__(self, settings: Settings) -> None:
        self.value = settings

    def __call__(self) -> Settings:
        return self.value


@asynccontextmanager
async def open_services(current: CurrentSettings) -> AsyncIterator[Services]:
    """Open the actor system with all that lives in it, and everything a dialect may use.

    The store must be ready: see `prepare_store`. Raises DataDirError, StartError, and RestartLimit
    from the block when the system gives up.
    """
    limits = current().limits
    guard = CredentialGuard(
        limits.credential_failures,
        limits.credential_window,
        limits.credential_failures_per_address,
    )
    with telephone_of(current(), guard) as telephone:
        async with _open_services(current, guard, telephone) as services:
            yield services


@asynccontextmanager
async def _open_services(
    current: CurrentSettings, guard: CredentialGuard, telephone: SipTelephone | None
) -> AsyncIterator[Services]:
    settings = current()
    limits = settings.limits
    secrets = Secrets(settings.server.data_dir)
    lists_cost = CpuSpent()
    absent = AbsentPeers()
    analytics = AnalyticsTally()
    secrets.all()  # read now, where damage is one message, and not with the first request
    await trio.to_thread.run_sync(clear_folders, settings.server.data_dir / STREAMING_FOLDER)
    async with (
        open_media_loop() as loop,  # encloses whatever uses it
        open_local_engine(
            loop, _ice(settings.ice), streams=limits.media_streams, jobs=_jobs(settings)
        ) as media,
        open_system(
            _specs(current, media, analytics, lists_cost, absent, telephone),
            grace=settings.server.shutdown_grace,
        ) as system,
    ):
        lifecycle = Lifecycle()
        services = Services(
            settings=current,
            system=system,
            directory=Directory(system.registry, lambda: actor_limits(current().limits)),
            media=media,
            secrets=secrets,
            guard=guard,
            lifecycle=lifecycle,
            loop=LoopMeter(lambda: lifecycle.ready),
            metrics=CollectorRegistry(),
            lists_cost=lists_cost,
            absent=absent,
            line=telephone,
            analytics=analytics,
            unsent=ByteBudget(limits.unsent_bytes, limits.unsent_bytes_per_address, Relieved()),
        )

        async def say_goodbye() -> None:
            """End every member; its client is told in its dialect's way."""
            await services.directory.tell_members(End(CloseReason.SHUTTING_DOWN))

        lifecycle.drain_hooks.append(say_goodbye)
        if telephone is not None:
            lifecycle.drain_hooks.append(telephone.drain)
            services.metrics.register(SipCollector(telephone.tally, telephone.facts))
            system.root.tell(Spawn(telephone_spec(telephone)))
            with trio.move_on_after(START_SECONDS):  # else the rest does its work without
                await telephone.started()
        trio.lowlevel.add_instrument(services.loop)
        try:
            yield services
        finally:
            trio.lowlevel.remove_instrument(services.loop)


def _specs(
    current: CurrentSettings,
    media: MediaEngine,
    analytics: AnalyticsTally,
    lists_cost: CpuSpent,
    absent: AbsentPeers,
    telephone: Telephone | None,
) -> list[ChildSpec]:
    settings = current()
    return children(
        lambda: actor_limits(current().limits),
        _media_services(media, analytics, settings, telephone or NoTelephone()),
        lambda: SqlStore(_store(settings)),
        SiteServices(spent=lambda: lists_cost.seconds),
        absent,
    )


def prepare_store(settings: Settings) -> None:
    """Make the database ready for this version; `data_dir` must be there, and nobody else's.

    What former versions kept in files is moved into it. Blocks, for up to store.start_seconds
    until the database is there. Raises StoreWrong, StoreAway.
    """
    place = _store(settings)
    prepare(place, settings.store.start_seconds)
    for dialect in built():
        dialect.move_in(settings.server.data_dir, partial(keep, place))


def _store(settings: Settings) -> StorePlace:
    store = settings.store
    return StorePlace(
        file=settings.server.data_dir / SQLITE_FILE,
        url=store.url,
        connections=store.connections,
        answer_seconds=store.answer_seconds,
        waiting=store.waiting,
    )


def _ice(ice: IceSettings) -> media_ice.IceConfig:
    low, high = ice.udp_port_range
    listen, announced = (tuple(map(str, ips)) for ips in (ice.listen_ips, ice.announced_ips))
    return media_ice.IceConfig(listen, announced, (low, high), tuple(map(str, ice.remote_deny)))


def _media_services(
    engine: MediaEngine, analytics: AnalyticsTally, settings: Settings, telephone: Telephone
) -> MediaServices:
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
        HttpUpload,
        telephone=telephone,
        calls=call_plan(settings.sip),
        analytics=analytics,
    )


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


def actor_limits(limits: LimitSettings) -> ActorLimits:
    """Return the limits that actors obey."""
    return ActorLimits(
        mailbox_messages=limits.mailbox_messages,
        rooms=limits.rooms,
        peers=limits.peers,
        ask_seconds=limits.ask_seconds,
        empty_rooms_per_address=limits.empty_rooms_per_address,
        echo_messages=limits.echo_messages,
        echo_bytes=limits.echo_bytes,
        echo_bytes_of_all=limits.echo_bytes_of_all,
    )
