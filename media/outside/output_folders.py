"""The folders into which HLS and DASH are written: private ones, and those that a request names.

All of it blocks. What lies in private folders is nobody's but the server's, and goes with them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.private_folders import private_folder


def make_private(work: Path, id: str) -> Path:
    """Make the private folder of an output. Raises NotReachable."""
    try:
        return private_folder(work, id)
    except OSError as error:
        raise _trouble(error) from error


def make_local(playlist: Path, *, hls: bool) -> None:
    """Make the folder of a local playlist where it is missing.

    Raises NotReachable: it is there already, or with `hls` a segment that is named as its own are.
    """
    segment = re.compile(re.escape(playlist.stem) + r"-\d{1,15}\.ts", re.ASCII)
    try:
        playlist.parent.mkdir(parents=True, exist_ok=True)
        names = [each.name for each in playlist.parent.iterdir()]
    except OSError as error:
        raise _trouble(error) from error
    if any(name == playlist.name or (hls and segment.fullmatch(name)) for name in names):
        raise NotReachable(OutsideTrouble.EXISTS, "the file is there already")


def names_of(playlist: Path, *, hls: bool) -> frozenset[Path]:
    """Return what nobody else may write while a playlist is written: of HLS, its segments too."""
    return frozenset({playlist, playlist.with_suffix(".ts")} if hls else {playlist})


def remove_private(folder: Path) -> None:
    """Remove a private folder with all that is in it; fine if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def _trouble(error: OSError) -> NotReachable:
    return NotReachable(OutsideTrouble.REFUSED, f"the folder cannot be made: {error.strerror}")
