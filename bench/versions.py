"""`python -m bench.versions FOLDER`: forwarding in another source tree and in this one, in turn.

Each run is `bench.forwarding` of its tree, in a process started there, with this interpreter; so a
change that costs something per packet shows beside what was before it:

    git worktree add /tmp/before 87d6b00 && python -m bench.versions /tmp/before
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.forwarding import LEGS, LOADS, Run

HERE = Path(__file__).parents[1]
ONE_RUN = """
import json, sys
from dataclasses import asdict
from bench.forwarding import LOADS, measure
load, legs, seconds = sys.argv[1:]
print(json.dumps(asdict(measure(LOADS[int(load)], int(legs), float(seconds)))))
"""
PATIENCE = 60.0


def run(tree: Path, load: int, legs: int, seconds: float) -> Run:
    """Measure once, in a tree."""
    command = [sys.executable, "-c", ONE_RUN, f"{load}", f"{legs}", f"{seconds}"]
    done = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=True, timeout=seconds + PATIENCE
    )
    return Run(**json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.versions", description=__doc__)
    parser.add_argument("before", type=Path, help="the folder of the other tree")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run (3)")
    options = parser.parse_args()
    trees = {"before": options.before.resolve(), "after": HERE}
    print("| load | legs | version | CPU µs/packet | range | after/before | taken |")
    print("|---|---|---|---|---|---|---|")
    for load, legs in ((load, legs) for load in range(len(LOADS)) for legs in LEGS):
        runs: dict[str, list[Run]] = {name: [] for name in trees}
        for _ in range(options.rounds):
            for name, tree in trees.items():
                runs[name].append(run(tree, load, legs, options.seconds))
        costs = {
            n: [each.cpu / each.forwarded * 1e6 for each in found] for n, found in runs.items()
        }
        ratio = median(a / b for a, b in zip(costs["after"], costs["before"], strict=True))
        for name, found in costs.items():
            taken = median(each.taken / each.sent for each in runs[name])
            cells = [LOADS[load].name, f"{legs}", name, f"{median(found):.1f}"]
            cells += [f"{min(found):.1f} – {max(found):.1f}"]
            cells += [f"{ratio:.2f}" if name == "after" else "", f"{taken:.0%}"]
            print(f"| {' | '.join(cells)} |", flush=True)
    print(f"Load average at the end: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
