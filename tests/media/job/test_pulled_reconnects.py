"""A source that goes away and comes back two hundred times: nothing of it stays."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from media.contract.jobs import COMMON, PICTURE
from media.contract.streaming import SourceFound, SourceLost
from tests.support.clips import clip
from tests.support.file_server import FileServer
from tests.support.jobs import descriptors
from tests.support.pulling import Pull, pulling
from tests.support.rtsp_script import rtsp_script, sound_packet
from tests.support.tcp_script import TcpScript

pytestmark = pytest.mark.slow

TIMES = 200
PACKETS = 10
SOME = 5


def plays_a_little(connection: socket.socket) -> None:
    for number in range(PACKETS):
        connection.sendall(sound_packet(number))


@contextmanager
def camera() -> Iterator[str]:
    with TcpScript(rtsp_script("PLAY", plays_a_little, answered=True)) as server:
        yield f"rtsp://127.0.0.1:{server.port}/live"


@contextmanager
def web_server() -> Iterator[str]:
    def does(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + clip("mpegts"))

    with FileServer({"/film": does}) as server:
        yield server.url("/film")


def pulls_again(pull: Pull, times: int) -> None:
    """Let time pass until it was found and lost so many times, and nothing is open."""
    pull.until(lambda: len(pull.told(SourceFound)) >= times, 60)
    pull.until(lambda: len(pull.told(SourceLost)) >= times)


def ours() -> list[str]:
    """Return the threads that read a source, or go there."""
    names = ("source", "gate", "look-up of a name")
    return [each.name for each in threading.enumerate() if each.name in names]


@pytest.mark.parametrize(("source", "name"), [(camera, COMMON), (web_server, PICTURE)])
def test_what_comes_back_many_times_leaves_nothing(source: object, name: str) -> None:
    """No descriptor (and so no port), and no thread: it has no process of its own."""
    with source() as url, pulling(url, reconnect_seconds=0.001) as pull:  # type: ignore[operator]
        pulls_again(pull, 5)
        gc.collect()
        before, threads = descriptors(), threading.active_count()
        pull.flow(pull.found(5))
        pulls_again(pull, TIMES)
        assert len(pull.sent(name)) > TIMES
        assert pull.work.close(10.0)
        gc.collect()
        assert ours() == []
        assert descriptors() < before + SOME  # some more: the server may have one still
        assert threading.active_count() < threads + SOME
