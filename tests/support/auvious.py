"""An Auvious server in the test's own process, and clients of its REST API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from actors.core import Actor, ActorSystem, Message, open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.limits import ActorLimits
from api.auvious.keys import FILE, rotate
from api.auvious.mount import open_mount
from api.auvious.state import AuviousState
from api.http.credentials import CredentialGuard
from api.http.mounts import Services
from api.process.private_files import replace_private
from api.process.secret_store import Secrets
from api.settings import Settings
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving, settings_with

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine
ENDPOINTS = "/rtc-api/users/endpoints"
SECRETS = {"backoffice": "backoffice-secret-4471"}
PASSWORDS = {"ann": "password-of-ann-8813", "bob": "password-of-bob-2290", "cleo": "cleo-pw-5561"}

CLIENTS: list[dict[str, Any]] = [
    {"id": "backoffice", "secret": SECRETS["backoffice"], "organization": "acme"},
    {
        "id": "partner", "secret": "partner-secret-3387", "organization": "acme",
        "roles": ["ROLE_USER"],
    },
    {"id": "customer", "public": True, "grants": ["password", "refresh_token"]},
    {
        "id": "portal", "secret": "portal-secret-6128",
        "grants": ["password", "refresh_token", "client_credentials"],
        "organization": "acme",
    },
]  # fmt: skip
USERS: list[dict[str, Any]] = [
    {"id": "ann", "password": PASSWORDS["ann"], "organization": "acme"},
    {"id": "bob", "password": PASSWORDS["bob"], "organization": "acme"},
    {"id": "cleo", "password": PASSWORDS["cleo"], "organization": "globex"},
    {"id": "nobody", "organization": "acme"},
]
EVENT = {"type": "UserCreatedEvent", "timestamp": "2011-12-03T10:15:30Z"}


def auvious_settings(data_dir: Path, **sections: Any) -> Settings:
    """Return settings with the clients and users above, changed by section."""
    auvious = {"clients": CLIENTS, "users": USERS} | sections.pop("auvious", {})
    server = {"data_dir": str(data_dir)} | sections.pop("server", {})
    return settings_with(server=server, auvious=auvious, **sections)


def auvious_toml() -> str:
    """Return the clients and users above as part of a configuration file."""
    lines = []
    for table, entries in (("clients", CLIENTS), ("users", USERS)):
        for entry in entries:
            lines.append(f"[[auvious.{table}]]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


@dataclass
class Caller:
    """One who has a token, and says what a client says."""

    http: httpx.AsyncClient
    token: str
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, path: str, body: object = None, **more: Any) -> httpx.Response:
        """POST to an operation of the endpoints; a body of bytes goes as it is."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(
            f"{ENDPOINTS}{path}", headers=self.headers, **{**content, **more}
        )

    async def get(self, path: str = "", **more: Any) -> httpx.Response:
        return await self.http.get(path or ENDPOINTS, headers=self.headers, **more)

    async def register(self, id_: str = "", seconds: int = 15, **more: Any) -> str:
        """Register an endpoint and return its id."""
        body = {"keepAliveSeconds": seconds} | ({"userEndpointId": id_} if id_ else {}) | more
        response = await self.post("", body)
        assert response.status_code == 200, response.text
        found: str = response.json()
        return found

    async def send(self, user: str, event: object = EVENT, **more: Any) -> int:
        """Send an event and return how many endpoints took it."""
        response = await self.post("/sendEvent", {"userId": user, "event": event} | more)
        assert response.status_code == 200, response.text
        found: int = response.json()
        return found

    async def waiting(self, id_: str) -> list[dict[str, Any]]:
        """Return the events that wait for one's endpoint, masked."""
        response = await self.get(f"{ENDPOINTS}/{id_}")
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["events"]
        return found


@dataclass
class AuviousServer:
    serving: Serving
    system: ActorSystem
    services: Services
    house: AuviousState

    @property
    def url(self) -> str:
        return self.serving.url

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE)

    @asynccontextmanager
    async def user(self, name: str) -> AsyncIterator[Caller]:
        """Sign a user in through the public client."""
        form = {
            "grant_type": "password", "client_id": "customer",
            "username": name, "password": PASSWORDS[name],
        }  # fmt: skip
        async with self.caller(form) as found:
            yield found

    @asynccontextmanager
    async def service(self, name: str = "backoffice", secret: str = "") -> AsyncIterator[Caller]:
        """Have a client sign in on its own behalf."""
        form = {
            "grant_type": "client_credentials", "client_id": name,
            "client_secret": secret or SECRETS[name],
        }  # fmt: skip
        async with self.caller(form) as found:
            yield found

    @asynccontextmanager
    async def caller(self, form: dict[str, str]) -> AsyncIterator[Caller]:
        async with self.http() as http:
            response = await http.post("/security/oauth/token", data=form)
            assert response.status_code == 200, response.text
            answer = response.json()
            yield Caller(http, answer["access_token"], answer)


@cache
def _keys() -> str:
    """Return a file of keys; making one takes its time."""
    with TemporaryDirectory() as folder:
        rotate(Path(folder))
        return (Path(folder) / FILE).read_text()


def lay_keys(data_dir: Path) -> None:
    """Give a server its keys, unless it has some."""
    if not (data_dir / FILE).exists():
        replace_private(data_dir / FILE, _keys())


@asynccontextmanager
async def auvious_server(
    tmp_path: Path,
    carrier: str = "lane",
    settings: Settings | None = None,
    store: Callable[[], Actor[Message]] = MemoryStore,
) -> AsyncIterator[AuviousServer]:
    """Serve the dialect on one listener, over a real actor system."""
    settings = settings or auvious_settings(tmp_path)
    lay_keys(tmp_path)
    limits = ActorLimits(ask_seconds=settings.limits.ask_seconds)
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    async with open_system(children(lambda: limits, media, store)) as system:
        limits = settings.limits
        guard = CredentialGuard(
            limits.credential_failures, 1800.0, limits.credential_failures_per_address
        )
        services = services_for(settings, system=system, secrets=Secrets(tmp_path), guard=guard)
        house = AuviousState.open(services)
        async with serving(
            open_mount(house), carrier=carrier, settings=settings, services=services
        ) as served:
            yield AuviousServer(served, system, services, house)
