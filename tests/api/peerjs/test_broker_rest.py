"""The paths over HTTP, and which addresses a listener serves to published clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.peerjs.openapi import PATHS
from api.peerjs.paths import paths_of
from api.peerjs.settings import hints
from api.settings import settings_of
from tests.support.peerjs import Broker, broker_server, broker_settings

ORIGIN = {"Origin": "https://page.example"}


async def get(broker: Broker, path: str, **options: Any) -> httpx.Response:
    async with broker.http() as http:
        return await http.get(path, **options)


async def test_info_says_what_this_is(tmp_path: Path) -> None:
    async with broker_server(tmp_path) as broker:
        for path in ("/peerjs", "/peerjs/"):
            answer = await get(broker, path)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            assert set(answer.json()) == {"name", "description", "website"}


async def test_an_id_is_a_new_uuid_whatever_the_key(tmp_path: Path) -> None:
    async with broker_server(tmp_path) as broker:
        found = set()
        for path in ("/peerjs/id", "/peerjs/peerjs/id", "/peerjs/wrongkey/id"):
            answer = await get(broker, path, params={"ts": "170.1", "version": "1.5.5"})
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            found.add(UUID(answer.text))
        assert len(found) == 3


async def test_who_is_there_is_listed_only_where_the_operator_lets_anyone(tmp_path: Path) -> None:
    async with broker_server(tmp_path) as broker, broker.client("ann"):
        for path in ("/peerjs/peers", "/peerjs/peerjs/peers"):
            answer = await get(broker, path)
            assert (answer.status_code, answer.text) == (401, "Unauthorized")
    settings = broker_settings(peerjs={"allow_discovery": True})
    async with (
        broker_server(tmp_path, settings=settings) as broker,
        broker.client("ann"),
        broker.client("Jürgen+1"),
    ):
        for path in ("/peerjs/peers", "/peerjs/peerjs/peers"):
            assert (await get(broker, path)).json() == ["ann", "Jürgen+1"]
        assert (await get(broker, "/peerjs/wrongkey/peers")).status_code == 401


@pytest.mark.parametrize("path", ["/peerjs", "/peerjs/id", "/peerjs/peers", "/peerjs/none/at/all"])
async def test_any_page_may_read_the_answers(tmp_path: Path, path: str) -> None:
    async with broker_server(tmp_path) as broker:
        answer = await get(broker, path, headers=ORIGIN)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        assert answer.headers["Vary"] == "Origin"
        plain = await get(broker, path)
        assert "Access-Control-Allow-Origin" not in plain.headers
        assert plain.headers["Vary"] == "Origin"


async def test_a_browsers_question_before_a_request_is_answered(tmp_path: Path) -> None:
    async with broker_server(tmp_path) as broker, broker.http() as http:
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-a"}
        answer = await http.options("/peerjs/id", headers=ORIGIN | asked)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
        assert "GET" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "x-a"


async def test_what_is_not_served_is_told_in_plain_words(tmp_path: Path) -> None:
    async with broker_server(tmp_path) as broker, broker.http() as http:
        assert (await http.get("/peerjs/a/b/c")).text == "Not Found"
        answer = await http.post("/peerjs/id")
        assert (answer.status_code, answer.text) == (405, "Method Not Allowed")
        assert (await http.get("/peerjs/peerjs")).status_code == 426


def addresses(path: str, key: str) -> tuple[str, str]:
    """Return what published clients build from their options: 1.3.2 and 1.5.5 alike."""
    if not path.startswith("/"):
        path = f"/{path}"
    if not path.endswith("/"):
        path += "/"
    return f"{path}{key}/id", f"{path}peerjs"


@pytest.mark.parametrize(
    ("base", "root", "option", "key"),
    [
        ("/", False, "/", "peerjs"),
        ("/", False, "peerjs", "peerjs"),
        ("/", False, "/peerjs", "mine"),
        ("/", True, "/", "peerjs"),
        ("/", True, "/", "mine"),
        ("/", True, "/peerjs", "mine"),
        ("/myapp", True, "myapp/", "peerjs"),
        ("/myapp", True, "/myapp", "mine"),
        ("/myapp", True, "/", "peerjs"),
        ("/my/app/", True, "/my/app", "mine"),
        ("/myapp", False, "/", "peerjs"),
        ("/peerjs", True, "/peerjs", "mine"),
    ],
)
async def test_clients_find_the_broker_at_the_address_they_build(
    tmp_path: Path, base: str, root: bool, option: str, key: str
) -> None:
    settings = broker_settings(peerjs={"path": base, "key": key})
    async with broker_server(tmp_path, settings=settings, root=root) as broker:
        http, websocket = addresses(option, key)
        UUID((await get(broker, http)).text)
        async with broker.client("ann", key=key, path=websocket):
            pass
        if root:
            assert set((await get(broker, base)).json()) == {"name", "description", "website"}


def test_on_a_shared_listener_only_what_is_below_its_own_name_is_taken() -> None:
    paths = paths_of("/myapp/", root=False)
    assert paths.prefixes == ("/peerjs",)
    for path in (*paths.infos, *paths.keyed, *paths.websockets):
        assert path == "/peerjs" or path.startswith("/peerjs/")


def test_an_address_that_no_listener_serves_is_warned_of() -> None:
    shared = [{"dialects": ["spreed", "peerjs"], "root": "spreed"}]
    alone = [{"dialects": ["peerjs"]}]
    assert list(hints(settings_of({"listeners": shared}))) == []
    for peerjs in ({"path": "/myapp"}, {"key": "mine"}):
        warned = list(hints(settings_of({"listeners": shared, "peerjs": peerjs})))
        assert len(warned) == 1
        assert '"/peerjs"' in warned[0]
        assert list(hints(settings_of({"listeners": alone, "peerjs": peerjs}))) == []


def test_the_paths_are_described() -> None:
    assert set(PATHS) == {
        "/peerjs", "/peerjs/id", "/peerjs/peers", "/peerjs/{key}/id", "/peerjs/{key}/peers",
    }  # fmt: skip
