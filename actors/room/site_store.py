"""What a site keeps in the store: bans, and from which id on messages have none yet.

Nothing waits for the store but the first start, for LOAD_SECONDS. Without it the site goes on: bans
are in memory, ids go on from the time; what was not stored is tried again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio

from actors.core import Actor, ActorError, ActorStopped, Message, Ref
from actors.site.bans import BANS, Ban
from actors.site.names import name_key
from actors.site.site import Site
from actors.store.messages import (
    STORE,
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocuments,
    PutDocument,
)
from actors.words.refusals import StoreFull, Unstorable

BAN = "site.ban"
IDS = "site.ids"
LIMITS = {
    BAN: KindLimits(10 * BANS, BANS, 8192, forgets=True),
    IDS: KindLimits(1000, 1, 32),
}

LOAD_SECONDS = 3.0  # less than a client waits to be let in
ASK_SECONDS = 5.0
TRIES = 10
"""After so many in a row that failed, the next change tries again."""

PAGE = 1000


@dataclass(frozen=True, slots=True)
class SiteStored(Message):
    """What the store has of this site: its bans, and the id from which on none was given."""

    bans: tuple[Ban, ...]
    mark: int


class SiteStore:
    """Belongs to one incarnation of a room. `clock` tells Unix time."""

    __slots__ = ("_clock", "_room", "_saving", "_site")

    def __init__(self, room: Actor[Message], site: Site, clock: Callable[[], float]) -> None:
        self._room = room
        self._site = site
        self._clock = clock
        self._saving = False

    async def load(self) -> None:
        """Take what is stored, at the first start; if it does not come in time, later."""
        if self._site.loaded:
            return
        if self._room.ctx.incarnation == 1:
            with trio.move_on_after(LOAD_SECONDS), suppress(ActorError):
                self.take(await self._read())
        if not self._site.loaded:
            self._room.ctx.log.warning("site.bans_unknown", reason="the store does not answer")
            self._room.ctx.start_task(self._load_later)

    def take(self, stored: SiteStored) -> None:
        """Go on from what was stored."""
        self._site.bans.load(stored.bans, self._clock())
        self._site.ids.go_on_from(stored.mark)
        self._site.loaded = True

    def save(self) -> None:
        """Store what is to be, beside the room, unless that is under way."""
        site = self._site
        if self._saving or not site.loaded:
            return
        if site.bans.unsaved or site.ids.wanted is not None:
            self._saving = True
            self._room.ctx.start_task(self._save)

    # --- helper tasks

    async def _load_later(self) -> None:
        delay = 1.0
        while True:
            await trio.sleep(delay)
            delay = min(2 * delay, 60.0)
            with suppress(ActorError):
                stored = await self._read()
                self._room.ctx.self_ref.tell(stored)
                return

    async def _read(self) -> SiteStored:
        store, realm = self._find(), self._site.rules.realm
        found: list[Ban] = []
        after: str | None = None
        while True:
            asked = ListDocuments(BAN, realm, after, 0, PAGE)
            page: tuple[Document, ...] = await store.ask(asked, within=ASK_SECONDS)
            found += [_ban(each) for each in page]
            if len(page) < PAGE:
                break
            after = page[-1].id
        known: Document | None = await store.ask(GetDocument(IDS, realm), within=ASK_SECONDS)
        return SiteStored(tuple(found), int(known.body) if known is not None else 0)

    async def _save(self) -> None:
        failed = 0
        site = self._site
        try:
            while failed < TRIES and (site.bans.unsaved or site.ids.wanted is not None):
                try:
                    await self._save_ids()
                    await self._save_bans()
                    failed = 0
                except ActorError:
                    failed += 1
                    await trio.sleep(min(0.5 * 2**failed, 30.0))
            if failed:
                self._room.ctx.log.warning("site.not_stored", bans=len(site.bans.unsaved))
        finally:
            self._saving = False

    async def _save_ids(self) -> None:
        mark, realm = self._site.ids.wanted, self._site.rules.realm
        if mark is not None:
            document = Document(IDS, realm, realm, str(mark).encode())
            await self._find().ask(PutDocument(document, LIMITS[IDS]), within=ASK_SECONDS)
            self._site.ids.reserved = mark

    async def _save_bans(self) -> None:
        """Store bans, one after the other. Raises what the store does, and keeps the rest."""
        unsaved, realm = self._site.bans.take_unsaved(), self._site.rules.realm
        try:
            for key in tuple(unsaved):
                ban, id_ = unsaved[key], _id(realm, key)
                if ban is None:
                    await self._find().ask(DropDocument(BAN, id_), within=ASK_SECONDS)
                else:
                    body = _body(ban)
                    order = PutDocument(
                        Document(BAN, id_, realm, body, ban.until), LIMITS[BAN], self._clock()
                    )
                    await self._put(order)
                del unsaved[key]
        finally:
            if unsaved:
                self._site.bans.put_back(unsaved)

    async def _put(self, order: PutDocument) -> None:
        """Store a document; one that cannot be is in memory only."""
        try:
            await self._find().ask(order, within=ASK_SECONDS)
        except (Unstorable, StoreFull) as refusal:
            self._room.ctx.log.warning("site.ban_not_stored", reason=refusal.code)

    def _find(self) -> Ref[Any]:
        store = self._room.ctx.registry.find(STORE)
        if store is None:
            raise ActorStopped(STORE, "restarting")
        return store


def _body(ban: Ban) -> bytes:
    """Return whom a ban is for, "g" (guests) or "a" (all), and the name behind that."""
    return (b"g" if ban.guests_only else b"a") + ban.name.encode("utf-8", "surrogatepass")


def _ban(document: Document) -> Ban:
    name = document.body[1:].decode("utf-8", "surrogatepass")
    return Ban(name_key(name), name, document.expires_at or 0.0, document.body[:1] == b"g")


def _id(realm: str, key: str) -> str:
    """Return the id of a ban: names may be longer than ids."""
    return f"{realm}:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
