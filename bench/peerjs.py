"""`python -m bench.peerjs`: the broker of PeerJS beside npm `peer`, which both speak the same.

What an offer costs from websocket to websocket, and what a client takes that does nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from bench import idle, relay
from bench.figures import Figures, Row, rows_of, table
from bench.servers import Server, install_peer_server, peer_server, quintet
from bench.wires import PeerJs

CONFIG = """
[server]
data_dir = "data"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{port}"
dialects = ["peerjs", "operator"]
root = "peerjs"
[limits]
messages_per_second = 100000
"""


def measure(rounds: int, seconds: float) -> list[Row]:
    """Measure both servers in turn, every time afresh. Raises RuntimeError without npm `peer`."""
    if missing := install_peer_server():
        raise RuntimeError(missing)
    wire = PeerJs()
    works: list[tuple[str, Callable[[Server], Figures]]] = [
        ("relay, closed loop", partial(relay.closed_loop, wire=wire, seconds=seconds)),
        ("relay, open loop", partial(relay.open_loop, wire=wire, seconds=seconds)),
        ("idle", partial(idle.memory, wire=wire, joined=False)),
    ]
    rows: list[Row] = []
    for name, work in works:
        ours: list[Figures] = []
        theirs: list[Figures] = []
        for number in range(rounds):
            print(f"{name}: {number + 1} of {rounds}", file=sys.stderr, flush=True)
            with quintet(CONFIG) as server:
                ours.append(work(server))
            with peer_server() as server:
                theirs.append(work(server))
        rows += rows_of(name, ours, theirs)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peerjs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each work (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run of messages (4)")
    options = parser.parse_args()
    print(table(measure(options.rounds, options.seconds)))


if __name__ == "__main__":
    main()
