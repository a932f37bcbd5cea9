"""The ids and keys of the two services that are always there: configured, or made and kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.owt.settings import OwtSettings
    from api.process.secret_store import Secrets


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


def kept_credentials(kept: Secrets, settings: OwtSettings) -> dict[str, str]:
    """Return ids and keys of the services that are always there, in the original's names."""
    first, sample = super_credentials(kept, settings), sample_credentials(kept, settings)
    return {
        "owt.super_service_id": first.id,
        "owt.super_service_key": first.key,
        "owt.sample_service_id": sample.id,
        "owt.sample_service_key": sample.key,
    }
