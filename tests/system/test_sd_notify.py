"""What a server tells the service manager that started it, and a person at a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from tests.support.process import REPOSITORY, launched
from tests.support.service_manager import ServiceManagerStandIn

SPREED = """
[[listeners]]
bind = "127.0.0.1:0"
dialects = ["spreed", "barertc", "operator"]
root = "spreed"
"""
WATCHDOG_SECONDS = 2.0
BEATS = 10  # of which a few may come upon a machine that stands still
PATIENCE = 60.0
# A signal's handler runs in the thread of the loop, and holds it as a bug would.
HELD = json.dumps({"event": "test.held"}) + "\n"
HELD_BY_USR1 = (
    "import os, signal, time;"
    f"hold = lambda *_: (os.write(1, {HELD.encode()!r}), time.sleep(600));"
    "signal.signal(signal.SIGUSR1, hold);"
    "from api.__main__ import main; main()"
)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManagerStandIn]:
    manager = ServiceManagerStandIn(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_SECONDS * 1e6)))
    yield manager
    manager.close()


async def test_systemd_is_told_of_start_people_reload_and_that_the_loop_runs_until_it_is_stuck(
    manager: ServiceManagerStandIn, tmp_path: Path
) -> None:
    entry = ("-c", HELD_BY_USR1, "serve")
    async with launched(tmp_path, SPREED, command=entry) as server:
        await manager.hears("READY=1")
        await manager.hears("STATUS=0 rooms, 0 people")
        async with open_websocket_url(server.url.replace("http", "ws") + "/ws") as person:
            hello = {"Version": "1.0.0", "Ua": "test", "Name": "tea"}
            await person.send_message(json.dumps({"Type": "Hello", "Hello": hello}))
            await manager.hears("STATUS=1 room, 1 person")
            before = time.monotonic_ns() // 1000
            server.send(signal.SIGHUP)
            await manager.hears("READY=1", times=2)
            await manager.hears("WATCHDOG=1", times=BEATS)
        told = manager.lines
        reloading = told.index("RELOADING=1")
        name, _, at = told[reloading + 1].partition("=")
        assert name == "MONOTONIC_USEC"
        assert before <= int(at) <= time.monotonic_ns() // 1000
        assert told.index("READY=1") < reloading < len(told) - 1 - told[::-1].index("READY=1")
        beats = [at for at, line in manager.heard if line == "WATCHDOG=1"]
        gaps = [later - sooner for sooner, later in pairwise(beats)]
        assert sorted(gaps)[len(gaps) // 2] < 0.75 * WATCHDOG_SECONDS, gaps

        server.send(signal.SIGUSR1)
        await server.wait_for("test.held")
        manager.wait_until_read()
        await trio.sleep(WATCHDOG_SECONDS / 2)  # for what was on its way
        held = time.monotonic()
        await trio.sleep(1.5 * WATCHDOG_SECONDS)
        assert [line for at, line in manager.heard if at > held] == []
        server.send(signal.SIGABRT)  # what systemd does then
        assert (await server.end())[0] == -signal.SIGABRT
    output = "\n".join(line.get("text", "") for line in server.log)
    assert "Fatal Python error: Aborted" in output
    assert 'File "<string>", line 1 in <lambda>' in output


def test_at_a_terminal_it_says_where_to_look_and_ends_with_control_c(
    manager: ServiceManagerStandIn, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[server]\ndata_dir = "{tmp_path / "data"}"\n{SPREED}')
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "api", "serve", "--config", str(config)],
        cwd=REPOSITORY, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        shown = read_until(ours, "the operator's console")
        shown += read_until(ours, "\n")
        pages = dict(re.findall(r"^  (http://\S+)\s+(.+?)\r?$", shown, re.MULTILINE))
        paths = {httpx.URL(address).path: what for address, what in pages.items()}
        assert set(paths) == {"/my-first-room", "/barertc/", "/-/"}
        assert f"secrets operator.token --config {config}" in paths["/-/"]
        assert "Ctrl+C stops it." in shown
        for address in pages:
            answer = httpx.get(address, timeout=PATIENCE)
            assert (answer.status_code, "<html" in answer.text.lower()) == (200, True)
        assert "STOPPING=1" not in manager.lines
        os.write(ours, b"\x03")
        read_until(ours, "server.stopped")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    manager.close()  # all has been heard then
    assert manager.lines.count("STOPPING=1") == 1


def read_until(terminal: int, text: str) -> str:
    """Return what is shown until this has come."""
    shown, deadline = "", time.monotonic() + PATIENCE
    while text not in shown:
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], shown
        shown += os.read(terminal, 1).decode("latin-1")
    return shown
