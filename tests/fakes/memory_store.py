"""A store in memory, which those in a database are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from actors.core import Actor, Message, NameTaken
from actors.store.messages import DURABLE_READS, DURABLE_WRITES, carry_out
from actors.store.place import StoreLimits
from actors.store.records import ConferenceRecord, ServiceRecord, TokenRecord
from actors.store.tables import (
    EXPIRED_KEPT_SECONDS,
    check_conference,
    check_service,
    check_token,
)
from actors.words.refusals import StoreFull, UnknownService


class MemoryTables:
    """Services, conferences and tokens in dicts, by id."""

    def __init__(self, limits: StoreLimits) -> None:
        self._limits = limits
        self._services: dict[str, ServiceRecord] = {}
        self._conferences: dict[str, ConferenceRecord] = {}
        self._tokens: dict[str, TokenRecord] = {}

    def counts(self) -> Mapping[str, int]:
        """Return how many records there are of each kind."""
        return {
            "services": len(self._services),
            "conferences": len(self._conferences),
            "tokens": len(self._tokens),
        }

    def put_service(self, record: ServiceRecord) -> None:
        check_service(record)
        others = (each for each in self._services.values() if each.id != record.id)
        if any(each.name == record.name for each in others):
            raise NameTaken
        if record.id not in self._services and len(self._services) >= self._limits.services:
            raise StoreFull
        self._services[record.id] = record

    def get_service(self, id: str) -> ServiceRecord | None:
        return self._services.get(id)

    def find_services(self) -> tuple[ServiceRecord, ...]:
        return tuple(self._services[id] for id in sorted(self._services))

    def drop_service(self, id: str) -> bool:
        for each in self.list_conference_ids(id):
            del self._conferences[each]
        return self._services.pop(id, None) is not None

    def put_conference(self, record: ConferenceRecord) -> None:
        check_conference(record, self._limits)
        if record.service not in self._services:
            raise UnknownService
        new = record.id not in self._conferences
        if new and len(self._conferences) >= self._limits.conferences:
            raise StoreFull
        self._conferences[record.id] = record

    def replace_conference(self, record: ConferenceRecord, before: bytes) -> bool:
        check_conference(record, self._limits)
        known = self._conferences.get(record.id)
        if known is None or (known.service, known.document) != (record.service, before):
            return False
        self._conferences[record.id] = record
        return True

    def get_conference(self, id: str) -> ConferenceRecord | None:
        return self._conferences.get(id)

    def list_conferences(
        self, service: str, offset: int, limit: int
    ) -> tuple[ConferenceRecord, ...]:
        ids = self.list_conference_ids(service)[offset : offset + limit]
        return tuple(self._conferences[id] for id in ids)

    def list_conference_ids(self, service: str) -> tuple[str, ...]:
        found = (each.id for each in self._conferences.values() if each.service == service)
        return tuple(sorted(found))

    def drop_conference(self, id: str) -> bool:
        return self._conferences.pop(id, None) is not None

    def put_token(self, record: TokenRecord, now: float) -> None:
        check_token(record, now, self._limits)
        if record.id not in self._tokens and len(self._tokens) >= self._limits.tokens:
            self._forget_expired(now)
            if len(self._tokens) >= self._limits.tokens:
                raise StoreFull
        self._tokens[record.id] = record

    def take_token(self, id: str, now: float) -> TokenRecord | None:
        taken = self._tokens.pop(id, None)
        self._forget_expired(now - EXPIRED_KEPT_SECONDS)
        return taken

    def _forget_expired(self, before: float) -> None:
        for id in [each.id for each in self._tokens.values() if each.expires_at < before]:
            del self._tokens[id]


class MemoryStore(Actor[Message]):
    """Keep everything in dicts: it outlives the actor it belongs to, not the process."""

    kind = "store"
    accepts = DURABLE_WRITES + DURABLE_READS

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self._tables = MemoryTables(limits or StoreLimits())

    async def handle(self, message: Message) -> object:
        return carry_out(message, self._tables)

    def snapshot(self) -> Mapping[str, object]:
        return dict(self._tables.counts())
