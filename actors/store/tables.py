"""The tables of a store: what each has to do, and the ones in memory.

The tables in memory are also what those in a database are compared with in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from actors.core import NameTaken
from actors.store.place import StoreLimits
from actors.store.records import ConferenceRecord, ServiceRecord, TokenRecord
from actors.store.stored import (
    ID_BYTES,
    KEY_BYTES,
    check_document,
    check_text,
    check_time,
)
from actors.words.refusals import StoreFull, UnknownService

EXPIRED_KEPT_SECONDS = 600.0  # so long an expired token is told apart from one that never was


class Tables(Protocol):
    """Each method is one message of `messages.py`, which says what it raises; no one waits here."""

    def put_service(self, record: ServiceRecord) -> None: ...
    def get_service(self, id: str) -> ServiceRecord | None: ...
    def find_services(self) -> tuple[ServiceRecord, ...]: ...
    def drop_service(self, id: str) -> bool: ...
    def put_conference(self, record: ConferenceRecord) -> None: ...
    def replace_conference(self, record: ConferenceRecord, before: bytes) -> bool: ...
    def get_conference(self, id: str) -> ConferenceRecord | None: ...
    def list_conferences(
        self, service: str, offset: int, limit: int
    ) -> tuple[ConferenceRecord, ...]: ...
    def list_conference_ids(self, service: str) -> tuple[str, ...]: ...
    def drop_conference(self, id: str) -> bool: ...
    def put_token(self, record: TokenRecord, now: float) -> None: ...
    def take_token(self, id: str, now: float) -> TokenRecord | None: ...


def check_service(record: ServiceRecord) -> None:
    """Raise Unstorable for a service that not every database can hold."""
    check_text(record.id, ID_BYTES)
    check_text(record.name)
    check_text(record.key, KEY_BYTES)


def check_conference(record: ConferenceRecord, limits: StoreLimits) -> None:
    """Raise Unstorable for a conference that not every database can hold."""
    check_text(record.id, ID_BYTES)
    check_text(record.service, ID_BYTES)
    check_text(record.name)
    check_document(record.document, limits.document_bytes)


def check_token(record: TokenRecord, now: float, limits: StoreLimits) -> None:
    """Raise Unstorable for a token that not every database can hold."""
    for id in (record.id, record.conference, record.service):
        check_text(id, ID_BYTES)
    check_text(record.user)
    check_text(record.role)
    check_document(record.document, limits.document_bytes)
    check_time(record.expires_at)
    check_time(now)


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
