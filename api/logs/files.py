"""The lines of log files: one or several, rotated and compressed ones among them."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from heapq import merge
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from api.logs.viewer import lines_of

STANDARD_INPUT = "-"
_GZIP = b"\x1f\x8b"
_TIME = re.compile(rb'\{"time":"([^"]{10,40})"')


class LogUnreadable(Exception):
    """A file cannot be read, or ends in the middle; the text names it and says why."""


def lines_of_files(names: Sequence[str]) -> Iterator[bytes]:
    """Yield the lines of all files in the order of their times; "-" is standard input.

    What `gzip` has compressed is known by its first bytes. Text between entries stays behind the
    entry before it. Raises LogUnreadable, where a file is not there before the first line.
    """
    with ExitStack() as opened:
        sources = [_lines(name, _open(name, opened)) for name in names]
        if len(sources) == 1:
            yield from sources[0]
        else:
            timed = merge(*map(_timed, sources), key=lambda pair: pair[0])
            yield from (line for _, line in timed)


def _open(name: str, opened: ExitStack) -> BinaryIO:
    """Open a file, which is closed with `opened`, and look whether it is compressed."""
    try:
        if name == STANDARD_INPUT:
            file = cast("BufferedReader", sys.stdin.buffer)
        else:
            file = opened.enter_context(Path(name).open("rb"))  # noqa: SIM115  it is one
        if file.peek(2)[:2] == _GZIP:
            return cast("BinaryIO", gzip.GzipFile(fileobj=file))
    except OSError as error:
        raise LogUnreadable(f"cannot read {name}: {error.strerror}") from None
    return file


def _lines(name: str, file: BinaryIO) -> Iterator[bytes]:
    try:
        yield from lines_of(file)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise LogUnreadable(f"cannot read all of {name}: it is damaged, or not whole") from None
    except OSError as error:
        raise LogUnreadable(f"cannot read {name}: {error.strerror}") from None


def _timed(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line with the time of its entry, or of the one before."""
    time = b""
    for line in lines:
        if found := _TIME.match(line):
            time = found[1]
        yield time, line
