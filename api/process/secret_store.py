"""Secrets nobody configured: made once, kept in `data_dir/secrets.toml`, readable by us alone.

Also holds the lock that keeps a second server out of the same `data_dir`, which is made there and
nowhere else: a command that looks into the wrong place finds nothing, and leaves nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from api.process.private_files import (
    folder_locked,
    give,
    owner_of,
    replace_private,
    user_name,
)

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_HEADER = """\
# Secrets that Quintet generated. Keep this file private, and back it up with data_dir.
# A secret set in the configuration wins over the one here. Comments of your own are not kept.

"""

log = structlog.get_logger()


def new_secret() -> str:
    """Return 32 random bytes in urlsafe base64."""
    return secrets.token_urlsafe(32)


class DataDirError(Exception):
    """`data_dir` cannot be used; the text says why and what to do."""


class NoDataDir(DataDirError):
    """There is no `data_dir` yet, or it is not where we look."""


class Secrets:
    """The generated secrets of one `data_dir`. Nothing is touched before the first is needed."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir
        self._file = data_dir / "secrets.toml"
        self._known: dict[str, str] | None = None

    def text(self, name: str, configured: str = "", make: Callable[[], str] = new_secret) -> str:
        """Return `configured` unless it is empty, else the kept secret of that dotted name.

        A secret asked for the first time is made and on disk before this returns. Raises
        DataDirError where that cannot be done, NoDataDir where there is no folder for it.
        """
        if configured:
            return configured
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a dotted name: {name!r}")
        if name not in self._kept():
            self._generate(name, make)
        return self._kept()[name]

    def known(self, name: str, configured: str = "") -> str:
        """Return the same as `text`, but make nothing: "" for a secret that was never asked for.

        Raises DataDirError, NoDataDir.
        """
        if configured:
            return configured
        if not self._dir.exists():
            raise _no_data_dir(self._dir)
        return self._kept().get(name, "")

    def all(self) -> dict[str, str]:
        """Return the kept secrets by name."""
        return dict(sorted(self._kept().items()))

    def _kept(self) -> dict[str, str]:
        if self._known is None:
            self._known = self._read()
        return self._known

    def _generate(self, name: str, make: Callable[[], str]) -> None:
        with changing(self._dir, "secrets"):  # another process may just have generated some
            self._known = self._read()
            if name not in self._known:
                self._known[name] = make()
                self._write(self._known)

    def _read(self) -> dict[str, str]:
        try:
            with self._file.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                found = dict(_flat(tomllib.load(file)))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DataDirError(f"cannot read {self._file}: {_why(error, self._file)}") from None
        except (ValueError, RecursionError):  # not UTF-8, not TOML, or a value that is no secret
            # Never replaced: it may hold the only copy of secrets that others rely on.
            raise DataDirError(f"{self._file} is damaged: repair it, or move it away") from None
        if mode & 0o077:
            log.warning("secrets.exposed", file=str(self._file), mode=oct(mode & 0o777))
        return found

    def _write(self, values: Mapping[str, str]) -> None:
        text = _HEADER + "".join(f'"{name}" = {_quoted(values[name])}\n' for name in sorted(values))
        replace_private(self._file, text)


@contextmanager
def changing(data_dir: Path, what: str) -> Iterator[None]:
    """Hold the files of `data_dir` against other processes while the block runs.

    Raises NoDataDir, and DataDirError for any OSError of the block; `what` is kept there.
    """
    try:
        with folder_locked(data_dir):
            yield
    except FileNotFoundError:
        raise _no_data_dir(data_dir) from None
    except OSError as error:
        reason = _why(error, Path(error.filename or data_dir))
        raise DataDirError(f"cannot keep {what} in {data_dir}: {reason}") from None


@contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold `data_dir` against a second process while the block runs; makes the folder if need be.

    Raises DataDirError when another process holds it. The lock ends with the process, however it
    dies, so no stale lock is left behind.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = _lock_file(data_dir)
    except OSError as error:
        reason = _why(error, Path(error.filename or data_dir))
        raise DataDirError(f"cannot use data_dir {data_dir}: {reason}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            message = f"data_dir {data_dir} is in use by another quintet (process {owner})"
            raise DataDirError(message) from None
        try:
            os.ftruncate(handle, os.pwrite(handle, f"{os.getpid()}\n".encode(), 0))
        except OSError as error:  # the disk is full, or broken
            raise DataDirError(f"cannot use data_dir {data_dir}: {error.strerror}") from None
        yield
    finally:
        os.close(handle)


def _lock_file(data_dir: Path) -> int:
    """Open the file that is locked; one that is new belongs to whom the folder does."""
    file, flags = data_dir / "lock", os.O_RDWR | os.O_CLOEXEC
    try:
        handle = os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(file, flags)
    try:
        give(handle, owner_of(data_dir))
    except OSError:
        os.close(handle)
        raise
    return handle


def _no_data_dir(data_dir: Path) -> NoDataDir:
    return NoDataDir(f"there is no data_dir {data_dir}: a server makes it when it first starts")


def _why(error: OSError, file: Path) -> str:
    """Say why it failed; where we are the wrong user for it, who is the right one."""
    why = error.strerror or type(error).__name__
    if not isinstance(error, PermissionError):
        return why
    owner = next((owner_of(each)[0] for each in (file, *file.parents) if _is_seen(each)), None)
    if owner is None or owner == os.geteuid():
        return why
    if owner == 0:
        return f"{why}. It belongs to root: as root, `chown {user_name(os.geteuid())} {file}`"
    name = user_name(owner)
    return f"{why}. It belongs to {name}: run the command as that user, `runuser -u {name} -- …`"


def _is_seen(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted name and secret: an operator may have written them as tables."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str) and value:
            yield prefix + key, value
        else:
            raise ValueError(f"{prefix}{key} is no secret")


def _quoted(value: str) -> str:
    """Write a TOML basic string; JSON's escapes are a subset of TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
