"""The ids and keys of the two services that are always there: configured, or made and kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.process.secret_store import Secrets
    from api.settings import OwtSettings


@dataclass(frozen=True, slots=True)
class Credentials:
    id: str
    key: str = field(repr=False)


def make_service_id() -> str:
    return secrets.token_hex(12)


def super_credentials(kept: Secrets, settings: OwtSettings) -> Credentials:
    """Return those of the service that manages services."""
    return Credentials(
        kept.text("owt.super_service_id", settings.super_service_id, make_service_id).lower(),
        kept.text("owt.super_service_key", settings.super_service_key),
    )


def sample_credentials(kept: Secrets, settings: OwtSettings) -> Credentials:
    """Return those of a service to begin with."""
    return Credentials(
        kept.text("owt.sample_service_id", settings.sample_service_id, make_service_id).lower(),
        kept.text("owt.sample_service_key", settings.sample_service_key),
    )
