"""Which server a command is about, and that a command that only reads leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import server_place
from api.cli.commands import run
from api.cli.live import LiveError
from api.cli.live_parsers import with_marked_ids
from api.cli.server_place import local_url, operator_listener, settings_of_server, web_address
from api.settings import load_settings

Said = Callable[..., tuple[int, str, str]]
READING = (
    ["secrets"],
    ["secrets", "operator.token"],
    ["secrets", "--rotate-auvious-key"],
    ["spreed-user", "alice"],
    ["owt-sign"],
    ["status"],
    ["close", "tea"],
    ["logs", "--follow"],
)


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Carry out a command in `tmp_path`; returns its code, answer and remarks."""
    monkeypatch.delenv("QUINTET_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server_place, "SYSTEM_CONFIG", tmp_path / "etc.toml")

    def carry_out(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        return code, *capsys.readouterr()

    return carry_out


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_a_server_a_command_asks_which_is_meant(
    said: Said, tmp_path: Path, command: list[str]
) -> None:
    assert said(*command) == (
        2,
        "",
        f"quintet: there is no data_dir {tmp_path}/data: a server makes it when it first starts; "
        "which configuration does your server have? Name it by --config or QUINTET_CONFIG "
        f"({tmp_path}/etc.toml is not there)\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_server_that_never_ran_has_no_secrets(
    said: Said, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "c.toml").touch()
    code, answer, remarks = said(*command, "--config", "c.toml")
    assert (code, answer) == (1, "")
    assert remarks == (
        f"quintet: there is no data_dir {tmp_path}/data: a server makes it when it first starts\n"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["c.toml"]


def test_a_folder_that_is_only_called_data_stays_as_it_is(said: Said, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    code, answer, remarks = said("secrets", "operator.token")
    assert (code, answer) == (2, "")
    assert f"no server has used {tmp_path}/data as its data_dir; which" in remarks
    assert list((tmp_path / "data").iterdir()) == []


def test_the_systems_config_is_tried_and_named(said: Said, tmp_path: Path) -> None:
    system = tmp_path / "etc.toml"
    assert settings_of_server(None).file is None
    system.write_text("[operator]\ntoken = 'of the system'\n")
    for _ in range(2):
        told = f"note: the configuration is {system}\n"
        assert said("secrets", "operator.token") == (0, "of the system\n", told)
        (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "lock").touch()
    assert settings_of_server(None).file is None  # one that was started here, without a file


def test_a_client_that_is_new_gets_its_secret_without_a_restart(said: Said, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[[auvious.clients]]\nid = "backoffice"\n')
    (tmp_path / "data").mkdir()
    code, answer, _ = said("secrets", "--config", "c.toml", "auvious.clients.backoffice")
    assert (code, len(answer)) == (0, 44)
    assert answer.strip() in (tmp_path / "data" / "secrets.toml").read_text()


LISTENER = '[[listeners]]\nbind = "{}"\ndialects = [{}"owt"]\n'


def met_at(tmp_path: Path, *listeners: tuple[str, bool]) -> str:
    file = tmp_path / "c.toml"
    file.write_text(
        "".join(LISTENER.format(bind, '"operator", ' * ours) for bind, ours in listeners)
    )
    return local_url(operator_listener(load_settings(file).listeners, "c.toml"))


@pytest.mark.parametrize(
    ("listeners", "url"),
    [
        ([("127.0.0.1:8080", True)], "http://127.0.0.1:8080"),
        ([("0.0.0.0:80", True)], "http://127.0.0.1:80"),
        ([("[::]:8080", True)], "http://[::1]:8080"),
        ([("0.0.0.0:80", True), ("[::1]:81", True)], "http://[::1]:81"),
        ([("127.0.0.1:80", False), ("0.0.0.0:81", True)], "http://127.0.0.1:81"),
        ([("192.0.2.1:80", True), ("localhost:81", True)], "http://localhost:81"),
    ],
)
def test_the_server_is_met_on_loopback(
    tmp_path: Path, listeners: list[tuple[str, bool]], url: str
) -> None:
    assert met_at(tmp_path, *listeners) == url


@pytest.mark.parametrize(
    ("bind", "ours", "words"),
    [
        ("127.0.0.1:80", False, 'no listener of c.toml has "operator" among its dialects'),
        ("192.0.2.1:80", True, "beyond loopback only: say --url http://192.0.2.1:80"),
        ("127.0.0.1:0", True, "has port 0, which says nothing: say --url"),
    ],
)
def test_where_it_cannot_be_met_there_the_way_is_said(
    tmp_path: Path, bind: str, ours: bool, words: str
) -> None:
    with pytest.raises(LiveError) as caught:
        met_at(tmp_path, (bind, ours))
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["rtc.example", "ftp://a", "http://", "http://a?b", "http://a:x"])
def test_what_is_no_address_of_a_server_is_refused(said: Said, text: str) -> None:
    assert web_address("https://rtc.example.org/") == "https://rtc.example.org"
    with pytest.raises(SystemExit) as caught:
        said("status", "--url", text)
    assert caught.value.code == 2


def test_an_id_may_begin_with_a_dash() -> None:
    peer = "-YmJtcDJ1kr3lzjqTq-TeOkgTg"
    assert with_marked_ids(["kick", peer, "--reason", "x"]) == ["kick", "--reason", "x", "--", peer]
    for line in (["kick", "-h"], ["logs", "--peer", peer], ["kick", "ann"], []):
        assert with_marked_ids(line) == line
