"""The commands that ask and order the running server, with people in rooms of several dialects."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.support.command_line import REPOSITORY, Done, command, shell_command
from tests.support.guest import PATIENCE, Guest
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

ARABIC = "غرفة الاجتماعات"

PEOPLE = {"Ann": "tea", "Bob \x1b[2J": "tea", "Cid": ARABIC, "Eve": "site"}
LOG = "quintet.jsonl"


@dataclass
class Live:
    server: ServerProcess
    folder: Path
    people: dict[str, Guest]

    def __call__(self, *arguments: str) -> Done:
        return command(*arguments, "--config", str(self.folder / "config.toml"))

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert (done.code, done.remarks) == (0, ""), done
        return json.loads(done.answer)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    log = f'[log]\nfile = "{folder / LOG}"\n'
    with ServerProcess(folder, port=free_port(), config=log) as server, ExitStack() as opened:
        people = {}
        for name, room in PEOPLE.items():
            guest = opened.enter_context(Guest(server.url))
            guest.join(room, name)
            people[name[:3]] = guest
        chat = opened.enter_context(connect(f"ws{server.url[4:]}barertc/ws"))
        chat.send(json.dumps({"action": "login", "username": "dan"}))
        while json.loads(chat.recv(PATIENCE))["action"] != "me":
            pass
        yield Live(server, folder, people)


def rows(done: Done) -> dict[str, str]:
    """Return the lines of a table by their first word."""
    assert (done.code, done.remarks) == (0, ""), done
    return {line.split()[0]: line for line in done.answer.splitlines()}


def test_how_the_server_does(live: Live) -> None:
    shown = rows(live("status"))
    assert f"at http://127.0.0.1:{live.server.port}: ready, for " in shown["quintet"]
    assert shown["config"].endswith(f"{live.folder}/config.toml")
    assert "spreed 3" in shown["rooms"]
    assert "spreed 4" in shown["people"]
    assert live.json("status")["people"]["barertc"] == 1


def test_rooms_and_who_is_in_them(live: Live) -> None:
    listed = rows(live("rooms"))
    assert listed["tea"].split()[1:3] == ["spreed", "2"]
    assert ARABIC in live("rooms", "--search", ARABIC.split()[0]).answer
    assert [each["name"] for each in live.json("rooms", "--dialect", "spreed", "--sort", "name")[
        "rooms"]] == ["site", "tea", ARABIC]  # fmt: skip
    ids = [each["id"] for each in live.json("rooms")["rooms"]]
    assert [line.split()[-1] for line in live("rooms", "--ids").answer.splitlines()[1:]] == ids
    one = live("rooms", "--limit", "1")
    assert len(one.answer.splitlines()) == 2
    assert re.fullmatch(r"1 of \d+; --limit 0 shows all\n", one.remarks)
    people = live("who", "tea")
    assert people.code == 0
    assert "\x1b" not in people.answer
    ann, bob = (people.answer.splitlines()[at] for at in (1, 2))
    assert ann.startswith("Ann")
    assert ann.endswith(live.people["Ann"].id)
    assert bob.startswith(r"Bob \x1b[2J")
    assert [each["name"] for each in live.json("who", ARABIC)["people"]] == ["Cid"]
    assert live.json("who")["total"] == 5


def test_a_name_of_several_rooms_is_asked_about(live: Live) -> None:
    done = live("who", "site")
    assert (done.code, done.answer) == (2, "")
    first, titles, *candidates = done.remarks.splitlines()
    assert first == "quintet: 2 rooms are called 'site'; say which one by its id:"
    assert titles.split() == ["ROOM", "TITLE", "DIALECT", "PEOPLE", "ID"]
    ids = [line.split()[-1] for line in candidates]
    assert sorted(live.json("who", id_)["people"][0]["name"] for id_ in ids) == ["Eve", "dan"]
    assert live.json("who", "site", "--dialect", "spreed")["total"] == 1
    assert live("who", "coffee") == Done(1, "", "quintet: no room is called 'coffee'\n")
    assert live("kick", "nobody").remarks == ("quintet: nobody here has the id or name 'nobody'\n")


def test_the_tree_in_part(live: Live) -> None:
    shown = live("tree", "/conferencing", "--depth", "1").answer.splitlines()
    assert shown[0].split()[:4] == ["ACTOR", "KIND", "STATE", "MAILBOX"]
    assert shown[1].startswith("/conferencing ")
    assert any(line.startswith("    … ") and line.endswith(" more") for line in shown)
    assert live.json("tree", "--kind", "room")["total"] == 4
    assert live("tree", "/nowhere").code == 1


def test_recordings_are_listed(live: Live) -> None:
    assert rows(live("recordings")).keys() == {"FILE"}
    assert live.json("recordings") == {"recordings": [], "total": 0}


def test_the_log_of_the_running_server(live: Live) -> None:
    arguments = ("logs", "--follow", "--event", "peer.j*", "--config",
                 str(live.folder / "config.toml"))  # fmt: skip
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen(
            shell_command(*arguments), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        ) as following:
            assert following.stdout is not None
            try:
                seen = ""
                for _ in range(500):  # until it listens
                    with Guest(live.server.url) as guest:
                        guest.join("seen", "Fay")
                    if readable(following):
                        seen = following.stdout.readline()
                        break
                assert "peer.joined" in seen
                following.send_signal(signal.SIGINT)
                assert following.wait(PATIENCE) == 130
            finally:
                following.kill()
    finally:
        signal.signal(signal.SIGINT, handler)
    kept = live("logs", "--level", "error")
    assert (kept.code, kept.answer) == (0, "")


def readable(process: subprocess.Popen[str]) -> bool:
    """Tell whether it says something within a moment."""
    return bool(select.select([process.stdout], [], [], 0.2)[0])


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds; what it looks at may not be there yet."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if holds():
                return
        time.sleep(0.02)
    raise AssertionError("it does not hold")


def test_a_terminal_gets_a_table_of_its_width(live: Live) -> None:
    outer, inner = pty.openpty()
    with os.fdopen(outer, "rb", 0) as terminal:
        done = subprocess.run(
            shell_command("rooms", "--config", str(live.folder / "config.toml")),
            cwd=REPOSITORY,
            stdout=inner,
            env=os.environ | {"COLUMNS": "64"},
            check=True,
            timeout=PATIENCE * 6,
        )
        os.close(inner)
        text = terminal.read(65_536).decode()
    assert done.returncode == 0
    assert "…" in text
    assert max(map(len, text.splitlines())) <= 64


def test_a_log_that_logrotate_has_rotated(live: Live) -> None:
    """By the guide's configuration, in this folder, without systemd."""
    guide = (REPOSITORY / "docs" / "operating.md").read_text("utf-8")
    (block,) = re.findall(r"^```logrotate\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    changes = {
        "/var/log/quintet/quintet.jsonl": str(live.folder / LOG),
        "    su quintet quintet\n": "    su root root\n" if os.geteuid() == 0 else "",
        "systemctl reload quintet": f"kill -HUP {live.server.pid}",
    }
    for told, here in changes.items():
        assert told in block
        block = block.replace(told, here)
    rules = live.folder / "logrotate.conf"
    rules.write_text(block)
    rules.chmod(0o644)
    for _ in range(2):
        subprocess.run(
            ["logrotate", "--force", "--state", live.folder / "state", rules],
            check=True,
            env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
        )
        wait_until(lambda: "config.reloaded" in (live.folder / LOG).read_text())  # empty: not moved
    files = sorted(str(file) for file in live.folder.glob(f"{LOG}*"))
    assert [file.rpartition("/")[2] for file in files] == [LOG, f"{LOG}.1", f"{LOG}.2.gz"]
    found = command("logs", *files, "--event", "*.re*", "--json")
    events = [json.loads(line)["event"] for line in found.answer.splitlines()]
    assert (found.code, found.remarks) == (0, "")
    assert events == ["server.ready", "config.reloaded", "config.reloaded"]


def test_orders_of_the_operator(live: Live) -> None:
    ann, bob = live.people["Ann"], live.people["Bob"]
    assert rows(live("kick", ann.id, "--reason", "no shouting")) == {"put": "put out"}
    assert ann.next("Closed")["Data"]["Closed"]["Reason"] == "no shouting"
    done = live("close", "tea", "--reason", "over", "--seconds", "600")
    assert done.code == 0
    assert re.fullmatch(r"closed until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", done.answer)
    assert bob.next("Closed")["Data"]["Closed"]["Reason"] == "over"
    ordered = live.server.wait_for("room.closed_by_operator", within=PATIENCE)
    assert ordered["by"]
    closed = live("open")
    assert closed.answer.splitlines()[1].startswith("tea")
    with Guest(live.server.url) as late:
        late.send("Hello", {"Version": "1", "Ua": "a program", "Name": "tea", "Type": ""})
        assert late.next("Error")["Data"]["Code"] == "room_closed"
        assert rows(live("open", "tea")) == {"opened": "opened"}
        late.join("tea", "Gil")
    assert live("open", "tea").remarks == "quintet: no room that is closed is called 'tea'\n"
