"""What holds for every test: it leaves nothing behind."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from actors.core import ActorSystem
from actors.core.state import ActorState
from tests.support.examples import register_profiles

LISTENING = "0A"
HTTP_SECONDS = 60.0

register_profiles()


def pytest_configure() -> None:
    """Have clients of HTTP wait for a busy machine, where a test does not say for how long."""
    usual = inspect.signature(httpx.AsyncClient).parameters["timeout"].default
    usual.connect = usual.read = usual.write = usual.pool = HTTP_SECONDS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what waits long, where tests run side by side: at the end all wait for it."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("unhurried") is None)


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test after which an actor, a timer or a listening socket of it still exists."""
    opened: list[ActorSystem] = []
    enter = ActorSystem.__aenter__

    async def recording_enter(system: ActorSystem) -> ActorSystem:
        opened.append(system)
        return await enter(system)

    monkeypatch.setattr(ActorSystem, "__aenter__", recording_enter)
    before = open_sockets()
    yield
    for system in opened:
        assert system.root_cell.state is ActorState.STOPPED, "an actor system was left open"
        assert system.counters.spawned == system.counters.stopped, "actors were left behind"
        assert system.clock.pending == 0, "timers were left behind"
    assert not listening(open_sockets() - before), "a listening socket was left open"


@pytest.fixture(autouse=True)
def leave_logging_as_it_was() -> Iterator[None]:
    """Undo what a command or a server has set up for the whole process."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def open_sockets() -> set[str]:
    """Return the inodes of this process's sockets; empty where /proc does not tell."""
    inodes = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # closed meanwhile, such as the one that lists the folder
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    return inodes


def listening(inodes: set[str]) -> set[str]:
    """Return those of `inodes` that are TCP sockets waiting for connections."""
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/self/net", table)
        if inodes and path.exists():
            rows = [line.split() for line in path.read_text().splitlines()[1:]]
            found |= {row[9] for row in rows if row[3] == LISTENING}
    return found & inodes
