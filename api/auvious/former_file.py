"""The file that held the refresh tokens before the store did: moved at the first start.

Its rows are put into the store, then it gets another name. A start that was killed in between is
repeated: what is in the store already stays as it is, and nobody was served yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from actors.store.troubles import StoreAway, StoreWrong, may_pass
from api.auvious.refresh_tokens import RefreshGrant, refresh_document
from api.process.private_files import sync_folder

if TYPE_CHECKING:
    from actors.store.messages import Document

FILE = "auvious_refresh.sqlite3"
MOVED = f"{FILE}.migrated"
BUSY_SECONDS = 2.0  # for another process that has the file open
_ROWS = (  # that can be a token's: the table takes anything
    "SELECT hash, client, user, end FROM refresh WHERE typeof(hash) = 'blob'"
    " AND typeof(client) = 'text' AND typeof(user) = 'text' AND typeof(end) = 'real'"
)

log = structlog.get_logger(__name__)


def move_refresh_tokens(data_dir: Path, keep: Callable[[Iterable[Document]], None]) -> None:
    """Hand the tokens of the file to `keep`, and rename it; without a file, nothing is done.

    Raises StoreWrong for a file that cannot be read or renamed, StoreAway for one that may be
    later, and what `keep` raises.
    """
    file = data_dir / FILE
    if not file.exists():
        return
    try:
        found = _read(file)
        keep(found)
        file.replace(data_dir / MOVED)
        sync_folder(data_dir)  # else its tokens might be good again after a loss of power
    except (sqlite3.Error, OSError) as error:
        kind = StoreAway if may_pass(error) else StoreWrong
        raise kind(
            f"{file} cannot be moved into the store: {error}; mend it, or move it away, and apps"
            " ask for the password again"
        ) from None
    log.info("auvious.refresh_tokens_moved", count=len(found))


def _read(file: Path) -> list[Document]:
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
        # What a kill has left in a log beside it is in the file afterwards, and the log is gone.
        database.execute("PRAGMA journal_mode = DELETE")
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'refresh'").fetchall():
            return []
        rows = database.execute(_ROWS).fetchall()
    return [refresh_document(row[0], RefreshGrant(row[1], row[2]), row[3]) for row in rows]
