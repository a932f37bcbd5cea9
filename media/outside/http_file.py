"""One file that comes by HTTP, as FFmpeg reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

import httpcore

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.http_request import HttpAnswer
from media.outside.playlist_screen import PlaylistScreen


class FilesOfInput(Protocol):
    """Those it is one of."""

    def ask(self, url: str, start: int, end: int | None) -> HttpAnswer:
        """Send a request; raises NotReachable."""

    def begin_step(self) -> bool:
        """Give a step its time; False where nothing is given any more."""

    def end(self, trouble: NotReachable) -> None:
        """Give nothing more, of any file."""

    def count_playlist(self, size: int) -> None:
        """Take note of bytes kept of a playlist; raises NotReachable where it is too much."""

    def forget(self, file: HttpFile) -> None:
        """Let go of a file that is closed."""


class HttpFile:
    """A file, or the bytes of one from `start` to before `end`. Raises NotReachable."""

    def __init__(self, files: FilesOfInput, url: str, start: int, end: int | None) -> None:
        self._files = files
        self._end = end
        self._answer = files.ask(url, start, end)
        self._chunks = self._body()
        self.name = self._answer.url  # what the names in a playlist are relative to
        self._position = self._wanted = start
        self._size = self._answer.length if end is None and not start else None
        self._rest = b""
        self._screen = PlaylistScreen(max(len(url), len(self.name)))

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, b"" at the end, or after the input has ended."""
        if not self._files.begin_step():
            return b""
        try:
            return self._read(size)
        except NotReachable as error:
            self._files.end(error)
            raise

    def peek(self, size: int) -> bytes:
        """Return the next bytes, at least `size` where there are so many, and keep them."""
        self._files.begin_step()
        while len(self._rest) < size and (chunk := self._next()):
            self._rest += chunk
        return self._rest

    def seekable(self) -> bool:
        return self._size is not None and self._answer.ranges

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go on elsewhere with the next read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._wanted}.get(whence, self._size or 0)
        self._wanted = max(0, base + offset)
        return self._wanted

    def tell(self) -> int:
        return self._wanted

    def close(self) -> None:
        self._answer.close()
        self._files.forget(self)

    def _read(self, size: int) -> bytes:
        if self._wanted != self._position:
            if self._size is not None and self._wanted >= self._size:
                return b""
            self._answer.close()
            self._answer = self._files.ask(self.name, self._wanted, self._end)
            self._chunks, self._rest, self._position = self._body(), b"", self._wanted
        if not self._rest:
            self._rest = self._next()
        given, self._rest = self._rest[:size], self._rest[size:]
        self._position += len(given)
        self._wanted = self._position
        return given

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        before = self._screen.kept
        self._screen.feed(chunk)
        self._files.count_playlist(self._screen.kept - before)
        return chunk

    def _body(self) -> Iterator[bytes]:
        try:
            for chunk in self._answer.body.iter_stream():
                if chunk:
                    yield chunk
            self._answer.close()  # its connection can serve the next file
        except httpcore.TimeoutException:
            raise NotReachable(OutsideTrouble.SILENT, "the server sends nothing more") from None
        except (httpcore.NetworkError, httpcore.ProtocolError):
            raise NotReachable(
                OutsideTrouble.ENDED, "the server ends in the middle of a file"
            ) from None
