"""GStreamer's webrtcbin as somebody who publishes."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.programs import lacking
from tests.support.talking import Talking, talking

# The Python of the system: Debian's binding to GStreamer is for this one only.
PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("gstreamer_peer.py")
PROBE_SECONDS = 30.0


@asynccontextmanager
async def gstreamer(codec: str) -> AsyncIterator[Talking]:
    """Run the script that publishes; without GStreamer skip the test, or fail it under CI=true."""
    _need_gstreamer()
    async with talking([PYTHON, str(SCRIPT), codec]) as peer:
        yield peer


def _need_gstreamer() -> None:
    probe = [PYTHON, str(SCRIPT), "probe"]
    try:
        subprocess.run(probe, capture_output=True, check=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.CalledProcessError):
        lacking("GStreamer with its binding to Python")
