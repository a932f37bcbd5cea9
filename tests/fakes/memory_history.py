"""Direct messages in memory, which those in a database are compared with."""

from __future__ import annotations

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
    check_kept,
    is_id,
    pair_of,
)
from actors.store.stored import window


class MemoryHistory:
    """Direct messages in a dict, by site and id."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, int], KeptMessage] = {}

    def do(self, message: HistoryMessage) -> object:
        match message:
            case KeepMessage():
                self._keep(message)
            case DropMessage(site, id):
                return self.all.pop((site, id), None) is not None
            case DropMessagesOf(site, name, limit):
                return self._drop(site, [m for m in self._of(site) if name in m.pair][: _up(limit)])
            case DropOldMessages():
                return self._drop_old(message)
            case GetMessage(site, id):
                return self.all.get((site, id))
            case ListMessages():
                return self._list(message)
            case ListPartners():
                return self._partners(message)
        return None

    def _of(self, site: str) -> list[KeptMessage]:
        return sorted((m for (of, _), m in self.all.items() if of == site), key=lambda m: m.id)

    def _between(self, site: str, one: str, other: str) -> list[KeptMessage]:
        return [m for m in self._of(site) if m.pair == pair_of(one, other)]

    def _keep(self, order: KeepMessage) -> None:
        check_kept(order)
        site, message = order.site, order.message
        self.all.setdefault((site, message.id), message)
        newest = self._between(site, *message.pair)[::-1]
        self._drop(site, newest[max(0, order.most_of_two) :])

    def _drop(self, site: str, which: list[KeptMessage]) -> int:
        for message in which:
            del self.all[site, message.id]
        return len(which)

    def _drop_old(self, order: DropOldMessages) -> int:
        here, most = self._of(order.site), _up(order.limit)
        expired = sorted((m for m in here if m.at < order.before), key=lambda m: (m.at, m.id))
        if dropped := self._drop(order.site, expired[:most]):
            return dropped
        return self._drop(order.site, here[: min(_up(len(here) - order.most), most)])

    def _list(self, asked: ListMessages) -> HistoryPage:
        found = self._between(asked.site, asked.one, asked.other)[::-1]
        if asked.before > 0 and is_id(asked.before):
            found = [m for m in found if m.id < asked.before]
        _, limit = window(0, asked.limit)
        return HistoryPage(tuple(found[:limit]), len(found[limit:]))

    def _partners(self, asked: ListPartners) -> NamesPage:
        latest: dict[str, int] = {}
        for message in self._of(asked.site):
            low, high = message.pair
            if asked.name in (low, high):
                latest[high if asked.name == low else low] = message.id
        by_name = asked.order in ("a-z", "z-a")
        names = sorted(latest) if by_name else sorted(latest, key=lambda name: latest[name])
        if asked.order in ("newest", "z-a"):
            names.reverse()
        offset, limit = window(asked.offset, asked.limit)
        return NamesPage(tuple(names[offset : offset + limit]), len(names))


def _up(number: int) -> int:
    return max(0, number)
