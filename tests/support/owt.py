"""An OWT server in the test's own process, and a management client that signs its requests."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from actors.core import Actor, ActorSystem, ChildSpec, Message, Spawn, open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.calls import NoTelephone, Telephone
from actors.words.keys import ROOMS, RoomKey
from actors.words.limits import ActorLimits
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Place, Services
from api.owt.dialect import OWT
from api.owt.management.mauth import make_header
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from api.sip.rooms import RoomsLine
from media.contract.engine import MediaEngine
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving

PATIENCE = 60.0  # more than a server takes until it gives up a source or target: open_seconds, 30
SUPER = "aaaaaaaaaaaaaaaaaaaaaaaa"
SAMPLE = "5188b9af6e53c84ffd600413"
KEYS = {SUPER: "super key", SAMPLE: "c2FtcGxlIGtleQ=="}
_nonces = itertools.count(1)


@dataclass
class Manager:
    """Signs as the REST SDK does; `service` and `key` are whose name is signed with."""

    url: str
    service: str = SAMPLE
    key: str = KEYS[SAMPLE]
    spaced: bool = False
    tls: ssl.SSLContext | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def header(self, user: str = "", role: str = "", at: float | None = None) -> str:
        moment = int((time.time() if at is None else at) * 1000)
        nonce = f"{next(_nonces):016x}"
        header = make_header(self.service, self.key, moment, nonce, user, role)
        return header.replace(",", ", ") if self.spaced else header

    async def ask(
        self, method: str, path: str, body: Any = None, *, header: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": self.header() if header is None else header} | self.extra
        verify = self.tls or False  # False: no TLS is spoken, and authorities take 60 ms to load
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, verify=verify) as http:
            if body is None:
                return await http.request(method, path, headers=headers)
            return await http.request(method, path, headers=headers, json=body)

    async def create_room(self, name: str = "room", **options: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/v1/rooms", {"name": name, "options": options})
        assert answer.status_code == 200, answer.text
        room: dict[str, Any] = answer.json()
        return room


@dataclass
class OwtServer:
    serving: Serving
    system: ActorSystem
    services: Services
    open: Callable[[Place], Mount]
    tls: None = None

    @property
    def url(self) -> str:
        return self.serving.url

    def manager(self, service: str = SAMPLE, **changes: Any) -> Manager:
        return Manager(self.url, service, changes.pop("key", KEYS.get(service, "none")), **changes)

    async def live(self, room_id: str, room: Actor[Message]) -> None:
        """Have this actor stand in for the live room."""
        rooms = self.system.registry.find(ROOMS)
        assert rooms is not None
        await rooms.ask(Spawn(ChildSpec(RoomKey("owt", room_id).slug, lambda: room)), within=10)


def owt_settings(**sections: Any) -> Settings:
    """Return settings with known services, changed by section."""
    known = {
        "super_service_id": SUPER,
        "super_service_key": KEYS[SUPER],
        "sample_service_id": SAMPLE,
        "sample_service_key": KEYS[SAMPLE],
    }
    return settings_of(sections | {"owt": known | sections.get("owt", {})})


@asynccontextmanager
async def owt_server(
    tmp_path: Path,
    carrier: str = "lane",
    settings: Settings | None = None,
    engine: MediaEngine | None = None,
    store: Callable[[], Actor[Message]] = MemoryStore,
    guard: CredentialGuard | None = None,
    line: RoomsLine | None = None,
    telephone: Telephone | None = None,
) -> AsyncIterator[OwtServer]:
    """Serve the dialect on one listener, over a real actor system.

    If none is given, its store is one in memory, and its media engine a fake one.
    """
    settings = settings or owt_settings()
    limits = ActorLimits(
        rooms=settings.limits.rooms,
        peers=settings.limits.peers,
        empty_rooms_per_address=settings.limits.empty_rooms_per_address,
    )
    recordings = RecordingsFolder(tmp_path / "recordings")
    media = MediaServices(engine or FakeEngine(), recordings, telephone=telephone or NoTelephone())
    async with open_system(children(lambda: limits, media, store)) as system:
        if guard is None:  # an empty one is false
            of = settings.limits
            guard = CredentialGuard(
                of.credential_failures, 1800.0, of.credential_failures_per_address
            )
        services = services_for(
            settings, system=system, secrets=Secrets(tmp_path), guard=guard, line=line
        )
        opens = OWT.open(services)
        mount = opens(Place(root=False, secure=False))
        async with serving(mount, carrier=carrier, settings=settings, services=services) as served:
            yield OwtServer(served, system, services, opens)
