"""The servers under test, each in a process of its own on loopback, and what they cost."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
READY_SECONDS = 30.0
STOP_SECONDS = 10.0
CONFIG = """
[server]
data_dir = "data"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{port}"
dialects = ["spreed", "operator"]
root = "spreed"
[limits]
messages_per_second = 100000
empty_rooms_per_address = 0
"""


class Server:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = process
        self._proc = Path("/proc", str(process.pid))
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, user and system, of all its threads."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * self._tick

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the process for a block, so that it costs nothing and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def memory_bytes(self) -> int:
        """Return the resident memory."""
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the server is gone")


@contextmanager
def quintet(settings: str = CONFIG) -> Iterator[Server]:
    """Run `quintet serve`: websockets go through the lane; `settings` names a `{port}`."""
    with _configured(settings) as (port, config):
        command = [sys.executable, "-m", "api", "serve", "--config", str(config)]
        with running(command, port, "/-/healthz") as server:
            yield server


@contextmanager
def quintet_under_hypercorn() -> Iterator[Server]:
    """Run the same under a plain Hypercorn: websockets go through Quart."""
    with _configured() as (port, config):
        command = [
            sys.executable, "-m", "hypercorn", "--worker-class", "trio", "--workers", "0",
            "--bind", f"127.0.0.1:{port}", "api.asgi:app",
        ]  # fmt: skip
        environment = {"QUINTET_CONFIG": str(config)}
        with running(command, port, "/-/healthz", environment) as server:
            yield server


@contextmanager
def peer_server() -> Iterator[Server]:
    """Run npm `peer`, installed beside this file."""
    port = free_port()
    script = HERE / "node_modules/peer/dist/bin/peerjs.js"
    command = ["node", str(script), "--port", str(port), "--host", "127.0.0.1", "--path", "/"]
    with running(command, port, "/peerjs/id") as server:
        yield server


def install_peer_server() -> str:
    """Install npm `peer` where it is missing; return why that is not possible, "" if it is."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if (HERE / "node_modules/peer").is_dir():
        return ""
    if shutil.which("npm") is None:
        return "npm is not installed"
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    installed = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True)
    return "" if installed.returncode == 0 else f"npm install failed: {installed.stderr.strip()}"


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _configured(settings: str = CONFIG) -> Iterator[tuple[int, Path]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port = free_port()
        config = Path(folder, "config.toml")
        config.write_text(settings.format(port=port))
        yield port, config


@contextmanager
def running(
    command: list[str], port: int, probe: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=HERE.parent,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _answers(process, port, probe):
                output.seek(0)
                raise RuntimeError(f"{command} did not start:\n{output.read().decode()}")
            yield Server(process, port)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], port: int, target: str) -> bool:
    """Wait until the server answers a request."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
        try:
            connection.request("GET", target, headers={"Connection": "close"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (ConnectionError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    return False
