"""`python -m bench.rooms`: list a hundred rooms over the OWT management API, beside Janus.

Ours are a whole configuration each, read from SQLite for every request, whose signature is checked
too; those of Janus are a few settings each, in memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from functools import partial
from http import HTTPStatus

from api.owt.management.mauth import make_header
from bench import janus
from bench.conference import CONFIG, KEY, SERVICE
from bench.figures import Figures, rows_of, table
from bench.requests import repeat, request
from bench.servers import Server, quintet

ROOMS = 100


def header() -> str:
    """Return a header line that signs any request, as often as one likes."""
    return f"Authorization: {make_header(SERVICE, KEY, int(time.time() * 1000), '0' * 16)}\r\n"


def make_rooms(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10.0)
    name, _, value = header().strip().partition(": ")
    headers = {name: value, "Content-Type": "application/json"}
    for number in range(ROOMS):
        body = json.dumps({"name": f"room {number}"})
        connection.request("POST", "/v1/rooms", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"no room was made: {answer.status}")
    connection.close()


def ours(target: str, seconds: float) -> Figures:
    with quintet(CONFIG) as server:
        make_rooms(server)
        return repeat(server, request(server.port, "GET", target, header()), seconds)


def theirs(seconds: float) -> Figures:
    with janus.janus(ROOMS) as server:
        path, body = janus.Handle(server.port).request({"request": "list"})
        return repeat(server, request(server.port, "POST", path, "", body), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rooms", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (4)")
    options = parser.parse_args()
    with_janus = janus.is_installed()
    if not with_janus:
        print("measured without its peer: Janus is not installed", file=sys.stderr)
    rows = []
    for name, target in (
        ("100 rooms", "/v1/rooms"),
        ("10 of 100 rooms", "/v1/rooms?page=1&per_page=10"),
    ):
        listed = partial(ours, target, options.seconds)
        our_figures, their_figures = [], []
        for number in range(options.rounds):
            print(f"{name}: {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            our_figures.append(listed())
            if with_janus:
                their_figures.append(theirs(options.seconds))
        rows += rows_of(f"list {name}", our_figures, their_figures)
    print(table(rows, "Janus"))


if __name__ == "__main__":
    main()
