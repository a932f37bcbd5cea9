"""Data folders of commit 87d6b00: a start with them loses nothing, wherever it is killed."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.owt import SUPER, Manager
from tests.support.owt_portal import AGENT, Elsewhere, connection
from tests.support.process import REPOSITORY, WITH_STORE_AND_MEDIA, launched
from tests.support.stores import DATABASES, fresh_postgresql, postgresql, run_sql

__all__ = ["postgresql"]

FORMER = REPOSITORY / "tests" / "data" / "of_87d6b00"
REFRESH = "auvious_refresh.sqlite3"
TOKEN = "/security/oauth/token"
LATER = "UPDATE tokens SET expires_at = 4e9 WHERE id = (SELECT min(id) FROM tokens)"


@dataclass
class Former:
    """A folder as the older version left it; the first of its tokens has been made to last."""

    folder: Path
    config: str
    made: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def refresh_files(self) -> list[str]:
        return sorted(file.name for file in self.data.glob(f"{REFRESH}*"))


@pytest.fixture(params=DATABASES)
async def former(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Former]:
    source, data = FORMER / request.param, tmp_path / "data"
    data.mkdir(mode=0o700)
    database = (source / "database.sql").read_text()
    secrets = data / "secrets.toml"
    secrets.write_text((source / "secrets.toml").read_text())
    secrets.chmod(0o600)
    restore(data / REFRESH, (source / f"{REFRESH}.sql").read_text())
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgresql())
            run_sql(database + LATER, url)
        else:
            restore(data / "quintet.sqlite", f"PRAGMA journal_mode = WAL;{database}{LATER};")
        config = (FORMER / "config.toml").read_text().replace("DATABASE", url)
        yield Former(tmp_path, config, json.loads((source / "made.json").read_text()))


def restore(file: Path, dump: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump)
    file.chmod(0o600)


def shown(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return services as they are shown, without keys that are sealed anew at each start."""
    own = ("superService", "sampleService")
    return [each | ({"key": ""} if each["name"] in own else {}) for each in services]


async def assert_nothing_lost(url: str, made: dict[str, Any]) -> None:
    listed = await Manager(url, SUPER, "super key").ask("GET", "/services")
    assert shown(listed.json()) == shown(made["shown"]["services"])
    keys = made["services"] | {"5188b9af6e53c84ffd600413": "c2FtcGxlIGtleQ=="}
    assert keys.keys() == made["shown"]["rooms"].keys()
    for service, key in keys.items():
        rooms = await Manager(url, service, key).ask("GET", "/v1/rooms")
        assert rooms.json() == made["shown"]["rooms"][service]
    for index, (room, token) in enumerate(made["tokens"]):
        async with connection(Elsewhere(url)) as guest:
            if index > 0:  # an expired one is told from one that never was
                request = {"token": token, "userAgent": AGENT, "protocol": "1.1"}
                assert await guest.refused("login", request) == "Expired"
            else:
                await guest.login(token)
                welcome = guest.welcome
                assert (welcome["user"], welcome["room"]["id"]) == ("Zoë", room)
    good, outcomes = [token for _, token in made["refresh"]], []
    async with httpx.AsyncClient(base_url=url, timeout=60.0) as http:
        for token in (made["used"][1], *good, *good):
            form = {"grant_type": "refresh_token", "client_id": "customer", "refresh_token": token}
            outcomes.append((await http.post(TOKEN, data=form)).status_code)
    assert outcomes == [400, *[200] * len(good), *[400] * len(good)]  # each is good once


@asynccontextmanager
async def served(former: Former) -> AsyncIterator[str]:
    async with launched(former.folder, former.config) as server:
        yield server.url
        server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("postgresql")
async def test_data_of_an_older_version_is_all_there(former: Former) -> None:
    async with served(former) as url:
        await assert_nothing_lost(url, former.made)
        assert former.refresh_files() == [f"{REFRESH}.migrated"]
    async with served(former) as url:  # and what was made since is kept
        manager = Manager(url, SUPER, "super key")
        listed = (await manager.ask("GET", "/services")).json()
        assert shown(listed) == shown(former.made["shown"]["services"])


START = """
import os, signal, sys
from pathlib import Path
from alembic import command
from actors.store.documents import SqlDocuments
from api.auvious import former_file
from api.__main__ import main

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

def dies(function):
    return lambda *arguments, **options: die(function(*arguments, **options))

{kill}
sys.argv = ["quintet", "serve", "--config", os.environ["QUINTET_CONFIG"]]
main()
"""
KILLS = {
    "when the tables are changed, before the commit": "command.upgrade = dies(command.upgrade)",
    "before the tokens are read": "former_file._read = die",
    "when tokens are put, before the commit": "SqlDocuments.keep = dies(SqlDocuments.keep)",
    "before the file has its new name": "Path.replace = die",
    "when the file has its new name": "former_file.sync_folder = die",
}


@pytest.mark.slow
@pytest.mark.usefixtures("postgresql")
async def test_a_first_start_may_be_killed_anywhere(former: Former) -> None:
    for when, kill in KILLS.items():
        command = ("-c", START.format(kill=kill))
        async with launched(former.folder, former.config, ready=False, command=command) as server:
            code, _ = await server.end()
        assert code == -signal.SIGKILL, (when, server.log)
        renamed = "sync_folder" in kill
        assert former.refresh_files() == [f"{REFRESH}.migrated" if renamed else REFRESH], when
    async with served(former) as url:
        await assert_nothing_lost(url, former.made)
        assert former.refresh_files() == [f"{REFRESH}.migrated"]


async def test_a_damaged_file_of_tokens_is_one_message_and_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / REFRESH
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    async with launched(tmp_path, WITH_STORE_AND_MEDIA, ready=False) as server:
        code, _ = await server.end()
    assert code == 2
    [line] = server.log
    assert line["text"].startswith(f"quintet: {file} cannot be moved into the store: ")
    assert "mend it, or move it away" in line["text"]
    assert file.read_bytes() == b"no database" * 100
