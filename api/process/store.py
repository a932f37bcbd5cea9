"""The database as the configuration has it.

Where no dialect needs one, it is neither made nor opened, and nothing that knows SQL is loaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actors.store.place import StorePlace
from api.dialects import built, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.core import Actor, Message
    from actors.store.tally import StoreTally
    from api.settings import Settings

SQLITE_FILE = "quintet.sqlite"


def prepare_store(settings: Settings) -> None:
    """Make the database ready for this version; `data_dir` must be there, and nobody else's.

    What former versions kept in files is moved into it. Nothing is done where no dialect needs it.
    Blocks, for up to store.start_seconds until the database is there. Raises StoreWrong, StoreAway.
    """
    if not _needed(settings):
        return
    from actors.store.upgrade import keep, prepare

    place = _place(settings)
    prepare(place, settings.store.start_seconds)
    for dialect in built():
        dialect.move_in(settings.server.data_dir, partial(keep, place))


def store_of(settings: Settings, tally: StoreTally) -> Callable[[], Actor[Message]] | None:
    """Return what makes the actor that keeps things; None where no dialect needs it."""
    if not _needed(settings):
        return None
    from actors.store.sql_store import SqlStore

    return lambda: SqlStore(_place(settings), tally)


def _needed(settings: Settings) -> bool:
    return any(dialect.needs_store for dialect in served(settings.listeners))


def _place(settings: Settings) -> StorePlace:
    store = settings.store
    return StorePlace(
        file=settings.server.data_dir / SQLITE_FILE,
        url=store.url,
        connections=store.connections,
        answer_seconds=store.answer_seconds,
        waiting=store.waiting,
    )
