"""A store in memory, which those in a database are compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from actors.core import Actor, Message, NameTaken
from actors.store.history import HistoryMessage
from actors.store.messages import (
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocumentIds,
    ListDocuments,
    PutDocument,
    ReplaceDocument,
    StoreRead,
    StoreWrite,
    TakeDocument,
)
from actors.store.shares import SpaceTaken, has_room
from actors.store.stored import check_document, is_key, is_page, window
from actors.words.refusals import StoreFull, UnknownOwner
from tests.fakes.memory_history import MemoryHistory


class MemoryDocuments:
    """Documents in a dict, by kind and id."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, str], Document] = {}

    def do(self, message: Message) -> object:
        match message:
            case PutDocument(document, limits, now, owner_kind):
                check_document(document, limits, now)
                if owner_kind and (owner_kind, document.owner) not in self.all:
                    raise UnknownOwner
                self._put(document, limits, now)
            case ReplaceDocument(document, before, limits, now):
                return self._replace(document, before, limits, now)
            case GetDocument(kind, id):
                return self.all.get((kind, id))
            case ListDocuments():
                return self._page(message)
            case ListDocumentIds():
                return tuple(each.id for each in self._page(message))
            case TakeDocument(kind, id):
                return self.all.pop((kind, id), None)
            case DropDocument(kind, id, owned):
                found = self.all.pop((kind, id), None)
                for each in [each for each in self.all.values() if each.owner == id]:
                    if each.kind in owned and is_key(kind, id):
                        self._drop(each)
                return found is not None
        return None

    def _of(self, kind: str, owner: str | None = None) -> list[Document]:
        found = (each for each in self.all.values() if each.kind == kind)
        return sorted((each for each in found if owner in (None, each.owner)), key=_id)

    def _page(self, asked: ListDocuments | ListDocumentIds) -> tuple[Document, ...]:
        if not is_page(asked):
            return ()
        found = self._of(asked.kind, asked.owner)
        if asked.after is not None:
            found = [each for each in found if each.id > asked.after]
        offset, limit = window(asked.offset, asked.limit)
        return tuple(found[offset : offset + limit])

    def _replace(
        self, document: Document, before: bytes | None, limits: KindLimits, now: float
    ) -> bool:
        check_document(document, limits, now)
        known = self.all.get((document.kind, document.id))
        if before is None:
            if known is None:
                self._put(document, limits, now)
            return known is None
        if known is None or (known.owner, known.body) != (document.owner, before):
            return False
        if limits.shares is not None and len(document.body) > len(before):
            self._make_room(document, limits, now)
            if (document.kind, document.id) not in self.all:  # it had expired
                return False
        self._check_name(document)
        self.all[document.kind, document.id] = document
        return True

    def _put(self, document: Document, limits: KindLimits, now: float) -> None:
        self._make_room(document, limits, now)
        self.all[document.kind, document.id] = document

    def _make_room(self, document: Document, limits: KindLimits, now: float) -> None:
        self._check_name(document)
        kind, owner, before = document.kind, document.owner, dict(self.all)
        self._forget(kind, now - limits.expired_kept_seconds)
        if not self._fits(document, limits):
            self._forget(kind, now)
            room = self._fits(document, limits)
            if not room and limits.forgets:
                new = (kind, document.id) not in self.all
                over = len(self._of(kind, owner)) + 1 - limits.most_of_one_owner
                over -= self._forget_first(self._of(kind, owner), over)
                over_all = len(self._of(kind)) + new - limits.most
                over_all -= self._forget_first(self._of(kind), over_all)
                room = max(over, over_all) <= 0
            if not room:
                self.all = before
                raise StoreFull(kind)

    def _check_name(self, document: Document) -> None:
        for each in self._of(document.kind):
            if each.name is not None and each.name == document.name and each.id != document.id:
                raise NameTaken

    def _fits(self, document: Document, limits: KindLimits) -> bool:
        kind, owner = document.kind, document.owner
        known, shares = self.all.get((kind, document.id)), limits.shares
        own = known is not None and known.owner == owner
        all_, theirs = self._of(kind), self._of(kind, owner)
        owners = len(self._of(shares.owners)) if shares is not None else 0
        kept = SpaceTaken.counted(len(all_), len(theirs), None if known is None else 1, own=own)
        room = has_room(1, kept, limits.most, limits.most_of_one_owner, owners)
        if shares is None:
            return room
        replaced = None if known is None else len(known.body)
        kept = SpaceTaken.counted(_bytes(all_), _bytes(theirs), replaced, own=own)
        return room and has_room(
            len(document.body), kept, shares.bytes, shares.bytes_of_one_owner, owners
        )

    def _forget(self, kind: str, before: float) -> None:
        for each in self._of(kind):
            if each.expires_at is not None and each.expires_at < before:
                self._drop(each)

    def _forget_first(self, which: list[Document], number: int) -> int:
        ending = [(each.expires_at, each.id, each) for each in which if each.expires_at is not None]
        first = sorted(ending, key=lambda found: found[:2])[: max(0, number)]
        for *_, each in first:
            self._drop(each)
        return len(first)

    def _drop(self, document: Document) -> None:
        del self.all[document.kind, document.id]


def _bytes(which: list[Document]) -> int:
    return sum(len(each.body) for each in which)


def _id(document: Document) -> str:
    return document.id


class MemoryStore(Actor[Message]):
    """Keep everything in a dict: it outlives the actor it belongs to, not the process."""

    kind = "store"
    accepts = (StoreRead, StoreWrite)

    def __init__(self) -> None:
        self._documents = MemoryDocuments()
        self._history = MemoryHistory()

    async def handle(self, message: Message) -> object:
        if isinstance(message, HistoryMessage):
            return self._history.do(message)
        return self._documents.do(message)

    def snapshot(self) -> Mapping[str, object]:
        return Counter(each.kind for each in self._documents.all.values())
