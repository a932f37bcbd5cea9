"""`python -m bench.calls`: which Python calls of our own code one join of Spreed takes, counted.

CPU time differs from run to run, a number of calls does not: it shows what a change adds or saves
on any machine, however busy. The server is the real one, in this process: composition, actors, log.
Only its websockets are stand-ins that keep frames in memory: what a carrier costs is not counted.

Counted is from the `Hello` that a socket hands over to the `Welcome` that is pushed to it. What
tasks of other members do to show the newcomer runs beside that, in any order, and is counted apart.
A call is one "call" event of `sys.setprofile`: each resumption of a coroutine or generator is one,
too, and so is a comprehension up to Python 3.11. Figures of different Pythons do not compare.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from unittest.mock import patch

import trio
import trio.testing

from api.http.mounts import Place
from api.http.sockets import NOTHING, SocketClosed, Upgrade, WebsocketRoute
from api.logs import configure
from api.process.composition import CurrentSettings, open_services
from api.process.store import prepare_store
from api.settings import LogSettings, settings_of
from api.spreed.dialect import SPREED
from bench.figures import Figures, Row, rows_of, table

MEMBERS = 3  # who are in the room already
GENERATED = "made by dataclasses"  # in place of the file
LOG = "api/logs/"
HAND_WRITTEN = "hand-written, no log"  # the calls that are left without those two
ROOT = Path(__file__).parents[1]
OURS = tuple(f"{ROOT / folder}{os.sep}" for folder in ("actors", "api", "media"))

Task = trio.lowlevel.Task
Functions = Counter[tuple[str, str]]
"""Calls by file and qualified name."""


@dataclass
class Work:
    """What was done, by whichever tasks; `pushed` is in bytes of payload."""

    calls: Functions = field(default_factory=Counter)
    steps: int = 0
    pushed: int = 0

    def add(self, other: Work) -> None:
        self.calls += other.calls
        self.steps += other.steps
        self.pushed += other.pushed

    @property
    def figures(self) -> Figures:
        total, generated, log = self.calls.total(), self._calls_in(GENERATED), self._calls_in(LOG)
        return {
            "calls": total,
            "of these, made by dataclasses": generated,
            "of these, of the log": log,
            HAND_WRITTEN: total - generated - log,
            "task steps": self.steps,
            "bytes pushed": self.pushed,
        }

    def _calls_in(self, start: str) -> int:
        return sum(n for (file, _), n in self.calls.items() if file.startswith(start))


@dataclass(frozen=True)
class Join:
    """One join: the way to the Welcome, and how the other members were shown it."""

    way: Work
    beside: Work

    @property
    def figures(self) -> Figures:
        beside = {f"{name}, other members": n for name, n in self.beside.figures.items() if n}
        return self.way.figures | beside


class Watch(trio.abc.Instrument):
    """Counts from `begin` to `end`, task by task."""

    def __init__(self) -> None:
        self.on = False
        self._tasks: dict[Task, Work] = {}
        self._current = Work()
        self._others: set[Task] = set()
        self._way: dict[Task, Work] = {}

    def begin(self) -> None:
        """Count from here, in the midst of a step of the task that calls."""
        self._tasks, self._others, self._way = defaultdict(Work), set(), {}
        self.before_task_step(trio.lowlevel.current_task())
        self.on = True
        trio.lowlevel.add_instrument(self)
        sys.setprofile(self._note)

    def end(self) -> Join:
        """Stop, once nothing more happens."""
        sys.setprofile(None)
        trio.lowlevel.remove_instrument(self)
        self.on = False
        way, beside = Work(), Work()
        for task, work in self._way.items():
            if task not in self._others:
                way.add(work)
        for task in self._others:
            beside.add(self._tasks[task])
        return Join(way, beside)

    def pushed(self, payload: bytes, *, to_joiner: bool) -> None:
        """Note a push; the Welcome ends the way, and who pushes to other members is beside it."""
        self._current.pushed += len(payload)
        if not to_joiner:
            self._others.add(trio.lowlevel.current_task())
        elif json.loads(payload)["Data"]["Type"] == "Welcome":
            for task, work in self._tasks.items():
                self._way[task] = Work()
                self._way[task].add(work)

    def before_task_step(self, task: Task) -> None:
        self._current = self._tasks[task]
        self._current.steps += 1

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and str(frame.f_globals.get("__file__")).startswith(OURS):
            self._current.calls[_function_of(frame)] += 1


def _function_of(frame: FrameType) -> tuple[str, str]:
    code = frame.f_code
    if code.co_filename == "<string>":
        kind = type(frame.f_locals[code.co_varnames[0]])
        return GENERATED, f"{kind.__name__}.{code.co_name}"
    return code.co_filename.removeprefix(f"{ROOT}{os.sep}"), code.co_qualname


class StandIn:
    """A websocket in memory (`api.http.sockets.Socket`): what is pushed is counted and dropped."""

    subprotocol: str | None = None

    def __init__(self, watch: Watch, address: str) -> None:
        self.upgrade = Upgrade("/ws", NOTHING, NOTHING, address, "bench.example", secure=False)
        self._watch = watch
        self._measured = False
        self._frames, self._arriving = trio.open_memory_channel[bytes](1)

    async def join(self, room: str) -> Join:
        """Enter a room, and wait until everybody in it has been told."""
        hello = {"Version": "1.0.0", "Ua": "bench", "Name": room, "Type": ""}
        self._measured = True
        self._frames.send_nowait(json.dumps({"Type": "Hello", "Hello": hello, "Iid": "1"}).encode())
        await trio.testing.wait_all_tasks_blocked()
        self._measured = False
        return self._watch.end()

    async def receive(self) -> tuple[bytes, bool]:
        try:
            payload = await self._arriving.receive()
        except trio.EndOfChannel:
            raise SocketClosed from None
        self._watch.begin()
        return payload, True

    def push(self, payload: bytes, *, text: bool = True) -> None:
        del text
        if self._watch.on:
            self._watch.pushed(payload, to_joiner=self._measured)

    def close(self, code: int = 1000, reason: str = "") -> None:
        del code, reason
        self._frames.close()

    def abort(self) -> None:
        self._frames.close()


class Server:
    """The real composition, to which people come over stand-ins."""

    def __init__(self, route: WebsocketRoute, nursery: trio.Nursery) -> None:
        self._route = route
        self._nursery = nursery
        self._watch = Watch()
        self._addresses = ip_network("198.18.0.0/15").hosts()  # nobody's rooms add up

    async def come(self, room: str) -> Join:
        """Have somebody new connect and enter a room, and stay."""
        socket = StandIn(self._watch, str(next(self._addresses)))
        self._nursery.start_soon(self._route.serve, socket)
        await trio.testing.wait_all_tasks_blocked()
        return await socket.join(room)


@contextmanager
def unlogged() -> Iterator[None]:
    """Make log lines as a server does, and throw them away."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    configure(LogSettings(), handle=nowhere)
    try:
        yield
    finally:
        configure(LogSettings())
        os.close(nowhere)


