"""A real `quintet serve` in a process of its own, on loopback, met from outside."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[2]
READY_SECONDS = 180.0  # of a machine that has much else to do
STOP_SECONDS = 60.0


class ServerProcess:
    """One server with its data in `folder`; it can be stopped and started again there.

    It serves what a listener serves by default. `port` 0 takes any free port; `config` is TOML put
    behind the listener's, `entry` what Python runs as `quintet`, and `program` Python, perhaps by
    another one. Use it as a context manager: at
    the end the process is gone, killed if need be.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        config: str = "",
        entry: Sequence[str] = ("-m", "api"),
        program: Sequence[str] = (sys.executable,),
    ) -> None:
        self._entry = (*program, *entry)
        self._file = folder / "config.toml"
        jobs = "" if "[jobs]" in config else "[jobs]\nwarm = 0\n"
        self._file.write_text(
            f'{jobs}[server]\ndata_dir = "{folder / "data"}"\n'
            "[[listeners]]\n"
            f'bind = "127.0.0.1:{port}"\n'
            f"{config}\n"
        )
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None]
        self._reader: threading.Thread | None = None
        self.output: list[str] = []
        self.port = port

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)  # a stopped process cannot end
            self.stop()

    @property
    def config(self) -> Path:
        """The configuration that it is started with."""
        return self._file

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start and wait until it serves; raises RuntimeError with its output if it does not."""
        command = [*self._entry, "serve", "--config", str(self._file)]
        self._process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self.port = _port(self.wait_for("server.ready", within=READY_SECONDS))
        except RuntimeError:
            self._process.kill()
            self.wait()
            raise

    def wait_for(self, event: str, *, within: float) -> dict[str, Any]:
        """Return the next log entry of that event."""
        while True:
            try:
                line = self._lines.get(timeout=within)
            except queue.Empty:
                line = None
            if line is None:
                raise RuntimeError(f"the server did not log {event}:\n" + "\n".join(self.output))
            if line.startswith("{") and (entry := json.loads(line)).get("event") == event:
                return dict(entry)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the process to end by itself; returns its exit code."""
        assert self._process is not None
        assert self._reader is not None
        try:
            return self._process.wait(seconds)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def stop(self) -> int:
        """Ask it to end (SIGTERM); returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip())
            self._lines.put(line)
        self._lines.put(None)


def _port(ready: dict[str, Any]) -> int:
    port = urlsplit(str(ready["urls"][0])).port
    assert port is not None, ready
    return port
