"""Files in `data_dir` that nobody else may read, replaced in one step.

They stay those of the user whom `data_dir` belongs to, also where root runs a command: a file that
is root's alone would be lost to the server.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Owner = tuple[int, int]
"""The numbers of a user and a group."""


def replace_private(file: Path, text: str) -> None:
    """Write the whole file (0600); its bytes are on disk when this returns.

    Raises OSError; PermissionError also where the file is somebody else's, who could not read it
    any longer.
    """
    owner = _owner_to_be(file)
    fresh = file.with_name(f".{file.stem}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            give(handle, owner)
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def give(handle: int, owner: Owner) -> None:
    """Make an open file that of the owner, where we are root. Raises OSError."""
    if os.geteuid() == 0:
        os.fchown(handle, *owner)


def owner_of(path: Path) -> Owner:
    """Return user and group of a file or folder, as numbers. Raises OSError."""
    found = path.stat()
    return found.st_uid, found.st_gid


def user_name(number: int) -> str:
    """Return what the user of that number is called; the number where nobody is."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _owner_to_be(file: Path) -> Owner:
    """Return whose the file has to be once it is replaced: the folder's owner's, for root.

    In a folder of root's own it stays with whom it was. Raises OSError.
    """
    folder = owner_of(file.parent)
    try:
        before = owner_of(file)
    except FileNotFoundError:
        return folder
    if os.geteuid() == 0:
        return folder if folder[0] else before
    if before[0] != os.geteuid():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    return before


def sync_folder(folder: Path) -> None:
    """Return when the names of its files are on disk as they are now. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing files of this folder while the block runs."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
