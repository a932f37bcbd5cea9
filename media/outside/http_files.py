"""HTTP(S) and local files as input of FFmpeg, which itself opens nothing."""

from __future__ import annotations

import os
import ssl
import stat
import time
from collections.abc import Mapping
from io import BufferedReader, FileIO

import av
import httpcore
from av.container import InputContainer

from media.contract.streaming import OutsideAddress, OutsideTrouble
from media.outside.connections import CheckedConnections
from media.outside.decrypted import Decrypted, Readable
from media.outside.errors import NotReachable
from media.outside.http_file import HttpFile
from media.outside.http_network import CheckedNetwork
from media.outside.http_request import HttpAnswer, HttpRequests
from media.outside.lenient_open import LENIENT
from media.outside.places import Places
from media.outside.playlist_screen import FIRST, MAX_KEPT_BYTES

MAX_OPEN = 32  # files of one input at a time
MAX_AT_START = 64  # files that are asked for until it is open
MAX_PLAYLISTS_AT_START = 2 * MAX_KEPT_BYTES
WRITING = 2  # AVIO_FLAG_WRITE
ENCRYPTED = "crypto+"  # what FFmpeg writes before the URL of a segment that is encrypted
WAITS = 3  # how often the silence of a connection FFmpeg may be kept: segments come at once

FORMATS = (
    "aac,ac3,aiff,avi,caf,flac,flv,hls,ivf,matroska,mov,mp3,mpeg,mpegts,mpjpeg,ogg,wav,webm,webvtt"
)
"""What is read, none of which opens anything by itself but through `io_open`."""

OPTIONS = {
    "protocol_whitelist": "none",  # there is no protocol of that name
    "format_whitelist": FORMATS,
    "http_persistent": "0",  # what keeps connections goes around `io_open`
    "allowed_extensions": "ALL",  # these guard local files, which nothing here opens
    "allowed_segment_extensions": "ALL",
    "extension_picky": "0",
}


