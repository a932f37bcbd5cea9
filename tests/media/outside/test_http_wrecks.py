"""HTTP servers that misbehave: an input of them ends in time, with the reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from media.contract.streaming import OutsideAddress, OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.http_files import OutsideFiles
from tests.support.clips import clip
from tests.support.file_server import FileServer
from tests.support.http_inputs import files_at, playlist, refused


def says(*pieces: bytes, again: bytes = b"", every: float = 0.0) -> Callable[..., None]:
    """Return what a server does: it says some pieces, then one of them on and on."""

    def do(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
        while not over.wait(every):
            if again:
                handler.wfile.write(again)

    return do


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (says(again=b""), OutsideTrouble.UNREACHABLE),
        (says(b"HTTP/1.1 200 OK\r\n", again=b"A: b\r\n", every=0.02), OutsideTrouble.UNREACHABLE),
        (says(b"HTTP/1.1 200 OK\r\nA:", again=b"b" * 9999), OutsideTrouble.REFUSED),
        (says(b"hello", again=b"hello" * 999), OutsideTrouble.REFUSED),
        (says(OK), OutsideTrouble.SILENT),
        (says(OK, clip("mpegts")[:1880]), OutsideTrouble.SILENT),
        (says(OK, again=b"\0", every=0.02), OutsideTrouble.SILENT),
        (says(OK, again=b"\0" * 65_536), OutsideTrouble.UNREADABLE),
        (says(OK, b"#EXTM3U\n", again=b"#" * 9999 + b"\n"), OutsideTrouble.UNREADABLE),
        (says(OK, b"#EXTM3U\n", again=b"#" * 9999), OutsideTrouble.UNREADABLE),
    ],
    ids=[
        "no_answer", "slow_headers", "endless_headers", "no_http", "no_body", "body_stops",
        "slow_body", "endless_body", "endless_playlist", "endless_line",
    ],
)  # fmt: skip
def test_a_server_that_misbehaves_ends_in_time(
    does: Callable[..., None], reason: OutsideTrouble
) -> None:
    by_the_clock = reason in (OutsideTrouble.UNREACHABLE, OutsideTrouble.SILENT)
    with FileServer({"/film": does}) as server:
        before = time.monotonic()
        assert refused(server.url("/film"), seconds=0.5 if by_the_clock else 20.0) is reason
        assert time.monotonic() - before < 15


def test_a_body_that_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"

    def does(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        handler.wfile.write(head + clip("mpegts"))

    with FileServer({"/film": does}) as server:
        assert refused(server.url("/film")) is OutsideTrouble.ENDED


def test_a_playlist_cannot_name_more_files_than_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("media.outside.http_files.MAX_AT_START", 9)
    lines = "".join(f"#EXT-X-STREAM-INF:BANDWIDTH={n + 1}\n{n}.m3u8\n" for n in range(200))
    files = {f"/{n}.m3u8": playlist("0") for n in range(200)}
    with FileServer({"/main": b"#EXTM3U\n" + lines.encode(), **files}) as server:
        assert refused(server.url("/main")) is OutsideTrouble.UNREADABLE
        assert len(server.asked) == 9


def test_it_can_be_closed_from_another_thread_while_it_waits() -> None:
    with FileServer({"/film": says(OK, clip("mpegts"))}) as server:
        with files_at(server.url("/film"), seconds=60) as files:
            closing = threading.Timer(0.2, files.close)
            closing.start()
            with pytest.raises(NotReachable):
                with files.open_input() as container:
                    for _ in container.demux():
                        pass
            closing.join()
            with pytest.raises(NotReachable):
                files.open_input()


MATROSKA = bytes.fromhex(  # EBML header, and a segment without an end
    "1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b61"
    "428781044285810218538067" "01ffffffffffffff"
)  # fmt: skip


def test_a_local_file_without_an_end_can_be_left(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.mkv"
    with film.open("wb") as file:
        file.write(MATROSKA)
        file.truncate(1 << 38)
    address = OutsideAddress(film.as_uri(), (), str(tmp_path))
    with OutsideFiles(address, open_seconds=60, read_seconds=60) as files:
        closing = threading.Timer(0.3, files.close)
        closing.start()
        before = time.monotonic()
        with pytest.raises(NotReachable):
            files.open_input()
        assert time.monotonic() - before < 30
        closing.join()
    assert "Traceback" not in capfd.readouterr().err
