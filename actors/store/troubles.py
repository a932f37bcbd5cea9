"""What can be wrong with a database at a start, apart from what knows SQL."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_PASSING = {
    errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.ETIMEDOUT,
    errno.EMFILE, errno.ENFILE, errno.ENOMEM,
}  # fmt: skip
_PASSING_SQLITE = (
    "SQLITE_BUSY", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_NOMEM",
)  # fmt: skip


class StoreWrong(Exception):
    """This database cannot be used; the text says why and what to do. No password is in it."""


class StoreAway(Exception):
    """The database cannot be reached; the text says which one and the reason."""


def may_pass(error: OSError | sqlite3.Error) -> bool:
    """Say whether waiting may help: somebody lets go of a lock, makes room or mounts a disk."""
    if isinstance(error, OSError):
        return error.errno in _PASSING
    return getattr(error, "sqlite_errorname", "").startswith(_PASSING_SQLITE)
