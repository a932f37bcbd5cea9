"""`python -m bench.console [LOOK …]`: what looks cost the loop of a server with 2,000 people."""

from __future__ import annotations

import http.client
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Row, table
from bench.servers import CONFIG, free_port
from bench.wires import Spreed

PEOPLE = 2000
ROOM_OF = 10
LOOKS_OF_EACH = 20
PAUSE_SECONDS = 1.1  # so that no look is answered with the sight of the one before
READY_SECONDS = 60.0
TOKEN = "of the bench"
LOOKS = {
    "tree, whole": "/-/actors",
    "tree, two floors": "/-/actors?depth=2",
    "one kind, 50": "/-/actors?kind=room",
    "summary": "/-/summary",
    "rooms, 50 by people": "/-/rooms",
    "people, 50 by name": "/-/people",
    "people, 500 by name": "/-/people?per_page=500",
    "people, searched": "/-/people?search=zzz",
    "metrics": "/-/metrics",
}


class MeteredServer:
    """The process of `bench.metered_server`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def metered(self) -> dict[str, Any]:
        """Return the figures since this was asked last."""
        self._process.send_signal(signal.SIGUSR1)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("METERED "):
                found: dict[str, Any] = json.loads(line.removeprefix("METERED "))
                return found
        raise RuntimeError("the server is gone")

    def get(self, path: str) -> tuple[int, int, float]:
        """Return status, bytes and seconds of one look."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            began = time.perf_counter()
            asking.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = asking.getresponse()
            size = len(answer.read())
            return answer.status, size, time.perf_counter() - began
        finally:
            asking.close()


@contextmanager
def metered_server() -> Iterator[MeteredServer]:
    """Run one on a free port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.toml")
        settings = CONFIG.replace("{port}", str(port))
        limits = (  # nobody here answers pings
            f"connections_per_address = {PEOPLE + 100}\n[spreed]\nping_seconds = 3600\n"
            f'[operator]\ntoken = "{TOKEN}"\n'
        )
        config.write_text(settings + limits)
        command = [sys.executable, "-m", "bench.metered_server", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        server = MeteredServer(process, port)
        try:
            _until_ready(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def measure(looks: Sequence[str]) -> list[Row]:
    """Look at a server with PEOPLE in rooms of ROOM_OF, LOOKS_OF_EACH times each way."""
    rows: list[Row] = []
    with ExitStack() as stack:
        server = stack.enter_context(metered_server())
        wire = Spreed()
        for number in range(PEOPLE):
            link, _ = wire.connect(server.port, number)
            stack.callback(link.sock.close)
            wire.join(link, f"room-{number // ROOM_OF}")
        time.sleep(2.0)
        for name in looks:
            rows += _measured(server, name, LOOKS[name])
    return rows


def _measured(server: MeteredServer, name: str, path: str) -> list[Row]:
    longest, work, waited, size = [], [], [], 0
    route = path.partition("?")[0]
    server.get(path)  # the first one of a server loads what it needs
    for _ in range(LOOKS_OF_EACH):
        time.sleep(PAUSE_SECONDS)
        server.metered()
        status, size, seconds = server.get(path)
        if status != 200:
            return []  # an older version, which has no such path
        metered = server.metered()
        of_route = metered["by_task"].get(route, [0, 0.0, 0.0])
        longest.append(of_route[2] * 1000)
        work.append(of_route[1] * 1000)
        waited.append(seconds * 1000)
    steps = f"median {statistics.median(longest):.2f}, most {max(longest):.2f} ms"
    print(f"{name}: {size} bytes, longest step: {steps}", file=sys.stderr, flush=True)
    return [
        Row(f"{name}, longest step", "ms", longest, []),
        Row(f"{name}, all steps", "ms", work, []),
        Row(f"{name}, until answered", "ms", [statistics.median(waited)], []),
    ]


def _until_ready(server: MeteredServer) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if server.get("/-/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    print(table(measure(sys.argv[1:] or list(LOOKS))))
