"""`python -m bench.barertc`: one chat channel full of people, beside nextcloud-spreed-signaling.

People are shown what is written, and who is there whenever somebody comes or changes. CPU is that
of the server process; lists are counted as all people get them.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from functools import partial

from bench import spreed_signaling
from bench.crowd import Crowd, CrowdWire, encoded, now
from bench.figures import Figures, Row, figures_of, rows_of, table
from bench.link import Link
from bench.servers import Server, quintet

CONFIG = """
[server]
data_dir = "data"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{port}"
dialects = ["barertc", "operator"]
root = "barertc"
[barertc]
messages_per_second = 0
people = 2000
"""
PEOPLE = 500
SIZES = (100, 300, 500, 1000)
CHANGES = 10  # of which one is the mean: the kernel counts CPU in hundredths of a second
QUIET_SECONDS = 2.0
WARM_UP = 40


class BareWire:
    """BareRTC, as guests; who writes is shown his own message."""

    ready = b'{"action":"me"'
    chat = b'{"action":"message"'
    listing = b'{"action":"who"'
    hears_itself = True

    def connect(self, port: int, number: int) -> tuple[Link, bytes]:
        login = {"action": "login", "username": f"person-{number:04}"}
        return Link(port, "/ws"), encoded(login)

    def message(self) -> bytes:
        return encoded({"action": "message", "channel": "lobby", "message": "x" * 100})


def chatting(server: Server, wire: CrowdWire, seconds: float) -> Figures:
    """Return what a message to PEOPLE costs, one after the other."""
    with ExitStack() as stack:
        crowd = Crowd(wire, server.port, stack)
        crowd.join(PEOPLE + (not wire.hears_itself))
        crowd.settle(QUIET_SECONDS)
        crowd.write_rounds(1.0)
        cpu, start = server.cpu_seconds(), now()
        latencies = crowd.write_rounds(seconds)
        return figures_of(latencies, now() - start, server.cpu_seconds() - cpu, "delivery")


def changing(server: Server, people: int) -> Figures:
    """Return what one who joins, and one who changes his status, costs among so many."""
    with ExitStack() as stack:
        crowd = Crowd(BareWire(), server.port, stack)
        crowd.join(people)
        crowd.settle(QUIET_SECONDS)
        figures: Figures = {}

        def measure(name: str) -> None:
            cpu, size = 0.0, 0
            for number in range(CHANGES):
                for person in crowd.people:
                    person.lists = person.list_bytes = 0
                before = server.cpu_seconds()
                if name == "join":
                    crowd.join(1)
                else:
                    status = ("away", "online")[number % 2]
                    crowd.people[0].send(encoded({"action": "me", "status": status, "video": 0}))
                crowd.collect_until(lambda: all(person.lists for person in crowd.people))
                crowd.settle(0.3)
                cpu += server.cpu_seconds() - before
                size += sum(person.list_bytes for person in crowd.people)
            figures[f"{name}, CPU ms"] = cpu / CHANGES * 1e3
            figures[f"{name}, lists of all, MB"] = size / CHANGES / 1e6

        measure("join")
        measure("status")
        return figures


def memory(server: Server) -> Figures:
    """Return what each of PEOPLE takes."""
    with ExitStack() as warm_up:
        crowd = Crowd(BareWire(), server.port, warm_up)
        crowd.join(WARM_UP)
        crowd.settle(QUIET_SECONDS)
    with ExitStack() as stack:
        crowd = Crowd(BareWire(), server.port, stack)
        crowd.settle(QUIET_SECONDS)
        before = server.memory_bytes()
        crowd.join(PEOPLE)
        crowd.settle(QUIET_SECONDS)
        return {"KiB/person": (server.memory_bytes() - before) / 1024 / PEOPLE}


def measure(rounds: int, seconds: float = 4.0, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Measure all of it, every time on a fresh server; the peer for what it can do as well."""
    with_peer = spreed_signaling.is_installed()
    if not with_peer:
        reason = "nextcloud-spreed-signaling is not installed"
        print(f"measured without its peer: {reason}", file=sys.stderr)
    ours: list[Figures] = []
    theirs: list[Figures] = []
    for _ in range(rounds):
        with quintet(CONFIG) as server:
            ours.append(chatting(server, BareWire(), seconds))
        if with_peer:
            with spreed_signaling.spreed_signaling() as (server, wire):
                theirs.append(chatting(server, wire, seconds))
    rows = rows_of(f"a message to {PEOPLE}", ours, theirs)
    works = [(f"among {size}", partial(changing, people=size)) for size in sizes]
    for name, work in [*works, (f"{PEOPLE} people", memory)]:
        found = []
        for number in range(rounds):
            print(f"{name}: {number + 1} of {rounds}", file=sys.stderr, flush=True)
            with quintet(CONFIG) as server:
                found.append(work(server))
        rows += rows_of(name, found, [])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.barertc", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each work (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run of messages (4)")
    options = parser.parse_args()
    print(table(measure(options.rounds, options.seconds), "spreed-signaling"))


if __name__ == "__main__":
    main()
