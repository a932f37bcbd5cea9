"""What there is in a server process: its timers, tasks, actors, connections, descriptors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.support.process import RunningProcess
from tests.support.spreed import PATIENCE

OPERATOR_TOKEN = "of the test"
BEARER = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Level:
    """What is there in the server."""

    timers: float
    tasks: float
    actors: Counter[str]  # by kind

    def no_more_than(self, other: Level) -> bool:
        return (
            self.timers <= other.timers
            and self.tasks <= other.tasks
            and self.actors <= other.actors
        )


@dataclass(frozen=True)
class Counts:
    """All that can be counted exactly, by name; `counts - other` tells what differs."""

    found: dict[str, float] = field(default_factory=dict)

    def __sub__(self, other: Counts) -> dict[str, float]:
        names = self.found | other.found
        differences = {name: self.found.get(name, 0) - other.found.get(name, 0) for name in names}
        return {name: value for name, value in differences.items() if value}


class Operator:
    """Looks at the metrics, over one connection."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def samples(self) -> dict[tuple[str, str], float]:
        """Return every sample, by its name and kind."""
        text = (await self._http.get("/-/metrics", headers=BEARER)).text
        return {
            (sample.name, sample.labels.get("kind", "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def level(self) -> Level:
        samples = await self.samples()
        actors = {kind: n for (name, kind), n in samples.items() if name == "quintet_actors"}
        return Level(
            samples["quintet_timers", ""],
            samples["quintet_tasks", ""],
            Counter({kind: int(n) for kind, n in actors.items()}),
        )

    async def until_no_more_than(self, known: Level) -> None:
        """Wait until there is nothing beyond what was before."""
        found = await self.level()
        with trio.move_on_after(PATIENCE):
            while not found.no_more_than(known):
                await trio.sleep(0.05)
                found = await self.level()
        assert found.no_more_than(known), f"{found}, before {known}"

    async def counts(self, process: RunningProcess) -> Counts:
        """Return how many there are of what a client can make the server have."""
        samples = await self.samples()
        found = {
            name if not kind else f"{name} {kind}": value
            for (name, kind), value in samples.items()
            if name in COUNTED
        }
        found["descriptors"] = descriptors(process)
        return Counts(found)

    async def settled(
        self, process: RunningProcess, enough: Callable[[Counts], bool], within: float
    ) -> Counts:
        """Return the counts once they are `enough`, or the last ones after `within` seconds."""
        found = await self.counts(process)
        with trio.move_on_after(within):
            while not enough(found):
                await trio.sleep(LOOK_SECONDS)
                found = await self.counts(process)
        return found

    async def still(self, process: RunningProcess, seconds: float, within: float) -> Counts:
        """Return the counts once nothing has changed for so long."""
        last = await self.counts(process)
        since = trio.current_time()

        def unchanged(found: Counts) -> bool:
            nonlocal last, since
            if found != last:
                last, since = found, trio.current_time()
            return trio.current_time() - since >= seconds

        return await self.settled(process, unchanged, within)


COUNTED = (
    "quintet_actors",
    "quintet_timers",
    "quintet_tasks",
    "quintet_websockets",
    "quintet_connections",
)


def descriptors(process: RunningProcess) -> int:
    """Return how many files and sockets a server has open."""
    return len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))
