"""`python -m bench.actors`: what the actor runtime costs by itself.

CPU time of one process in which asker and actor take turns, so it holds on a busy machine too.
Every figure is measured `--rounds` times, in a fresh system each.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import trio
import trio.testing

from actors.core import (
    Actor,
    ActorSystem,
    ChildSpec,
    Message,
    Ref,
    Request,
    StopChild,
    open_system,
)

Measure = Callable[[int], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Note(Message):
    """Told."""


@dataclass(frozen=True, slots=True)
class Question(Request[int]):
    """Asked."""


@dataclass(frozen=True, slots=True)
class Breed(Request[None]):
    """Spawn that many children."""

    count: int


class Clerk(Actor[Message]):
    """Does as little as an actor can."""

    accepts = (Note, Question, Breed)
    __slots__ = ("handled",)

    async def setup(self) -> None:
        self.handled = 0

    async def handle(self, message: Message) -> int:
        self.handled += 1
        if isinstance(message, Breed):
            for number in range(message.count):
                await self.ctx.spawn(ChildSpec(str(number), Clerk))
        return self.handled


def clerk(system: ActorSystem) -> Ref[Message]:
    """Return the one actor of a fresh system."""
    return system.registry.children("/")[0]


async def ask(count: int) -> float:
    """One request and its answer: two changes of task and a deadline."""
    async with open_system([ChildSpec("clerk", Clerk)]) as system:
        ref = clerk(system)
        began = time.process_time()
        for _ in range(count):
            await ref.ask(Question(), within=5)
        return _micros(began, count)


async def tell(count: int) -> float:
    """One message to an actor that waits: wake it, have it handled, let it wait again."""
    async with open_system([ChildSpec("clerk", Clerk)]) as system:
        ref = clerk(system)
        began = time.process_time()
        for _ in range(count):
            ref.tell(Note())
            await trio.lowlevel.checkpoint()
        return _micros(began, count)


async def tell_in_a_row(count: int) -> float:
    """One message of a hundred told at once."""
    async with open_system([ChildSpec("clerk", Clerk)]) as system:
        ref = clerk(system)
        began = time.process_time()
        for _ in range(count // 100):
            for _ in range(99):
                ref.tell(Note())
            await ref.ask(Question(), within=5)
        return _micros(began, count)


async def spawn(count: int) -> float:
    """One child, from `spawn` until it waits for its first message."""
    async with open_system([ChildSpec("clerk", Clerk)]) as system:
        began = time.process_time()
        await clerk(system).ask(Breed(count), within=60)
        await trio.testing.wait_all_tasks_blocked()
        return _micros(began, count)


async def stop(count: int) -> float:
    """One child of many, from the stop until it has ended."""
    async with open_system([ChildSpec("clerk", Clerk, grace=60)]) as system:
        await clerk(system).ask(Breed(count), within=60)
        await trio.testing.wait_all_tasks_blocked()
        began = time.process_time()
        await system.root.ask(StopChild("clerk"), within=60)
        return _micros(began, count)


async def memory(count: int) -> float:
    """One idle actor with its task and mailbox, in Python's own count."""
    async with open_system([ChildSpec("clerk", Clerk)]) as system:
        ref = clerk(system)
        await ref.ask(Breed(0), within=5)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await ref.ask(Breed(count), within=60)
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return used / count / 1024


WORKS: tuple[tuple[str, str, Measure, int], ...] = (
    ("ask", "µs", ask, 20_000),
    ("tell, one at a time", "µs", tell, 20_000),
    ("tell, in a row", "µs", tell_in_a_row, 100_000),
    ("spawn", "µs", spawn, 5_000),
    ("stop", "µs", stop, 5_000),
    ("idle actor", "KiB", memory, 5_000),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.actors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each work (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures")
    options = parser.parse_args()
    runs: dict[str, list[float]] = {}
    print("| work | median | range |\n| --- | --- | --- |")
    for name, unit, measure, count in WORKS:
        figures = [trio.run(partial(measure, count)) for _ in range(options.rounds)]
        runs[f"{name} {unit}"] = figures
        spread = f"{min(figures):.3g} – {max(figures):.3g}"
        print(f"| {name} | {median(figures):.3g} {unit} | {spread} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1) + "\n")


def _micros(began: float, count: int) -> float:
    return (time.process_time() - began) / count * 1e6


if __name__ == "__main__":
    main()
