"""The ids and keys of the two services that are always there: configured, or made and kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.process.secret_store import Secrets
    from api.settings import OwtSettings


@dataclass(frozen=True, slots=True)
class ServiceCredentials:
    id: str
    key: str = field(repr=False)


def make_service_id() -> str:
    return secrets.token_hex(12)


def super_credentials(kept: Secrets, settings: OwtSettings) -> ServiceCredentials:
    """Return those of the service that manages services."""
    return ServiceCredentials(
        kept.text("owt.super_service_id", settings.super_service_id, make_service_id).lower(),
        kept.text("owt.super_service_key", settings.super_service_key),
    )


def sample_credentials(kept: Secrets, settings: OwtSettings) -> ServiceCredentials:
    """Return those of a service to begin with."""
    return ServiceCredentials(
        kept.text("owt.sample_service_id", settings.sample_service_id, make_service_id).lower(),
        kept.text("owt.sample_service_key", settings.sample_service_key),
    )
