"""The way of RTMP and RTSP to the outside, with FFmpeg on its inner side."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import pytest

from media.contract.streaming import OutsideTrouble
from media.outside.gate import Gate
from media.outside.places import Places
from tests.support.programs import need
from tests.support.tcp_script import TcpScript
from tests.support.tls import NAME, serving_tls, trusting

LOOPBACK = Places(("127.0.0.0/8",))


@pytest.fixture
def names_lead_here(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *rest: object, **more: object) -> object:
        return real("127.0.0.1" if host.endswith(".example") else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def failure(gate: Gate, **options: str) -> OutsideTrouble | None:
    """Let FFmpeg open what it cannot, and return why."""
    with pytest.raises(av.FFmpegError):
        av.open(gate.url, options={**options, **gate.options}, timeout=10).close()
    return gate.trouble and gate.trouble.reason


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def read_all(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_bytes_pass_both_ways(secured: bool, names_lead_here: None) -> None:
    """More than both sides can hold, so that one waits for the other."""
    names: list[str | None] = []
    tls = serving_tls(names) if secured else None
    sent = os.urandom(3_000_000)
    with TcpScript(echo, tls) as server:
        url = f"rtmp{'s' * secured}://{NAME}:{server.port}/live/key"
        with Gate(url, LOOPBACK, trust=trusting()) as gate:
            with socket.create_connection(("127.0.0.1", port_of(gate)), 10) as inner:
                sending = threading.Thread(target=inner.sendall, args=(sent,))
                sending.start()
                got = read_all(inner, len(sent))
                sending.join()
        assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
        assert gate.trouble is None
    assert names == ([NAME] if secured else [])


def port_of(gate: Gate) -> int:
    return int(gate.url.split("/")[2].rpartition(":")[2])


def test_a_certificate_of_nobody_or_for_another_name_is_refused(names_lead_here: None) -> None:
    with TcpScript(echo, serving_tls()) as server:
        with Gate(f"rtmps://other.example:{server.port}/a/b", LOOPBACK, trust=trusting()) as gate:
            assert failure(gate) is OutsideTrouble.REFUSED
        with Gate(f"rtsps://{NAME}:{server.port}/a", LOOPBACK) as gate:
            assert failure(gate) is OutsideTrouble.REFUSED
        assert server.connected == 2


def test_where_it_may_not_go_and_where_nobody_is() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{nobody.getsockname()[1]}/"
        with Gate(url, Places()) as gate:
            assert failure(gate) is OutsideTrouble.NOT_ALLOWED
        with Gate(url, LOOPBACK) as gate:
            assert failure(gate) is OutsideTrouble.UNREACHABLE
    with Gate("rtmp://nobody.invalid/a/b", LOOPBACK) as gate:
        assert failure(gate) is OutsideTrouble.UNREACHABLE


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Return what an RTSP server does: it gives these answers, one for each request."""

    def does(connection: socket.socket) -> None:
        for answer in answers:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += connection.recv(4096)
            number = asked.split(b"CSeq: ")[1].split(b"\r\n")[0]
            connection.sendall(answer.replace(b"\r\n", b"\r\nCSeq: " + number + b"\r\n", 1))
        connection.recv(1)

    return does


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["404 Not Found"], OutsideTrouble.NOT_FOUND),
        (["401 Unauthorized"], OutsideTrouble.UNAUTHORISED),
        (["200 OK", "403 Forbidden"], OutsideTrouble.UNAUTHORISED),
        (["200 OK", "454 No"], OutsideTrouble.REFUSED),
    ],
)
def test_the_refusal_of_a_camera_is_known(answers: list[str], reason: OutsideTrouble) -> None:
    said = [f"RTSP/1.0 {each}\r\n\r\n".encode() for each in answers]
    with TcpScript(answering(*said)) as server:
        with Gate(f"rtsp://u:p@127.0.0.1:{server.port}/a", LOOPBACK) as gate:
            assert failure(gate, rtsp_transport="tcp") is reason


def test_a_redirect_of_rtsp_ends_it() -> None:
    """FFmpeg by itself goes where it is sent."""
    with TcpScript(echo) as elsewhere:
        moved = f"RTSP/1.0 302 Moved\r\nLocation: rtsp://127.0.0.1:{elsewhere.port}/\r\n\r\n"
        with TcpScript(answering(b"RTSP/1.0 200 OK\r\n\r\n", moved.encode())) as server:
            with Gate(f"rtsp://127.0.0.1:{server.port}/a", LOOPBACK) as gate:
                assert failure(gate, rtsp_transport="tcp") is OutsideTrouble.NOT_ALLOWED
        assert elsewhere.connected == 0


