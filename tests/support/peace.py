"""A server under attack, and the proof that nobody else noticed.

`peaceful` serves Spreed with an innocent client connected, who asks for an answer all the time.
When the block ends: no actor crashed, no connection or request did, and the innocent client never
waited long.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.settings import Settings
from tests.support.spreed import (
    Document,
    SpreedClient,
    SpreedServer,
    spreed_server,
    spreed_settings,
)

PROMPT = 2.0  # seconds of the processor during which an innocent client may wait
IN_TIME = 8.0  # of the clock: far below a siege, and above a machine that stands still for a while
BEAT = 0.02
CRASHES = frozenset({"actor.crashed", "connection.crashed", "request.crashed", "system.killed"})

ERRORS = {
    "bad_request", "not_in_room", "invalid_room_name", "status_too_large", "bad_attestation",
    "contacts_not_enabled", "invalid_session_token", "authorization_not_required",
    "authorization_required", "invalid_credentials", "too_many_attempts", "already_authenticated",
    "no_such_session",
}  # fmt: skip


@dataclass
class Siege:
    """A server, what it logged, and how long its innocent client has waited at worst.

    `worst_work` is how much of the processor our own process has had during one wait.
    """

    server: SpreedServer
    entries: list[EventDict]
    worst: float = 0.0
    worst_work: float = 0.0
    answers: int = 0
    resting: bool = False

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Let the innocent client ask nothing while the block runs."""
        self.resting = True
        yield
        self.resting = False

    def logged(self, event: str) -> list[EventDict]:
        return [entry for entry in self.entries if entry["event"] == event]

    def tighten(self, section: str, **values: object) -> None:
        """Change settings now that the innocent client is inside; settings are otherwise frozen."""
        settings = self.server.services.settings()
        for name, value in values.items():
            object.__setattr__(getattr(settings, section), name, value)
        if self.server.serving.connections is not None:
            self.server.serving.connections.limits_changed()

    async def calm(self) -> None:
        """Wait until the innocent client has had a few more answers."""
        wanted = self.answers + 3
        with trio.fail_after(30):
            while self.answers < wanted:
                await trio.sleep(BEAT)

    async def witness(self, client: SpreedClient) -> None:
        """Ask and ask again; other messages are not expected."""
        tag = 0
        while True:
            while self.resting:
                await trio.sleep(5 * BEAT)
            tag += 1
            asked, worked = time.monotonic(), time.thread_time()
            await client.raw(json.dumps({"Type": "Alive", "Alive": tag}))
            assert (await client.data("Alive"))["Alive"] == tag
            self.worst = max(self.worst, time.monotonic() - asked)
            self.worst_work = max(self.worst_work, time.thread_time() - worked)
            self.answers += 1
            await trio.sleep(BEAT)


@asynccontextmanager
async def peaceful(
    tmp_path: Path, carrier: str = "lane", settings: Settings | None = None
) -> AsyncIterator[Siege]:
    with capture_logs() as entries, library_troubles() as troubles:
        async with spreed_server(tmp_path, carrier, settings or spreed_settings()) as server:
            async with server.client() as innocent, trio.open_nursery() as nursery:
                siege = Siege(server, entries)
                nursery.start_soon(siege.witness, innocent)
                yield siege
                await siege.calm()
                nursery.cancel_scope.cancel()
    assert server.system.counters.crashes == 0
    assert not (crashed := [entry for entry in entries if entry["event"] in CRASHES]), crashed
    assert troubles == []
    assert siege.worst_work < PROMPT
    assert siege.worst < IN_TIME


async def answers(client: SpreedClient) -> list[Document]:
    """Return all that came up to now, in order; each must be JSON, each error a documented one."""
    tag = f"end {time.monotonic_ns()}"
    await client.raw(json.dumps({"Type": "Alive", "Alive": 1, "Iid": tag}))
    found = []
    while (answer := await client.next()).get("Iid") != tag:
        found.append(answer)
        data = answer["Data"]
        if data.get("Type") == "Error":
            assert data["Code"] in ERRORS, data
    return found


@contextmanager
def library_troubles() -> Iterator[list[str]]:
    """Collect what libraries log at warning and above."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(f"{record.name}: {record.getMessage()} {record.exc_info or ''}")

    collector = Collector(logging.WARNING)
    logging.getLogger().addHandler(collector)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(collector)
