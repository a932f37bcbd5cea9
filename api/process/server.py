"""The life of the process under `quintet serve`: start, signals, reload, drain, stop.

Order of the start: settings, logs, `data_dir` locked, sockets bound, places checked, database,
actors, listeners; then `server.ready`. The stop runs backwards.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

import structlog
import trio

from actors.core import RestartLimit, Spawn
from actors.store.troubles import StoreAway, StoreWrong
from api.cli.printing import write
from api.http.app import create_app
from api.http.carriers.address_counts import AddressCounts
from api.http.carriers.connections import Connections
from api.http.mounts import Services
from api.logs import configure
from api.process.certificates import note_certificate
from api.process.composition import CurrentSettings, open_services
from api.process.greeting import greeting
from api.process.http_actor import http_spec
from api.process.listeners import Listener, StartError, bind_all, load_tls, raise_file_limit
from api.process.mounting import Dialects
from api.process.reloading import reload
from api.process.secret_store import lock_data_dir
from api.process.service_manager import ServiceManager
from api.process.startup import check_places, one_message
from api.process.store import prepare_store
from api.process.version import quintet_version
from api.settings import Settings

__all__ = ["StartError", "StoreAway", "StoreWrong", "run"]

log = structlog.get_logger(__name__)

Signals = AsyncIterator[int]

START_SECONDS = 10.0
FORCED = 1
GAVE_UP = 1


def run(settings: Settings) -> int:
    """Serve until a signal ends it, and return the exit code.

    That is 0, 1 when forced or given up, or what a dialect asked for that had the process stop.
    Raises StartError, DataDirError, StoreWrong or StoreAway, before anything was served.
    """
    configure(settings.log)
    manager = ServiceManager.of_environment(os.environ)
    if manager.watchdog_seconds > 0:
        faulthandler.enable()  # its SIGABRT, when the loop is stuck, then says where
    raise_file_limit()
    with lock_data_dir(settings.server.data_dir):
        listeners = bind_all(settings)
        try:
            check_places(settings)
            prepare_store(settings)
            with one_message():
                return trio.run(Server(settings, listeners, manager).run)
        except RestartLimit as error:
            log.critical("server.gave_up", exc_info=error)
            return GAVE_UP
        finally:
            for listener in listeners:
                listener.socket.close()


class Server:
    """One run of the server on sockets that are bound."""

    def __init__(
        self, settings: Settings, listeners: list[Listener], manager: ServiceManager
    ) -> None:
        self._current = CurrentSettings(settings)
        self._listeners = listeners
        self._serving: list[Connections] = []  # one for each listener
        self._manager = manager
        self._reload: Callable[[], None] = lambda: None  # until it runs
        self._stop_asked = trio.Event()
        self._exit_code = 0
        self._stop_after = 0.0

    async def run(self) -> int:
        """Serve until SIGTERM, SIGINT or `stop`, and return the exit code; a second signal
        forces."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with open_services(self._current) as services:
                self._reload = partial(reload, self._current, services, self._serving)
                services.lifecycle.process = self
                await self._start(services)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._manager.report, partial(_head_count, services))
                    await self._until_told(signals)
                    code = await self._stop(services, signals)
                    nursery.cancel_scope.cancel()
                return code
        return GAVE_UP  # not reached: the system's end is raised by its block

    def stop(self, exit_code: int, after: float) -> None:
        """Begin to drain after so many seconds, and exit with this code; the first call counts."""
        if not self._stop_asked.is_set():
            self._exit_code, self._stop_after = exit_code, after
            self._stop_asked.set()

    def reload(self) -> None:
        """Read the configuration again."""
        self._manager.reloading()
        self._reload()
        self._manager.ready()

    async def _start(self, services: Services) -> None:
        settings = self._current()
        if settings.old_names:
            log.warning("config.old_names", new_names=settings.old_names)
        names = (name for listener in settings.listeners for name in listener.dialects)
        dialects = Dialects(names, services)
        addresses = AddressCounts()
        places: list[tuple[str, Mapping[str, str]]] = []
        for listener in self._listeners:
            mounts = dialects.mounts(listener.settings)
            places += [(listener.url, mount.pages) for mount in mounts]
            app = create_app(listener.settings, mounts, services)
            tls = load_tls(listener.settings)
            note_certificate(services, listener.settings)
            self._serving.append(Connections(listener.socket, app, services, addresses, tls))
        urls = [listener.url for listener in self._listeners]
        spec = http_spec(list(zip(urls, self._serving, strict=True)))
        await services.system.root.ask(Spawn(spec), within=START_SECONDS)
        gc.collect()
        gc.freeze()  # what lives as long as the process is not looked through again and again
        await trio.lowlevel.checkpoint()  # the loop is metered from here on
        services.lifecycle.mark_ready()
        self._manager.ready()
        log.info("server.ready", urls=urls, version=quintet_version(), pid=os.getpid())
        if sys.stdout.isatty():
            write(greeting(places))

    async def _until_told(self, signals: Signals) -> None:
        """Return at the first signal to stop, or when a dialect has asked to; SIGHUP reloads."""

        async def follow() -> None:
            async for number in signals:
                if number != signal.SIGHUP:
                    log.info("server.stopping", signal=signal.Signals(number).name)
                    break
                self.reload()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await self._stop_asked.wait()
            await trio.sleep(self._stop_after)
            log.info("server.stopping", asked_for=True)
            nursery.cancel_scope.cancel()

    async def _stop(self, services: Services, signals: Signals) -> int:
        forced = False
        self._manager.stopping()

        async def force() -> None:
            """Drop everything at the next signal to stop."""
            nonlocal forced
            async for number in signals:
                if number != signal.SIGHUP:
                    break
            forced = True
            log.warning("server.forced", signal=signal.Signals(number).name)
            for connections in self._serving:
                connections.cut()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(force)
            await self._drain(services)
            nursery.cancel_scope.cancel()
        if forced:
            await services.system.shutdown(0.0)
            return FORCED
        log.info("server.stopped")
        return self._exit_code

    async def _drain(self, services: Services) -> None:
        """Tell the clients, let requests finish, end the actors: within server.shutdown_grace."""
        settings = self._current().server
        deadline = trio.current_time() + settings.drain_delay + settings.shutdown_grace

        def left() -> float:
            return max(0.0, deadline - trio.current_time())

        await services.lifecycle.drain(settings.drain_delay, settings.shutdown_grace / 2)
        async with trio.open_nursery() as nursery:
            for connections in self._serving:
                nursery.start_soon(connections.stop, left())
        await services.system.shutdown(left())


async def _head_count(services: Services) -> str:
    """Return who is here, in one line for people."""
    rooms, people = await services.directory.count()
    return f"{rooms} room{'s' * (rooms != 1)}, {people} {'person' if people == 1 else 'people'}"