@pytest.mark.parametrize("transport", ["RTP/AVP;unicast", "RTP/TCP/UDP;unicast"])
def test_nothing_goes_by_udp_to_this_machine(transport: str) -> None:
    """The other end of FFmpeg's connection is 127.0.0.1; the camera is 127.0.0.2."""
    body = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n"
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as it:
        ours.bind(("127.0.0.1", 0))
        port = ours.getsockname()[1]
        it.bind(("127.0.0.2", port))
        it.settimeout(10)
        answers = [
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
            b"RTSP/1.0 200 OK\r\nSession: 7\r\nTransport: %s;server_port=%d-%d\r\n\r\n"
            % (transport.encode(), port, port + 1),
        ]
        with TcpScript(answering(*answers), host="127.0.0.2") as server:
            with Gate(f"rtsp://127.0.0.2:{server.port}/a", LOOPBACK) as gate:
                failure(gate, rtsp_transport="udp", timeout="500000")
                assert it.recv(100)  # what opens a firewall
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(100)


def test_an_rtmp_server_is_told_the_name_that_was_given(names_lead_here: None) -> None:
    came = bytearray()

    def does(connection: socket.socket) -> None:
        hello = read_all(connection, 1537)  # RTMP 1.0, section 5.2: C0 and C1
        connection.sendall(b"\3" + bytes(1536) + hello[1:])
        read_all(connection, 1536)
        while b"tcUrl" not in came or len(came) < 200:
            came.extend(connection.recv(4096))

    with TcpScript(does) as server:
        with Gate(f"rtmp://{NAME}:{server.port}/live/key", LOOPBACK) as gate:
            failure(gate)
        told = f"rtmp://{NAME}:{server.port}/live".encode()
        assert b"tcUrl\2" + len(told).to_bytes(2, "big") + told in bytes(came)
        assert str(port_of(gate)).encode() not in came


@contextmanager
def publisher() -> Iterator[int]:
    """Run an ffmpeg that waits for somebody to play from it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [need("ffmpeg"), "-loglevel", "error", "-nostdin", "-f", "lavfi", "-re"]
    command += ["-i", "testsrc2=size=64x48:rate=25", "-t", "60", "-c:v", "flv", "-f", "flv"]
    process = subprocess.Popen([*command, "-listen", "1", f"rtmp://127.0.0.1:{port}/live/key"])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_rtmp_plays_from_an_ffmpeg_and_can_be_ended(names_lead_here: None) -> None:
    pictures = 0
    with publisher() as port, Gate(f"rtmp://{NAME}:{port}/live/key", LOOPBACK) as gate:
        wait_for_listener(port)
        options = {**gate.options, "analyzeduration": "100000"}
        with av.open(gate.url, options=options, timeout=10) as container:
            with suppress(av.FFmpegError):  # or the end of it
                for packet in container.demux(video=0):
                    pictures += len(packet.decode())
                    if pictures == 5:
                        gate.close()
        assert gate.trouble is None
    assert 5 <= pictures < 1000


def wait_for_listener(port: int) -> None:
    """Wait until somebody listens; FFmpeg takes one connection only."""
    until = time.monotonic() + 20
    while f"0100007F:{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "rtmps"])
def test_a_server_that_says_nothing_can_be_left(scheme: str) -> None:
    came, over = threading.Event(), threading.Event()

    def does(connection: socket.socket) -> None:
        came.set()
        over.wait(60)

    with TcpScript(does) as server:
        with Gate(f"{scheme}://127.0.0.1:{server.port}/a/b", LOOPBACK, open_seconds=60) as gate:
            closing = threading.Thread(target=lambda: came.wait(60) and gate.close())
            closing.start()
            before = time.monotonic()
            failure(gate)
            assert time.monotonic() - before < 30
            closing.join()
        over.set()


def test_tls_that_does_not_come_about_ends_in_time() -> None:
    over = threading.Event()
    with TcpScript(lambda _: over.wait(10) and None) as server:
        with Gate(f"rtsps://127.0.0.1:{server.port}/a", LOOPBACK, open_seconds=0.2) as gate:
            assert failure(gate) is OutsideTrouble.UNREACHABLE
        over.set()


def test_a_name_that_is_never_found_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = threading.Event(), threading.Event()

    def look_up(places: Places, host: str, port: int) -> list[str]:
        asked.set()
        over.wait()
        return []

    monkeypatch.setattr(Places, "resolve", look_up)
    with Gate("rtmp://slow.example/a/b", LOOPBACK, open_seconds=60) as gate:
        closing = threading.Thread(target=lambda: asked.wait(10) and gate.close())
        closing.start()
        failure(gate)
        closing.join()
    over.set()
    for thread in threading.enumerate():
        if thread.name == "look-up of a name":
            thread.join()


STRANGER = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as connection:
    print(connection.recv(10))
"""


def test_another_process_gets_nothing_from_it() -> None:
    with TcpScript(lambda connection: connection.sendall(b"hello")) as server:
        with Gate(f"rtmp://127.0.0.1:{server.port}/a/b", LOOPBACK) as gate:
            run = [sys.executable, "-c", STRANGER, str(port_of(gate))]
            done = subprocess.run(run, capture_output=True, text=True, timeout=30, check=True)
            assert done.stdout == "b''\n"
            assert server.connected == 0
            with socket.create_connection(("127.0.0.1", port_of(gate)), 10) as own:
                assert own.recv(10) == b"hello"
