"""HTTP and local files as input: what plays, and what a server or a playlist cannot do to us."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from media.contract.streaming import OutsideAddress, OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.http_files import OPTIONS, OutsideFiles
from media.outside.places import Places
from tests.support.clips import FRAMES, clip
from tests.support.file_server import FileServer, Served
from tests.support.http_inputs import END, HEAD, LOOPBACK, files_at, played, playlist, refused
from tests.support.tls import NAME, serving_tls, trusting


def encrypted(data: bytes, key: bytes, iv: bytes) -> bytes:
    padding, cipher = PKCS7(128).padder(), Cipher(AES(key), CBC(iv)).encryptor()
    return cipher.update(padding.update(data) + padding.finalize()) + cipher.finalize()


@pytest.mark.parametrize("container", ["mpegts", "mp4", "matroska"])
def test_a_file_plays(container: str) -> None:
    """MP4 too, whose index stands at its end."""
    with FileServer({"/clip": clip(container)}) as server:
        assert played(server.url("/clip?token=1")) == FRAMES
        assert {path for path, _ in server.asked} == {"/clip?token=1"}


def test_a_playlist_plays_with_all_that_it_names() -> None:
    files: dict[str, Served] = {
        "/list.m3u8": playlist("a/0.ts", "/a/1.ts"),
        "/a/0.ts": clip("mpegts"),
        "/a/1.ts": clip("mpegts", FRAMES),
        "/main.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nlist.m3u8\n",
    }
    with FileServer(files) as server:
        assert played(server.url("/list.m3u8")) == 2 * FRAMES
        assert played(server.url("/main.m3u8")) == 2 * FRAMES
        server.files["/live"] = server.files["/list.m3u8"]  # not by its name
        assert played(server.url("/live?token=1")) == 2 * FRAMES


def test_an_encrypted_playlist_plays() -> None:
    key, iv = os.urandom(16), os.urandom(16)
    line = f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{iv.hex()}\n'.encode()
    files = {
        "/list.m3u8": playlist("0").replace(b"#EXTINF", line + b"#EXTINF", 1),
        "/0": encrypted(clip("mpegts"), key, iv),
        "/key": key,
    }
    with FileServer(files) as server:
        assert played(server.url("/list.m3u8")) == FRAMES


def test_segments_that_are_parts_of_one_file_play() -> None:
    first, second = clip("mpegts"), clip("mpegts", FRAMES)
    parts = f"{len(first)}@0", f"{len(second)}@{len(first)}"
    lines = "".join(f"#EXTINF:0.8,\n#EXT-X-BYTERANGE:{part}\nall\n" for part in parts)
    with FileServer({"/list.m3u8": (HEAD + lines + END).encode(), "/all": first + second}) as all_:
        assert played(all_.url("/list.m3u8")) == 2 * FRAMES


def test_a_segment_that_is_gone_is_passed_over() -> None:
    files = {"/list.m3u8": playlist("0", "1", "2"), "/0": clip("mpegts")}
    files["/2"] = clip("mpegts", 2 * FRAMES)
    with FileServer(files) as server, files_at(server.url("/list.m3u8")) as here:
        with here.open_input() as container:
            assert sum(len(each.decode()) for each in container.demux(video=0)) == 2 * FRAMES
        assert here.trouble is None


@pytest.mark.parametrize(
    "entry",
    [
        "file:///etc/hostname",
        "FILE:/etc/hostname",
        "data:text/plain;base64,AAAA",
        "concat:http://127.0.0.1/a|/etc/hostname",
        "subfile,,start,0,end,9,,:/etc/hostname",
        "crypto+file:///etc/hostname",
        "crypto:/etc/hostname",
        "unix:/run/sock",
        "pipe:0",
        "udp://127.0.0.1:9",
        "rtmp://127.0.0.1/a/b",
        "tcp://127.0.0.1:9",
        "http://127.0.0.2:9/0.ts",
        "http://localhost.:9@127.0.0.2/0.ts",
        "//127.0.0.2:9/0.ts",
        "http://[::1]:9/0.ts",
        "http://169.254.169.254/latest/meta-data",
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["first", "later"])
def test_what_a_playlist_must_not_name_ends_all(entry: str, after: bool) -> None:
    entries = ["0", entry, "2"] if after else [entry]
    files = {"/list.m3u8": playlist(*entries), "/0": clip("mpegts"), "/2": clip("mpegts")}
    with FileServer(files) as server:
        assert refused(server.url("/list.m3u8")) is OutsideTrouble.NOT_ALLOWED
        assert "/2" not in {path for path, _ in server.asked}


@pytest.mark.parametrize("tag", ["EXT-X-KEY:METHOD=AES-128,", "EXT-X-MAP:"])
def test_nor_in_its_tags(tag: str) -> None:
    line = f'#{tag}URI="file:///etc/hostname"\n#EXTINF'.encode()
    files = {"/list.m3u8": playlist("0").replace(b"#EXTINF", line, 1), "/0": clip("mpegts")}
    with FileServer(files) as server:
        assert refused(server.url("/list.m3u8")) is OutsideTrouble.NOT_ALLOWED


def test_redirects_are_followed_and_names_are_relative_to_where_they_lead() -> None:
    files = {
        "/old": (302, {"Location": "/newer"}),
        "/newer": (308, {"Location": "/deep/list.m3u8"}),
        "/deep/list.m3u8": playlist("0"),
        "/deep/0": clip("mpegts"),
    }
    with FileServer(files) as server:
        assert played(server.url("/old")) == FRAMES


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2:9/", "http://[::1]:9/", "file:///etc/hostname", "ftp://127.0.0.1/"],
)
@pytest.mark.parametrize("from_playlist", [False, True], ids=["main", "segment"])
def test_a_redirect_elsewhere_ends_all(location: str, from_playlist: bool) -> None:
    files = {"/list.m3u8": playlist("to"), "/to": (302, {"Location": location})}
    with FileServer(files) as server:
        url = server.url("/list.m3u8" if from_playlist else "/to")
        assert refused(url) is OutsideTrouble.NOT_ALLOWED


def test_redirects_end() -> None:
    with FileServer({"/to": (302, {"Location": "/to"})}) as server:
        assert refused(server.url("/to")) is OutsideTrouble.REFUSED
        assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, OutsideTrouble.UNAUTHORISED),
        (403, OutsideTrouble.UNAUTHORISED),
        (404, OutsideTrouble.NOT_FOUND),
        (410, OutsideTrouble.NOT_FOUND),
        (429, OutsideTrouble.REFUSED),
        (503, OutsideTrouble.REFUSED),
        (304, OutsideTrouble.REFUSED),
    ],
)
def test_a_status_is_a_reason(status: int, reason: OutsideTrouble) -> None:
    with FileServer({"/film": (status, {})}) as server:
        assert refused(server.url("/film")) is reason


def test_what_is_no_media_cannot_be_read() -> None:
    with FileServer({"/page": b"<html>Hello" * 100, "/empty": b""}) as server:
        assert refused(server.url("/page")) is OutsideTrouble.UNREADABLE
        assert refused(server.url("/empty")) is OutsideTrouble.UNREADABLE


@pytest.mark.parametrize("name", ["/%2500d.jpg", "/%03d.jpg", "/a.sdp", "/a.ffconcat"])
def test_the_name_of_a_file_opens_nothing_else(name: str) -> None:
    """FFmpeg takes some names for those of many pictures, and looks for them by itself."""
    with FileServer() as server:
        assert refused(server.url(name)) is OutsideTrouble.NOT_FOUND
        server.files["/%2500d.jpg"] = server.files["/%03d.jpg"] = b"\xff\xd8\xff\xe0"
        server.files["/a.ffconcat"] = b"ffconcat version 1.0\nfile /etc/hostname\n"
        server.files["/a.sdp"] = (
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nm=video 9 RTP/AVP 96\r\n"
        )
        assert refused(server.url(name)) is OutsideTrouble.UNREADABLE


def test_ffmpeg_itself_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "film.ts"
    file.write_bytes(clip("mpegts"))
    with FileServer({"/film": clip("mpegts")}) as server:
        for name in (server.url("/film"), str(file), f"file:{file}"):
            with pytest.raises((av.FFmpegError, OSError)):
                av.open(name, options=OPTIONS).close()
        assert not server.asked


def test_credentials_go_to_their_origin_only() -> None:
    with FileServer({"/0": clip("mpegts")}) as other, FileServer() as server:
        server.files = {"/list.m3u8": playlist("0", other.url("/0")), "/0": clip("mpegts")}
        url = server.url("/list.m3u8").replace("//", "//us%40er:pa:ss@")
        with files_at(url) as files, files.open_input() as container:
            assert "pa:ss" not in container.name
            assert sum(1 for _ in container.demux())
        assert [headers["authorization"] for _, headers in server.asked] == [
            "Basic dXNAZXI6cGE6c3M="
        ] * 2
        assert [headers.get("authorization") for _, headers in other.asked] == [None]


def test_a_local_file_plays_and_opens_no_other(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(clip("mp4"))
    (tmp_path / "0.ts").write_bytes(clip("mpegts"))
    (tmp_path / "list.m3u8").write_bytes(playlist("0.ts"))
    (tmp_path / "web.m3u8").write_bytes(playlist("http://127.0.0.1:9/0.ts"))
    (tmp_path / "out.mp4").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.ts")
    assert played(f"file://{tmp_path}/film.mp4", str(tmp_path)) == FRAMES
    for name in ("list.m3u8", "web.m3u8", "out.mp4", "pipe.ts"):
        assert refused(f"file://{tmp_path}/{name}", str(tmp_path)) is OutsideTrouble.NOT_ALLOWED
    assert refused(f"file://{tmp_path}/no.mp4", str(tmp_path)) is OutsideTrouble.NOT_FOUND
    assert refused(f"file://{tmp_path}/film.mp4") is OutsideTrouble.NOT_ALLOWED


def infos(*addresses: str) -> list[tuple[object, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in addresses]


def test_a_name_with_one_address_that_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = infos("127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert refused("http://films.example/list.m3u8") is OutsideTrouble.NOT_ALLOWED


def test_a_name_is_looked_up_once_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer is another one: it is checked before it is used."""
    answers = [infos("127.0.0.1"), infos("169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop(0))
    with FileServer({"/clip": clip("mpegts")}) as server:
        url = server.url("/clip", "films.example")
        assert played(url) == FRAMES
        assert server.asked[0][1]["host"] == f"films.example:{server.port}"
        assert refused(url) is OutsideTrouble.NOT_ALLOWED
    assert not answers


def test_a_name_is_kept_for_the_certificate_and_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos("127.0.0.1"))
    names: list[str | None] = []
    files = {"/list.m3u8": playlist("0"), "/0": clip("mpegts")}
    with FileServer(files, serving_tls(names)) as server:
        address = OutsideAddress(server.url("/list.m3u8", NAME), LOOPBACK)
        with OutsideFiles(address, open_seconds=5, read_seconds=5, trust=trusting()) as here:
            with here.open_input() as container:
                assert sum(len(packet.decode()) for packet in container.demux(video=0)) == FRAMES
        assert [headers["host"] for _, headers in server.asked] == [f"{NAME}:{server.port}"] * 2
        assert names == [NAME]  # one connection for both
        assert refused(server.url("/0", NAME)) is OutsideTrouble.REFUSED  # nobody trusts it
        address = OutsideAddress(server.url("/0", "other.example"), LOOPBACK)
        with OutsideFiles(address, open_seconds=5, read_seconds=5, trust=trusting()) as here:
            with pytest.raises(NotReachable) as error:
                here.open_input()
        assert error.value.reason is OutsideTrouble.REFUSED


def test_a_name_that_takes_too_long_and_one_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()

    def look_up(places: Places, host: str, port: int) -> list[str]:
        over.wait()
        return ["127.0.0.1"]

    with monkeypatch.context() as patch:
        patch.setattr(Places, "resolve", look_up)
        assert refused("http://slow.example/", seconds=0.05) is OutsideTrouble.UNREACHABLE
        over.set()
    for thread in threading.enumerate():
        if thread.name == "look-up of a name":
            thread.join()
    assert refused("http://nobody.invalid/") is OutsideTrouble.UNREACHABLE


def test_nobody_listens() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        assert refused(f"http://127.0.0.1:{port}/") is OutsideTrouble.UNREACHABLE
