"""`quintet serve` and its database: where it lies, and what is said when it cannot be used."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from actors.store.schema import VERSION_TABLE
from tests.support.process import WITH_STORE_AND_MEDIA, launched
from tests.support.stores import fresh_postgresql, postgresql, run_sql

__all__ = ["postgresql"]

AWAY = "postgresql+psycopg://quintet:hush@127.0.0.1:1/quintet"


async def test_without_a_url_the_database_is_a_private_file_in_data_dir(tmp_path: Path) -> None:
    async with launched(tmp_path, WITH_STORE_AND_MEDIA) as server:
        file = tmp_path / "data" / "quintet.sqlite"
        assert file.stat().st_mode & 0o777 == 0o600
        server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0


@pytest.mark.usefixtures("postgresql")
async def test_with_a_url_the_tables_are_in_postgresql(tmp_path: Path) -> None:
    with fresh_postgresql() as url:
        config = f'{WITH_STORE_AND_MEDIA}[store]\nurl = "{url}"\n'
        async with launched(tmp_path, config) as server:
            assert run_sql(f"SELECT version_num FROM {VERSION_TABLE}", url) != []
            assert not (tmp_path / "data" / "quintet.sqlite").exists()
            server.send(signal.SIGTERM)
            code, _ = await server.end()
    assert code == 0


async def test_a_database_of_a_newer_version_is_one_message_and_exit_code_2(tmp_path: Path) -> None:
    async with launched(tmp_path, WITH_STORE_AND_MEDIA) as server:
        server.send(signal.SIGTERM)
        await server.end()
    file = tmp_path / "data" / "quintet.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    async with launched(tmp_path, WITH_STORE_AND_MEDIA, ready=False) as server:
        code, _ = await server.end()
    assert code == 2
    [line] = server.log
    assert line["text"].startswith(f"quintet: the SQLite file {file} was made by a newer version")


async def test_a_database_that_stays_away_is_exit_code_1_and_no_password_is_said(
    tmp_path: Path,
) -> None:
    config = f'{WITH_STORE_AND_MEDIA}[store]\nurl = "{AWAY}"\nstart_seconds = 0.0\n'
    async with launched(tmp_path, config, ready=False) as server:
        code, _ = await server.end()
    assert code == 1
    said = str(server.log)
    assert "the PostgreSQL database 127.0.0.1/quintet cannot be used" in said
    assert "hush" not in said


async def test_a_start_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    config = f'{WITH_STORE_AND_MEDIA}[store]\nurl = "{AWAY}"\nstart_seconds = 600.0\n'
    async with launched(tmp_path, config, ready=False) as server:
        await server.wait_for("store.awaited")
        server.send(signal.SIGTERM)
        code, seconds = await server.end()
    assert (code, seconds < 15) == (-signal.SIGTERM, True)


async def test_check_config_names_a_wrong_url_and_its_line(tmp_path: Path) -> None:
    config = f'{WITH_STORE_AND_MEDIA}[store]\nurl = "mysql://quintet:hush@db/quintet"\n'
    check = ("-m", "api", "check-config")
    async with launched(tmp_path, config, ready=False, command=check) as server:
        code, _ = await server.end()
    said = str(server.log)
    assert code == 2
    assert "config.toml:3: store.url must be a URL like" in said
    assert "hush" not in said
