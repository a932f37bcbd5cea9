"""The page "Add a dialect" is followed: the real server serves its example, on real sockets."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.support.ports import free_port
from tests.support.server_process import REPOSITORY, ServerProcess

PAGE = (REPOSITORY / "docs" / "add-a-dialect.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DIALECT, STATE, MOUNT, LINE = (text for kind, text in BLOCKS if kind == "python")
(TOML,) = (text for kind, text in BLOCKS if kind == "toml")
(SHELL,) = (text for kind, text in BLOCKS if kind == "console")

# Step 4, and the folder: it stands beside the dialects of `api` in this process only.
STEPS = f"""
import sys, api, api.dialects
from api.cli.commands import run
api.__path__.append("tests/api")
api.dialects.BUILT |= {{{LINE.strip()}}}
sys.exit(run(sys.argv[1:]))
"""
QUINTET = ("-c", STEPS)
READY_SECONDS = 180.0  # of a machine that has much else to do
PATIENCE = 60.0


def quintet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *QUINTET, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of the page, with its data in the test's folder."""
    file = tmp_path / "echo.toml"
    file.write_text(f'{TOML}\n[server]\ndata_dir = "{tmp_path}"\n')
    return file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ServerProcess, int, Path]]:
    """The server on two listeners; of the second one its port, and the configuration's file."""
    second = free_port()
    more = TOML.replace('[[listeners]]\nbind = "127.0.0.1:8080"\n', "").replace(
        "[echo]", f'[[listeners]]\nbind = "127.0.0.1:{second}"\ndialects = ["echo"]\n\n[echo]'
    )
    with ServerProcess(tmp_path, config=more, entry=QUINTET) as process:
        yield process, second, tmp_path / "config.toml"


@pytest.mark.parametrize(
    ("name", "shown"), [("dialect", DIALECT), ("state", STATE), ("mount", MOUNT)]
)
def test_the_page_shows_the_files(name: str, shown: str) -> None:
    assert shown == (REPOSITORY / "tests" / "api" / "echo" / f"{name}.py").read_text("utf-8")


def test_the_commands_of_the_page_say_what_it_says(config: Path) -> None:
    followed = 0
    for part in SHELL.split("$ quintet ")[1:]:
        command, _, said = part.partition("\n")
        if command.startswith("serve"):
            continue
        command, _, _ = command.partition("#")
        done = quintet(*command.replace("echo.toml", str(config)).split())
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout
        assert said in ("…\n", done.stdout.replace(str(config), "echo.toml"))
        followed += 1
    assert followed == 3


def test_its_section_is_checked_like_every_other(config: Path) -> None:
    config.write_text(config.read_text().replace("[echo]", "[echo]\nlongest = 3\ngreetin = 1"))
    done = quintet("check-config", str(config))
    assert done.returncode == 2
    assert "echo.greetin is an unknown key (did you mean 'greeting'?)" in done.stderr
    config.write_text(config.read_text().replace("greetin = 1", ""))
    done = quintet("check-config", str(config))
    assert done.returncode == 2
    assert "echo.greeting is longer than echo.longest (3)" in done.stderr


def test_without_its_line_in_the_list_nobody_knows_it(config: Path) -> None:
    command = [sys.executable, "-m", "api", "check-config", str(config)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "echo is an unknown key" in done.stderr


def test_it_is_served_on_two_listeners_that_count_together(
    server: tuple[ServerProcess, int, Path],
) -> None:
    process, second, file = server
    with connect(f"ws://127.0.0.1:{process.port}/ws", open_timeout=PATIENCE) as one:
        assert one.recv(PATIENCE) == "good day"
        one.send("text")
        assert one.recv(PATIENCE) == "text"
        with connect(f"ws://127.0.0.1:{second}/echo/ws", open_timeout=PATIENCE) as two:
            assert two.recv(PATIENCE) == "good day"
            two.send(b"bytes")
            assert two.recv(PATIENCE) == b"bytes"
        one.send("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            one.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009

    key = quintet("secrets", "--config", str(file), "echo.key").stdout.strip()
    for url in (process.url, f"http://127.0.0.1:{second}/"):
        assert httpx.get(f"{url}echo/count", headers={"X-Echo-Key": key}).text == "2"
        assert httpx.get(f"{url}echo/count").status_code == 401
        assert httpx.get(f"{url}echo/nothing").text == "echo: 404"
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{process.port}/echo/none", open_timeout=PATIENCE),
    ):
        pass


def test_a_reload_takes_over_what_it_says_can_be(server: tuple[ServerProcess, int, Path]) -> None:
    process, _, file = server
    changed = file.read_text().replace("good day", "good night") + "longest = 20\n"
    file.write_text(changed)
    process.signal(signal.SIGHUP)
    reloaded = process.wait_for("config.reloaded", within=READY_SECONDS)
    assert (reloaded["applied"], reloaded["need_restart"]) == (["echo.greeting"], ["echo.longest"])
    with connect(f"ws://127.0.0.1:{process.port}/ws", open_timeout=PATIENCE) as client:
        assert client.recv(PATIENCE) == "good night"
    assert process.stop() == 0
