"""Servers of RTSP and RTMP that go away, or say nothing, before anything flows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from media.contract.streaming import OutsideTrouble
from tests.support.pulling import pulling
from tests.support.rtsp_script import rtsp_script, sound_packet
from tests.support.tcp_script import TcpScript

pytestmark = pytest.mark.slow


def leaves(connection: socket.socket) -> None:
    """Say nothing more, and go."""


def is_silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("then", [leaves, is_silent], ids=["leaves", "is_silent"])
@pytest.mark.parametrize("last", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_a_camera_that_starts_is_not_there_yet(
    last: str, then: Callable[[socket.socket], object]
) -> None:
    """It is tried each second, which one that refuses is not."""
    with TcpScript(rtsp_script(last, then)) as server:
        url = f"rtsp://127.0.0.1:{server.port}/live"
        with pulling(url, read_seconds=0.6, open_seconds=60.0) as pull:
            began = time.monotonic()
            lost = pull.lost()
            assert (lost.reason, lost.over) == (OutsideTrouble.UNREACHABLE, False)
            assert time.monotonic() - began < 30.0
            pull.until(lambda: server.connected >= 3, 10)  # at once, and after a second


@pytest.mark.parametrize("scheme", ["rtmp", "rtsps"])
def test_one_that_hangs_up_is_not_there_yet(scheme: str) -> None:
    with TcpScript(leaves) as server:
        with pulling(f"{scheme}://127.0.0.1:{server.port}/live/a") as pull:
            assert pull.lost().reason is OutsideTrouble.UNREACHABLE


def test_a_camera_without_media_refuses() -> None:
    over = threading.Event()
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"
    with TcpScript(
        rtsp_script("DESCRIBE", lambda it: it.sendall(answer) or over.wait(10))
    ) as server:
        with pulling(f"rtsp://127.0.0.1:{server.port}/live") as pull:
            assert pull.lost().reason is OutsideTrouble.UNREADABLE
        over.set()


def test_a_title_that_is_no_utf_8_is_no_obstacle() -> None:
    over = threading.Event()

    def plays(connection: socket.socket) -> None:
        for number in range(10):
            connection.sendall(sound_packet(number))
        over.wait(10)

    with TcpScript(rtsp_script("PLAY", plays, answered=True)) as server:
        with pulling(f"rtsp://127.0.0.1:{server.port}/live") as pull:
            found = pull.found()
            assert found.audio is not None
            assert found.audio.codec == "pcm_alaw"
        over.set()
