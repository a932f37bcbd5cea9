"""`python -m bench.quality`: a call through the server beside a direct one, at losses and delays.

A page of Chromium sends one camera (640x480, 15 frames/s) twice at the same time: to a server that
forwards it back to the page, and directly to itself. Every connection goes through a relay of ours
with that delay and loss each way; the call through the server has two connections, so it has both
twice, as between two people at home. Server, browser and relay share the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from tests.support.programs import need
from tests.support.server_process import ServerProcess
from tests.support.side_by_side import CONFIG, Call, SideBySide, measure

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
STARTING = 5  # seconds that are left out
HEAD = (
    "| delay | loss | call | kbit/s | ratio | worst 5 s | size | frames/s "
    "| freezes/min | frozen | concealed |"
)


def rows(delay: float, loss: float, found: list[SideBySide]) -> list[str]:
    """Return a row for each call: medians over the rounds."""
    ratio = median(_rate(each.server) / max(1.0, _rate(each.direct)) for each in found)
    lines = []
    for name in ("server", "direct"):
        calls: list[Call] = [getattr(each, name) for each in found]
        cells = [f"{delay * 1000:.0f} ms", f"{loss:.0%}", name]
        cells += [f"{median(map(_rate, calls)):,.0f}", f"{ratio:.2f}" if name == "server" else ""]
        cells.append(f"{median(min(each.windows(STARTING, _last(each))) for each in calls):,.0f}")
        cells.append(
            f"{median(each.usual('width') for each in calls):.0f}x"
            f"{median(each.usual('height') for each in calls):.0f}"
        )
        for count, scale, unit in (("frames", 1, ""), ("freezes", 60, ""), ("frozen", 100, " %")):
            value = median(each.grown(count) / _seconds(each) * scale for each in calls)
            cells.append(f"{value:.1f}{unit}")
        concealed = median(
            each.grown("concealed") / max(1, each.grown("samples")) for each in calls
        )
        lines.append(f"| {' | '.join([*cells, f'{concealed:.1%}'])} |")
    return lines


def _last(call: Call) -> int:
    return len(call.rates)


def _rate(call: Call) -> float:
    return call.median(STARTING, _last(call))


def _seconds(call: Call) -> float:
    return call.grown("at")


def compare(browser: Browser, url: str, options: argparse.Namespace) -> None:
    """Measure every delay with every loss, and print the table as it grows."""
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    for delay, loss in product(options.delays, options.losses):
        found = []
        for number in range(options.rounds):
            print(f"{delay} ms, {loss} %: {number + 1}", file=sys.stderr, flush=True)
            relayed = {"delay": delay / 1000, "loss": loss / 100, "seed": number}
            found.append(measure(browser, url, options.seconds, **relayed))
        print("\n".join(rows(delay / 1000, loss / 100, found)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="calls of each kind (1)")
    parser.add_argument("--seconds", type=int, default=30, help="of each call (30)")
    parser.add_argument("--delays", type=float, nargs="+", default=[0, 25, 100], help="in ms")
    parser.add_argument("--losses", type=float, nargs="+", default=[0, 2, 5, 10], help="in percent")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder), config=CONFIG) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=need("chromium"), args=list(FLAGS)) as browser,
    ):
        compare(browser, server.url, options)
    print(f"Load average at the end: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