@contextmanager
def in_order() -> Iterator[None]:
    """Have tasks run in the order they became ready, about which Trio tosses a coin otherwise.

    Whether a new room is set up before its first Join comes makes a difference of some calls.
    """
    with patch.object(trio._core._run._r, "random", lambda: 1.0):
        yield


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run the server on its defaults."""
    with TemporaryDirectory(prefix="bench-") as folder, unlogged(), in_order():
        settings = settings_of({"server": {"data_dir": folder}})
        prepare_store(settings)
        async with (
            open_services(CurrentSettings(settings)) as services,
            trio.open_nursery() as nursery,
        ):
            mount = SPREED.open(services)(Place(root=True, secure=False))
            yield Server(mount.websockets[0], nursery)
            nursery.cancel_scope.cancel()


async def joins(rounds: int, members: int = MEMBERS) -> dict[str, list[Join]]:
    """Join `rounds` rooms that are not there yet, have one member, and have so many members."""
    kinds = {0: "join, new room", 1: "join, room of 1", members: f"join, room of {members}"}
    found: dict[str, list[Join]] = {name: [] for name in kinds.values()}
    async with serving() as server:
        await server.come("warm-up")
        for number in range(rounds):
            joined = [await server.come(f"{number:03}") for _ in range(members + 1)]
            for there, name in kinds.items():
                found[name].append(joined[there])
    return found


def count(rounds: int, members: int = MEMBERS) -> dict[str, list[Join]]:
    """Run `joins`, while time stands still: no timer of the server gets in between."""
    return trio.run(joins, rounds, members, clock=trio.testing.MockClock())


def rows(found: dict[str, list[Join]]) -> list[Row]:
    """Return the figures for the table of all measurements."""
    return [
        row for name, all_ in found.items() for row in rows_of(name, [j.figures for j in all_], [])
    ]


def by_function(calls: Functions) -> str:
    """List the calls, file by file, those with the most first."""
    files: Counter[str] = Counter()
    for (file, _), count in calls.items():
        files[file] += count
    lines = []
    for file, total in files.most_common():
        lines.append(f"{total:5} {file}")
        named = Counter({name: count for (where, name), count in calls.items() if where == file})
        lines += [f"{count:9} {name}" for name, count in named.most_common()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="joins of each kind (3)")
    parser.add_argument(
        "--members", type=int, default=MEMBERS, help="of the room that is there (3)"
    )
    options = parser.parse_args()
    if options.members < 1:
        parser.error("an existing room has a member")
    found = count(options.rounds, options.members)
    print(table(rows(found)))
    for name, all_ in found.items():
        first, *others = all_
        print(f"\n{name}:\n{by_function(first.way.calls)}")
        if any(other != first for other in others):
            sys.exit(f"{name}: the rounds differ")


if __name__ == "__main__":
    main()
