"""What a store keeps: plain records. No dialect's words are known here."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message


@dataclass(frozen=True, slots=True)
class ServiceRecord(Message):
    """Who may manage conferences, and the key it signs with: `encrypted` says how to read that."""

    id: str
    name: str
    key: str = field(repr=False)
    encrypted: bool


@dataclass(frozen=True, slots=True)
class ConferenceRecord(Message):
    """A room as its service configured it; `document` is JSON text in bytes."""

    id: str
    service: str
    name: str
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRecord(Message):
    """Leave for one join; `document` is JSON text in bytes, `expires_at` in Unix seconds."""

    id: str = field(repr=False)
    conference: str
    service: str
    user: str
    role: str
    document: bytes = field(repr=False)
    expires_at: float
