"""The direct messages of a store in a database, within one transaction of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from actors.store.history import (
    DropMessage,
    DropMessagesOf,
    DropOldMessages,
    GetMessage,
    HistoryMessage,
    HistoryPage,
    KeepMessage,
    KeptMessage,
    ListMessages,
    ListPartners,
    NamesPage,
    are_names,
    check_kept,
    is_id,
    pair_of,
)
from actors.store.schema import direct_messages
from actors.store.stored import window

_INSERTS: dict[str, type[postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.Insert,
    "sqlite": sqlite.Insert,
}
_AT = direct_messages.c


class SqlHistory:
    """Direct messages as rows; `low` and `high` are the two, so that a pair is one stretch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def do(self, message: HistoryMessage) -> object:
        """Do what a message says, and return its answer."""
        match message:
            case KeepMessage():
                self._keep(message)
            case DropMessage(site, id):
                one = delete(direct_messages).where(_is(site, id))
                return are_names(site) and is_id(id) and self._run(one) > 0
            case DropMessagesOf(site, name, limit):
                if not are_names(site, name):
                    return 0
                mine = and_(_AT.site == site, or_(_AT.low == name, _AT.high == name))
                return self._drop_some(site, select(_AT.id).where(mine), limit)
            case DropOldMessages():
                return self._drop_old(message)
            case GetMessage(site, id):
                return self._get(site, id)
            case ListMessages():
                return self._list(message)
            case ListPartners():
                return self._partners(message)
        return None

    # --- writes

    def _keep(self, order: KeepMessage) -> None:
        check_kept(order)
        message = order.message
        low, high = message.pair
        values = {
            "site": order.site, "id": message.id, "low": low, "high": high,
            "sender": message.sender, "html": message.html, "at": message.at,
        }  # fmt: skip
        insert = _INSERTS[self._connection.dialect.name](direct_messages).values(values)
        self._run(insert.on_conflict_do_nothing(index_elements=("site", "id")))
        pair = _between(order.site, low, high)
        too_many = select(_AT.id).where(pair).order_by(_AT.id.desc())
        newest_to_go = too_many.offset(max(0, order.most_of_two)).limit(1).scalar_subquery()
        self._run(delete(direct_messages).where(pair, _AT.id <= newest_to_go))

    def _drop_old(self, order: DropOldMessages) -> int:
        site = order.site
        if not are_names(site):
            return 0
        of_site = select(_AT.id).where(_AT.site == site)
        expired = of_site.where(_AT.at < order.before).order_by(_AT.at, _AT.id)
        if dropped := self._drop_some(site, expired, order.limit):
            return dropped
        count = select(func.count()).select_from(direct_messages).where(_AT.site == site)
        too_many = (self._connection.scalar(count) or 0) - order.most
        return self._drop_some(site, of_site.order_by(_AT.id), min(too_many, order.limit))

    def _drop_some(self, site: str, which: Select[Any], limit: int) -> int:
        if limit <= 0:
            return 0
        some = delete(direct_messages).where(_AT.site == site, _AT.id.in_(which.limit(limit)))
        return self._run(some)

    # --- reads

    def _get(self, site: str, id: int) -> KeptMessage | None:
        if not (are_names(site) and is_id(id)):
            return None
        rows = self._connection.execute(select(direct_messages).where(_is(site, id)))
        return next(map(_message, rows), None)

    def _list(self, asked: ListMessages) -> HistoryPage:
        if not are_names(asked.site, asked.one, asked.other):
            return HistoryPage((), 0)
        pair = _between(asked.site, *pair_of(asked.one, asked.other))
        if asked.before > 0 and is_id(asked.before):
            pair = and_(pair, _AT.id < asked.before)
        _, limit = window(0, asked.limit)
        newest = select(direct_messages).where(pair).order_by(_AT.id.desc()).limit(limit)
        count = select(func.count()).select_from(direct_messages).where(pair)
        messages = tuple(map(_message, self._connection.execute(newest)))
        return HistoryPage(messages, (self._connection.scalar(count) or 0) - len(messages))

    def _partners(self, asked: ListPartners) -> NamesPage:
        if not are_names(asked.site, asked.name):
            return NamesPage((), 0)
        mine, latest = _AT.site == asked.site, func.max(_AT.id).label("latest")
        as_low = select(_AT.high.label("name"), latest).where(mine, _AT.low == asked.name)
        as_high = select(_AT.low.label("name"), latest).where(mine, _AT.high == asked.name)
        both = union_all(
            as_low.group_by(_AT.high),
            as_high.where(_AT.low != asked.name).group_by(_AT.low),  # to oneself: once
        ).subquery()
        found = both.c
        orders: dict[str, ColumnElement[Any]] = {
            "newest": found.latest.desc(),
            "oldest": found.latest,
            "a-z": found.name,
            "z-a": found.name.desc(),
        }
        offset, limit = window(asked.offset, asked.limit)
        page = select(found.name).order_by(orders[asked.order]).offset(offset).limit(limit)
        names = tuple(self._connection.scalars(page))
        count = self._connection.scalar(select(func.count()).select_from(both))
        return NamesPage(names, count or 0)

    def _run(self, statement: Any) -> int:
        return self._connection.execute(statement).rowcount


def _is(site: str, id: int) -> ColumnElement[bool]:
    return and_(_AT.site == site, _AT.id == id)


def _between(site: str, low: str, high: str) -> ColumnElement[bool]:
    return and_(_AT.site == site, _AT.low == low, _AT.high == high)


def _message(row: Row[Any]) -> KeptMessage:
    recipient = row.high if row.sender == row.low else row.low
    return KeptMessage(row.id, row.sender, recipient, row.html, row.at)
