"""The actor system and the services around it, put together in one place for both ways to serve.

`api/process/server.py` (`quintet serve`) and `api/asgi.py` (a plain Hypercorn command line) stand
on this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio
from prometheus_client import CollectorRegistry

from actors.core import ChildSpec, open_system
from actors.directory.directory import Directory
from actors.member.messages import End
from actors.room.site_services import CpuSpent, SiteServices
from actors.signalling.absent import AbsentPeers
from actors.store.tally import StoreTally
from actors.streams.services import AnalyticsTally
from actors.tree import children
from actors.words.calls import Telephone
from actors.words.close_reasons import CloseReason
from actors.words.limits import ActorLimits
from api.http.byte_budget import ByteBudget
from api.http.credentials import CredentialGuard
from api.http.loop_meter import LoopMeter
from api.http.mounts import Services
from api.process.lifecycle import Lifecycle
from api.process.media import media_services, open_media
from api.process.relief import Relieved
from api.process.secret_store import Secrets
from api.process.store import store_of
from api.process.telephone import serve_calls, telephone_of
from media.contract.engine import MediaEngine

if TYPE_CHECKING:
    from api.settings import LimitSettings, Settings
    from api.sip.telephone import SipTelephone


class CurrentSettings:
    """The settings of the moment: called, it returns them; SIGHUP replaces them."""

    def __init__(self, settings: Settings) -> None:
        self.value = settings

    def __call__(self) -> Settings:
        return self.value


@asynccontextmanager
async def open_services(current: CurrentSettings) -> AsyncIterator[Services]:
    """Open the actor system with all that lives in it, and everything a dialect may use.

    Media and store are there where a dialect that is served needs them; the store must be ready:
    see `prepare_store`. Raises DataDirError, StartError, and RestartLimit
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
    store = StoreTally()
    secrets.all()  # read now, where damage is one message, and not with the first request
    async with (
        open_media(settings) as media,
        open_system(
            _specs(current, media, analytics, store, lists_cost, absent, telephone),
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
            store_tally=store,
            unsent=ByteBudget(limits.unsent_bytes, limits.unsent_bytes_per_address, Relieved()),
        )

        async def say_goodbye() -> None:
            """End every member; its client is told in its dialect's way."""
            await services.directory.tell_members(End(CloseReason.SHUTTING_DOWN))

        lifecycle.drain_hooks.append(say_goodbye)
        if telephone is not None:
            await serve_calls(telephone, services)
        trio.lowlevel.add_instrument(services.loop)
        try:
            yield services
        finally:
            trio.lowlevel.remove_instrument(services.loop)


def _specs(
    current: CurrentSettings,
    media: MediaEngine,
    analytics: AnalyticsTally,
    store: StoreTally,
    lists_cost: CpuSpent,
    absent: AbsentPeers,
    telephone: Telephone | None,
) -> list[ChildSpec]:
    settings = current()
    return children(
        lambda: actor_limits(current().limits),
        media_services(media, settings, telephone, analytics),
        store_of(settings, store),
        SiteServices(spent=lambda: lists_cost.seconds),
        absent,
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
        closed_rooms=limits.closed_rooms,
        expelled_members=limits.expelled_members,
    )
