"""The `quintet` command, as a process of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.owt.management.mauth import read_header

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "api"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "QUINTET_CONFIG"}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}


@pytest.fixture
def quintet(tmp_path: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str, stdin: str = "", **variables: str) -> Done:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return the folder of a server that was started in `tmp_path` without a configuration."""
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    (folder / "lock").touch()
    return folder


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_version(quintet: Run) -> None:
    done = quintet("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("quintet 0.")


def test_without_a_command_or_with_a_wrong_one_usage_is_shown(quintet: Run) -> None:
    for arguments in ([], ["dance"]):
        done = quintet(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: quintet")


def test_check_config_says_what_will_be_served(quintet: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", '[[listeners]]\nbind = "[::1]:0"\n')
    done = quintet("check-config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"{file}: ok (http://[::1]:0 spreed, owt, auvious, peerjs, barertc, operator)\n"
    )


def test_check_config_without_a_file_checks_the_defaults(quintet: Run) -> None:
    done = quintet("check-config")
    assert done.returncode == 0
    assert (
        done.stdout == "embedded defaults: ok "
        "(http://127.0.0.1:8080 spreed, owt, auvious, peerjs, barertc, operator)\n"
    )


@pytest.mark.parametrize(
    "command", [["check-config"], ["serve", "--config"], ["secrets", "--config"]]
)
def test_a_wrong_config_ends_every_command_alike(
    quintet: Run, tmp_path: Path, command: list[str]
) -> None:
    file = write(tmp_path / "c.toml", "[limits]\nroms = 1\nask_seconds = 0\n")
    done = quintet(*command, file)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "quintet: the configuration is wrong:",
        f"{file}:2: limits.roms is an unknown key (did you mean 'rooms'?)",
        f"{file}:3: limits.ask_seconds must be greater than 0",
    ]


def test_the_variable_names_the_file(quintet: Run, tmp_path: Path) -> None:
    write(tmp_path / "c.toml", "x = 1")
    done = quintet("check-config", QUINTET_CONFIG="c.toml")
    assert done.returncode == 2
    assert "c.toml:1: x is an unknown key" in done.stderr


def test_secrets_are_generated_once_and_shown(quintet: Run, data_dir: Path) -> None:
    first = quintet("secrets")
    assert (first.returncode, first.stderr) == (0, "")
    shown = dict(line.split() for line in first.stdout.splitlines())
    assert list(shown) == [
        "barertc.admin_api_key",
        "barertc.jwt.secret_key",
        "operator.token",
        "owt.sample_service_id",
        "owt.sample_service_key",
        "owt.super_service_id",
        "owt.super_service_key",
        "spreed.session_key",
        "spreed.users.shared_secret",
    ]
    assert {len(shown[f"owt.{each}_service_id"]) for each in ("sample", "super")} == {24}
    assert quintet("secrets").stdout == first.stdout
    assert quintet("secrets", "operator.token").stdout == shown["operator.token"] + "\n"
    assert (data_dir / "secrets.toml").stat().st_mode & 0o777 == 0o600


def test_a_configured_secret_is_shown_as_the_one_in_use(quintet: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", '[operator]\ntoken = "mine"\n')
    assert quintet("secrets", "--config", file, "operator.token").stdout == "mine\n"


@pytest.mark.usefixtures("data_dir")
def test_an_unknown_secret_is_refused(quintet: Run) -> None:
    done = quintet("secrets", "operator.tokn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no secret is called 'operator.tokn'" in done.stderr


def test_a_damaged_secrets_file_is_one_clear_message(quintet: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "secrets.toml", "x =")
    done = quintet("secrets")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "is damaged" in done.stderr


def test_a_warning_does_not_mix_with_the_answer(quintet: Run, data_dir: Path) -> None:
    token = quintet("secrets", "operator.token").stdout
    (data_dir / "secrets.toml").chmod(0o644)
    done = quintet("secrets", "operator.token")
    assert done.stdout == token
    assert "secrets.exposed" in done.stderr


@pytest.mark.usefixtures("data_dir")
def test_secrets_of_auvious_clients_are_shown(quintet: Run, tmp_path: Path) -> None:
    clients = '[[auvious.clients]]\nid = "made"\n[[auvious.clients]]\nid = "own"\nsecret = "mine"\n'
    app = '[[auvious.clients]]\nid = "app"\npublic = true\ngrants = ["password"]\n'
    file = write(tmp_path / "c.toml", clients + app)
    shown = dict(line.split() for line in quintet("secrets", "--config", file).stdout.splitlines())
    assert shown["auvious.clients.own"] == "mine"
    assert len(shown["auvious.clients.made"]) > 40
    assert "auvious.clients.app" not in shown


def test_the_key_of_auvious_is_rotated(quintet: Run, data_dir: Path) -> None:
    ids = [quintet("secrets", "--rotate-auvious-key").stdout.strip() for _ in range(2)]
    file = data_dir / "auvious_keys.json"
    kept = [key["jwk"]["kid"] for key in json.loads(file.read_text())["keys"]]
    assert kept == ids[::-1]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{")
    done = quintet("secrets", "--rotate-auvious-key")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is damaged" in done.stderr


def test_a_spreed_user_gets_a_combo_and_its_secret(quintet: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", '[spreed.users]\nenabled = true\nshared_secret = "sésame"\n')
    before = int(time.time())
    done = quintet("spreed-user", "alice@example.org", "--days", "2", "--json", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert before + 2 * 86_400 <= answer["timestamp"] <= time.time() + 2 * 86_400
    assert answer["useridcombo"] == f"{answer['timestamp']}:alice@example.org"
    digest = hmac.new("sésame".encode(), answer["useridcombo"].encode(), hashlib.sha256).digest()
    assert base64.b64decode(answer["secret"], validate=True) == digest


@pytest.mark.usefixtures("data_dir")
def test_a_spreed_user_in_plain_text_and_a_note_that_users_are_off(quintet: Run) -> None:
    done = quintet("spreed-user", "alice")
    combo, secret = done.stdout.splitlines()
    assert combo.startswith("useridcombo: ")
    assert combo.endswith(":alice")
    assert secret.startswith("secret: ")
    assert "enabled = true" in done.stderr


@pytest.mark.parametrize("arguments", [["a:b"], [""], ["x", "--days", "0"], ["x", "--days", "y"]])
def test_a_spreed_user_that_cannot_be_is_refused(quintet: Run, arguments: list[str]) -> None:
    done = quintet("spreed-user", *arguments)
    assert (done.returncode, done.stdout) == (2, "")


LOG = "".join(
    json.dumps(
        {"time": f"2026-11-21T10:00:0{second}.000000Z", "level": level, "event": event, **more}
    )
    + "\n"
    for second, level, event, more in [
        (0, "info", "server.ready", {}),
        (1, "info", "room.created", {"room": "a", "actor": "/rooms/a"}),
        (2, "warning", "peer.ended", {"room": "a", "peer": "p", "actor": "/peers/p"}),
    ]
)


def test_logs_are_read_from_a_file_or_a_pipe_and_chosen(quintet: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "log", LOG)
    assert len(quintet("logs", file).stdout.splitlines()) == 3
    for choice in (
        ["--level", "warning"],
        ["--actor", "/peers"],
        ["--since", "2026-11-21T10:00:02"],
    ):
        for done in (quintet("logs", file, *choice), quintet("logs", "-", *choice, stdin=LOG)):
            assert done.returncode == 0
            (line,) = done.stdout.splitlines()
            assert "peer.ended" in line


def test_logs_show_one_rooms_life(quintet: Run) -> None:
    done = quintet("logs", "-", "--timeline", "a", stdin=LOG)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["a", "from"],
        ["10:00:01.000", "+0.000"],
        ["10:00:02.000", "+1.000"],
    ]


def test_logs_of_a_missing_file_are_one_clear_message(quintet: Run) -> None:
    done = quintet("logs", "no.log")
    assert (done.returncode, done.stderr) == (
        1,
        "quintet: cannot read no.log: No such file or directory\n",
    )
    assert quintet("logs", "-", "--since", "soon").returncode == 2


@contextmanager
def interrupts_heeded() -> Iterator[None]:
    """Have SIGINT do what it does in a terminal, also in children.

    A shell's background jobs have it ignored, which is what children inherit; a handler is not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_logs_follow_until_interrupted(tmp_path: Path, environment: dict[str, str]) -> None:
    file = write(tmp_path / "log", LOG)
    command = [*COMMAND, "logs", file, "-f", "--event", "peer.*"]
    with (
        interrupts_heeded(),
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        assert "peer.ended" in process.stdout.readline()
        with Path(file).open("a") as log:
            log.write(LOG.replace("peer.ended", "peer.joined"))
        assert "peer.joined" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_logs_whose_reader_leaves_end_quietly(tmp_path: Path, environment: dict[str, str]) -> None:
    file = write(tmp_path / "log", LOG * 20_000)
    process = subprocess.Popen(
        [*COMMAND, "logs", file],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


@pytest.mark.usefixtures("data_dir")
def test_an_owt_header_signs_for_the_sample_service(quintet: Run) -> None:
    kept = dict(line.split() for line in quintet("secrets").stdout.splitlines())
    for option, kind in (((), "sample"), (("--super",), "super")):
        header = quintet("owt-sign", *option).stdout.strip().removeprefix("Authorization: ")
        claim = read_header(header)
        assert claim.service == kept[f"owt.{kind}_service_id"]
        assert claim.signed_with(kept[f"owt.{kind}_service_key"])


def test_an_owt_header_for_another_service_and_a_user(quintet: Run) -> None:
    options = ("--service", "a" * 24, "--key", "k", "--user", "ann", "--role", "viewer")
    claim = read_header(
        quintet("owt-sign", *options).stdout.strip().removeprefix("Authorization: ")
    )
    assert (claim.service, claim.user, claim.role) == ("a" * 24, "ann", "viewer")
    assert claim.signed_with("k")


@pytest.mark.parametrize("half", [("--service", "a" * 24), ("--key", "k"), ("--user", "ann")])
def test_half_of_what_an_owt_header_needs_is_refused(quintet: Run, half: list[str]) -> None:
    done = quintet("owt-sign", *half)
    assert (done.returncode, done.stdout) == (2, "")
    assert "go together" in done.stderr


def test_old_names_of_keys_are_warned_of_and_still_read(quintet: Run, tmp_path: Path) -> None:
    done = quintet("check-config", write(tmp_path / "c.toml", "[owt]\nconnect_seconds = 5\n"))
    assert done.returncode == 0
    assert done.stderr == (
        "quintet: warning: owt.connect_seconds is streams.connect_seconds now; "
        "the old names are still read\n"
    )


def test_tokens_that_would_name_any_address_are_warned_of(quintet: Run, tmp_path: Path) -> None:
    listener = '[limits]\ntrusted_proxies = ["10.0.0.1"]\n[[listeners]]\nbind = "0.0.0.0:8080"\n'
    listener += 'dialects = ["owt"]\n'
    done = quintet("check-config", write(tmp_path / "bare.toml", listener))
    assert done.returncode == 0
    assert "warning: the listener on 0.0.0.0:8080 serves owt" in done.stderr
    named = listener + '[owt]\nportal_host = "rtc.example:443"\n'
    assert quintet("check-config", write(tmp_path / "named.toml", named)).stderr == ""
