"""Private folders, into which processes write what is sent or shown from there."""

from __future__ import annotations

import shutil
from pathlib import Path

from media.outside.listing import BadListing, plain_name


def private_folder(work: Path, name: str) -> Path:
    """Make an empty folder below `work` that nobody but us may look into, and return it.

    Raises OSError, also where it is there already, and ValueError for a name that is none of a
    plain file: letters, digits, `.`, `_`, `-`, 100 at most.
    """
    try:
        folder = work / plain_name(name)
    except BadListing:
        raise ValueError("no plain name") from None
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    return folder


def clear_folders(work: Path) -> int:
    """Remove all private folders that a process which was killed has left; return how many.

    To be called while nothing is written there. What cannot be removed stays, and no link is
    followed. `work` itself stays, too.
    """
    if not work.is_dir():
        return 0
    left = [each for each in work.iterdir() if each.is_dir() and not each.is_symlink()]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return sum(not folder.exists() for folder in left)
