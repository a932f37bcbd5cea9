"""Collecting garbage holds a server up for moments only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.server_process import READY_SECONDS, REPOSITORY, STOP_SECONDS

SERVE_AND_COUNT = """
import gc, os, signal, sys
from api.cli import commands as cli
from api.process.lifecycle import Lifecycle

ready = Lifecycle.mark_ready

def count(lifecycle):
    ready(lifecycle)
    print("looked through each time:", len(gc.get_objects()), "never:", gc.get_freeze_count())
    os.kill(os.getpid(), signal.SIGTERM)

Lifecycle.mark_ready = count
sys.exit(cli.run(["serve", "--config", sys.argv[1]]))
"""


def test_what_was_made_at_the_start_is_not_looked_through_again(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[server]\ndata_dir = "{tmp_path}/data"\n[[listeners]]\nbind = "127.0.0.1:0"\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", SERVE_AND_COUNT, str(config)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=READY_SECONDS + STOP_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = (each for each in done.stdout.splitlines() if each.startswith("looked"))
    again, never = (int(word.rstrip(":")) for word in line.split() if word.isdigit())
    assert again < 10_000 < never
