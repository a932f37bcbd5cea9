"""`hypercorn --worker-class trio api.asgi:app`: one listener's dialects under a plain Hypercorn.

The configuration is the file QUINTET_CONFIG names; served are the dialects and the root of its
first listener, on the address Hypercorn was given. The actor system lives in the ASGI lifespan, and
the lock on `data_dir` refuses a second worker: rooms live in one process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio

from actors.core import RestartLimit
from actors.store.troubles import StoreAway, StoreWrong
from api.http.app import App, create_app
from api.logs import configure
from api.process.composition import CurrentSettings, open_services
from api.process.listeners import StartError, raise_file_limit
from api.process.mounting import Dialects
from api.process.secret_store import DataDirError, lock_data_dir
from api.process.startup import check_places, one_message
from api.process.store import prepare_store
from api.settings import ConfigError, Settings, config_path, load_settings

log = structlog.get_logger(__name__)

TELL_SECONDS = 2.0  # less than Hypercorn's own graceful timeout


class Asgi:
    """An ASGI application that is a whole server."""

    def __init__(self) -> None:
        self._app: App | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        else:
            raise RuntimeError("served without a lifespan; Quintet needs one")

    async def _live(self, receive: Any, send: Any) -> None:
        """Start at the server's startup event, and stop at its shutdown event."""
        await receive()
        try:
            async with _open() as self._app:
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await self._app.services.lifecycle.drain(0.0, TELL_SECONDS)
        except (ConfigError, DataDirError, StartError, StoreAway, StoreWrong) as error:
            log.error("server.start_failed", reason=str(error))
            await send({"type": "lifespan.startup.failed", "message": str(error)})
        except RestartLimit as error:
            log.critical("server.gave_up", exc_info=error)
            raise SystemExit(1) from None
        else:
            await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def _open() -> AsyncIterator[App]:
    settings: Settings = load_settings(config_path())
    configure(settings.log)
    raise_file_limit()
    listener = settings.listeners[0]
    with lock_data_dir(settings.server.data_dir), one_message():
        check_places(settings)
        await trio.to_thread.run_sync(prepare_store, settings)
        async with open_services(CurrentSettings(settings)) as services:
            mounts = Dialects(listener.dialects, services).mounts(listener)
            app = create_app(listener, mounts, services)
            services.lifecycle.mark_ready()
            log.info("server.ready", urls=[], dialects=listener.dialects)
            yield app


app = Asgi()
