"""`GET /-/people`: who is on a chat site, their webcams, and who is banned."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api.http.mounts import Place
from api.operator.dialect import OPERATOR
from tests.support.barertc import BareServer, barertc_server, barertc_settings
from tests.support.serving import serving

TOKEN = "the operator's own"
SITE = {"realm": "barertc", "name": "site"}


@dataclass
class Operated:
    chat: BareServer
    http: httpx.AsyncClient

    async def people(self, **site: str) -> httpx.Response:
        return await self.http.get("/-/people", params=SITE | site)


@pytest.fixture
async def operated(tmp_path: Path) -> AsyncIterator[Operated]:
    settings = barertc_settings(operator={"token": TOKEN})
    async with barertc_server(tmp_path, settings=settings) as chat:
        mount = OPERATOR.open(chat.services)(Place(root=False, secure=False))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            serving(mount, settings=settings, services=chat.services) as served,
            httpx.AsyncClient(base_url=served.url, headers=headers) as http,
        ):
            yield Operated(chat, http)


async def test_a_site_that_is_not_there_is_not_found(operated: Operated) -> None:
    for site in ({}, {"name": "x" * 2000}, {"realm": "", "name": "\x00/../"}):
        refused = await operated.people(**site)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_site")


async def test_people_are_told_with_webcams_and_bans(operated: Operated) -> None:
    chat = operated.chat
    began = int(time.time())
    async with chat.person("olga", claims={"op": True, "nick": "Olga"}) as olga:
        async with chat.person("bert") as bert, chat.person("cleo"):
            await bert.send("me", video=1, status="lunch")
            await olga.say("/ban cleo 2")
            await olga.listed("bert", "olga")
            answer = await operated.people()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    people = {person["name"]: person for person in told["people"]}
    for person in people.values():
        assert began <= person.pop("here_since") <= time.time()
    assert people == {
        "bert": {
            "name": "bert", "status": "lunch", "guest": True, "operator": False, "vip": False,
            "webcam": True, "explicit": False,
        },
        "olga": {
            "name": "olga", "status": "online", "guest": False, "operator": True, "vip": False,
            "webcam": False, "explicit": False,
        },
    }  # fmt: skip
    [ban] = told["bans"]
    assert ban["name"] == "cleo"
    assert began + 7200 <= ban["until"] <= time.time() + 7200
