"""The file of a recording on disk, from its `.part` name to its final one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_PARTS_AT_ONCE = 1024  # IOV_MAX
_REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EEXIST: "name_taken",
    errno.EACCES: "folder_not_writable",
    errno.EPERM: "folder_not_writable",
    errno.EROFS: "folder_not_writable",
    errno.ENOTDIR: "folder_not_writable",
    errno.ENOENT: "folder_not_writable",
}


def reason_of(error: OSError) -> str:
    """Return the word by which a recording tells what the disk said."""
    return _REASONS.get(error.errno or 0, "disk_error")


class RecordingFile:
    """An `Output`, for one thread. Everything here may wait for the disk and raise OSError.

    What is appended reaches the file with `write_out`; what a failed one left is cut off again, so
    that the file always ends where a `write_out` ended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, "the folder is a file") from None
        if path.exists():
            raise FileExistsError(errno.EEXIST, "there is a recording of this name")
        self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.place = self._part  # where the content is; the last thing `keep` reached
        self._waiting: list[bytes] = []
        self.position = 0
        self.written = 0  # bytes that a kill of the process would leave

    def append(self, *parts: bytes) -> None:
        """Write at the end, with the next `write_out`."""
        self._waiting += parts
        self.position += sum(map(len, parts))

    def patch(self, at: int, data: bytes) -> None:
        """Replace bytes that were appended before."""
        self.write_out()
        self._write(data, at)

    def write_out(self) -> None:
        """Hand everything appended to the system."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), _PARTS_AT_ONCE):
            parts = waiting[start : start + _PARTS_AT_ONCE]
            try:
                size = os.pwritev(self._file, parts, self.written)
                expected = sum(map(len, parts))
                if size < expected:
                    self._write(b"".join(parts)[size:], self.written + size)
            except OSError:
                os.ftruncate(self._file, self.written)
                raise
            self.written += expected

    def free_bytes(self) -> int:
        """Return how much the disk still takes."""
        disk = os.fstatvfs(self._file)
        return disk.f_bavail * disk.f_frsize

    def keep(self, *, whole: bool) -> Path:
        """Close the file and give it its name, once it is safely on disk; return the path.

        Where that fails, what was recorded is left at `place`, safe or not; under its `.part` name
        `rescue_leftovers` finds it.
        """
        path = self._path if whole else free_partial_name(self._path)
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)
        self._part.rename(path)
        self.place = path
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    def discard(self) -> None:
        """Close the file and remove it."""
        os.close(self._file)
        self._part.unlink(missing_ok=True)
        self.written = 0

    def _write(self, data: bytes, at: int) -> None:
        rest = memoryview(data)
        while rest:
            count = os.pwrite(self._file, rest, at)
            rest, at = rest[count:], at + count


def free_partial_name(path: Path) -> Path:
    """Return the name of a recording that ended before it was finalised: `<id>.partial.<ext>`.

    It has a number behind the id if there is such a file already.
    """
    number, stem = 1, path.stem
    while True:
        free = path.with_name(f"{stem}.partial{path.suffix}")
        if not free.exists():
            return free
        number += 1
        stem = f"{path.stem}-{number}"
