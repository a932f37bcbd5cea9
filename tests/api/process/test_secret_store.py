"""Generated secrets: made once, private, never lost."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.process.secret_store import DataDirError, NoDataDir, Secrets, _quoted, lock_data_dir


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "data"
    folder.mkdir(0o700, parents=True)
    return folder


def test_a_secret_is_made_once_and_found_again(data_dir: Path) -> None:
    first = Secrets(data_dir).text("operator.token")
    assert len(first) == 43
    assert Secrets(data_dir).text("operator.token") == first
    assert Secrets(data_dir).text("spreed.session_key") != first
    assert list(Secrets(data_dir).all()) == ["operator.token", "spreed.session_key"]


def test_a_configured_secret_wins_and_is_not_kept(data_dir: Path) -> None:
    assert Secrets(data_dir).text("operator.token", "mine") == "mine"
    assert Secrets(data_dir).known("operator.token", "mine") == "mine"
    assert list(data_dir.iterdir()) == []


def test_a_secret_is_made_where_a_server_was_and_nowhere_else(tmp_path: Path) -> None:
    store = Secrets(tmp_path / "data")
    for ask in (store.text, store.known):
        with pytest.raises(NoDataDir, match="a server makes it when it first starts"):
            ask("operator.token")
    assert list(tmp_path.iterdir()) == []
    with lock_data_dir(tmp_path / "data"):
        assert store.known("operator.token") == ""
        assert store.text("operator.token") == store.known("operator.token") != ""


def test_nothing_is_readable_by_others(data_dir: Path) -> None:
    old = os.umask(0)
    try:
        Secrets(data_dir).text("operator.token")
    finally:
        os.umask(old)
    assert stat.S_IMODE((data_dir / "secrets.toml").stat().st_mode) == 0o600
    assert [file.name for file in data_dir.iterdir()] == ["secrets.toml"]


def test_secrets_written_by_hand_are_used_and_survive_a_new_one(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('operator.token = "by \\"hand\\""\n[spreed.users]\nshared_secret = "ü"\n')
    file.chmod(0o600)
    Secrets(tmp_path).text("spreed.session_key")
    again = Secrets(tmp_path)
    assert again.text("operator.token") == 'by "hand"'
    assert again.text("spreed.users.shared_secret") == "ü"


@pytest.mark.parametrize("content", [b"operator = ", b"\xff", b"operator.token = 3"])
def test_a_damaged_file_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secrets.toml"
    file.write_bytes(content)
    with pytest.raises(DataDirError, match=r"secrets\.toml is damaged"):
        Secrets(tmp_path).text("operator.token")
    assert file.read_bytes() == content


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, warned: bool) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('"operator.token" = "abc"')
    file.chmod(mode)
    with capture_logs() as logs:
        assert Secrets(tmp_path).text("operator.token") == "abc"
    assert [entry["event"] for entry in logs] == ["secrets.exposed"] * warned
    assert "abc" not in str(logs)


def test_a_data_dir_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="cannot"):
        Secrets(tmp_path / "file" / "data").text("operator.token")
    with pytest.raises(DataDirError, match="cannot"), lock_data_dir(tmp_path / "file" / "data"):
        pass


def test_a_name_is_dotted_words() -> None:
    with pytest.raises(ValueError, match="not a dotted name"):
        Secrets(Path("/nowhere")).text('a"b')


def test_two_stores_of_one_folder_lose_nothing_of_each_other(data_dir: Path) -> None:
    one, two = Secrets(data_dir), Secrets(data_dir)
    assert one.all() == two.all() == {}
    first = one.text("a")
    assert two.text("a") == first
    second = two.text("b")
    assert Secrets(data_dir).all() == {"a": first, "b": second}


def test_many_at_once_agree_on_one_secret(data_dir: Path) -> None:
    found: list[str] = []

    def ask() -> None:
        found.append(Secrets(data_dir).text("operator.token"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_being_written(value: str) -> None:
    assert tomllib.loads(f"x = {_quoted(value)}") == {"x": value}


def test_a_data_dir_is_held_against_another_process(data_dir: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from api.process.secret_store import lock_data_dir, DataDirError\n"
        "try:\n"
        "    with lock_data_dir(pathlib.Path(sys.argv[1])): print('held')\n"
        "except DataDirError as error: print(error)\n"
    )

    def other() -> str:
        command = [sys.executable, "-c", code, str(data_dir)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    data_dir.rmdir()
    with lock_data_dir(data_dir):
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert f"is in use by another quintet (process {os.getpid()})" in other()
    assert other() == "held\n"
    with lock_data_dir(data_dir):
        pass
