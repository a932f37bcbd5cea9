"""Targets outside, to which streams are sent: ffmpeg and nginx for RTMP, GStreamer for RTSP."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import lacking, need

HERE = "127.0.0.1"
SECONDS = 60.0
MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
SYSTEM_PYTHON = "/usr/bin/python3"  # which has `gi`

NGINX = """\
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log stderr notice;
worker_processes 1;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{
    access_log off;
    server {{
        listen {here}:{port};
        chunk_size 4096;
        application live {{ live on; record all; record_path {folder}; record_unique on; }}
        application closed {{ live on; deny publish all; }}
    }}
}}
"""


def until(true: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a TCP port, without bothering whoever does."""
    state = f"0100007F:{port:04X} 00000000:0000 0A"
    return any(state in line for line in Path("/proc/net/tcp").read_text().splitlines())


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the block runs; it listens when the block starts."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        until(lambda: listens(port) or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def listening_ffmpeg(file: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Take one RTMP stream for rtmp://127.0.0.1:<port>/live/show, into a file as it comes."""
    url = f"rtmp://{HERE}:{port}/live/show"
    quiet = ["-nostdin", "-v", "error"]
    command = [need("ffmpeg"), *quiet, "-f", "flv", "-listen", "1", "-i", url, "-c", "copy"]
    with running([*command, "-y", str(file)], port) as process:
        yield process


def wait_ended(process: subprocess.Popen[bytes]) -> None:
    """Wait until a program has ended by itself."""
    process.wait(SECONDS)


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Take RTMP for /live/…, each stream into a file of `folder`, and refuse it for /closed/…."""
    if not MODULE.exists():
        lacking("libnginx-mod-rtmp")
    config = folder / "nginx.conf"
    user = pwd.getpwuid(os.getuid()).pw_name  # else its worker is nobody, who may not write there
    config.write_text(NGINX.format(folder=folder, user=user, module=MODULE, here=HERE, port=port))
    process = subprocess.Popen(
        [need("nginx"), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: listens(port) or process.poll() is not None)
        yield process
    finally:
        process.terminate()
        process.wait(SECONDS)


@contextmanager
def rtsp_server(file: Path, port: int, password: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Take one RTSP stream for /show (RECORD, RFC 2326) into a file; with a password by "ann"."""
    script = Path(__file__).with_name("rtsp_recorder.py")
    probe = subprocess.run([SYSTEM_PYTHON, str(script), "probe"], capture_output=True, check=False)
    if probe.returncode:
        lacking("gir1.2-gst-rtsp-server-1.0")
    command = [SYSTEM_PYTHON, str(script), str(port), str(file), password]
    with running(command, port) as process:
        yield process


@contextmanager
def deaf_target() -> Iterator[socket.socket]:
    """Listen, and read nothing of what comes; accepting never waits."""
    with socket.create_server((HERE, 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.setblocking(False)
        yield listening
