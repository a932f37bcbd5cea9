"""A BareRTC server in the test's own process, and its web API as a web site calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import trio

from actors.core import ActorSystem, open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.limits import ActorLimits
from api.barertc.mount import open_mount
from api.barertc.state import BareRtcState
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Place, Services
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving

PATIENCE = 30.0
KEY = "the key of the web site's back office"
JWT_KEY = "the secret of the web site, of thirty-two bytes and more"
LISTENER = {"bind": "127.0.0.1:0", "dialects": ["barertc"]}


@dataclass
class ApiServer:
    serving: Serving
    system: ActorSystem
    services: Services
    state: BareRtcState
    settings: Callable[[Settings], None]
    http: httpx.AsyncClient

    async def post(self, path: str, body: object = None, **more: Any) -> httpx.Response:
        """POST to `/api/…`; bytes go as they are."""
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/json"} | more.pop("headers", {})
            return await self.http.post(f"/api/{path}", content=body, headers=headers, **more)
        return await self.http.post(f"/api/{path}", json=body, **more)

    async def keyed(self, path: str, **more: object) -> httpx.Response:
        """POST with the right key."""
        return await self.post(path, {"APIKey": KEY} | more)

    async def token(self, name: str, **claims: object) -> str:
        """Have a token signed."""
        response = await self.keyed("authenticate", Claims={"sub": name} | claims)
        assert response.status_code == 200, response.text
        return str(response.json()["JWT"])


def api_settings(**sections: Any) -> Settings:
    """Return settings of a chat alone on a listener, with known secrets, changed by section."""
    barertc = {"admin_api_key": KEY} | sections.pop("barertc", {})
    barertc["jwt"] = {"secret_key": JWT_KEY} | barertc.get("jwt", {})
    return settings_of({"listeners": [LISTENER], "barertc": barertc} | sections)


@asynccontextmanager
async def barertc_api(
    tmp_path: Path, carrier: str = "lane", *, root: bool = True,
    mounts: Callable[[Services], list[Mount]] = lambda _: [], **sections: Any,
) -> AsyncIterator[ApiServer]:  # fmt: skip
    """Serve the dialect over a real actor system, beside `mounts`."""
    current = [api_settings(**sections)]
    limits = current[0].limits
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    async with open_system(children(ActorLimits, media, MemoryStore)) as system:
        guard = CredentialGuard(
            limits.credential_failures, 1800.0, limits.credential_failures_per_address
        )
        services = replace(
            services_for(current[0], system=system, secrets=Secrets(tmp_path), guard=guard),
            settings=lambda: current[0],
        )
        state = BareRtcState.open(services)
        await until(lambda: state.errands.ready)
        mount = open_mount(state, Place(root=root, secure=False))
        async with (
            serving(
                mount, *mounts(services), carrier=carrier, settings=current[0], services=services,
                root="barertc" if root else "",
            ) as served,
            httpx.AsyncClient(base_url=served.url, timeout=PATIENCE) as http,
        ):  # fmt: skip

            def change(settings: Settings) -> None:
                current[0] = settings
                for hook in services.lifecycle.reload_hooks:
                    hook()

            yield ApiServer(served, system, services, state, change, http)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    with trio.fail_after(PATIENCE):
        while not true():
            await trio.sleep(0.01)
