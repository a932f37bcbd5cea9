"""The folder of recordings: names, what a crash left, and what is too old.

Only files that look like recordings are ever touched, and nothing below the folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from media.contract.recordings import Container
from media.recording.recording_file import free_partial_name

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_SUFFIXES = {f".{container.value}" for container in Container}
_DAY = 86_400.0
PARTIAL = ".partial"  # behind the id of one that a killed process left, or that ended in trouble
MOST_LISTED = 20_000

Trouble = Callable[[OSError], None]
"""Takes what one file raised; the others follow."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A recording that a killed process left, under the name it has now."""

    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A file in the folder: `id` is its name without extension, `written` when it was last."""

    id: str
    path: Path
    bytes: int
    written: float
    partial: bool


def is_plain_name(name: str) -> bool:
    """Tell whether a recording's id can stand in the name of a file: letters, digits, `_`, `-`."""
    return _NAME.fullmatch(name) is not None


def rescue_leftovers(
    folder: Path, trouble: Trouble, wanted: Callable[[], bool] = lambda: True
) -> list[Leftover]:
    """Rename each `<id>.<ext>.part` to `<id>.partial.<ext>`; remove those without content.

    To be called while nothing is recorded; it ends early once it is not `wanted` any more. Returns
    what was kept; a folder that is not there has nothing. Raises OSError for a folder that cannot
    be read.
    """
    kept = []
    for part in sorted(folder.glob("*.part")):
        if not wanted():
            break
        path = part.with_suffix("")
        if not _is_recording(path) or not part.is_file():
            continue
        try:
            size = part.stat().st_size
            if size:
                kept.append(Leftover(part.rename(free_partial_name(path)), size))
            else:
                part.unlink()
        except OSError as error:
            trouble(error)
    return kept


def remove_expired(folder: Path, retention_days: float, now: float, trouble: Trouble) -> list[Path]:
    """Remove recordings last written more than `retention_days` ago (0: none); return them.

    `now` is in seconds since the epoch. Those in progress are not touched. Raises OSError for a
    folder that cannot be read.
    """
    expired: list[Path] = []
    if retention_days <= 0:
        return expired
    for path in sorted(folder.glob("*")):
        if not _is_recording(path) or path.is_symlink() or not path.is_file():
            continue
        try:
            if now - path.stat().st_mtime > retention_days * _DAY:
                path.unlink(missing_ok=True)
                expired.append(path)
        except OSError as error:
            trouble(error)
    return expired


def list_recordings(folder: Path) -> list[StoredRecording]:
    """Return the recordings that are not being written, at most MOST_LISTED of them.

    A folder that is not there has none. Raises OSError for one that cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            found = (_stored(Path(entry.path)) for entry in entries)
            return list(islice((it for it in found if it is not None), MOST_LISTED))
    except FileNotFoundError:
        return []


def find_recording(folder: Path, id: str) -> StoredRecording | None:
    """Return the recording of this id, if it is not being written. Raises OSError."""
    if not is_plain_name(id.removesuffix(PARTIAL)):
        return None
    files = (_stored(folder / f"{id}{suffix}") for suffix in sorted(_SUFFIXES))
    return next((file for file in files if file is not None), None)


def _stored(path: Path) -> StoredRecording | None:
    """Return what a file is; None for what is no recording, or gone."""
    if not _is_recording(path):
        return None
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    partial = path.stem.endswith(PARTIAL)
    return StoredRecording(path.stem, path, found.st_size, found.st_mtime, partial)


def _is_recording(path: Path) -> bool:
    return path.suffix in _SUFFIXES and is_plain_name(path.stem.removesuffix(PARTIAL))
