"""Files that are whole when they have their names."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tmp"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, or write over it: nobody ever sees a part. Raises OSError."""
    part = path.with_name(path.name + TEMPORARY)
    try:
        with part.open("wb") as file:
            file.write(data)
        part.rename(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


class GuardedFile:
    """A file that FFmpeg writes under a temporary name; where that fails, nothing is left of it.

    FFmpeg gives it its real name after `close`, which fails then, too.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._file = path.open("wb", buffering=0)
        self.trouble: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of it. Raises OSError."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self.trouble = error
            raise
        return len(data)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        """Close it, whole or not at all."""
        self._file.close()
        if self.trouble is not None:
            self._path.unlink(missing_ok=True)
