"""A real headless Firefox with a profile of its own, driven over WebDriver BiDi."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.support.bidi import Bidi, BidiError, open_bidi
from tests.support.programs import need

START_SECONDS = 120.0  # a first start makes a profile
CLOSE_SECONDS = 10.0
END_SECONDS = 60.0
MAX_LINES = 200

LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

# Firefox itself turns updates, telemetry and remote settings off when it is driven.
PREFERENCES: dict[str, bool | int] = {
    "media.navigator.streams.fake": True,  # a camera and a microphone that show and play patterns
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.gmp-manager.updateEnabled": False,  # OpenH264 would be downloaded
    "network.proxy.type": 0,
    "network.dns.disablePrefetch": True,
    "toolkit.telemetry.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    # Windows lie behind each other; none of them is to be slowed down for that.
    "widget.windows.window_occlusion_tracking.enabled": False,
    "dom.min_background_timeout_value": 4,
    "dom.ipc.processCount": 1,
}


@contextmanager
def open_firefox(folder: Path) -> Iterator[Bidi]:
    """Run a browser with its files in `folder`; at the end none of its processes is left."""
    profile = folder / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [need("firefox-esr"), "--headless", "--no-remote", "--profile", str(profile)]
    with _running([*command, "--remote-debugging-port", "0", "about:blank"], folder) as process:
        with open_bidi(_address(process) + "/session") as bidi:
            yield bidi
            # It may be gone already, or hang: the signal that follows asks nobody.
            with suppress(BidiError, ConnectionClosed, TimeoutError):
                bidi.ask("browser.close", within=CLOSE_SECONDS)
        with suppress(subprocess.TimeoutExpired):
            process.wait(CLOSE_SECONDS)


@contextmanager
def _running(command: list[str], home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program that starts others, all in one process group, and end them all."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "HOME": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_SECONDS)
        _until_nobody_is_in(process.pid)


def _address(process: subprocess.Popen[str]) -> str:
    """Wait until Firefox says where it listens; its other words are read and dropped."""
    found: queue.SimpleQueue[str] = queue.SimpleQueue()
    said: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                if listens := LISTENS.search(line):
                    found.put(listens[1])
                if len(said) < MAX_LINES:
                    said.append(line)

    threading.Thread(target=read, daemon=True).start()
    try:
        return found.get(timeout=START_SECONDS)
    except queue.Empty:
        raise RuntimeError("Firefox does not start:\n" + "".join(said)) from None


def _until_nobody_is_in(group: int) -> None:
    """Wait until no process of this group lives; those that nobody waited for are dead, too."""
    deadline = time.monotonic() + END_SECONDS
    while living := _living(group):
        assert time.monotonic() < deadline, f"Firefox left processes behind: {living}"
        time.sleep(0.02)


def _living(group: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(path.parent.name))
    return found
