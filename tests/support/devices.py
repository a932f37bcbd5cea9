"""A place for what devices have: sockets on an engine, and actors that use them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from actors.core import (
    ActorSystem,
    ChildSpec,
    Message,
    Ref,
    Spawn,
    Supervisor,
    open_system,
)
from actors.device.events import DeviceEvent
from actors.device.services import DeviceLimits
from actors.device.socket import SocketFacts, find_socket, open_socket
from media.contract.datagrams import DatagramPortWanted
from media.contract.engine import MediaEngine

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
LIMITS = DeviceLimits(redirect_allow=LOOPBACK, ask_seconds=5.0)


@dataclass
class Shown:
    """An observer that notes what it is shown."""

    actors: dict[str, Ref[Message]] = field(default_factory=dict)
    events: list[tuple[str, DeviceEvent]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    at_end: Callable[[str], None] | None = None

    def appeared(self, id: str, actor: Ref[Message]) -> None:
        self.actors[id] = actor

    def happened(self, id: str, event: DeviceEvent) -> None:
        assert id not in self.ends
        self.events.append((id, event))

    def ended(self, id: str) -> None:
        self.ends.append(id)
        if self.at_end is not None:
            self.at_end(id)

    def of(self, id: str) -> list[DeviceEvent]:
        """Return what happened to one."""
        return [event for whose, event in self.events if whose == id]


@dataclass
class Yard:
    """A system with the supervisor of devices, and the short ways into it."""

    system: ActorSystem
    engine: MediaEngine

    async def spawn(self, spec: ChildSpec) -> Ref[Any]:
        """Spawn something beside the sockets."""
        devices: Ref[Any] | None = self.system.registry.find("/devices")
        assert devices is not None
        ref: Ref[Any] = await devices.ask(Spawn(spec), within=5)
        return ref

    async def socket(self, id: str) -> SocketFacts:
        """Open a socket on loopback."""
        wanted = DatagramPortWanted("127.0.0.1", allow=LOOPBACK)
        return await open_socket(self.system.registry, self.engine, id, wanted, 5)

    def has(self, socket: str) -> bool:
        """Tell whether a socket lives."""
        return find_socket(self.system.registry, socket) is not None


@asynccontextmanager
async def open_yard(engine: MediaEngine) -> AsyncIterator[Yard]:
    """Run a system in which devices can live."""
    specs = [ChildSpec("devices", Supervisor)]
    async with open_system(specs, grace=5) as system:
        yield Yard(system, engine)
