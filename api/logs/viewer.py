"""`quintet logs`: read our JSON lines, choose, and print them for people.

Following a file survives rotation and truncation; `files.py` reads what is whole.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from api.logs.filter import LogFilter, entry_time
from api.logs.lines import printable, readable_line

_LONGEST = 1 << 20  # of one line; what is longer is shown in pieces
_PAUSE = 0.2


def view(
    lines: Iterable[bytes], wanted: LogFilter, write: Callable[[str], object], *, colour: bool
) -> None:
    """Write each wanted entry as a readable line; other text passes unless something is chosen."""
    for text, entry in _entries(lines):
        if entry is None:
            if wanted.empty and text:
                write(printable(text) + "\n")
        elif wanted.passes(entry):
            write(readable_line(entry, colour=colour) + "\n")


def view_timeline(
    lines: Iterable[bytes], wanted: LogFilter, write: Callable[[str], object], *, colour: bool
) -> None:
    """Write one room's life: the time of day, and the seconds since its first entry."""
    start: datetime | None = None
    for _, entry in _entries(lines):
        if entry is None or not wanted.passes(entry):
            continue
        moment = entry_time(entry)
        if start is None and moment is not None:
            start = moment
            write(f"{printable(wanted.room)} from {start.isoformat(sep=' ', timespec='seconds')}\n")
        passed = (moment - start).total_seconds() if moment and start else 0.0
        rest = {key: value for key, value in entry.items() if key != "room"}
        clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}" if moment else "-" * 12
        write(readable_line(rest, colour=colour, when=f"{clock} {passed:+12.3f}") + "\n")


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of an open file or pipe up to its end."""
    while line := file.readline(_LONGEST):
        yield line


def follow(path: Path, pause: Callable[[], object] = lambda: time.sleep(_PAUSE)) -> Iterator[bytes]:
    """Yield the lines of a file, and those still to come, for ever; `pause` runs between looks.

    After a rotation the old file is read to its end, then the new one from its start; after a
    truncation reading starts over. Raises OSError where the file cannot be opened at first.
    """
    file: BinaryIO = path.open("rb")
    rest = b""
    try:
        while True:
            fresh = _successor(
                file, path
            )  # looked for first: what follows reads the old to its end
            for piece in lines_of(file):
                rest += piece
                if rest.endswith(b"\n") or len(rest) >= _LONGEST:
                    yield rest
                    rest = b""
            if fresh is None:
                pause()
                continue
            if rest:
                yield rest
                rest = b""
            file.close()
            file = fresh
    finally:
        file.close()


def _successor(file: BinaryIO, path: Path) -> BinaryIO | None:
    """Open what is now at `path` if it is another file with something in it, or was cut short."""
    try:
        fresh = path.open("rb")
    except OSError:  # between renaming and creating
        return None
    before, now = os.fstat(file.fileno()), os.fstat(fresh.fileno())
    same = (before.st_dev, before.st_ino) == (now.st_dev, now.st_ino)
    if (now.st_size < file.tell()) if same else now.st_size:
        return fresh
    fresh.close()
    return None


def _entries(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield each line with the entry it holds, None where it is no entry of ours."""
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        entry = None
        if text.startswith("{"):
            with suppress(ValueError, RecursionError):
                entry = json.loads(text)
        yield text, entry if isinstance(entry, dict) and "event" in entry else None
