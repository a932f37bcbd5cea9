"""A gateway for devices in the test's own process, and a client that is as strict as any known.

The client takes no answer that the strictest published clients would refuse: another status, key,
type of content, or an id that is not 39 characters with its prefix (fact sheet section 1).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import trio

from actors.core import ActorSystem, open_system
from actors.signalling.absent import AbsentPeers
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from api.http.mounts import Mount, Services
from api.process.composition import actor_limits
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from api.skyway.mount import open_mount
from api.skyway.state import SkywayState
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine
USUAL = {"long_poll_seconds": 10.0}

Answer = dict[str, Any]
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@dataclass
class CurrentSettings:
    """The settings, and how a test changes them while the gateway runs."""

    value: Settings

    def __call__(self) -> Settings:
        return self.value


@dataclass
class Gateway:
    serving: Serving
    system: ActorSystem
    services: Services
    state: SkywayState
    engine: FakeEngine
    current: CurrentSettings

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.serving.url, timeout=PATIENCE)

    @asynccontextmanager
    async def strict(self) -> AsyncIterator[StrictClient]:
        async with self.http() as http:
            yield StrictClient(http)

    def mount(self) -> Mount:
        return open_mount(self.state)

    def reload(self, **skyway: Any) -> None:
        """Do what SIGHUP does with other keys of the section."""
        self.current.value = settings_of({"skyway": USUAL | skyway})
        for hook in self.services.lifecycle.reload_hooks:
            hook()


@asynccontextmanager
async def gateway(
    tmp_path: Path,
    carrier: str = "lane",
    *,
    limits: dict[str, Any] | None = None,
    make: Callable[[Any, Any], Any] | None = None,
    **skyway: Any,
) -> AsyncIterator[Gateway]:
    """Serve the gateway on one listener, over a real actor system and a fake engine.

    `make(services, spec)` makes the peers, where they are not the real ones.
    """
    current = CurrentSettings(settings_of({"skyway": USUAL | skyway, "limits": limits or {}}))
    engine, absent = FakeEngine(), AbsentPeers()
    media = MediaServices(engine, RecordingsFolder(tmp_path / "recordings"))
    of_actors = actor_limits(current().limits)
    specs = children(lambda: of_actors, media, MemoryStore, absent=absent)
    async with open_system(specs) as system:
        services = services_for(
            current(), system=system, media=engine, absent=absent, secrets=Secrets(tmp_path)
        )
        services = replace(services, settings=current)
        state = SkywayState.open(services)
        if make is not None:
            state.make_peer = make
        mounts = [open_mount(state)]
        async with serving(
            *mounts, carrier=carrier, settings=current(), services=services, root="skyway"
        ) as served:
            yield Gateway(served, system, services, state, engine, current)


def is_id(value: object, *prefixes: str) -> bool:
    return (
        isinstance(value, str)
        and len(value) == 39
        and any(re.fullmatch(f"{prefix}-{_UUID}", value) for prefix in prefixes)
    )


@dataclass
class Peer:
    id: str
    token: str = field(repr=False)

    @property
    def path(self) -> str:
        return f"/peers/{quote(self.id, safe='')}"

    @property
    def query(self) -> str:
        return f"?token={quote(self.token)}"


class StrictClient:
    """Every method checks all of the answer; `refused` does so for an error."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str] | None = None) -> None:
        self.http = http
        self.headers = {"Accept": "*/*"} | (headers or {})

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Content-Type": "application/json"} | self.headers
        content = body if isinstance(body, bytes | None) else httpx.Request(
            "POST", "http://h", json=body
        ).content  # fmt: skip
        with trio.fail_after(PATIENCE):
            return await self.http.request(method, path, content=content, headers=headers)

    async def document(
        self, method: str, path: str, body: object, status: int, *keys: str
    ) -> Answer:
        """Return an answer that has this status and exactly these keys."""
        response = await self.ask(method, path, body)
        assert response.status_code == status, (response.status_code, response.text)
        assert response.headers["Content-Type"].startswith("application/json")
        found: Answer = response.json()
        assert sorted(found) == sorted(keys), found
        return found

    async def refused(
        self, status: int, command: str, method: str, path: str, body: object = None
    ) -> dict[str, str]:
        """Ask in vain; return the messages by field."""
        response = await self.ask(method, path, body)
        return check_error(response, status, command)

    async def nothing(self, method: str, path: str) -> None:
        """Ask for what is answered without a body."""
        response = await self.ask(method, path)
        assert (response.status_code, response.content) == (204, b""), response.text

    # --- peers

    async def new_peer(self, peer_id: str | None = None, **more: object) -> Peer:
        body = {"key": "KEY_FOO", "domain": "example.com", "turn": False} | more
        if peer_id is not None:
            body["peer_id"] = peer_id
        found = await self.document("POST", "/peers", body, 201, "command_type", "params")
        assert found["command_type"] == "PEERS_CREATE"
        params = found["params"]
        assert sorted(params) == ["peer_id", "token"]
        assert is_id(params["token"], "pt")
        assert params["peer_id"] == peer_id or (peer_id is None and params["peer_id"])
        return Peer(params["peer_id"], params["token"])

    async def opened_peer(self, peer_id: str | None = None, **more: object) -> Peer:
        peer = await self.new_peer(peer_id, **more)
        await self.peer_event(peer, "OPEN")
        return peer

    async def peer_event(self, peer: Peer, event: str, *keys: str) -> Answer:
        path = f"{peer.path}/events{peer.query}"
        found = await self.document("GET", path, None, 200, "event", "params", *keys)
        assert found["event"] == event, found
        assert found["params"] == {"peer_id": peer.id, "token": peer.token}
        return found

    async def next_connection(self, peer: Peer) -> str:
        found = await self.peer_event(peer, "CONNECTION", "data_params")
        id_ = found["data_params"]["data_connection_id"]
        assert is_id(id_, "dc")
        return str(id_)

    async def next_call(self, peer: Peer) -> str:
        found = await self.peer_event(peer, "CALL", "call_params")
        id_ = found["call_params"]["media_connection_id"]
        assert is_id(id_, "mc")
        return str(id_)

    async def peer_status(self, peer: Peer) -> bool:
        path = f"{peer.path}/status{peer.query}"
        found = await self.document("GET", path, None, 200, "peer_id", "disconnected")
        assert found["peer_id"] == peer.id
        assert isinstance(found["disconnected"], bool)
        return not found["disconnected"]

    async def delete_peer(self, peer: Peer) -> None:
        await self.nothing("DELETE", f"{peer.path}{peer.query}")

    # --- sockets

    async def _socket(self, path: str, body: object, name: str, *prefixes: str) -> tuple[str, int]:
        found = await self.document("POST", path, body, 201, name, "port", "ip_v4")
        assert is_id(found[name], *prefixes)
        assert isinstance(found["port"], int)
        assert 0 < found["port"] < 65536
        assert found["ip_v4"] == "127.0.0.1"
        return found[name], found["port"]

    async def data(self) -> tuple[str, int]:
        return await self._socket("/data", {}, "data_id", "da")

    async def media(self, *, video: bool) -> tuple[str, int]:
        prefix = "vi" if video else "au"
        return await self._socket("/media", {"is_video": video}, "media_id", prefix)

    async def rtcp(self) -> tuple[str, int]:
        return await self._socket("/media/rtcp", {}, "rtcp_id", "rc")

    # --- connections

    async def connect(self, peer: Peer, target: str, **more: object) -> tuple[str, int]:
        body = {"peer_id": peer.id, "token": peer.token, "target_id": target} | more
        found = await self.document(
            "POST", "/data/connections", body, 202, "command_type", "params"
        )
        assert found["command_type"] == "PEERS_CONNECT"
        assert sorted(found["params"]) == ["data_connection_id", "data_port"]
        assert is_id(found["params"]["data_connection_id"], "dc")
        return found["params"]["data_connection_id"], found["params"]["data_port"]

    async def change(self, connection: str, feed: str | None = None, to: object = None) -> None:
        body = {"feed_params": {"data_id": feed}} if feed else {}
        body |= {"redirect_params": to} if to else {}
        keys = ("command_type", "data_id") if feed else ("command_type",)
        path = f"/data/connections/{connection}"
        found = await self.document("PUT", path, body, 200, *keys)
        assert found == {"command_type": "DATA_CONNECTION_PUT"} | (
            {"data_id": feed} if feed else {}
        )

    async def data_event(self, connection: str, event: str, *keys: str) -> Answer:
        path = f"/data/connections/{connection}/events"
        found = await self.document("GET", path, None, 200, "event", *keys)
        assert found["event"] == event, found
        return found

    async def data_status(self, connection: str) -> Answer:
        found = await self.document(
            "GET", f"/data/connections/{connection}/status", None, 200, "remote_id", "buffersize",
            "label", "metadata", "open", "reliable", "serialization", "type",
        )  # fmt: skip
        assert found["type"] == "DATA"
        assert found["serialization"] in {"BINARY", "BINARY_UTF8", "JSON", "NONE"}
        kinds = {"remote_id": str, "buffersize": int, "label": str, "metadata": str, "open": bool}
        assert all(type(found[key]) is kind for key, kind in kinds.items()), found
        return found

    async def disconnect(self, connection: str) -> None:
        await self.nothing("DELETE", f"/data/connections/{connection}")

    async def call(self, peer: Peer, target: str, constraints: object, **more: object) -> str:
        body = {"peer_id": peer.id, "token": peer.token, "target_id": target} | more
        body["constraints"] = constraints
        found = await self.document(
            "POST", "/media/connections", body, 202, "command_type", "params"
        )
        assert found["command_type"] == "PEERS_CALL"
        assert list(found["params"]) == ["media_connection_id"]
        assert is_id(found["params"]["media_connection_id"], "mc")
        return str(found["params"]["media_connection_id"])

    async def answer(self, connection: str, constraints: object, **more: object) -> Answer:
        path = f"/media/connections/{connection}/answer"
        body = {"constraints": constraints} | more
        found = await self.document("POST", path, body, 202, "command_type", "params")
        assert found["command_type"] == "MEDIA_CONNECTION_ANSWER"
        assert set(found["params"]) <= {"video_id", "audio_id"}
        params: Answer = found["params"]
        return params

    async def keyframe(self, connection: str, port: int, ip_v4: str = "127.0.0.1") -> None:
        path = f"/media/connections/{connection}/pli"
        await self.document("POST", path, {"ip_v4": ip_v4, "port": port}, 201)

    async def media_event(self, connection: str, event: str, *keys: str) -> Answer:
        path = f"/media/connections/{connection}/events"
        found = await self.document("GET", path, None, 200, "event", *keys)
        assert found["event"] == event, found
        return found

    async def media_status(self, connection: str, *more: str) -> Answer:
        path = f"/media/connections/{connection}/status"
        found = await self.document("GET", path, None, 200, "open", "metadata", "remote_id", *more)
        assert isinstance(found["open"], bool)
        assert isinstance(found["metadata"], str)
        assert all(is_id(each["media_id"], "vi", "au") for each in found.get("ssrc", []))
        return found

    async def hang_up(self, connection: str) -> None:
        await self.nothing("DELETE", f"/media/connections/{connection}")


def check_error(response: httpx.Response, status: int, command: str) -> dict[str, str]:
    """Check all of an error; return the messages by field."""
    assert response.status_code == status, (response.status_code, response.text)
    assert response.headers["Content-Type"].startswith("application/json")
    found = response.json()
    assert sorted(found) == ["command_type", "params"]
    assert found["command_type"] == command
    assert list(found["params"]) == ["errors"]
    errors = found["params"]["errors"]
    assert errors
    assert all(sorted(each) == ["field", "message"] for each in errors)
    assert all(isinstance(text, str) and text for each in errors for text in each.values())
    return {each["field"]: each["message"] for each in errors}
