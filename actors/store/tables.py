"""The tables of a store: what each has to do, and what may be put into them."""

from __future__ import annotations

from typing import Protocol

from actors.store.place import StoreLimits
from actors.store.records import ConferenceRecord, ServiceRecord, TokenRecord
from actors.store.stored import (
    ID_BYTES,
    KEY_BYTES,
    check_document,
    check_text,
    check_time,
)

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
