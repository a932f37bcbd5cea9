"""`python -m bench`: measure Quintet beside npm `peer`, in turn, and print one table."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import trio

from bench import actors, barertc, calls, idle, relay, requests
from bench.figures import Figures, Row, rows_of, table
from bench.servers import (
    Server,
    install_peer_server,
    peer_server,
    quintet,
    quintet_under_hypercorn,
)
from bench.wires import PeerJs, Spreed

Start = Callable[[], AbstractContextManager[Server]]
Load = Callable[[Server], Figures]
Work = tuple[str, tuple[Start, Load], tuple[Start, Load]]  # its name, Quintet, the peer


def works_of_http(seconds: float) -> Iterator[Work]:
    """Answers over keep-alive connections; the peer gives out an id."""
    trivial = (peer_server, partial(requests.get, target="/peerjs/id", seconds=seconds))
    for target in ("/-/healthz", "/api/v1/config"):
        ours = partial(requests.get, target=target, seconds=seconds)
        yield f"GET {target}", (quintet, ours), trivial


def works_of_relay(seconds: float) -> Iterator[Work]:
    """Offers from websocket to websocket."""
    for name, loop in (("closed", relay.closed_loop), ("open", relay.open_loop)):
        ours = partial(loop, wire=Spreed(), seconds=seconds)
        theirs = partial(loop, wire=PeerJs(), seconds=seconds)
        yield f"relay, {name} loop", (quintet, ours), (peer_server, theirs)


def works_of_idle(_seconds: float) -> Iterator[Work]:
    """Memory of websockets; the peer has no rooms and one carrier."""
    registered = (peer_server, partial(idle.memory, wire=PeerJs(), joined=False))
    for carrier, start in (("lane", quintet), ("Quart", quintet_under_hypercorn)):
        for where, joined in (("in no room", False), (f"in rooms of {idle.ROOM_OF}", True)):
            ours = partial(idle.memory, wire=Spreed(), joined=joined)
            yield f"idle, {carrier}, {where}", (start, ours), registered


PARTS: dict[str, Callable[[float], Iterator[Work]]] = {
    "http": works_of_http,
    "relay": works_of_relay,
    "idle": works_of_idle,
}


def measure_actors(rounds: int) -> list[Row]:
    """Measure the actor runtime by itself, in this process; it has no peer."""
    return [
        Row(f"actor, {name}", unit, [trio.run(run, count) for _ in range(rounds)], [])
        for name, unit, run, count in actors.WORKS
    ]


def count_calls(rounds: int) -> list[Row]:
    """Count the Python calls of a join, in this process; there is no peer."""
    return calls.rows(calls.count(rounds))


ALONE: dict[str, Callable[[int], list[Row]]] = {
    "actors": measure_actors,
    "calls": count_calls,
    "barertc": barertc.measure,
}


def measure(work: Work, rounds: int, *, with_peer: bool) -> list[Row]:
    """Run both sides in turn, `rounds` times, every time on a fresh server."""
    name, ours, theirs = work
    quintets: list[Figures] = []
    peers: list[Figures] = []
    for number in range(rounds):
        print(f"{name}: {number + 1} of {rounds}", file=sys.stderr, flush=True)
        quintets.append(_run(*ours))
        if with_peer:
            peers.append(_run(*theirs))
    return rows_of(name, quintets, peers)


def _run(start: Start, load: Load) -> Figures:
    with start() as server:
        return load(server)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parts = (*ALONE, *PARTS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each work (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures")
    options = parser.parse_args()
    if wrong := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    chosen = options.parts or parts
    missing = "" if ALONE.keys() >= set(chosen) else install_peer_server()
    if missing:
        print(f"measured without its peer: {missing}", file=sys.stderr)
    rows: list[Row] = []
    for part in chosen:
        if part in ALONE:
            rows += ALONE[part](options.rounds)
        else:
            for work in PARTS[part](options.seconds):
                rows += measure(work, options.rounds, with_peer=not missing)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
