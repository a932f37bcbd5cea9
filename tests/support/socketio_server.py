"""A Socket.IO server of ours in the test's own process, with a handler that is easy to talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.lowlevel
from quart import Blueprint

from actors.core import ActorSystem, open_system
from api.http.mounts import Mount, Services
from api.owt.socketio.connection import ConnectionClosed, SocketioConnection
from api.owt.socketio.polling import add_polling
from api.owt.socketio.table import PATH, SocketIo
from api.settings import settings_of
from tests.support.serving import Serving, plain_refusal, services_for, serving


@dataclass
class Host:
    """A server, its table of clients, and what it noticed of them."""

    table: SocketIo
    system: ActorSystem
    services: Services
    seen: list[SocketioConnection] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    serving: Serving | None = None
    _news: trio.Event = field(default_factory=trio.Event)

    @property
    def url(self) -> str:
        assert self.serving is not None
        return self.serving.url

    async def until_ended(self, count: int = 1) -> list[str]:
        """Wait until this many clients have ended; return why."""
        with trio.fail_after(30):
            while len(self.ended) < count:
                await self._news.wait()
        return self.ended

    async def serve(self, connection: SocketioConnection) -> None:
        """Answer `echo` with what it brought, and do a few other things by name."""
        self.seen.append(connection)
        try:
            while True:
                incoming = await connection.receive()
                match incoming.name:
                    case "echo" if incoming.ack is not None:
                        connection.ack(incoming.ack, "ok", *incoming.args)
                    case "echo":
                        connection.emit("echo", *incoming.args)
                    case "disconnect me":
                        connection.disconnect()
                    case "close me":
                        connection.close("moved")
                    case "crash":
                        raise ZeroDivisionError("a bug")
                    case "flood":
                        for _ in range(incoming.args[0]):
                            connection.emit("flood", "x" * incoming.args[1])
                    case "bye":
                        return
        except ConnectionClosed as closed:
            self.ended.append(closed.reason)
            raise
        finally:
            self._news.set()
            self._news = trio.Event()


@asynccontextmanager
async def socketio_host(carrier: str = "lane", **sections: Any) -> AsyncIterator[Host]:
    """Serve Socket.IO at its usual path, over a real actor system, with settings by section."""
    settings = settings_of(sections)
    async with open_system() as system:
        services = services_for(settings, system=system)
        hosts: list[Host] = []
        table = SocketIo(services, "owt", lambda connection: hosts[0].serve(connection))
        host = Host(table, system, services)
        hosts.append(host)
        table.start()
        blueprint = Blueprint("owt", __name__)
        add_polling(blueprint, table)
        mount = Mount("owt", blueprint, (table.websocket_route(),), (PATH,), plain_refusal)
        with trio.fail_after(30):
            while system.registry.find("/socketio") is None:
                await trio.lowlevel.checkpoint()
        async with serving(mount, carrier=carrier, settings=settings, services=services) as served:
            host.serving = served
            yield host