class OutsideFiles:
    """The files of one input: its address, and whatever its playlists name. A context manager.

    `trouble` says why something could not be had, where FFmpeg itself says less or nothing. `close`
    may be called from any thread: a call that waits then fails, at the latest when FFmpeg has
    waited for `read_seconds` three times, which it does between two segments. `trust` says whose
    certificates are good: None for those that the system trusts.
    """

    def __init__(
        self,
        address: OutsideAddress,
        *,
        open_seconds: float,
        read_seconds: float,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.trouble: NotReachable | None = None
        self._address = address
        self._places = Places(address.networks, address.folder)
        self._open_seconds, self._read_seconds = open_seconds, read_seconds
        self._starting_until = time.monotonic() + open_seconds
        self._starting = True
        self._asked = 0
        self._playlist_bytes = 0
        self._ended = False  # nothing more is given
        self._local: LocalFile | None = None
        self._files: set[HttpFile] = set()
        self._connections = CheckedConnections(self._places, trust)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # not used: see CheckedConnections
            network_backend=CheckedNetwork(self._connections),
            max_connections=MAX_OPEN + 1,
            max_keepalive_connections=2,
            keepalive_expiry=read_seconds,
        )
        self._requests: HttpRequests | None = None

    def open_input(self, options: Mapping[str, str] | None = None) -> InputContainer:
        """Return the opened input; who calls closes it, and these files after it.

        `options` are more ones of FFmpeg. Raises NotReachable. So may reading, once; where it
        raises an error of PyAV, `trouble` may know the reason.
        """
        self._starting_until = time.monotonic() + self._open_seconds
        try:
            main = self._main()
            container = av.open(
                main,
                "r",
                # It knows playlists by their content and by their name, and there may be any.
                "hls" if main.peek(len(FIRST))[: len(FIRST)] == FIRST else None,
                options={**(options or {}), **OPTIONS},
                io_open=self._named,
                **LENIENT,
                timeout=(self._open_seconds, WAITS * self._read_seconds),
            )
        except NotReachable as error:
            self.trouble = error
            raise
        except av.ExitError:
            self.trouble = NotReachable(OutsideTrouble.SILENT, "nothing to play came in time")
            raise self.trouble from None
        except (av.FFmpegError, ValueError):
            self.trouble = self.trouble or NotReachable(
                OutsideTrouble.UNREADABLE, "what comes is no media of a known format"
            )
            raise self.trouble from None
        self._starting = False
        return container

    def close(self) -> None:
        """End all that is open or being opened."""
        self._connections.close()
        if self._local is not None:
            self._local.close()

    def __enter__(self) -> OutsideFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        for file in tuple(self._files):
            file.close()
        self._pool.close()

    def _main(self) -> LocalFile | HttpFile:
        """Return the file of the address itself."""
        url = self._address.url
        if url[:5].lower() != "file:":
            self._requests = HttpRequests(url, self._pool)
            return self._file(url, 0, None)
        path = self._places.file(url)
        try:
            self._local = LocalFile(FileIO(path, opener=_opened))
        except FileNotFoundError:
            raise NotReachable(OutsideTrouble.NOT_FOUND, "there is no such file") from None
        except OSError:
            raise NotReachable(OutsideTrouble.REFUSED, "the file cannot be opened") from None
        if not stat.S_ISREG(os.fstat(self._local.fileno()).st_mode):
            raise NotReachable(OutsideTrouble.NOT_ALLOWED, "it is no file")
        return self._local

    def _named(self, url: str, flags: int, options: Mapping[str, str]) -> Readable:
        """Open what a playlist names: FFmpeg asks. What cannot be had is an empty file to it.

        A segment that is gone is passed over so. What is not allowed ends all: raises NotReachable,
        once, which then comes out of the call into PyAV.
        """
        if self._ended:
            return Nothing()
        try:
            file = self._checked(url, flags, options)
        except NotReachable as error:
            self.trouble = error
            if error.reason in (OutsideTrouble.NOT_ALLOWED, OutsideTrouble.UNREADABLE):
                self.end(error)
                raise
            return Nothing()
        self.trouble = None  # what was passed over before is no reason any more
        return file

    def _checked(self, url: str, flags: int, options: Mapping[str, str]) -> Readable:
        encrypted = url.startswith(ENCRYPTED)
        if flags & WRITING:
            raise NotReachable(OutsideTrouble.NOT_ALLOWED, "nothing is written here")
        start, end = (int(options.get(name, 0)) for name in ("offset", "end_offset"))
        file = self._file(url.removeprefix(ENCRYPTED), start, end or None)
        if not encrypted:
            return file
        try:
            return Decrypted(file, options.get("key", ""), options.get("iv", ""))
        except ValueError:
            file.close()
            raise NotReachable(OutsideTrouble.UNREADABLE, "a key is none") from None

    def _file(self, url: str, start: int, end: int | None) -> HttpFile:
        self._asked += 1
        if len(self._files) >= MAX_OPEN or (self._starting and self._asked > MAX_AT_START):
            raise NotReachable(OutsideTrouble.UNREADABLE, "a playlist names too many files")
        file = HttpFile(self, url, start, end)
        self._files.add(file)
        return file

    # what a file asks of them all

    def ask(self, url: str, start: int, end: int | None) -> HttpAnswer:
        if self._requests is None:
            raise NotReachable(OutsideTrouble.NOT_ALLOWED, "a file names other files")
        self.begin_step()
        return self._requests.get(url, start, end)

    def begin_step(self) -> bool:
        """Give a request, or a read, its time; return whether anything is given any more."""
        until = time.monotonic() + self._read_seconds
        self._connections.until = min(until, self._starting_until) if self._starting else until
        return not self._ended

    def end(self, trouble: NotReachable) -> None:
        self._ended = True
        self.trouble = trouble

    def count_playlist(self, size: int) -> None:
        self._playlist_bytes += size
        if self._starting and self._playlist_bytes > MAX_PLAYLISTS_AT_START:
            raise NotReachable(OutsideTrouble.UNREADABLE, "its playlists are too large")

    def forget(self, file: HttpFile) -> None:
        self._files.discard(file)


def _opened(path: str, flags: int) -> int:
    """Open a file, but wait for none, nor follow a link that was put there meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


class LocalFile(BufferedReader):
    """A local file, which may be closed by another thread: then it is at its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return super().read(size)
        except ValueError:
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return 0


class Nothing:
    """An empty file."""

    name = ""

    def read(self, size: int) -> bytes:
        return b""

    def close(self) -> None:
        pass
